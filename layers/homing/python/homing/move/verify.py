"""Is the site whole? Every ledger against its rows, and every email against its raw message.

Works on a site that is in use: what looks wrong in a ledger that moved meanwhile is looked at again.
Nothing is written but scratch copies of rows, one partition at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from homing.errors import HomingError
from homing.ledger import keys
from homing.ledger.entry import decode_body
from homing.ledger.verify import Finding, verify, verify_rows
from homing.ports.blobs import Blobs
from homing.ports.store import Store
from homing.site import Site

LOOKS: Final = 5
"""How often a ledger that moves while it is looked at is looked at."""

Scratch = Callable[[], AbstractContextManager[Store]]
"""Makes an empty store, which is gone when the context ends."""
Check = Callable[[Store, str, Store, int, Callable[[int], None]], list[Finding]]


@dataclass(slots=True)
class Looked:
    """How much was looked at so far."""

    ledgers: int = 0
    entries: int = 0
    emails: int = 0
    blobs: int = 0


Progress = Callable[[Looked], None]


def ledgers_of(store: Store) -> list[str]:
    """Every partition of the site that has a ledger."""
    return [partition for partition in store.partitions() if keys.is_ledger(partition)]


def verify_ledgers(
    site: Site, partitions: Iterable[str], scratch: Scratch, looked: Looked, progress: Progress
) -> Iterator[Finding]:
    """Check the chain of each ledger, then every row against a replay."""
    return _each(site, partitions, scratch, (verify, looked, progress))


def replay_ledgers(
    site: Site, partitions: Iterable[str], scratch: Scratch, looked: Looked, progress: Progress
) -> Iterator[Finding]:
    """Replay each ledger and compare every row."""
    return _each(site, partitions, scratch, (verify_rows, looked, progress))


def verify_blobs(
    site: Site, partitions: Iterable[str], looked: Looked, progress: Progress, *, hashing: bool = True
) -> Iterator[Finding]:
    """Check that each email's raw message is there with its size, and, when `hashing`, that its bytes are its name's.

    A message that many accounts share is read once.
    """
    faults: dict[str, str] = {}
    for partition in partitions:
        for row in site.store.scan(partition, *keys.prefix_range(keys.object_key("Email", ""))):
            digest, size = _blob_of(row.body)
            if digest not in faults:
                faults[digest] = _fault(site.blobs, digest, size, hashing=hashing) if digest else "it names no blob"
                looked.blobs += 1
            if fault := faults[digest]:
                yield Finding(partition, row.key, fault, row.revision)
            looked.emails += 1
            progress(looked)


def _each(
    site: Site, partitions: Iterable[str], scratch: Scratch, how: tuple[Check, Looked, Progress]
) -> Iterator[Finding]:
    check, looked, progress = how
    for partition in partitions:
        before = looked.entries

        def tell(entries: int, before: int = before) -> None:
            looked.entries = before + entries
            progress(looked)

        yield from _until_still(site, partition, scratch, check, tell)
        looked.ledgers += 1
        progress(looked)


def _until_still(
    site: Site, partition: str, scratch: Scratch, check: Check, tell: Callable[[int], None]
) -> list[Finding]:
    """What is wrong with a ledger that nobody changed while it was looked at."""
    for _ in range(LOOKS):
        before = site.store.get(partition, keys.HEAD)
        with scratch() as empty:
            findings = check(site.store, partition, empty, site.clock.now(), tell)
        if not findings or site.store.get(partition, keys.HEAD) == before:
            return findings
    return [Finding(partition, keys.HEAD, "this ledger changes too fast to be checked; try again", None)]


def _blob_of(body: bytes) -> tuple[str, int]:
    """(digest, size) of an email's record; ("", 0) if it is damaged."""
    try:
        record: Any = decode_body(body)
        return str(record["blob"]), int(record["size"])
    except (msgspec.MsgspecError, UnicodeError, LookupError, TypeError, ValueError):
        return "", 0


def _fault(blobs: Blobs, digest: str, size: int, *, hashing: bool) -> str:
    """What is wrong with a blob, or ""."""
    try:
        found = blobs.size(digest)
        if found is None:
            return f"its blob {digest} is missing"
        if found != size:
            return f"its blob {digest} has {found} bytes instead of {size}"
        if hashing and _hash(blobs.open(digest) or ()) != digest:
            return f"the bytes of its blob {digest} were altered"
    except HomingError as error:  # a damaged blob is what this looks for; it must not end the search
        return f"its blob {digest} cannot be read: {error}"
    return ""


def _hash(pieces: Iterable[bytes]) -> str:
    hasher = hashlib.sha256()
    for piece in pieces:
        hasher.update(piece)
    return hasher.hexdigest()
