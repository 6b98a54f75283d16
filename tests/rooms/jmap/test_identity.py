"""Identity (RFC 8621 §6)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from homing.directory.accounts import User, add_address, create_user, share_account
from homing.jmap.types.identity import MAX_IDENTITIES
from homing.ledger.entry import Actor
from homing.site import Site
from tests.rooms.jmap.conftest import PASSWORD, Object
from tests.rooms.submission.posting import Sender

DEFAULT = {
    "id": "default", "name": "Ann", "email": "ann@example.org", "replyTo": None, "bcc": None, "textSignature": "",
    "htmlSignature": "", "mayDelete": False,
}  # fmt: skip


@pytest.fixture
def ann(site: Site, user: User) -> Sender:
    return Sender(site, user)


@pytest.fixture
def bob(site: Site, actor: Actor) -> Sender:
    return Sender(site, create_user(site, actor, "bob@example.org", PASSWORD, name="Bob"))


def identities(ann: Sender) -> list[Object]:
    found: list[Object] = ann.call("Identity/get")["list"]
    return found


def test_everyone_has_an_identity_from_the_beginning(ann: Sender) -> None:
    answer = ann.call("Identity/get", ids=None)

    assert answer["list"] == [DEFAULT]
    assert answer["state"] == "0"
    assert ann.call("Identity/get", ids=["default", "other"])["notFound"] == ["other"]


def test_the_first_change_of_the_default_identity_is_an_update_to_a_client(ann: Sender) -> None:
    before = ann.state("Identity")

    answer = ann.update("Identity", "default", name="Ann A.", textSignature="-- \nAnn")

    assert answer["updated"] == {"default": None}
    assert answer["oldState"] == before != answer["newState"]
    changes = ann.call("Identity/changes", sinceState=before)
    assert (changes["created"], changes["updated"], changes["destroyed"]) == ([], ["default"], [])
    assert identities(ann) == [{**DEFAULT, "name": "Ann A.", "textSignature": "-- \nAnn"}]


def test_every_property_but_the_address_can_be_changed_and_taken_back(ann: Sender) -> None:
    changed: Object = {
        "name": "",
        "replyTo": [{"name": None, "email": "list@example.com"}],
        "bcc": [{"name": "Me", "email": "me@example.com"}],
        "textSignature": "a",
        "htmlSignature": "<b>a</b>",
    }
    assert ann.update("Identity", "default", **changed)["updated"] == {"default": None}
    assert identities(ann) == [{**DEFAULT, **changed}]

    ann.update("Identity", "default", name="Ann", replyTo=None, bcc=None, textSignature="", htmlSignature="")
    assert identities(ann) == [DEFAULT]


def test_an_address_that_is_given_without_a_name_is_told_to_have_none(ann: Sender) -> None:
    given, whole = [{"email": "me@example.com"}], [{"name": None, "email": "me@example.com"}]

    created = ann.call("Identity/set", create={"k": {"email": "ann@example.org", "replyTo": given}})["created"]["k"]
    updated = ann.update("Identity", "default", bcc=given)["updated"]["default"]

    assert (created["replyTo"], updated) == (whole, {"bcc": whole})
    found = {one["id"]: one for one in identities(ann)}
    assert (found[created["id"]]["replyTo"], found["default"]["bcc"]) == (whole, whole)


@pytest.mark.parametrize(
    ("patch", "property"),
    [
        ({"email": "bob@example.org"}, "email"),
        ({"mayDelete": True}, "mayDelete"),
        ({"name": 1}, "name"),
        ({"replyTo": ["list@example.com"]}, "replyTo"),
        ({"bcc": [{"name": "x"}]}, "bcc"),
        ({"bcc": [{"email": "a@b", "more": 1}]}, "bcc"),
        ({"color": "red"}, "color"),
    ],
)
def test_a_change_that_cannot_be_is_refused(ann: Sender, patch: Object, property: str) -> None:
    answer = ann.update("Identity", "default", **patch)

    assert answer["notUpdated"]["default"]["type"] == "invalidProperties"
    assert answer["notUpdated"]["default"]["properties"] == [property]
    assert identities(ann) == [DEFAULT]


def test_its_own_address_may_be_given_again(ann: Sender) -> None:
    answer = ann.update("Identity", "default", email="ann@example.org", mayDelete=False, name="A.")

    assert answer["updated"] == {"default": None}


def test_an_identity_of_an_address_of_one_s_own_can_be_made(site: Site, actor: Actor, ann: Sender) -> None:
    add_address(site, actor, "office@example.com", "ann@example.org")
    answer = ann.call(
        "Identity/set",
        create={"a": {"email": "office@example.com", "name": "Office"}, "b": {"email": "ann+news@example.org"}},
    )

    created = answer["created"]
    assert created["a"]["mayDelete"] is True
    assert created["b"] == {
        "id": created["b"]["id"], "mayDelete": True, "name": "", "replyTo": None, "bcc": None, "textSignature": "",
        "htmlSignature": "",
    }  # fmt: skip
    assert [one["email"] for one in identities(ann)] == [
        "ann@example.org", "office@example.com", "ann+news@example.org",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("email", "type"),
    [("bob@example.org", "forbiddenFrom"), ("eve@example.com", "forbiddenFrom"), ("*@example.org", "forbiddenFrom"),
     ("nobody", "invalidProperties"), ("", "invalidProperties")],
)  # fmt: skip
def test_an_identity_of_another_address_cannot_be_made(ann: Sender, bob: Sender, email: str, type: str) -> None:
    answer = ann.call("Identity/set", create={"a": {"email": email}})

    assert answer["notCreated"]["a"]["type"] == type
    assert len(identities(ann)) == 1


def test_an_identity_can_be_destroyed_but_not_the_default(ann: Sender) -> None:
    id = ann.call("Identity/set", create={"a": {"email": "ann@example.org"}})["created"]["a"]["id"]

    answer = ann.call("Identity/set", destroy=[id, "default", "other"])

    assert answer["destroyed"] == [id]
    assert {id: error["type"] for id, error in answer["notDestroyed"].items()} == {
        "default": "forbidden", "other": "notFound",
    }  # fmt: skip
    ann.update("Identity", "default", name="changed")
    assert ann.call("Identity/set", destroy=["default"])["notDestroyed"]["default"]["type"] == "forbidden"


def test_there_are_only_so_many_identities(ann: Sender) -> None:
    wanted = {f"k{number}": {"email": "ann@example.org"} for number in range(MAX_IDENTITIES + 1)}

    answer = ann.call("Identity/set", create=wanted)

    assert len(answer["created"]) == MAX_IDENTITIES
    assert [error["type"] for error in answer["notCreated"].values()] == ["overQuota"]


def test_two_identities_may_have_one_address(ann: Sender) -> None:
    ann.call("Identity/set", create={"a": {"email": "ann@example.org", "name": "Aunt Ann"}})

    assert [one["name"] for one in identities(ann)] == ["Ann", "Aunt Ann"]


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("Identity/get", {"ids": None}),
        ("Identity/set", {}),
        ("EmailSubmission/set", {}),
        ("EmailSubmission/get", {"ids": None}),
        ("EmailSubmission/query", {}),
        ("MDN/send", {"identityId": "x", "send": {}}),
    ],
)
def test_from_an_account_of_another_nobody_can_send(
    site: Site, actor: Actor, ann: Sender, bob: Sender, method: str, arguments: dict[str, Any]
) -> None:
    share_account(site, actor, "bob@example.org", "ann@example.org")

    error = ann.error(method, **{**arguments, "accountId": bob.account})

    assert error["type"] == "accountNotSupportedByMethod"


def test_the_session_says_what_sending_can_do(ann: Sender) -> None:
    session = json.loads(ann.http("GET", "/jmap/session").body)
    urn = "urn:ietf:params:jmap:submission"

    assert session["capabilities"][urn] == {}
    assert session["primaryAccounts"][urn] == ann.account
    can = session["accounts"][ann.account]["accountCapabilities"][urn]
    assert can["maxDelayedSend"] == 30 * 24 * 3_600
    assert can["submissionExtensions"]["FUTURERELEASE"][0] == str(30 * 24 * 3_600)
    assert {"SIZE", "DSN", "8BITMIME", "SMTPUTF8"} < set(can["submissionExtensions"])
    assert session["accounts"][ann.account]["accountCapabilities"]["urn:ietf:params:jmap:mdn"] == {}
