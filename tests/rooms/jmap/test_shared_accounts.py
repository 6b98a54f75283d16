"""Accounts that a user was let into by their owners (RFC 8620 §1.6.2, §2)."""

from __future__ import annotations

import base64
import json

import pytest

from homing.directory.accounts import share_account, unshare_account
from homing.ledger.entry import Actor
from homing.site import Site
from tests.mail import message
from tests.rooms.jmap.conftest import Client, Object


def session(client: Client) -> Object:
    return json.loads(client.http("GET", "/jmap/session").body)


def share(site: Site, actor: Actor, *, read_only: bool = False) -> None:
    share_account(site, actor, "bob@example.org", "ann@example.org", read_only=read_only)


def test_a_shared_account_is_in_the_session_and_is_not_the_primary_one(
    ann: Client, bob: Client, site: Site, actor: Actor
) -> None:
    before = session(ann)
    share(site, actor, read_only=True)
    after = session(ann)

    account = after["accounts"][bob.account]
    assert (account["name"], account["isPersonal"], account["isReadOnly"]) == ("bob@example.org", False, True)
    assert set(after["primaryAccounts"].values()) == {ann.account}
    assert after["state"] != before["state"]
    assert ann.request(("Core/echo", {}, "a"))["sessionState"] == after["state"]
    assert list(session(bob)["accounts"]) == [bob.account]


def test_a_shared_account_is_read_and_changed(ann: Client, bob: Client, site: Site, actor: Actor) -> None:
    id = bob.deliver(message("for Bob"))[0]
    share(site, actor)

    assert ann.call("Email/get", accountId=bob.account, ids=[id], properties=["subject"])["list"]
    answer = ann.call("Email/set", accountId=bob.account, update={id: {"keywords/$seen": True}})
    assert answer["updated"] == {id: None}
    assert bob.email(id, "keywords")["keywords"] == {"$seen": True}
    assert ann.http("POST", f"/jmap/upload/{bob.account}/", b"x").status == 201


def test_an_account_that_is_read_only_is_not_changed(ann: Client, bob: Client, site: Site, actor: Actor) -> None:
    id = bob.deliver(message("for Bob"))[0]
    share(site, actor, read_only=True)
    before = bob.position()

    error = ann.error("Email/set", accountId=bob.account, update={id: {"keywords/$seen": True}})
    assert error == {"type": "accountReadOnly"}
    assert ann.error("Mailbox/set", accountId=bob.account, destroy=[])["type"] == "accountReadOnly"
    assert ann.http("POST", f"/jmap/upload/{bob.account}/", b"x").status == 403
    assert bob.position() == before
    assert ann.query(accountId=bob.account) == [id]


def test_to_look_into_an_attached_message_is_not_to_change_the_account(
    ann: Client, bob: Client, site: Site, actor: Actor
) -> None:
    inner = base64.encodebytes(message("within")).decode()
    kind = "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64"
    raw = b"Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n%b\r\n\r\n%b\r\n--b--\r\n"
    id = bob.deliver(raw % (kind.encode(), inner.encode()))[0]
    share(site, actor, read_only=True)
    found = ann.call("Email/get", accountId=bob.account, ids=[id], properties=["attachments"])["list"][0]
    blob, before = found["attachments"][0]["blobId"], bob.position()

    wanted = {"blobIds": [blob], "properties": ["subject", "textBody"]}
    assert ann.call("Email/parse", accountId=bob.account, **wanted)["parsed"][blob]["subject"] == "within"

    assert bob.position() == before


@pytest.mark.parametrize("how", ["never", "stopped", "the other way round"])
def test_an_account_that_is_not_shared_is_not_found(
    ann: Client, bob: Client, site: Site, actor: Actor, how: str
) -> None:
    if how == "stopped":
        share(site, actor)
        unshare_account(site, actor, "bob@example.org", "ann@example.org")
    if how == "the other way round":
        share_account(site, actor, "ann@example.org", "bob@example.org")

    assert ann.error("Mailbox/get", accountId=bob.account) == {"type": "accountNotFound"}
    assert list(session(ann)["accounts"]) == [ann.account]


