"""The `Store` port: ordered rows in partitions, and batches that are written whole or not at all.

The contract is DynamoDB's, on every adapter. Its limits live in `Batch` and `check_key` here, not in
the adapters, so that no adapter can be more generous than another:

- a partition is 1 to 2,048 bytes of UTF-8, a key 1 to 1,024;
- keys sort by their UTF-8 bytes (so U+FFFF sorts before U+10000, unlike UTF-16);
- a row (partition + key + body + `ROW_OVERHEAD`) is at most 400 KB;
- a batch has 1 to 100 operations of together at most 4 MB, and each (partition, key) at most once.

There are no secondary indexes: an index row is a row of the same batch.

Limits: DynamoDB Developer Guide, "Service, account, and table quotas" and "TransactWriteItems".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol

from homing.errors import LimitExceeded, Permanent

MAX_PARTITION_BYTES: Final = 2_048
MAX_KEY_BYTES: Final = 1_024
MAX_ROW_BYTES: Final = 400 * 1_024
MAX_BATCH_OPERATIONS: Final = 100
MAX_BATCH_BYTES: Final = 4 * 1_024 * 1_024
ROW_OVERHEAD: Final = 64
"""Bytes that attribute names, the revision and the expiry take at most in DynamoDB's own count."""

Expectation = int | Literal["absent", "any"]
"""What must be true of the stored row: this revision, no row at all, or nothing in particular."""

ABSENT: Final = "absent"
ANY: Final = "any"


class Row(NamedTuple):
    """A stored row. `revision` is the writer's number for this version of the row (>= 0);
    `expires` is a Unix time in seconds after which the row may vanish at any moment, or None.

    A tuple, because scans make thousands, and one takes half the time of a frozen dataclass.
    """

    partition: str
    key: str
    body: bytes
    revision: int = 0
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class Put:
    """Write `row`, replacing what is there, if `expect` holds."""

    row: Row
    expect: Expectation = ANY

    @property
    def partition(self) -> str:
        return self.row.partition

    @property
    def key(self) -> str:
        return self.row.key

    @property
    def size(self) -> int:
        return row_size(self.row.partition, self.row.key, self.row.body)


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the row, if `expect` holds. Deleting a row that is not there succeeds under `ANY`."""

    partition: str
    key: str
    expect: Expectation = ANY

    @property
    def size(self) -> int:
        return row_size(self.partition, self.key, b"")


@dataclass(frozen=True, slots=True)
class Check:
    """Write nothing; the batch fails unless `expect` holds (`ANY` is refused: it would say nothing)."""

    partition: str
    key: str
    expect: Expectation

    @property
    def size(self) -> int:
        return row_size(self.partition, self.key, b"")


Operation = Put | Delete | Check


@dataclass(frozen=True, slots=True)
class Batch:
    """Operations that are written together. Checked against every limit when it is made.

    Raises:
        LimitExceeded: too many operations, too many bytes, a row or key too large.
        Permanent: an empty batch, a key that occurs twice or that is not text, a check of `ANY`.
    """

    operations: tuple[Operation, ...]

    def __post_init__(self) -> None:
        if not self.operations:
            raise Permanent("emptyBatch", "a batch needs at least one operation")
        if len(self.operations) > MAX_BATCH_OPERATIONS:
            raise LimitExceeded("operations in a batch", MAX_BATCH_OPERATIONS, len(self.operations))
        seen: set[tuple[str, str]] = set()
        for operation in self.operations:
            _check_operation(operation, seen)
        total = sum(operation.size for operation in self.operations)
        if total > MAX_BATCH_BYTES:
            raise LimitExceeded("bytes in a batch", MAX_BATCH_BYTES, total)


class Store(Protocol):
    """Ordered rows by (partition, key). Every read is strongly consistent; every method is safe to
    call from several threads at once.

    Every method raises `Temporary` where the same call may succeed later (throttling, a lost
    connection) and `Permanent` where it cannot. A bad partition or key is refused as in `check_key`.
    """

    def get(self, partition: str, key: str) -> Row | None:
        """The row, or None."""
        ...

    def get_many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
        """The rows that exist among `keys` (any number, repeats allowed); what is absent is left out.

        One round trip for each 100 keys. Rows of one call may stem from different moments.
        """
        ...

    def scan(
        self,
        partition: str,
        start: str = "",
        end: str | None = None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Iterator[Row]:
        """Rows with `start <= key < end` in key order, or from the last one backwards.

        `start=""` is the first key, `end=None` the last; a range that ends where it begins, or before,
        is empty. Bounds are checked when the scan is made. Lazy: pages are read as they are used,
        so no size of result is too large; a row written meanwhile may or may not be seen.
        """
        ...

    def partitions(self, prefix: str = "") -> Iterator[str]:
        """Every partition that has a row and begins with `prefix`, each once, in byte order.

        For whole-site work (verify, archive, move). Its cost grows with the site, so no request
        may call it.
        """
        ...

    def commit(self, batch: Batch) -> None:
        """Write the whole batch durably, or nothing.

        Raises:
            StoreConflict: an expectation failed (names the first such key), or another batch was
                under way on the same row. Nothing was written. Only a batch of one may meet itself:
                its answer was lost, it was sent again, and found what it had written.
            Temporary: try again, after reading: if the answer was lost, the batch is written.
        """
        ...


def row_size(partition: str, key: str, body: bytes) -> int:
    """The bytes that a row counts for against the limits."""
    return len(partition.encode()) + len(key.encode()) + len(body) + ROW_OVERHEAD


def check_key(partition: str, key: str) -> None:
    """Refuse names that some adapter could not store.

    Raises:
        LimitExceeded: partition or key too long.
        Permanent: empty, or not encodable as UTF-8 (a lone surrogate).
    """
    _check_name("partition", partition, MAX_PARTITION_BYTES)
    _check_name("key", key, MAX_KEY_BYTES)


def check_range(partition: str, start: str, end: str | None) -> None:
    """Refuse the bounds of a scan as `check_key` does; `start=""` is none."""
    check_key(partition, start or "-")
    if end is not None:
        check_key(partition, end)


def _check_name(what: str, name: str, maximum: int) -> None:
    try:
        size = len(name.encode())
    except UnicodeEncodeError as error:
        raise Permanent("badKey", f"the {what} is not valid Unicode", name=ascii(name)) from error
    if not size:
        raise Permanent("badKey", f"the {what} is empty")
    if size > maximum:
        raise LimitExceeded(f"bytes in a {what}", maximum, size)


def _check_operation(operation: Operation, seen: set[tuple[str, str]]) -> None:
    check_key(operation.partition, operation.key)
    place = (operation.partition, operation.key)
    if place in seen:
        raise Permanent("keyTwice", "a batch may name a key only once", partition=place[0], key=place[1])
    seen.add(place)
    if isinstance(operation, Check) and operation.expect == ANY:
        raise Permanent("emptyCheck", "a check of ANY checks nothing", partition=place[0], key=place[1])
    if operation.size > MAX_ROW_BYTES:
        raise LimitExceeded("bytes in a row", MAX_ROW_BYTES, operation.size, key=operation.key)
