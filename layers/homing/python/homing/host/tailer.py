"""Who waits for changes of an account, and how they hear of them.

`NotifyingStore` tells of each commit of this process, from the batch itself: the head in it says where
every type stands, so nothing is read again. Commits of other processes on the same site (an import, the
functions of a cloud home) are found by `Tailer.poll`, which reads the heads of accounts that somebody listens
to. Knows states, not what they mean to a client.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from homing.errors import HomingError
from homing.host.threads import Threads
from homing.ledger import keys
from homing.ledger.rows import Head, head_of
from homing.ports.store import Batch, Put, Row, Store

Notice = Callable[[Batch], None]

POLL_SECONDS: Final = 1.0


class NotifyingStore:
    """A `Store` that tells, after each commit of this process and in its thread, what was written."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._notices: list[Notice] = []

    def tell(self, notice: Notice) -> None:
        """Call `notice` with each batch from now on, once it is durable. It must be quick and not raise."""
        self._notices.append(notice)

    def get(self, partition: str, key: str) -> Row | None:
        """As the store."""
        return self._store.get(partition, key)

    def get_many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
        """As the store."""
        return self._store.get_many(keys)

    def scan(
        self,
        partition: str,
        start: str = "",
        end: str | None = None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Iterator[Row]:
        """As the store."""
        return self._store.scan(partition, start, end, reverse=reverse, limit=limit)

    def partitions(self, prefix: str = "") -> Iterator[str]:
        """As the store."""
        return self._store.partitions(prefix)

    def commit(self, batch: Batch) -> None:
        """As the store, and then the notices."""
        self._store.commit(batch)
        self.announce(batch)

    def announce(self, batch: Batch) -> None:
        """Tell of a commit that another process made, as of one of our own."""
        for notice in self._notices:
            notice(batch)


@dataclass(eq=False, slots=True)
class Subscription:
    """One listener to one account. `head` is the newest that is known; `moved` is set whenever it moves."""

    account: str
    head: Head
    moved: asyncio.Event

    def advance(self, head: Head) -> None:
        """Take a head, unless it is older than the one that is known: commits may be told out of order."""
        if head.seq > self.head.seq:
            self.head = head
            self.moved.set()


class Tailer:
    """The subscriptions of this process. All methods but `committed` belong to the event loop's thread."""

    def __init__(self, store: Store, loop: asyncio.AbstractEventLoop) -> None:
        self._store = store
        self._loop = loop
        self._subscriptions: Mapping[str, frozenset[Subscription]] = {}

    def subscribe(self, account: str, moved: asyncio.Event) -> Subscription:
        """Listen to an account from now on; its head is not known before the first commit or `read`. `moved` may
        be one for several accounts."""
        subscription = Subscription(account, Head(), moved)
        self._replace(account, self.of(account) | {subscription})
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Listen no more."""
        self._replace(subscription.account, self.of(subscription.account) - {subscription})

    def of(self, account: str) -> frozenset[Subscription]:
        """Who listens to an account."""
        return self._subscriptions.get(account, frozenset())

    @property
    def accounts(self) -> Sequence[str]:
        """The accounts that somebody listens to."""
        return tuple(self._subscriptions)

    def committed(self, batch: Batch) -> None:
        """A notice for `NotifyingStore`: runs in the committing thread."""
        listened = self._subscriptions  # replaced as a whole, never altered
        heads = [
            (operation.partition, operation.row)
            for operation in batch.operations
            if isinstance(operation, Put) and operation.row.key == keys.HEAD and operation.partition in listened
        ]
        if heads and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.advance, {account: head_of(row) for account, row in heads})

    def read(self, accounts: Sequence[str]) -> dict[str, Head]:
        """The heads as they stand, in one call of the store; in any thread."""
        rows = self._store.get_many([(account, keys.HEAD) for account in accounts])
        return {account: head_of(rows.get((account, keys.HEAD))) for account in accounts}

    def advance(self, heads: Mapping[str, Head]) -> None:
        """Tell whoever listens."""
        for account, head in heads.items():
            for subscription in self.of(account):
                subscription.advance(head)

    async def poll(self, calls: Threads) -> None:
        """Look for commits of other processes, for ever; `calls` run the reading."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if accounts := self.accounts:
                with contextlib.suppress(HomingError):  # the store is busy: next time
                    self.advance(await calls.run(self.read, accounts))

    def _replace(self, account: str, listeners: frozenset[Subscription]) -> None:
        others = {other: those for other, those in self._subscriptions.items() if other != account}
        self._subscriptions = {**others, account: listeners} if listeners else others
