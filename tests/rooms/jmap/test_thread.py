"""Thread (RFC 8621 §3)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.mail import message
from tests.rooms.jmap.conftest import Client


def test_a_thread_has_its_emails_the_oldest_first(ann: Client, deliver_at: Callable[..., str]) -> None:
    middle = deliver_at(2_000, subject="s", message_id="a@x")
    last = deliver_at(3_000, subject="Re: s", in_reply_to="a@x")
    first = deliver_at(1_000, subject="Re: s", references=["a@x"])
    thread = ann.email(first, "threadId")["threadId"]

    assert ann.call("Thread/get", ids=[thread])["list"] == [{"id": thread, "emailIds": [first, middle, last]}]


def test_emails_of_one_moment_keep_their_order(ann: Client, deliver_at: Callable[..., str]) -> None:
    ids = [deliver_at(0, subject="s", message_id="a@x") for _ in range(6)]
    thread = ann.email(ids[0], "threadId")["threadId"]

    orders = {tuple(ann.call("Thread/get", ids=[thread])["list"][0]["emailIds"]) for _ in range(3)}

    assert orders == {tuple(sorted(ids))}


def test_the_thread_of_an_email_never_changes(ann: Client, deliver_at: Callable[..., str]) -> None:
    id = deliver_at(0, subject="s", message_id="a@x")
    thread = ann.email(id, "threadId")["threadId"]

    ann.patch(id, {"mailboxIds": {"trash": True}, "keywords/$seen": True})
    deliver_at(1, subject="Re: s", in_reply_to="a@x")

    assert ann.email(id, "threadId")["threadId"] == thread


def test_another_subject_is_another_thread(ann: Client, deliver_at: Callable[..., str]) -> None:
    one = deliver_at(0, subject="s", message_id="a@x")
    other = deliver_at(1, subject="something else", in_reply_to="a@x")

    assert ann.email(one, "threadId") != ann.email(other, "threadId")


@pytest.mark.parametrize("properties", [None, ["emailIds"], ["id"], []])
def test_a_thread_has_the_properties_asked_for(ann: Client, properties: list[str] | None) -> None:
    id = ann.deliver(message())[0]
    thread = ann.email(id, "threadId")["threadId"]

    found = ann.call("Thread/get", ids=[thread], properties=properties)["list"][0]

    assert set(found) == {"id", "emailIds"} if properties is None else {"id", *properties}
