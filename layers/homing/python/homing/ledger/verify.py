"""Verify: are the entries unbroken, and are the rows what the entries say? Every finding names its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from homing.errors import Permanent
from homing.ledger import keys
from homing.ledger.entry import GENESIS, Entry, unseal
from homing.ledger.replay import Progress, replay
from homing.ledger.rows import head_of
from homing.ports.store import Row, Store


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as the ledger says. `seq` is the entry concerned: the damaged one, or the
    one that last wrote the damaged row; None where no entry ever wrote such a row."""

    partition: str
    key: str
    what: str
    seq: int | None

    def __str__(self) -> str:
        where = f"entry {self.seq}" if self.seq is not None else "no entry"
        return f"{self.partition} {self.key}: {self.what} ({where})"


def verify(
    source: Store, partition: str, scratch: Store, now: int, progress: Progress = lambda _: None
) -> list[Finding]:
    """Check a partition: the chain first, then every row against a replay into `scratch` (empty).

    `now` (ms) decides which rows may have expired.
    """
    return list(verify_chain(source, partition)) or verify_rows(source, partition, scratch, now, progress)


def verify_rows(
    source: Store, partition: str, scratch: Store, now: int, progress: Progress = lambda _: None
) -> list[Finding]:
    """Replay a partition into `scratch` (empty) and compare every row, byte for byte; `now` as in `verify`."""
    try:
        replay(source, partition, scratch, progress)
    except Permanent as error:
        seq = error.fields.get("seq")
        return [Finding(partition, keys.entry_key(seq or 0), error.description, seq)]
    return list(_compare(source, scratch, partition, now))


def verify_chain(store: Store, partition: str) -> Iterator[Finding]:
    """Check every entry's own hash, its place, the link to the one before, and the head's link to the last."""
    digest, seq, sound = GENESIS, 0, True
    for row in store.scan(partition, *keys.prefix_range(keys.ENTRY_PREFIX)):
        for missing in range(seq + 1, _position(row, seq + 1)):
            yield Finding(partition, keys.entry_key(missing), "the entry is missing", missing)
            sound = False
        seq = _position(row, seq + 1)
        fault, entry, own = _examine(row, seq)
        if fault:
            yield Finding(partition, row.key, fault, seq)
        elif entry is not None and sound and entry.previous != digest:
            wrong = max(seq - 1, 1)  # nothing lies before the first entry: it is itself the wrong one
            yield Finding(
                partition, keys.entry_key(wrong), f"the entry is not the one that entry {seq} followed", wrong
            )
        sound, digest = not fault, own
    yield from _check_head(store, partition, seq, digest, sound=sound)


def _check_head(store: Store, partition: str, seq: int, digest: str, *, sound: bool) -> Iterator[Finding]:
    row = store.get(partition, keys.HEAD)
    try:
        head = head_of(row)
    except (Permanent, msgspec.MsgspecError, ValueError, LookupError, TypeError):
        yield Finding(partition, keys.HEAD, "the head is not readable", seq)
        return
    if row is not None and (type(head.seq) is not int or head.seq != row.revision):
        yield Finding(partition, keys.HEAD, "the head was altered", seq)
        return
    for missing in range(seq + 1, min(head.seq, seq + 1_000) + 1):
        yield Finding(partition, keys.entry_key(missing), "the entry is missing", missing)
    if head.seq < seq:
        yield Finding(partition, keys.HEAD, f"the head stands at {head.seq}, the last entry is {seq}", head.seq)
    elif head.seq == seq and sound and head.hash != digest:
        yield Finding(partition, keys.HEAD, f"entry {seq} is not the one that the head followed", seq)


def _examine(row: Row, seq: int) -> tuple[str, Entry | None, str]:
    """(what is wrong or "", the entry, its hash)."""
    try:
        entry, digest = unseal(row.body)
    except Permanent:
        return "the entry was altered", None, ""
    if entry.seq != seq:
        return f"entry {entry.seq} lies in its place", None, ""
    if row.revision != seq:
        return "the entry's revision was altered", entry, digest
    return "", entry, digest


def _position(row: Row, expected: int) -> int:
    digits = row.key.removeprefix(keys.ENTRY_PREFIX)
    return int(digits) if digits.isdigit() and row.key == keys.entry_key(int(digits)) else expected


def _compare(source: Store, scratch: Store, partition: str, now: int) -> Iterator[Finding]:
    """Both sides in key order, like a merge; a row that has expired may be missing."""
    rows, replayed = source.scan(partition), scratch.scan(partition)
    row, want = next(rows, None), next(replayed, None)
    while row is not None or want is not None:
        if want is None or (row is not None and _order(row) < _order(want)):
            assert row is not None  # noqa: S101  # for the type checker: one of the two is there
            yield Finding(partition, row.key, "no entry wrote this row", None)
            row = next(rows, None)
        elif row is None or _order(want) < _order(row):
            if want.expires is None or want.expires * 1000 > now:
                yield Finding(partition, want.key, "the row is missing", want.revision)
            want = next(replayed, None)
        else:
            if (row.body, row.revision, row.expires) != (want.body, want.revision, want.expires):
                yield Finding(partition, row.key, "the row was altered", want.revision)
            row, want = next(rows, None), next(replayed, None)


def _order(row: Row) -> bytes:
    return row.key.encode()
