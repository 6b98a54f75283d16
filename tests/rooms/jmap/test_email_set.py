"""Email/set (RFC 8621 §4.6): keywords, mailboxes, destruction."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mail import message
from tests.rooms.jmap.conftest import Client


@pytest.fixture
def email(ann: Client) -> str:
    return ann.deliver(message())[0]


def keywords(client: Client, id: str) -> set[str]:
    found = client.email(id, "keywords")["keywords"]
    assert all(value is True for value in found.values())
    return set(found)


def refusal(client: Client, id: str, patch: dict[str, Any]) -> dict[str, Any]:
    before = client.position()
    error: dict[str, Any] = client.call("Email/set", update={id: patch})["notUpdated"][id]
    assert client.position() == before
    return error


@pytest.mark.parametrize(
    ("patches", "expected"),
    [
        ([{"keywords/$seen": True}], {"$seen"}),
        ([{"keywords": {"$seen": True, "a": True}}], {"$seen", "a"}),
        ([{"keywords": {"a": True}}, {"keywords/b": True}], {"a", "b"}),
        ([{"keywords": {"a": True}}, {"keywords": {"b": True}}], {"b"}),
        ([{"keywords": {"a": True}}, {"keywords/a": None, "keywords/b": True}], {"b"}),
        ([{"keywords": {"a": True}}, {"keywords/never": None}], {"a"}),
        ([{"keywords": {"a": True}}, {"keywords": {}}], set()),
        ([{"keywords": {"a": True}}, {"keywords": None}], set()),
        ([{"keywords/A~1B~0": True}], {"a/b~"}),
        ([{"keywords": {"}|~!#$&'+-./:;<=>?@[^_`": True}}], {"}|~!#$&'+-./:;<=>?@[^_`"}),
    ],
)
def test_keywords_are_set_whole_or_one_by_one(
    ann: Client, email: str, patches: list[dict[str, Any]], expected: set[str]
) -> None:
    for patch in patches:
        ann.patch(email, patch)

    assert keywords(ann, email) == expected


def test_keywords_are_the_same_in_upper_and_lower_case(ann: Client, email: str) -> None:
    answer = ann.patch(email, {"keywords": {"$Seen": True, "FOO": True}})
    assert answer["updated"][email] == {"keywords": {"$seen": True, "foo": True}}
    assert keywords(ann, email) == {"$seen", "foo"}

    ann.patch(email, {"keywords/$SEEN": None, "keywords/Bar": True})
    assert keywords(ann, email) == {"foo", "bar"}
    assert refusal(ann, email, {"keywords/bar": None, "keywords/BAR": True})["type"] == "invalidPatch"


@pytest.mark.parametrize(
    "patch",
    [
        {"keywords/$seen": False},
        {"keywords/$seen": 1},
        {"keywords": {"$seen": False}},
        {"keywords": {"$seen": None}},
        {"keywords/a b": True},
        {"keywords/": True},
        {"keywords/\u212a": True},
        {"keywords": {"\u212a": True}},
        {"keywords/" + "x" * 256: True},
        {"keywords/a*": True},
        {"keywords": ["$seen"]},
    ],
)
def test_keywords_that_cannot_be_are_invalid(ann: Client, email: str, patch: dict[str, Any]) -> None:
    error = refusal(ann, email, patch)

    assert (error["type"], error["properties"]) == ("invalidProperties", ["keywords"])


def test_too_many_keywords_are_refused(ann: Client, email: str) -> None:
    maximum = ann.site.config.limits.max_keywords_per_email
    ann.patch(email, {"keywords": {f"k{i}": True for i in range(maximum)}})

    assert refusal(ann, email, {"keywords/more": True})["type"] == "tooManyKeywords"
    assert refusal(ann, email, {f"keywords/{i}": True for i in range(500)})["type"] == "tooManyKeywords"
    ann.patch(email, {"keywords/more": True, "keywords/k0": None})


@pytest.mark.parametrize(
    ("patches", "expected"),
    [
        ([{"mailboxIds": {"archive": True}}], {"archive"}),
        ([{"mailboxIds/archive": True}], {"archive", "inbox"}),
        ([{"mailboxIds/archive": True, "mailboxIds/inbox": None}], {"archive"}),
        ([{"mailboxIds/archive": True}, {"mailboxIds/archive": None}], {"inbox"}),
        ([{"mailboxIds/archive": None}], {"inbox"}),
        ([{"mailboxIds": {"sent": True, "junk": True, "inbox": True}}], {"sent", "junk", "inbox"}),
    ],
)
def test_mailboxes_are_set_whole_or_one_by_one(
    ann: Client, email: str, patches: list[dict[str, Any]], expected: set[str]
) -> None:
    for patch in patches:
        ann.patch(email, patch)

    assert set(ann.email(email, "mailboxIds")["mailboxIds"]) == expected
    for mailbox in ann.call("Mailbox/get")["list"]:
        assert mailbox["totalEmails"] == (mailbox["id"] in expected)
        assert ann.query(filter={"inMailbox": mailbox["id"]}) == [email] * (mailbox["id"] in expected)


@pytest.mark.parametrize(
    "patch",
    [
        {"mailboxIds": {}},
        {"mailboxIds": None},
        {"mailboxIds/inbox": None},
        {"mailboxIds": {"nothing": True}},
        {"mailboxIds/nothing": True},
        {"mailboxIds/#nothing": True},
        {"mailboxIds/inbox": None, "mailboxIds/nothing": True},
        {"mailboxIds": {"archive": False}},
        {"mailboxIds/archive": False},
        {"mailboxIds/a b": True},
        {"mailboxIds": ["archive"]},
        {"mailboxIds": {"archive": True}, "keywords/$seen": 5},
    ],
)
def test_mailboxes_that_cannot_be_are_invalid_and_nothing_of_the_patch_is_done(
    ann: Client, email: str, patch: dict[str, Any]
) -> None:
    error = refusal(ann, email, {"keywords/$flagged": True, **patch})

    assert error["type"] == "invalidProperties"
    assert error["properties"] in (["mailboxIds"], ["keywords"])


def test_too_many_mailboxes_are_refused(ann: Client, email: str) -> None:
    maximum = ann.site.config.limits.max_mailboxes_per_email
    made = ann.call("Mailbox/set", create={f"k{i}": {"name": f"n{i}"} for i in range(maximum)})["created"]
    ids = [one["id"] for one in made.values()]

    assert refusal(ann, email, {f"mailboxIds/{id}": True for id in ids})["type"] == "tooManyMailboxes"
    ann.patch(email, {"mailboxIds": dict.fromkeys(ids, True)})
    ann.call("Email/set", destroy=[email])
    assert ann.mailbox(ids[-1])["totalEmails"] == 0


def test_a_mailbox_made_in_the_same_request_may_be_used(ann: Client, email: str) -> None:
    answers = ann.responses(
        ("Mailbox/set", {"create": {"new": {"name": "New"}}}),
        ("Email/set", {"update": {email: {"mailboxIds": {"#new": True}}}}),
    )

    made = answers[0][1]["created"]["new"]["id"]
    assert answers[1][1]["notUpdated"] is None
    assert ann.email(email, "mailboxIds")["mailboxIds"] == {made: True}


@pytest.mark.parametrize(
    ("patch", "type"),
    [
        ({"subject": "other"}, "invalidProperties"),
        ({"receivedAt": "2001-01-01T00:00:00Z"}, "invalidProperties"),
        ({"header:Subject": "x"}, "invalidProperties"),
        ({"nonsense": None}, "invalidProperties"),
        ({"id": "other"}, "invalidProperties"),
        ({"threadId": "t0"}, "invalidProperties"),
        ({"from/0/name": "x"}, "invalidPatch"),
        ({"keywords/a/b": True}, "invalidPatch"),
        ({"keywords": {}, "keywords/a": True}, "invalidPatch"),
        ({"Keywords/a": True}, "invalidPatch"),
        ({"keywords~2": True}, "invalidPatch"),
    ],
)
def test_what_cannot_be_changed_is_refused(ann: Client, email: str, patch: dict[str, Any], type: str) -> None:
    assert refusal(ann, email, patch)["type"] == type


def test_a_destroyed_email_is_gone_from_everywhere(ann: Client, email: str) -> None:
    thread = ann.email(email, "threadId")["threadId"]
    ann.patch(email, {"mailboxIds/archive": True})

    answer = ann.call("Email/set", destroy=[email, "nothing", email])

    assert answer["destroyed"] == [email]
    assert answer["notDestroyed"] == {"nothing": {"type": "notFound"}}
    assert ann.call("Email/get", ids=[email])["notFound"] == [email]
    assert ann.call("Thread/get", ids=[thread])["notFound"] == [thread]
    assert ann.query() == []
    assert all(mailbox["totalEmails"] == mailbox["totalThreads"] == 0 for mailbox in ann.call("Mailbox/get")["list"])


def test_many_emails_change_in_one_call(ann: Client) -> None:
    ids = ann.deliver(*(message(f"s{i // 3}", message_id=f"m{i // 3}@x") for i in range(120)))

    answer = ann.call("Email/set", update={id: {"keywords/$seen": True, "mailboxIds/archive": True} for id in ids})
    assert answer["updated"] == dict.fromkeys(ids)
    assert ann.mailbox("archive")["totalEmails"] == 120
    assert ann.mailbox("inbox")["unreadEmails"] == 0

    answer = ann.call("Email/set", destroy=ids)
    assert answer["destroyed"] == ids
    assert ann.call("Thread/get")["list"] == []


def test_the_last_email_of_a_long_thread_can_be_destroyed(ann: Client) -> None:
    """It takes more rows with it than one commit holds: the look-up row of every message of the thread."""
    count = ann.site.config.limits.max_thread_emails - 1
    ids = ann.deliver(
        *(
            message("long", message_id=f"m{i}@x", references=["m0@x", *(f"r{i}-{j}@x" for j in range(4))])
            for i in range(count)
        )
    )
    threads = {ann.email(id, "threadId")["threadId"] for id in ids}
    assert len(threads) == 1

    for id in ids:
        assert ann.call("Email/set", destroy=[id])["destroyed"] == [id]

    assert ann.call("Thread/get")["list"] == []


def test_a_mailbox_with_a_long_thread_can_be_destroyed(ann: Client) -> None:
    ids = ann.deliver(
        *(
            message("long", message_id=f"m{i}@x", references=["m0@x", *(f"r{i}-{j}@x" for j in range(6))])
            for i in range(30)
        )
    )
    work = ann.create_mailbox("Work")
    ann.call("Email/set", update={id: {"mailboxIds": {work: True}} for id in ids})

    assert ann.call("Mailbox/set", destroy=[work], onDestroyRemoveEmails=True)["destroyed"] == [work]
    assert ann.call("Email/get")["list"] == []
