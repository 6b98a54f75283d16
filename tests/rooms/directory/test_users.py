"""Users: made whole or not at all, found by their login, changed, listed."""

from __future__ import annotations

import threading

import pytest

from homing.adapters.sqlite import SqliteStore
from homing.directory.accounts import User, add_address, create_user, find_user, list_users, set_user
from homing.directory.addresses import find_accounts
from homing.errors import Permanent
from homing.ledger.entry import Actor
from homing.ledger.verify import verify
from homing.ledger.view import View
from homing.site import Site
from tests.doubles import CountingStore


def test_a_new_user_has_the_usual_mailboxes(site: Site, user: User) -> None:
    mailboxes = View(site.store, user.account, 0).all_objects("Mailbox")

    assert {mailbox["role"] for mailbox in mailboxes.values()} == {
        "inbox", "drafts", "sent", "archive", "junk", "trash",
    }  # fmt: skip
    assert all(mailbox["counts"] == [0, 0, 0, 0] for mailbox in mailboxes.values())


def test_a_user_is_found_by_any_spelling_of_the_login(site: Site, user: User) -> None:
    assert find_user(site, " ANN@Example.Org. ") == user == User(user.account, "ann@example.org", "Ann")


def test_a_user_is_made_in_one_commit_over_all_ledgers(site: Site, actor: Actor, scratch: SqliteStore) -> None:
    create_user(site, actor, "ann@example.org", "correct horse")

    for partition in site.store.partitions():
        assert View(site.store, partition, 0).head.seq == 1
        assert verify(site.store, partition, scratch, 0) == []


@pytest.mark.parametrize("login", ["ann@example.org", "ANN@example.org", "<ann@EXAMPLE.org>"])
def test_a_login_is_taken_once(site: Site, actor: Actor, user: User, login: str) -> None:
    before = [row for partition in site.store.partitions() for row in site.store.scan(partition)]

    with pytest.raises(Permanent) as raised:
        create_user(site, actor, login, "correct horse")

    assert raised.value.type == "addressTaken"
    assert [row for partition in site.store.partitions() for row in site.store.scan(partition)] == before


def test_of_two_who_want_a_login_at_once_one_gets_it(site: Site, actor: Actor) -> None:
    results: list[str] = []

    def want() -> None:
        try:
            results.append(create_user(site, actor, "ann@example.org", "correct horse").account)
        except Permanent as error:
            results.append(error.type)

    wanting = [threading.Thread(target=want) for _ in range(4)]
    for one in wanting:
        one.start()
    for one in wanting:
        one.join()

    assert sorted(results)[1:] == ["addressTaken"] * 3
    assert [user.account for user in list_users(site)] == sorted(results)[:1]


@pytest.mark.parametrize("login", ["", "ann", "@example.org", "ann@", "ann@exa mple", "a\nnn@example.org", "ann@.."])
def test_what_is_no_address_is_no_login(site: Site, actor: Actor, login: str) -> None:
    with pytest.raises(Permanent) as raised:
        create_user(site, actor, login, "correct horse")

    assert raised.value.type == "badAddress"
    assert list(site.store.partitions()) == []


def test_a_short_password_makes_no_user(site: Site, actor: Actor) -> None:
    with pytest.raises(Permanent) as raised:
        create_user(site, actor, "ann@example.org", "1234567")

    assert raised.value.type == "passwordTooShort"
    assert list(site.store.partitions()) == []


def test_a_change_leaves_what_it_does_not_name(site: Site, actor: Actor, user: User) -> None:
    set_user(site, actor, "ann@example.org", quota=5_000)
    set_user(site, actor, "ann@example.org", disabled=True)

    assert find_user(site, "ann@example.org") == User(user.account, "ann@example.org", "Ann", 5_000, disabled=True)
    assert set_user(site, actor, "ann@example.org", quota=0, disabled=False) == user


def test_changing_nothing_writes_nothing(site: Site, actor: Actor, user: User) -> None:
    assert set_user(site, actor, "ann@example.org") == user
    assert View(site.store, user.account, 0).head.seq == 1


@pytest.mark.parametrize("act", ["find", "set", "alias"])
def test_who_does_not_exist_is_told_so(site: Site, actor: Actor, act: str) -> None:
    acts = {
        "find": lambda: find_user(site, "nobody@example.org"),
        "set": lambda: set_user(site, actor, "nobody@example.org", disabled=True),
        "alias": lambda: add_address(site, actor, "other@example.org", "nobody@example.org"),
    }

    with pytest.raises(Permanent) as raised:
        acts[act]()

    assert raised.value.type == "noSuchUser"
    assert list(site.store.partitions()) == []


def test_an_alias_may_lie_in_another_domain(site: Site, actor: Actor, user: User) -> None:
    add_address(site, actor, "a.n@other.example", "ann@example.org")

    assert find_accounts(site.store, ["a.n@other.example", "a.n@example.org"]) == {"a.n@other.example": user.account}


def test_an_alias_is_no_login_and_is_taken(site: Site, actor: Actor, user: User) -> None:
    add_address(site, actor, "anna@example.org", "ann@example.org")

    with pytest.raises(Permanent, match="no user"):
        find_user(site, "anna@example.org")
    with pytest.raises(Permanent, match="taken"):
        create_user(site, actor, "anna@example.org", "correct horse")


def test_users_are_listed_with_their_settings(site: Site, actor: Actor, user: User) -> None:
    site.clock.advance(1)  # type: ignore[attr-defined]
    bob = create_user(site, actor, "bob@other.example", "correct horse", name="Bob", quota=7)

    assert list(list_users(site)) == [user, bob]


def test_all_recipients_are_found_in_one_read(site: Site, user: User) -> None:
    store = CountingStore(site.store)

    hers = ["ann@example.org", "ann+x@example.org"]

    found = find_accounts(store, [f"nobody{n}@d{n}.example" for n in range(20)] + hers)

    assert found == dict.fromkeys(("ann@example.org", "ann+x@example.org"), user.account)
    assert store.calls.as_dict() == {"get_many": 1}
