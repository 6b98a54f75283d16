"""`transact`: the one way in which anything is changed.

    result = transact(site, actor, decide)

`decide(transaction)` reads through drafts, notes changes in them and returns a result. Every touched
partition gets one entry, and all of it is one batch whose heads expect the positions that were read.
If another writer was first, nothing was written and `decide` is called again with fresh drafts; it must
therefore do nothing but read and note changes.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from homing.errors import HomingError, StoreConflict, Temporary
from homing.ledger import keys
from homing.ledger.apply import Applied, Writing
from homing.ledger.entry import Actor, Change, Entry, encode_body, seal
from homing.ledger.rows import Body, Head, Value, head_of
from homing.ledger.tasks import Task, put_task
from homing.ledger.view import View
from homing.ports.store import ABSENT, Batch, Check, Delete, Expectation, Operation, Put, Row, Store
from homing.site import Site

T = TypeVar("T")

ATTEMPTS: Final = 40
"""On a store with a network between, one of four busy writers of an account wins each round: in 2,000 commits
20 attempts were too few for one of them, and 40 as well until later attempts read at once (`known`)."""
FIRST_PAUSE_SECONDS: Final = 0.002
LONGEST_PAUSE_SECONDS: Final = 0.25


class Draft(View):
    """A partition with changes noted but not yet written; reading sees them."""

    def __init__(self, store: Store, partition: str, now: int) -> None:
        super().__init__(store, partition, now)
        self._changes: list[Change] = []
        self._new: set[str] = set()
        self._writing = Writing(now, super().value)
        self._after: Head | None = None

    @property
    def after(self) -> Head:
        """The head once `transact` has committed; the one that was read if nothing was noted."""
        return self._after or self.head

    def value(self, key: str) -> Value | None:
        """The value under a key as it will be after the commit."""
        return self._writing.value(key)

    def _keys_of(self, type: str) -> list[str]:
        prefix = keys.object_key(type, "")
        noted = (key for key in self._writing.written() if key.startswith(prefix))
        return sorted({*super()._keys_of(type), *noted})

    def create(self, type: str, id: str, body: Body) -> None:
        """Note a new object."""
        self._note(Change(type, id, create=body))

    def expect_absent(self, type: str, id: str) -> None:
        """Take it for granted that an object does not exist, and let the commit fail if it does.

        Saves the read by which `create` finds out; for ids that were made a moment ago.
        """
        key = keys.object_key(type, id)
        self._values.setdefault(key, None)
        self._new.add(key)

    def update(self, type: str, id: str, patch: Body) -> None:
        """Note a change of an object, as a JSON Merge Patch (RFC 7396)."""
        self._note(Change(type, id, update=patch))

    def destroy(self, type: str, id: str) -> None:
        """Note that an object goes."""
        self._note(Change(type, id, destroy=True))

    @property
    def bytes_added(self) -> int:
        """What the changes so far add to the account's usage."""
        return self._writing.bytes

    @property
    def changes(self) -> Sequence[Change]:
        """What was noted so far."""
        return self._changes

    def _note(self, change: Change) -> None:
        """Applied at once, so that what is noted next reads it, and a change that does not fit is refused here."""
        self._writing.change(change)
        self._changes.append(change)

    def operations(self, actor: Actor) -> list[Operation]:
        """The rows of this draft's entry: head, entry and everything that follows from the changes."""
        applied = self._writing.finish()
        seq = self.head.seq + 1
        entry = Entry(
            seq, self.now, actor.name, actor.protocol, actor.correlation, self.head.hash,
            tuple(self._changes), applied.touched,
        )  # fmt: skip
        body, digest = seal(entry)
        self._after = applied.head(self.head, seq, digest)
        operations = entry_operations(self.partition, self.head.seq, body, self._after.to_body(), applied)
        return [
            Put(operation.row, ABSENT) if isinstance(operation, Put) and operation.key in self._new else operation
            for operation in operations
        ]


