"""Email/copy (RFC 8621 §4.7, RFC 8620 §5.4) between two accounts that one user has."""

from __future__ import annotations

from typing import Any

import pytest

from homing.directory.accounts import set_user, share_account, unshare_account
from homing.ledger.entry import Actor
from homing.ledger.view import View
from homing.site import Site
from tests.mail import message
from tests.rooms.jmap.conftest import Client, Object
from tests.rooms.jmap.test_email_create import download

INBOX = {"mailboxIds": {"inbox": True}}


@pytest.fixture
def shared(ann: Client, bob: Client, site: Site, actor: Actor) -> Client:
    """Bob, whose account Ann may change."""
    share_account(site, actor, "bob@example.org", "ann@example.org")
    return bob


def copy(ann: Client, bob: Client, create: Object, **more: Any) -> list[tuple[str, Object]]:
    """Responses to a copy from Ann's account to Bob's."""
    given = {"fromAccountId": ann.account, "accountId": bob.account, "create": create, **more}
    return ann.responses(("Email/copy", given))


def test_an_email_is_copied_and_stays(ann: Client, shared: Client) -> None:
    raw = message("Copied", message_id="1@x")
    id = ann.deliver(raw)[0]
    ann.patch(id, {"keywords/$flagged": True, "keywords/work": True})
    state, before = shared.state("Email"), ann.position()

    [(name, answer)] = copy(ann, shared, {"k": {"id": id, "mailboxIds": {"archive": True}}})

    created = answer["created"]["k"]
    assert (name, answer) == (
        "Email/copy",
        {
            "fromAccountId": ann.account, "accountId": shared.account, "oldState": state,
            "newState": shared.state("Email"), "created": {"k": created}, "notCreated": None,
        },
    )  # fmt: skip
    properties = ("blobId", "size", "subject", "keywords", "receivedAt")
    original, copied = ann.email(id, *properties), shared.email(created["id"], *properties, "mailboxIds", "threadId")
    assert copied.pop("mailboxIds") == {"archive": True}
    assert created == {
        "id": created["id"], "blobId": original["blobId"], "size": len(raw), "threadId": copied.pop("threadId"),
        "keywords": original["keywords"], "receivedAt": original["receivedAt"],
    }  # fmt: skip
    assert {**copied, "id": id} == original
    assert created["id"] != id
    assert download(shared, created["blobId"]) == raw
    assert ann.position() == before


def test_what_an_account_says_of_an_email_may_be_another(ann: Client, shared: Client) -> None:
    id = ann.deliver(message())[0]
    ann.patch(id, {"keywords/$flagged": True})

    [(_, answer)] = copy(
        ann, shared, {"k": {"id": id, **INBOX, "keywords": {"$Seen": True}, "receivedAt": "2020-01-01T00:00:00Z"}}
    )

    created = answer["created"]["k"]
    assert created["keywords"] == {"$seen": True}
    found = shared.email(created["id"], "keywords", "receivedAt")
    assert (found["keywords"], found["receivedAt"]) == ({"$seen": True}, "2020-01-01T00:00:00Z")


def test_a_copy_joins_the_thread_that_the_other_account_has(ann: Client, shared: Client) -> None:
    theirs = shared.deliver(message("Lunch " + "x" * 3_000, message_id="1@x"))[0]
    id = ann.deliver(message("Re: Lunch " + "x" * 3_000, message_id="2@x", in_reply_to="1@x"))[0]

    [(_, answer)] = copy(ann, shared, {"k": {"id": id, **INBOX}})

    assert answer["created"]["k"]["threadId"] == shared.email(theirs, "threadId")["threadId"]


def test_the_original_goes_if_it_is_to_go(ann: Client, shared: Client) -> None:
    first, second = ann.deliver(message("a"), message("b"))
    create = {"a": {"id": first, **INBOX}, "x": {"id": "nothing", **INBOX}}

    copied, destroyed = copy(ann, shared, create, onSuccessDestroyOriginal=True)

    assert (list(copied[1]["created"]), copied[1]["notCreated"]["x"]["type"]) == (["a"], "notFound")
    assert destroyed[0] == "Email/set"
    assert (destroyed[1]["accountId"], destroyed[1]["destroyed"]) == (ann.account, [first])
    assert ann.query() == [second]
    assert len(shared.query()) == 1
    assert download(shared, copied[1]["created"]["a"]["blobId"]) == message("a")


def test_the_original_stays_if_its_account_has_changed(ann: Client, shared: Client) -> None:
    id = ann.deliver(message())[0]

    copied, error = copy(
        ann, shared, {"k": {"id": id, **INBOX}}, onSuccessDestroyOriginal=True, destroyFromIfInState="77"
    )

    assert copied[1]["created"]
    assert (error[0], error[1]["type"]) == ("error", "stateMismatch")
    assert ann.query() == [id]