@pytest.mark.parametrize("method", ["Identity/get", "EmailSubmission/query", "VacationResponse/get", "SieveScript/get"])
def test_what_speaks_for_its_owner_is_not_shared(
    ann: Client, bob: Client, site: Site, actor: Actor, method: str
) -> None:
    share(site, actor)

    assert ann.error(method, accountId=bob.account) == {"type": "accountNotSupportedByMethod"}
    can = session(ann)["accounts"][bob.account]["accountCapabilities"]
    assert "urn:ietf:params:jmap:mail" in can
    assert not ann.call("Mailbox/get", accountId=bob.account, ids=["drafts"])["list"][0]["myRights"]["maySubmit"]
    assert "urn:ietf:params:jmap:submission" not in can


def test_of_an_account_that_is_read_only_one_has_no_right_but_to_read(
    ann: Client, bob: Client, site: Site, actor: Actor
) -> None:
    share(site, actor, read_only=True)

    for one in ann.call("Mailbox/get", accountId=bob.account)["list"]:
        assert [right for right, allowed in one["myRights"].items() if allowed] == ["mayReadItems"]
    mail = session(ann)["accounts"][bob.account]["accountCapabilities"]["urn:ietf:params:jmap:mail"]
    assert mail["mayCreateTopLevelMailbox"] is False


def subscribed(client: Client, account: str) -> list[str]:
    """Mailboxes of an account that its reader has subscribed to, as `/get` and `/query` have it."""
    got = [one["id"] for one in client.call("Mailbox/get", accountId=account)["list"] if one["isSubscribed"]]
    found = client.call("Mailbox/query", accountId=account, filter={"isSubscribed": True})["ids"]
    assert sorted(found) == sorted(got)
    return sorted(got)


def test_each_reader_of_a_shared_account_has_subscriptions_of_her_own(
    ann: Client, bob: Client, site: Site, actor: Actor
) -> None:
    share(site, actor)
    everything = subscribed(bob, bob.account)
    assert subscribed(ann, bob.account) == []

    answer = ann.call("Mailbox/set", accountId=bob.account, update={"inbox": {"isSubscribed": True}})
    assert answer["updated"] == {"inbox": None}
    bob.update("Mailbox", "inbox", isSubscribed=False)

    assert subscribed(ann, bob.account) == ["inbox"]
    assert subscribed(bob, bob.account) == [id for id in everything if id != "inbox"]
    ann.call("Mailbox/set", accountId=bob.account, update={"inbox": {"isSubscribed": False}})
    assert subscribed(ann, bob.account) == []


@pytest.mark.parametrize("wanted", [True, False])
def test_who_makes_a_mailbox_in_a_shared_account_has_subscribed_to_it(
    ann: Client, bob: Client, site: Site, actor: Actor, wanted: bool
) -> None:
    share(site, actor)

    answer = ann.call("Mailbox/set", accountId=bob.account, create={"k": {"name": "Ours", "isSubscribed": wanted}})

    id = answer["created"]["k"]["id"]
    assert subscribed(ann, bob.account) == ([id] if wanted else [])
    assert id in subscribed(bob, bob.account)


def test_an_upload_is_for_who_sent_it_until_something_uses_it(
    ann: Client, bob: Client, site: Site, actor: Actor
) -> None:
    """RFC 8620 §6.1."""
    share(site, actor)
    raw = message("a draft of Ann's")
    id = json.loads(ann.http("POST", f"/jmap/upload/{bob.account}/", raw).body)["blobId"]
    path = f"/jmap/download/{bob.account}/{id}/x"

    assert (ann.http("GET", path).status, bob.http("GET", path).status) == (200, 404)
    assert bob.call("Email/parse", blobIds=[id])["notFound"] == [id]

    new = {"blobId": id, "mailboxIds": {"inbox": True}}
    email = ann.call("Email/import", accountId=bob.account, emails={"a": new})["created"]["a"]["id"]
    assert bob.http("GET", path).status == 200

    assert bob.call("Email/set", destroy=[email])["destroyed"] == [email]
    assert (ann.http("GET", path).status, bob.http("GET", path).status) == (200, 404)
    bob.http("POST", f"/jmap/upload/{bob.account}/", raw)
    assert bob.http("GET", path).status == 200
