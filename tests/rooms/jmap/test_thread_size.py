"""A thread's row holds the keywords of all its emails; it must not grow until mail for it is refused for ever."""

from __future__ import annotations

from tests.mail import message
from tests.rooms.jmap.conftest import Client

NAMES = [f"k{number:02d}-{'x' * 240}" for number in range(64)]


def test_mail_for_a_thread_that_is_full_of_keywords_begins_another(ann: Client) -> None:
    first = ann.deliver(message(message_id="0@x"))[0]
    emails = ann.deliver(*(message(message_id=f"{number}@x", references=["0@x"]) for number in range(1, 30)))
    filled = [ann.update("Email", email, keywords=dict.fromkeys(NAMES, True))["updated"] for email in emails]
    for number in range(64, 0, -1):  # what is left of the row
        ann.update("Email", first, keywords=dict.fromkeys(NAMES[:number], True))
    for length in range(240, 0, -5):
        ann.update("Email", first, **{f"keywords/{'y' * length}": True})

    last = ann.deliver(message(message_id="last@x", references=["0@x"]))[0]

    assert filled[0] is not None
    assert filled[-1] is None
    assert ann.email(last, "threadId")["threadId"] != ann.email(first, "threadId")["threadId"]
