"""Email/import (RFC 8621 §4.8)."""

from __future__ import annotations

from typing import Any

import pytest

from homing.directory.accounts import User, set_user, share_account
from homing.ids import blob_id
from homing.ledger.entry import Actor
from homing.ledger.view import View
from homing.message import parse
from homing.ports.blobs import digest_of
from homing.site import Site
from tests.mail import message
from tests.rooms.jmap.conftest import Client, Object
from tests.rooms.jmap.test_email_create import download, limited, upload

INBOX = {"mailboxIds": {"inbox": True}}


def imported(client: Client, given: Object, **more: Any) -> Object:
    """The answer about one email that is imported."""
    answer = client.call("Email/import", emails={"k": {**INBOX, **given}}, **more)
    assert answer["notCreated"] is None, answer
    created: Object = answer["created"]["k"]
    return created


def refusal(client: Client, given: Object) -> Object:
    """Why one email is not imported; nothing is changed by it."""
    before = client.position()
    answer = client.call("Email/import", emails={"k": {**INBOX, **given}})
    assert answer["created"] is None
    assert client.position() == before
    error: Object = answer["notCreated"]["k"]
    return error


def test_an_upload_becomes_an_email(ann: Client) -> None:
    raw = message("Imported", message_id="1@x")
    blob = upload(ann, raw)
    state = ann.state("Email")

    answer = ann.call("Email/import", emails={"k": {
        "blobId": blob, "mailboxIds": {"archive": True}, "keywords": {"$Seen": True},
        "receivedAt": "2025-06-15T10:30:00Z"}})  # fmt: skip

    created = answer["created"]["k"]
    assert answer == {
        "accountId": ann.account, "oldState": state, "newState": ann.state("Email"),
        "created": {"k": created}, "notCreated": None,
    }  # fmt: skip
    email = ann.email(created["id"], "blobId", "threadId", "size", "subject", "receivedAt", "mailboxIds", "keywords")
    assert created == {
        "id": email["id"], "blobId": blob, "threadId": email["threadId"], "size": len(raw),
        "keywords": {"$seen": True},
    }  # fmt: skip
    assert (email["subject"], email["receivedAt"]) == ("Imported", "2025-06-15T10:30:00Z")
    assert (email["mailboxIds"], email["keywords"]) == ({"archive": True}, {"$seen": True})
    assert download(ann, email["blobId"]) == raw
    head = View(ann.site.store, ann.account, ann.site.clock.now()).head
    assert head.state("EmailDelivery") == head.state("Email")


@pytest.mark.parametrize(
    ("headers", "received_at"),
    [
        ((), "2026-11-18T11:06:40Z"),
        (("Received: from a by b; nonsense",), "2026-11-18T11:06:40Z"),
        (
            ("Received: by c; Thu, 1 Jan 2026 12:00:05 +0100", "Received: by b; Thu, 1 Jan 2026 09:00:00 Z"),
            "2026-01-01T11:00:05Z",
        ),
    ],
)  # fmt: skip
def test_it_was_received_when_its_last_hop_says(ann: Client, headers: tuple[str, ...], received_at: str) -> None:
    created = imported(ann, {"blobId": upload(ann, message(headers=headers))})

    assert created["receivedAt"] == received_at
    assert ann.email(created["id"], "receivedAt")["receivedAt"] == received_at


def test_it_joins_the_thread_it_belongs_to(ann: Client) -> None:
    first = ann.deliver(message("Lunch", message_id="1@x"))[0]

    created = imported(ann, {"blobId": upload(ann, message("Re: Lunch", message_id="2@x", in_reply_to="1@x"))})

    assert created["threadId"] == ann.email(first, "threadId")["threadId"]


def test_the_same_message_twice_is_two_emails(ann: Client) -> None:
    blob = upload(ann, message("Twice", message_id="1@x"))

    answer = ann.call("Email/import", emails={"a": {"blobId": blob, **INBOX}, "b": {"blobId": blob, **INBOX}})
    ann.patch(answer["created"]["a"]["id"], {"keywords/$seen": True})

    a, b = (answer["created"][key]["id"] for key in "ab")
    assert a != b
    assert [ann.email(id, "keywords")["keywords"] for id in (a, b)] == [{"$seen": True}, {}]


def test_a_message_of_the_account_and_one_within_it_are_imported(ann: Client) -> None:
    inner = message("inner")
    outer = ann.deliver(
        b"Subject: outer\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        + b"--b\r\nContent-Type: message/rfc822\r\n\r\n"
        + inner
        + b"\r\n--b--\r\n"
    )[0]
    whole = ann.email(outer, "blobId")["blobId"]
    part = ann.email(outer, "attachments")["attachments"][0]["blobId"]

    answer = ann.call("Email/import", emails={"w": {"blobId": whole, **INBOX}, "p": {"blobId": part, **INBOX}})

    assert ann.email(answer["created"]["w"]["id"], "subject")["subject"] == "outer"
    created = answer["created"]["p"]
    assert created["blobId"] == blob_id(digest_of(inner))
    assert ann.email(created["id"], "subject")["subject"] == "inner"
    assert download(ann, created["blobId"]) == inner


