"""An account with ledger entries of which each does what a test says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from homing.ledger.entry import Actor
from homing.ledger.transact import Draft, Transaction, transact
from homing.ledger.view import View
from homing.site import Site

ACCOUNT = "a1"


@pytest.fixture
def write(site: Site, actor: Actor) -> Callable[..., None]:
    """Commits one entry for each call: `write(lambda draft: draft.create(...), ...)`."""

    def commit(*notes: Callable[[Draft], None], partition: str = ACCOUNT) -> None:
        def decide(transaction: Transaction) -> None:
            draft = transaction.draft(partition)
            for note in notes:
                note(draft)

        transact(site, actor, decide)

    return commit


@pytest.fixture
def view(site: Site) -> Callable[[], View]:
    """A fresh look at the account."""
    return lambda: View(site.store, ACCOUNT, site.clock.now())
