"""Foo/changes (RFC 8620 §5.2)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mail import message
from tests.rooms.jmap.conftest import Client

STEPS = range(1, 6)


def catch_up(
    client: Client, type: str, known: set[str], state: str, maximum: int | None = None
) -> tuple[set[str], str]:
    """A client's ids after it followed the changes to their end, checking the rules of each page."""
    seen: dict[str, str] = {}
    while True:
        page = client.call(f"{type}/changes", sinceState=state, maxChanges=maximum)
        told = [*page["created"], *page["updated"], *page["destroyed"]]
        assert page["oldState"] == state
        assert len(told) == len(set(told)) <= (maximum or len(told))
        for how in ("created", "updated", "destroyed"):
            for id in page[how]:
                assert not (how == "created" and id in seen)
                assert seen.get(id) != "destroyed"
                seen[id] = how
        known = (known | set(page["created"])) - set(page["destroyed"])
        assert page["newState"] != state or not page["hasMoreChanges"]
        state = page["newState"]
        if not page["hasMoreChanges"]:
            return known, state


def ids_of(client: Client, type: str) -> set[str]:
    return {one["id"] for one in client.call(f"{type}/get", properties=["id"])["list"]}


def history(client: Client) -> list[tuple[dict[str, str], dict[str, set[str]]]]:
    """States and ids of each type after each of some changes of all sorts."""
    moments = []

    def note() -> None:
        types = ("Mailbox", "Email", "Thread")
        moments.append(({t: client.state(t) for t in types}, {t: ids_of(client, t) for t in types}))

    note()
    emails = client.deliver(*(message(f"s{i}", message_id=f"m{i}@x") for i in range(4)))
    note()
    work = client.create_mailbox("Work")
    note()
    client.call("Email/set", update={id: {"mailboxIds": {work: True}, "keywords/$seen": True} for id in emails})
    note()
    client.deliver(message("s1", in_reply_to="m1@x"))
    note()
    client.call("Email/set", destroy=emails[:2])
    note()
    client.call("Mailbox/set", destroy=[work], onDestroyRemoveEmails=True, create={"a": {"name": "A"}})
    note()
    client.call("Mailbox/set", update={"archive": {"name": "Old"}, "sent": {"sortOrder": 9}})
    note()
    return moments


@pytest.mark.parametrize("type", ["Mailbox", "Email", "Thread"])
def test_from_every_state_with_every_page_size_the_changes_lead_to_the_truth(ann: Client, type: str) -> None:
    moments = history(ann)
    final_states, final_ids = moments[-1]

    for states, ids in moments:
        for maximum in (None, *STEPS):
            assert catch_up(ann, type, ids[type], states[type], maximum) == (final_ids[type], final_states[type])


@pytest.mark.parametrize("type", ["Mailbox", "Email", "Thread"])
def test_without_changes_the_state_stays(ann: Client, type: str) -> None:
    ann.deliver(message())
    state = ann.state(type)

    answer = ann.call(f"{type}/changes", sinceState=state)

    assert (answer["oldState"], answer["newState"], answer["hasMoreChanges"]) == (state, state, False)
    assert answer["created"] == answer["updated"] == answer["destroyed"] == []


def test_an_email_is_told_once_whatever_happened_to_it(ann: Client) -> None:
    start = ann.state("Email")
    kept, gone = ann.deliver(message("a"), message("b"))
    middle = ann.state("Email")
    ann.patch(kept, {"keywords/$seen": True})
    ann.patch(kept, {"keywords/$seen": None})
    ann.patch(gone, {"keywords/$seen": True})
    ann.call("Email/set", destroy=[gone])

    whole = ann.call("Email/changes", sinceState=start)
    second_half = ann.call("Email/changes", sinceState=middle)

    assert (whole["created"], whole["updated"], whole["destroyed"]) == ([kept], [], [])
    assert (second_half["created"], second_half["updated"], second_half["destroyed"]) == ([], [kept], [gone])


