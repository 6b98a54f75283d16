"""Replay: the entries of a partition, applied from the first, give its rows again, byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from homing.errors import Permanent
from homing.ledger import keys
from homing.ledger.apply import apply
from homing.ledger.entry import Entry, unseal
from homing.ledger.rows import Head, Value, value_of
from homing.ledger.transact import entry_operations
from homing.ports.store import MAX_BATCH_OPERATIONS, Batch, Store

Progress = Callable[[int], None]
"""Told how many entries are done."""


def entries(store: Store, partition: str, *, after: int = 0) -> Iterator[tuple[bytes, Entry, str]]:
    """(row body, entry, hash) of each entry of a ledger, in order.

    Raises:
        Permanent: ("badEntry") an entry is altered, missing or out of place; `seq` names it.
    """
    expected = after
    for row in store.scan(partition, *keys.prefix_range(keys.ENTRY_PREFIX)):
        if row.key < keys.entry_key(after + 1):
            continue
        expected += 1
        if row.key != keys.entry_key(expected):
            raise Permanent("badEntry", "an entry is missing", seq=expected)
        entry, digest = _unseal(row.body, expected)
        if entry.seq != expected:
            raise Permanent("badEntry", "an entry lies in another's place", seq=expected, found=entry.seq)
        yield row.body, entry, digest


def replay(source: Store, partition: str, target: Store, progress: Progress = lambda _: None) -> Head:
    """Apply every entry of `partition` in `source` to `target`, which holds nothing of it; return the head.

    Raises:
        Permanent: as `entries`; or an entry that does not follow from the ones before it.
    """
    head = Head()
    for body, entry, digest in entries(source, partition):
        if entry.previous != head.hash:
            raise Permanent("badEntry", "the entry does not follow the one before it", seq=entry.seq)
        head = _replay_entry(partition, target, head, body, entry, digest)
        progress(entry.seq)
    return head


def _replay_entry(partition: str, target: Store, head: Head, body: bytes, entry: Entry, digest: str) -> Head:
    def read(key: str) -> Value | None:
        return value_of(target.get(partition, key), entry.at)

    try:
        applied = apply(entry.changes, entry.at, read)
    except (Permanent, KeyError, TypeError, AttributeError) as error:
        raise Permanent(
            "badEntry", "the entry does not fit what came before", seq=entry.seq, detail=str(error)
        ) from error
    if applied.touched != entry.touched:
        raise Permanent("badEntry", "the entry's list of touched objects is not what it does", seq=entry.seq)
    after = applied.head(head, entry.seq, digest)
    operations = list(entry_operations(partition, head.seq, body, after.to_body(), applied))
    for start in range(0, len(operations), MAX_BATCH_OPERATIONS):
        target.commit(Batch(tuple(operations[start : start + MAX_BATCH_OPERATIONS])))
    return after


def _unseal(body: bytes, seq: int) -> tuple[Entry, str]:
    try:
        return unseal(body)
    except Permanent as error:
        raise Permanent("badEntry", error.description, seq=seq) from error