class Transaction:
    """The drafts and tasks of one commit. `known` are the keys, by partition, that an attempt before this
    one came to read: fetched at once, they leave other writers less time to be first."""

    def __init__(self, store: Store, now: int, known: Mapping[str, Sequence[str]] | None = None) -> None:
        self._store = store
        self._known = known or {}
        self._drafts: dict[str, Draft] = {}
        self._tasks: list[Task] = []
        self.now = now

    def draft(self, partition: str, load: Iterable[str] = ()) -> Draft:
        """The draft of a partition, with its head and then the rows under the keys in `load`."""
        if partition not in self._drafts:
            self._drafts[partition] = Draft(self._store, partition, self.now)
        draft = self._drafts[partition]
        draft.load([keys.HEAD, *load, *self._known.get(partition, ())])
        return draft

    def keys_read(self) -> dict[str, list[str]]:
        """What was read, by partition."""
        return {partition: draft.keys_read() for partition, draft in self._drafts.items()}

    def put_task(self, task: Task) -> None:
        """Put work into the outbox in the same commit."""
        self._tasks.append(task)

    def is_outrun(self) -> bool:
        """Whether another writer has changed a partition since it was read, perhaps between two reads.

        Then what was read need not fit together, and an error in what was decided on it means nothing.
        """
        return any(draft.head.seq != head_of(self._store.get(id, keys.HEAD)).seq for id, draft in self._drafts.items())

    def operations(self, actor: Actor) -> list[Operation]:
        """All rows of the commit; none if nothing was noted.

        A partition that was only read must stand where it stood, too: what was decided rests on it.
        """
        changed = [draft for draft in self._drafts.values() if draft.changes]
        rows = [operation for draft in changed for operation in draft.operations(actor)]
        rows += [put_task(task) for task in self._tasks]
        read = [draft for draft in self._drafts.values() if not draft.changes] if rows else []
        return rows + [Check(draft.partition, keys.HEAD, draft.head.seq or ABSENT) for draft in read]


def transact(site: Site, actor: Actor, decide: Callable[[Transaction], T]) -> T:
    """Decide and commit, again and again until no other writer was first; return what `decide` returned.

    Raises:
        LimitExceeded: the changes do not fit into one batch; the caller decides on fewer at a time.
        Temporary: others were first `ATTEMPTS` times in a row.
    """
    known: dict[str, list[str]] = {}
    for attempt in range(ATTEMPTS):
        transaction = Transaction(site.store, site.clock.now(), known)
        try:
            result = decide(transaction)
        except HomingError:
            if not transaction.is_outrun():
                raise
            known = transaction.keys_read()
            time.sleep(_pause(attempt))
            continue
        operations = transaction.operations(actor)
        if not operations:
            return result
        try:
            site.store.commit(Batch(tuple(operations)))
        except StoreConflict:
            known = transaction.keys_read()
            time.sleep(_pause(attempt))
        else:
            return result
    raise Temporary("busy", "other writers were always first", attempts=ATTEMPTS)


def entry_operations(
    partition: str, before: int, entry: bytes, head: dict[str, Any], applied: Applied
) -> Iterable[Operation]:
    """The writes of one entry at position `before + 1`. Every row's revision is the position that wrote it."""
    seq = before + 1
    expect: Expectation = before or ABSENT
    yield Put(Row(partition, keys.HEAD, encode_body(head), seq), expect)
    yield Put(Row(partition, keys.entry_key(seq), entry, seq), ABSENT)
    for key, value in applied.rows.items():
        if value is None:
            yield Delete(partition, key)
        else:
            yield Put(Row(partition, key, encode_body(value.body), seq, value.expires))


def _pause(attempt: int) -> float:
    """A random pause that grows: two writers who met once should not meet again."""
    return random.uniform(0, min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**attempt))  # noqa: S311