def test_a_change_while_a_client_pages_is_told_in_the_end(ann: Client) -> None:
    start = ann.state("Email")
    first = ann.deliver(*(message(f"s{i}") for i in range(3)))
    page = ann.call("Email/changes", sinceState=start, maxChanges=2)
    ann.call("Email/set", destroy=first[:1])
    later = ann.deliver(message("later"))

    ids, state = catch_up(ann, "Email", set(page["created"]), page["newState"], 2)

    assert ids == {*first[1:], *later}
    assert state == ann.state("Email")


@pytest.mark.parametrize("type", ["Mailbox", "Email", "Thread"])
@pytest.mark.parametrize(
    "state",
    ["", "x", "-1", "01", "1.0", "1.01", "1,5", " 1", "1 ", "1\n", "999999", "9" * 15, "9" * 400, "1.999", "0.5.1",
     "\u0661", "1.", ".1", "1e3", "null"],
)  # fmt: skip
def test_a_state_that_never_was_cannot_be_calculated_from(ann: Client, type: str, state: str) -> None:
    ann.deliver(message())

    assert ann.error(f"{type}/changes", sinceState=state)["type"] == "cannotCalculateChanges"


@pytest.mark.parametrize("maximum", [0, -1, 1.5, "1", True, 2**53])
def test_a_maximum_that_is_not_positive_is_invalid(ann: Client, maximum: Any) -> None:
    assert ann.error("Email/changes", sinceState="0", maxChanges=maximum)["type"] == "invalidArguments"


def test_only_counters_have_changed_when_mail_arrives_and_is_read(ann: Client) -> None:
    state = ann.state("Mailbox")
    email = ann.deliver(message())[0]
    ann.patch(email, {"keywords/$seen": True})

    answer = ann.call("Mailbox/changes", sinceState=state)

    assert (answer["created"], answer["updated"], answer["destroyed"]) == ([], ["inbox"], [])
    assert answer["updatedProperties"] == ["totalEmails", "unreadEmails", "totalThreads", "unreadThreads"]


@pytest.mark.parametrize("first", ["rename", "deliver"])
def test_more_than_counters_has_changed_when_a_mailbox_was_renamed_too(ann: Client, first: str) -> None:
    state = ann.state("Mailbox")
    steps = [lambda: ann.deliver(message()), lambda: ann.update("Mailbox", "inbox", name="Post")]
    for step in steps if first == "deliver" else reversed(steps):
        step()

    answer = ann.call("Mailbox/changes", sinceState=state)

    assert (answer["updated"], answer["updatedProperties"]) == (["inbox"], None)


def test_without_updates_no_properties_were_updated(ann: Client) -> None:
    state = ann.state("Mailbox")
    ann.create_mailbox("Work")

    answer = ann.call("Mailbox/changes", sinceState=state)

    assert answer["updatedProperties"] is None
    assert "updatedProperties" not in ann.call("Email/changes", sinceState="0")


def test_the_updated_properties_may_be_got_by_reference(ann: Client) -> None:
    state = ann.state("Mailbox")
    ann.deliver(message())

    answers = ann.responses(
        ("Mailbox/changes", {"sinceState": state}),
        (
            "Mailbox/get",
            {
                "#ids": {"resultOf": "c0", "name": "Mailbox/changes", "path": "/updated"},
                "#properties": {"resultOf": "c0", "name": "Mailbox/changes", "path": "/updatedProperties"},
            },
        ),
    )

    assert answers[1][1]["list"] == [
        {"id": "inbox", "totalEmails": 1, "unreadEmails": 1, "totalThreads": 1, "unreadThreads": 1}
    ]


def test_a_thread_changes_when_emails_come_and_go_and_not_when_they_are_read(ann: Client) -> None:
    first = ann.deliver(message("s", message_id="a@x"))[0]
    thread = ann.email(first, "threadId")["threadId"]
    state = ann.state("Thread")
    ann.patch(first, {"keywords/$seen": True, "mailboxIds": {"archive": True}})
    assert ann.state("Thread") == state

    second = ann.deliver(message("Re: s", in_reply_to="a@x"))[0]
    assert ann.call("Thread/changes", sinceState=state)["updated"] == [thread]

    state = ann.state("Thread")
    ann.call("Email/set", destroy=[first, second])
    assert ann.call("Thread/changes", sinceState=state)["destroyed"] == [thread]
