"""Passwords and tokens: who gets in, who does not, and what is never stored."""

from __future__ import annotations

import pytest

from homing.directory.accounts import User, create_user, set_user
from homing.directory.credentials import (
    Identity,
    PasswordMemory,
    authenticate_password,
    authenticate_token,
    create_token,
)
from homing.ledger.entry import Actor
from homing.site import Site
from tests.doubles import CountingStore

LOGIN, PASSWORD = "ann@example.org", "correct horse"


@pytest.fixture
def memory() -> PasswordMemory:
    return PasswordMemory()


def test_the_right_password_says_who_it_is(site: Site, user: User, memory: PasswordMemory) -> None:
    for _ in range(2):
        found = authenticate_password(site.store, "ANN@example.org", PASSWORD, memory)
        assert found == Identity(LOGIN, user.account)


@pytest.mark.parametrize("password", ["", "correct horsE", "correct horse ", "\0", "\ud800", "x" * 100_000])
def test_a_wrong_password_says_nothing(site: Site, user: User, memory: PasswordMemory, password: str) -> None:
    assert authenticate_password(site.store, LOGIN, PASSWORD, memory) is not None
    assert authenticate_password(site.store, LOGIN, password, memory) is None


@pytest.mark.parametrize("login", ["bob@example.org", "ann@other.example", "", "ann", "\udcff@x", "ann+x@example.org"])
def test_an_unknown_login_says_nothing(site: Site, user: User, memory: PasswordMemory, login: str) -> None:
    assert authenticate_password(site.store, login, PASSWORD, memory) is None


def test_a_new_password_ends_the_old_one_at_once(site: Site, actor: Actor, user: User, memory: PasswordMemory) -> None:
    assert authenticate_password(site.store, LOGIN, PASSWORD, memory) is not None

    set_user(site, actor, LOGIN, password="battery staple")

    assert authenticate_password(site.store, LOGIN, PASSWORD, memory) is None
    assert authenticate_password(site.store, LOGIN, "battery staple", memory) is not None


def test_one_persons_password_is_not_anothers(site: Site, actor: Actor, user: User, memory: PasswordMemory) -> None:
    create_user(site, actor, "bob@example.org", "battery staple")
    assert authenticate_password(site.store, LOGIN, PASSWORD, memory) is not None

    assert authenticate_password(site.store, "bob@example.org", PASSWORD, memory) is None


def test_a_sign_in_takes_one_read(site: Site, user: User, memory: PasswordMemory) -> None:
    store = CountingStore(site.store)

    authenticate_password(store, LOGIN, PASSWORD, memory)

    assert store.calls.as_dict() == {"get": 1}


def test_a_token_says_who_it_is(site: Site, actor: Actor, user: User) -> None:
    token = create_token(site, actor, Identity(LOGIN, user.account), "laptop")

    assert authenticate_token(site.store, token) == Identity(LOGIN, user.account)


def test_a_token_is_as_unlike_another_as_can_be(site: Site, actor: Actor, user: User) -> None:
    identity = Identity(LOGIN, user.account)

    assert create_token(site, actor, identity) != create_token(site, actor, identity)


@pytest.mark.parametrize(
    "change",
    [lambda t: t[:-1], lambda t: t + "0", lambda t: t.upper(), lambda t: "x" + t, lambda t: t.rpartition("_")[0],
     lambda t: t.rpartition("_")[0] + "_", lambda t: ""],
)  # fmt: skip
def test_a_token_that_is_not_quite_right_says_nothing(site: Site, actor: Actor, user: User, change) -> None:
    token = create_token(site, actor, Identity(LOGIN, user.account))

    assert authenticate_token(site.store, change(token)) is None


@pytest.mark.parametrize("token", ["homing", "homing__", "homing_../h_x", "homing_ä_x", "homing_" + "x" * 5_000 + "_y",
                                   "\ud800", "homing_k_\ud800", "homing_\0_x"])  # fmt: skip
def test_any_text_may_be_tried_as_a_token(site: Site, user: User, token: str) -> None:
    assert authenticate_token(site.store, token) is None


def test_neither_password_nor_token_is_stored(site: Site, actor: Actor, user: User) -> None:
    secret = create_token(site, actor, Identity(LOGIN, user.account)).rpartition("_")[2]
    stored = b"".join(row.body for partition in site.store.partitions() for row in site.store.scan(partition))

    assert PASSWORD.encode() not in stored
    assert secret.encode() not in stored
