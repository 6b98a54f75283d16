"""Two users of one site, and mail for them to send."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from homing.directory.accounts import User, create_user
from homing.ledger.entry import Actor
from homing.site import Site
from tests.mail import message
from tests.rooms.jmap.conftest import PASSWORD, cheap_passwords
from tests.rooms.submission.posting import Sender, store

__all__ = ["cheap_passwords"]


@pytest.fixture
def user(site: Site, actor: Actor, cheap_passwords: None) -> User:
    return create_user(site, actor, "ann@example.org", PASSWORD, name="Ann")


@pytest.fixture
def ann(site: Site, user: User) -> Sender:
    return Sender(site, user)


@pytest.fixture
def bob(site: Site, actor: Actor, cheap_passwords: None) -> Sender:
    return Sender(site, create_user(site, actor, "bob@example.org", PASSWORD, name="Bob"))


@pytest.fixture
def draft(site: Site, ann: Sender) -> Callable[..., str]:
    """Puts a message of Ann's into her drafts; see `tests.mail.message`."""

    def make(to: str = "eve@example.com", **given: object) -> str:
        return store(site, ann.user, message(to=to, **{"sender": "Ann <ann@example.org>", **given}))  # type: ignore[arg-type]

    return make
