"""Foo/get (RFC 8620 §5.1)."""

from __future__ import annotations

import dataclasses

import pytest

from homing.config import Limits
from homing.jmap.types.mailbox import MAILBOX
from tests.mail import message
from tests.rooms.jmap.conftest import Client

SYSTEM = ["archive", "drafts", "inbox", "junk", "sent", "trash"]


def test_without_ids_all_objects_are_got(ann: Client) -> None:
    emails = ann.deliver(message("a"), message("b"))
    threads = [ann.email(id, "threadId")["threadId"] for id in emails]

    assert sorted(one["id"] for one in ann.call("Mailbox/get", ids=None)["list"]) == SYSTEM
    assert sorted(one["id"] for one in ann.call("Mailbox/get")["list"]) == SYSTEM
    assert sorted(one["id"] for one in ann.call("Email/get")["list"]) == sorted(emails)
    assert sorted(one["id"] for one in ann.call("Thread/get")["list"]) == sorted(threads)


@pytest.mark.parametrize("type", ["Mailbox", "Email", "Thread"])
def test_no_ids_get_no_objects(ann: Client, type: str) -> None:
    ann.deliver(message())

    answer = ann.call(f"{type}/get", ids=[])

    assert (answer["list"], answer["notFound"], answer["accountId"]) == ([], [], ann.account)


@pytest.mark.parametrize("type", ["Mailbox", "Email", "Thread"])
def test_ids_that_nothing_has_are_not_found_each_once(ann: Client, type: str) -> None:
    unknown = ["x", "-", "0" * 255, "e000000000000000", "x"]

    answer = ann.call(f"{type}/get", ids=unknown)

    assert answer["list"] == []
    assert sorted(answer["notFound"]) == sorted(set(unknown))


def test_an_id_given_twice_is_got_once(ann: Client) -> None:
    answer = ann.call("Mailbox/get", ids=["inbox", "nothing", "inbox", "nothing", "sent"])

    assert [one["id"] for one in answer["list"]] == ["inbox", "sent"]
    assert answer["notFound"] == ["nothing"]


def test_the_id_is_got_even_if_it_is_not_asked_for(ann: Client) -> None:
    assert ann.call("Mailbox/get", ids=["inbox"], properties=["name"])["list"] == [{"id": "inbox", "name": "Inbox"}]
    assert ann.call("Mailbox/get", ids=["inbox"], properties=[])["list"] == [{"id": "inbox"}]
    assert ann.call("Mailbox/get", ids=["inbox"], properties=["id", "id"])["list"] == [{"id": "inbox"}]


def test_without_properties_all_are_got(ann: Client) -> None:
    assert set(ann.mailbox("inbox")) == set(MAILBOX.properties)


@pytest.mark.parametrize("type", ["Mailbox", "Email", "Thread"])
def test_more_objects_than_the_limit_are_refused(ann: Client, type: str) -> None:
    ann.deliver(*(message(f"s{i}") for i in range(6)))
    config = dataclasses.replace(ann.site.config, limits=Limits(max_objects_in_get=5))
    client = Client(dataclasses.replace(ann.site, config=config), ann.user)
    ids = [f"x{i}" for i in range(6)]

    assert client.error(f"{type}/get", ids=ids)["type"] == "requestTooLarge"
    assert client.error(f"{type}/get", ids=None)["type"] == "requestTooLarge"
    assert len(client.call(f"{type}/get", ids=[*ids[:5], ids[0]])["notFound"]) == 5


@pytest.mark.parametrize("type", ["Mailbox", "Email", "Thread"])
def test_the_state_changes_with_the_objects_and_only_with_them(ann: Client, type: str) -> None:
    first = ann.state(type)
    assert ann.state(type) == first

    email = ann.deliver(message())[0]
    second = ann.state(type)
    assert second != first

    ann.patch(email, {"keywords/$flagged": True})
    assert (ann.state(type) != second) is (type == "Email")


def test_ids_may_come_from_an_earlier_call(ann: Client) -> None:
    emails = ann.deliver(message("a"), message("b"))

    answers = ann.responses(
        ("Email/query", {"sort": [{"property": "receivedAt"}]}),
        ("Email/get", {"#ids": {"resultOf": "c0", "name": "Email/query", "path": "/ids"}, "properties": ["threadId"]}),
        ("Thread/get", {"#ids": {"resultOf": "c1", "name": "Email/get", "path": "/list/*/threadId"}}),
        ("Email/get", {"#ids": {"resultOf": "c2", "name": "Thread/get", "path": "/list/*/emailIds"}, "properties": []}),
        ("Email/get", {"#ids": {"resultOf": "c0", "name": "Email/get", "path": "/ids"}}),
        ("Email/get", {"ids": [], "#ids": {"resultOf": "c0", "name": "Email/query", "path": "/ids"}}),
    )

    assert sorted(one["id"] for one in answers[3][1]["list"]) == sorted(emails)
    assert answers[4][1]["type"] == "invalidResultReference"
    assert answers[5][1]["type"] == "invalidArguments"


def test_references_cannot_multiply_a_result_without_end(ann: Client) -> None:
    size = ann.site.config.limits.max_size_request // 4
    echo = {"resultOf": "0", "name": "Core/echo", "path": "/x"}

    answer = ann.request(
        ("Core/echo", {"x": "y" * size}, "0"),
        ("Core/echo", {f"#{i}": echo for i in range(1_000)}, "1"),
        ("Core/echo", {"#a": {**echo, "path": ""}}, "2"),
    )

    assert answer["methodResponses"][1][1]["type"] == "requestTooLarge"
