"""What the ways that a client goes all day ask of the store; on AWS each call is paid for and waited for."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from homing.jmap.push.vapid import application_server_key
from homing.site import Site
from tests.doubles import CountingBlobs, CountingStore
from tests.mail import message
from tests.rooms.jmap.conftest import Client

LIST = "id threadId mailboxIds keywords from to subject receivedAt size preview hasAttachment".split()


@pytest.fixture
def store(site: Site) -> CountingStore:
    return CountingStore(site.store)


@pytest.fixture
def blobs(site: Site) -> CountingBlobs:
    return CountingBlobs(site.blobs)


@pytest.fixture
def counted(ann: Client, store: CountingStore, blobs: CountingBlobs) -> Client:
    ann.deliver(*(message(f"s{i}", message_id=f"m{i}@x") for i in range(60)))
    site = dataclasses.replace(ann.site, store=store, blobs=blobs)
    application_server_key(site)  # which each process asks for once
    store.calls.clear()
    return Client(site, ann.user)


@pytest.mark.parametrize("total", [False, True])
def test_the_inbox_takes_three_calls_and_one_to_sign_in(
    counted: Client, store: CountingStore, blobs: CountingBlobs, total: bool
) -> None:
    answers = counted.responses(
        ("Email/query", {"filter": {"inMailbox": "inbox"}, "limit": 50, "calculateTotal": total}),
        ("Email/get", {"#ids": {"resultOf": "c0", "name": "Email/query", "path": "/ids"}, "properties": LIST}),
    )

    assert len(answers[1][1]["list"]) == 50
    assert store.calls.as_dict() == {"get": 1, "get_many": 2, "scan": 1}
    assert blobs.calls.total() == 0


@pytest.mark.parametrize("keyword", ["$seen", "$flagged"])
def test_a_keyword_takes_six_calls_at_most(counted: Client, store: CountingStore, keyword: str) -> None:
    id = counted.query(limit=1)[0]
    store.calls.clear()

    counted.patch(id, {f"keywords/{keyword}": True})

    assert store.calls.total() <= 6
    assert store.calls.as_dict()["commit"] == 1


@pytest.mark.parametrize(
    ("change", "maximum"),
    [({"update": {"keywords/$seen": True}}, 6), ({"update": {"mailboxIds": {"archive": True}}}, 6), ({}, 6)],
)
def test_ten_emails_take_no_more_calls_than_one(
    counted: Client, store: CountingStore, change: dict[str, Any], maximum: int
) -> None:
    ids = counted.query(limit=10)
    store.calls.clear()

    if "update" in change:
        counted.call("Email/set", update=dict.fromkeys(ids, change["update"]))
    else:
        counted.call("Email/set", destroy=ids)

    assert store.calls.total() <= maximum


def test_opening_a_message_takes_one_read_of_its_text(
    counted: Client, store: CountingStore, blobs: CountingBlobs
) -> None:
    id = counted.query(limit=1)[0]
    store.calls.clear()

    counted.call("Email/get", ids=[id], properties=[*LIST, "textBody", "bodyValues"], fetchTextBodyValues=True)

    assert store.calls.total() == 3
    assert blobs.calls.total() == 1


def test_many_headers_of_a_message_take_one_read(counted: Client, blobs: CountingBlobs) -> None:
    id = counted.query(limit=1)[0]

    counted.email(id, "headers", "header:Subject", "header:X-A", "header:X-B:asText:all")

    assert blobs.calls.as_dict() == {"get": 1}


def test_mailboxes_take_three_calls_with_signing_in(counted: Client, store: CountingStore) -> None:
    counted.call("Mailbox/get")

    assert store.calls.total() == 3


def test_changes_after_a_hundred_take_three_calls_with_signing_in(counted: Client, store: CountingStore) -> None:
    state = counted.state("Email")
    for id in counted.query(limit=50):
        counted.patch(id, {"keywords/$seen": True})
    store.calls.clear()

    counted.call("Email/changes", sinceState=state)

    assert store.calls.total() == 3


def test_fifty_mailboxes_are_made_in_one_commit(counted: Client, store: CountingStore) -> None:
    answer = counted.call("Mailbox/set", create={f"k{i}": {"name": f"n{i}"} for i in range(50)})

    assert len(answer["created"]) == 50
    assert store.calls.as_dict() == {"commit": 1, "get": 2, "get_many": 1, "scan": 1}