@pytest.mark.parametrize(
    ("given", "properties"),
    [
        ({"blobId": blob_id("0" * 64)}, ["blobId"]),
        ({"blobId": "nonexistent-blob-xyz"}, ["blobId"]),
        ({"blobId": 5}, ["blobId"]),
        ({"blobId": None}, ["blobId"]),
        ({}, ["blobId"]),
        ({"mailboxIds": {}}, ["mailboxIds"]),
        ({"mailboxIds": {"nowhere": True}}, ["mailboxIds"]),
        ({"mailboxIds": None}, ["mailboxIds"]),
        ({"keywords": {"a b": True}}, ["keywords"]),
        ({"keywords": None}, ["keywords"]),
        ({"receivedAt": "yesterday"}, ["receivedAt"]),
        ({"subject": "x"}, ["subject"]),
        ({"id": "x"}, ["id"]),
    ],
)
def test_what_is_wrong_is_named(ann: Client, given: Object, properties: list[str]) -> None:
    blob = upload(ann, message())

    error = refusal(ann, given if properties == ["blobId"] else {"blobId": blob, **given})

    assert (error["type"], error["properties"]) == ("invalidProperties", properties)


@pytest.mark.parametrize(
    "content", [b"this is not an email", b"", b"\xff\xd8\xff\xe0\x00\x10JFIF", b"%PDF-1.4\n%\xe2\n1 0"]
)
def test_what_has_no_header_is_no_email(ann: Client, content: bytes) -> None:
    assert refusal(ann, {"blobId": upload(ann, content)})["type"] == "invalidEmail"


@pytest.mark.parametrize(
    "raw",
    [
        b"From: a@b.c\n\nbare line feeds",
        "From: Jörg <jörg@bücher.example>\r\nSubject: Grüße\r\n\r\nx".encode(),
        b"Subject: \xff\xfe\r\nX-Broken: \x01\x02\r\n\r\ncaf\xe9 \0",
        b"Subject: only a header",
        b"X: " + b"x" * 5_000 + b"\r\n\r\n" + b"y" * 5_000,
    ],
)
def test_a_message_that_breaks_rules_is_taken_as_it_is(ann: Client, raw: bytes) -> None:
    created = imported(ann, {"blobId": upload(ann, raw)})

    assert download(ann, created["blobId"]) == raw
    assert ann.email(created["id"], "subject")["subject"] == parse(raw).subject


def test_blobs_of_others_are_not_imported(ann: Client, bob: Client) -> None:
    blob = upload(bob, message("secret"))

    assert refusal(ann, {"blobId": blob})["properties"] == ["blobId"]


def test_an_account_that_is_full_takes_nothing(ann: Client, site: Site, actor: Actor, user: User) -> None:
    blob = upload(ann, message(body="x" * 1_000))
    set_user(site, actor, user.login, quota=500)

    assert refusal(ann, {"blobId": blob})["type"] == "overQuota"


def test_nothing_is_imported_in_another_state(ann: Client) -> None:
    blob = upload(ann, message())
    old = ann.state("Email")

    assert imported(ann, {"blobId": blob}, ifInState=old)
    error = ann.error("Email/import", emails={"k": {"blobId": blob, **INBOX}}, ifInState=old)
    assert error["type"] == "stateMismatch"


def test_one_that_fails_does_not_stop_the_others(ann: Client) -> None:
    blobs = [upload(ann, message(f"{n}")) for n in range(20)]
    emails: Object = {f"k{n}": {"blobId": blob, **INBOX} for n, blob in enumerate(blobs)}
    emails["bad"] = {"blobId": upload(ann, b"nothing"), **INBOX}

    answer = ann.call("Email/import", emails=emails)

    assert len(answer["created"]) == 20
    assert list(answer["notCreated"]) == ["bad"]
    assert len(ann.query()) == 20


def test_more_than_may_be_set_at_once_are_too_many(ann: Client) -> None:
    client = limited(ann, max_objects_in_set=2)
    blob = upload(ann, message())

    error = client.error("Email/import", emails={key: {"blobId": blob, **INBOX} for key in "abc"})

    assert error["type"] == "requestTooLarge"


def test_an_import_is_known_by_its_creation_id(ann: Client) -> None:
    blob = upload(ann, message("Known"))

    responses = ann.responses(
        ("Mailbox/set", {"create": {"new": {"name": "New"}}}),
        ("Email/import", {"emails": {"k": {"blobId": blob, "mailboxIds": {"#new": True}}}}),
        ("Email/get", {"ids": ["#k"], "properties": ["subject"]}),
    )

    assert responses[2][1]["list"][0]["subject"] == "Known"


def test_importing_nothing_changes_nothing(ann: Client) -> None:
    before = ann.position()

    answer = ann.call("Email/import", emails={})

    assert (answer["created"], answer["notCreated"]) == (None, None)
    assert answer["oldState"] == answer["newState"]
    assert ann.position() == before


def test_an_account_that_may_only_be_read_takes_nothing(ann: Client, bob: Client, site: Site, actor: Actor) -> None:
    share_account(site, actor, "bob@example.org", "ann@example.org", read_only=True)

    assert ann.error("Email/import", accountId=bob.account, emails={})["type"] == "accountReadOnly"
