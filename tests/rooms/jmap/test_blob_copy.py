"""Blob/copy (RFC 8620 §6.3): between accounts that one user may enter."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from homing.directory.accounts import share_account
from homing.ledger.entry import Actor
from homing.ports.blobs import digest_of
from homing.site import Site
from tests.doubles import CountingBlobs
from tests.mail import message
from tests.rooms.jmap.conftest import Client, Object


def upload(client: Client, content: bytes) -> str:
    assert client.http("POST", f"/jmap/upload/{client.account}/", content).status == 201
    return "b" + digest_of(content)


def download(client: Client, account: str, id: str) -> tuple[int, bytes]:
    response = client.http("GET", f"/jmap/download/{account}/{id}/x")
    return response.status, response.body if isinstance(response.body, bytes) else b"".join(response.body)


def copy(client: Client, source: Client, target: Client, *ids: str) -> Object:
    return client.call("Blob/copy", fromAccountId=source.account, accountId=target.account, blobIds=list(ids))


@pytest.fixture
def shared(ann: Client, bob: Client, site: Site, actor: Actor) -> Client:
    """Bob, into whose account Ann may go."""
    share_account(site, actor, bob.user.login, ann.user.login)
    return bob


def test_a_blob_is_readable_in_the_other_account_afterwards(ann: Client, shared: Client) -> None:
    id = upload(ann, b"hello")
    assert download(ann, shared.account, id)[0] == 404

    answer = copy(ann, ann, shared, id, "nonsense", "b" + "0" * 64)

    assert (answer["fromAccountId"], answer["accountId"]) == (ann.account, shared.account)
    assert answer["copied"] == {id: id}
    missing = {"type": "blobNotFound"}
    assert answer["notCopied"] == {"nonsense": missing, "b" + "0" * 64: missing}
    assert download(ann, shared.account, id) == (200, b"hello")


def test_nothing_copied_is_null(ann: Client, shared: Client) -> None:
    id = upload(ann, b"x")

    assert copy(ann, ann, shared, "nothing")["copied"] is None
    assert copy(ann, ann, shared, id)["notCopied"] is None
    assert copy(ann, ann, shared)["copied"] is copy(ann, ann, shared)["notCopied"] is None


def test_a_whole_blob_is_copied_without_its_bytes(ann: Client, shared: Client) -> None:
    raw = message(body="x" * 100_000)
    shared.deliver(raw)
    id = "b" + digest_of(raw)
    blobs = CountingBlobs(ann.site.blobs)
    client = Client(dataclasses.replace(ann.site, blobs=blobs), ann.user)

    copy(client, shared, ann, id)

    assert blobs.calls.as_dict() == {"size": 1}
    assert download(ann, ann.account, id)[0] == 200


def test_who_gets_a_part_does_not_get_the_message(ann: Client, shared: Client) -> None:
    email = ann.deliver(message("secret", attachments=[("a.bin", b"attached")]))[0]
    found = ann.email(email, "attachments", "blobId")
    part = found["attachments"][0]["blobId"]

    answer = copy(ann, ann, shared, part)

    assert answer["copied"] == {part: "b" + digest_of(b"attached")}
    assert download(ann, shared.account, answer["copied"][part]) == (200, b"attached")
    assert download(ann, shared.account, part)[0] == download(ann, shared.account, found["blobId"])[0] == 404


def test_a_blob_of_the_other_account_is_not_copied_out_of_ones_own(ann: Client, shared: Client) -> None:
    id = upload(shared, b"theirs")

    assert copy(ann, ann, shared, id)["copied"] is None


def test_accounts_that_one_may_not_enter_do_not_exist(ann: Client, bob: Client) -> None:
    id = upload(ann, b"x")

    def error(source: str, target: str) -> Any:
        return ann.error("Blob/copy", fromAccountId=source, accountId=target, blobIds=[id])["type"]

    assert error(bob.account, ann.account) == error("nobody", ann.account) == "fromAccountNotFound"
    assert error(ann.account, bob.account) == error(ann.account, "nobody") == "accountNotFound"
    assert error(ann.account, ann.account) == "invalidArguments"


def test_an_account_that_is_read_only_takes_no_blob(ann: Client, bob: Client, site: Site, actor: Actor) -> None:
    share_account(site, actor, bob.user.login, ann.user.login, read_only=True)
    raw = message("theirs")
    bob.deliver(raw)
    mine, theirs = upload(ann, b"mine"), "b" + digest_of(raw)

    error = ann.error("Blob/copy", fromAccountId=ann.account, accountId=bob.account, blobIds=[mine])

    assert error["type"] == "accountReadOnly"
    assert copy(ann, bob, ann, theirs)["copied"] == {theirs: theirs}


@pytest.mark.parametrize(
    "arguments", [{"blobIds": None}, {"blobIds": ["a b"]}, {}, {"blobIds": [], "more": 1}, {"blobIds": "x"}]
)
def test_wrong_arguments_are_refused(ann: Client, shared: Client, arguments: Object) -> None:
    error = ann.error("Blob/copy", **{"fromAccountId": shared.account, **arguments})

    assert error["type"] == "invalidArguments"
