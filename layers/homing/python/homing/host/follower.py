"""A `Follower`: somebody who is connected and hears of every account that he sees, as it moves.

What he sees may change while he listens (an account is shared with him, or no longer), and his credentials may
be revoked: both are looked at again, at once where his own account says so and else now and then. Knows states,
not how they are told. RFC 8620 §7.1; RFC 8887 §4.2.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Final

from homing.directory.credentials import Identity
from homing.errors import MethodError, Problem
from homing.host.tailer import Subscription, Tailer
from homing.host.threads import Threads
from homing.jmap.context import Context
from homing.jmap.push.accounts import visible_accounts
from homing.jmap.push.changes import Changed, Told, changed_since, known_positions, parse_token, render_token, told_of
from homing.ledger.rows import Head
from homing.site import Site

LOOK_SECONDS: Final = 30.0
"""How long one may go on listening whose credentials were revoked."""
_SETTINGS: Final = "Account"


class Follower:
    """One connection's view. `open` before all else, `close` at the end; belongs to the event loop."""

    def __init__(self, site: Site, identity: Identity, tailer: Tailer, calls: Threads) -> None:
        self._site = site
        self._identity = identity
        self._tailer = tailer
        self._calls = calls
        self._moved = asyncio.Event()
        self._subscriptions: dict[str, Subscription] = {}
        self._settings = 0
        self._told: Told = {}

    async def open(self, token: str | None) -> None:
        """Listen, from the moment on that `token` stands for, or else from now on.

        Raises:
            Problem: 403, the account is disabled.
        """
        await self._look()
        heads = self._heads()
        known = parse_token(self._identity.account, token)
        self._told = told_of(heads) if known is None else known_positions(heads, known)

    def close(self) -> None:
        """Listen no more."""
        for subscription in self._subscriptions.values():
            self._tailer.unsubscribe(subscription)
        self._subscriptions = {}

    async def take(self, types: Collection[str]) -> Changed:
        """What has moved since the last time; nothing may have. From now on it counts as told.

        Raises:
            Problem: as `open`.
        """
        self._moved.clear()  # before looking: what moves from now on is news again
        if self._own.states.get(_SETTINGS, 0) != self._settings:
            await self._look()
        heads = self._heads()
        changed = changed_since(heads, self._told, types)
        self._told = told_of(heads)
        return changed

    async def wait(self, *ends: asyncio.Event, timeout: float | None = None) -> None:
        """Until something moves, one of `ends` is set, or the time is over."""
        waits = {asyncio.ensure_future(event.wait()) for event in (self._moved, *ends)}
        try:
            await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    @property
    def token(self) -> str:
        """Stands for all that was told."""
        return render_token(self._identity.account, self._heads())

    @property
    def _own(self) -> Head:
        return self._subscriptions[self._identity.account].head

    def _heads(self) -> Mapping[str, Head]:
        return {account: subscription.head for account, subscription in self._subscriptions.items()}

    async def _look(self) -> None:
        """Subscribe to what is seen now. Subscribed first, read then: no commit can fall between the two."""
        own = self._identity.account
        if own not in self._subscriptions:
            self._subscribe(own)
            self._tailer.advance(await self._calls.run(self._tailer.read, [own]))
        settings = self._own.states.get(_SETTINGS, 0)  # as old as what is seen, or older: then it is looked at again
        seen = await self._calls.run(see, self._site, self._identity)
        for account in seen:
            if account not in self._subscriptions:
                self._subscribe(account)
        for account in set(self._subscriptions).difference(seen):
            self._tailer.unsubscribe(self._subscriptions.pop(account))
        self._tailer.advance(await self._calls.run(self._tailer.read, seen))
        self._settings = settings

    def _subscribe(self, account: str) -> None:
        self._subscriptions[account] = self._tailer.subscribe(account, self._moved)


def see(site: Site, identity: Identity) -> list[str]:
    """The accounts that a user sees, his own first.

    Raises:
        Problem: 403, he is disabled.
    """
    try:
        return visible_accounts(Context(site, identity, ""))
    except MethodError as error:
        raise Problem("about:blank", 403, error.description or error.type) from error


def is_welcome(site: Site, identity: Identity) -> bool:
    """Whether a user who signed in some time ago still could, with the same credentials."""
    credential = identity.credential
    if credential is not None and not credential.holds(site.store.get(credential.partition, credential.key)):
        return False
    try:
        Context(site, identity, "").view(identity.account)
    except MethodError:
        return False
    return True