def test_nothing_is_destroyed_if_nothing_was_copied(ann: Client, shared: Client) -> None:
    responses = copy(ann, shared, {"k": {"id": "nothing", **INBOX}}, onSuccessDestroyOriginal=True)

    assert [name for name, _ in responses] == ["Email/copy"]


@pytest.mark.parametrize(
    ("given", "type", "properties"),
    [
        ({"id": "nothing"}, "notFound", None),
        ({"id": 5}, "invalidProperties", ["id"]),
        ({"mailboxIds": {}}, "invalidProperties", ["mailboxIds"]),
        ({"mailboxIds": {"nowhere": True}}, "invalidProperties", ["mailboxIds"]),
        ({"mailboxIds": None}, "invalidProperties", ["mailboxIds"]),
        ({"keywords": {"a b": True}}, "invalidProperties", ["keywords"]),
        ({"receivedAt": "x"}, "invalidProperties", ["receivedAt"]),
        ({"subject": "another"}, "invalidProperties", ["subject"]),
    ],
)
def test_what_is_wrong_is_named(
    ann: Client, shared: Client, given: Object, type: str, properties: list[str] | None
) -> None:
    id = ann.deliver(message())[0]
    before = shared.position()

    [(_, answer)] = copy(ann, shared, {"k": {"id": id, **INBOX, **given}})

    error = answer["notCreated"]["k"]
    assert (error["type"], error.get("properties")) == (type, properties)
    assert shared.position() == before


def test_an_email_needs_an_id_to_be_copied(ann: Client, shared: Client) -> None:
    [(_, answer)] = copy(ann, shared, {"k": INBOX})

    assert answer["notCreated"]["k"]["properties"] == ["id"]


def test_accounts_must_be_two_and_both_be_there(ann: Client, bob: Client, site: Site, actor: Actor) -> None:
    create: Object = {"k": {"id": "x", **INBOX}}

    def error(source: str, target: str) -> str:
        given = {"fromAccountId": source, "accountId": target, "create": create}
        name, answer = ann.responses(("Email/copy", given))[0]
        assert name == "error"
        type: str = answer["type"]
        return type

    assert error(ann.account, ann.account) == "invalidArguments"
    assert error(bob.account, ann.account) == "fromAccountNotFound"
    assert error(ann.account, bob.account) == "accountNotFound"
    share_account(site, actor, "bob@example.org", "ann@example.org", read_only=True)
    assert error(ann.account, bob.account) == "accountReadOnly"
    unshare_account(site, actor, "bob@example.org", "ann@example.org")
    assert error(bob.account, ann.account) == "fromAccountNotFound"


def test_an_email_is_copied_from_an_account_that_may_only_be_read(
    ann: Client, bob: Client, site: Site, actor: Actor
) -> None:
    share_account(site, actor, "bob@example.org", "ann@example.org", read_only=True)
    id = bob.deliver(message("Bob's"))[0]
    given = {"fromAccountId": bob.account, "create": {"k": {"id": id, **INBOX}}, "onSuccessDestroyOriginal": True}

    copied, refused = ann.responses(("Email/copy", given))

    assert ann.email(copied[1]["created"]["k"]["id"], "subject")["subject"] == "Bob's"
    assert (refused[0], refused[1]["type"]) == ("error", "accountReadOnly")
    assert bob.query() == [id]


def test_nothing_is_copied_from_or_to_another_state(ann: Client, shared: Client) -> None:
    id = ann.deliver(message())[0]
    create = {"k": {"id": id, **INBOX}}
    before = shared.position()

    for wrong in ({"ifFromInState": "77"}, {"ifInState": "77"}):
        [(name, answer)] = copy(ann, shared, create, **wrong)
        assert (name, answer["type"]) == ("error", "stateMismatch")
    assert shared.position() == before
    right = {"ifFromInState": ann.state("Email"), "ifInState": shared.state("Email")}
    assert copy(ann, shared, create, **right)[0][1]["created"]


def test_an_account_that_is_full_takes_no_copy(ann: Client, shared: Client, site: Site, actor: Actor) -> None:
    id = ann.deliver(message(body="x" * 1_000))[0]
    set_user(site, actor, shared.user.login, quota=500)

    [(_, answer)] = copy(ann, shared, {"k": {"id": id, **INBOX}})

    assert answer["notCreated"]["k"]["type"] == "overQuota"


def test_many_are_copied(ann: Client, shared: Client) -> None:
    ids = ann.deliver(*(message(f"{n}") for n in range(30)))

    [(_, answer)] = copy(ann, shared, {f"k{n}": {"id": id, **INBOX} for n, id in enumerate(ids)})

    assert len(answer["created"]) == 30
    assert len(shared.query()) == 30
    head = View(ann.site.store, shared.account, ann.site.clock.now()).head
    assert head.state("EmailDelivery") == head.state("Email")
