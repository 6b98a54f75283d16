"""The `Store` port on one SQLite table. SQLite compares TEXT by its UTF-8 bytes, as the contract asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import apsw

from homing.adapters.sqlite.database import Database, every, first, translated
from homing.errors import StoreConflict
from homing.ports.store import (
    ABSENT,
    ANY,
    Batch,
    Check,
    Delete,
    Expectation,
    Operation,
    Put,
    Row,
    check_key,
    check_range,
)

PAGE_ROWS: Final = 500
GET_KEYS: Final = 128
REAP_ROWS: Final = 1_000

_GET: Final = "SELECT body, revision, expires FROM rows WHERE partition = ? AND key = ?"
_PUT: Final = "INSERT OR REPLACE INTO rows (partition, key, revision, expires, body) VALUES (?, ?, ?, ?, ?)"
_INSERT: Final = "INSERT OR IGNORE INTO rows (partition, key, revision, expires, body) VALUES (?, ?, ?, ?, ?)"
_UPDATE: Final = "UPDATE rows SET revision = ?, expires = ?, body = ? WHERE partition = ? AND key = ? AND revision = ?"
_DELETE_REVISION: Final = "DELETE FROM rows WHERE partition = ? AND key = ? AND revision = ?"
_DELETE: Final = "DELETE FROM rows WHERE partition = ? AND key = ?"
_REVISION: Final = "SELECT revision FROM rows WHERE partition = ? AND key = ?"
_REAP: Final = (
    "DELETE FROM rows WHERE (partition, key) IN "
    "(SELECT partition, key FROM rows WHERE expires IS NOT NULL AND expires < ? LIMIT ?)"
)


class SqliteStore:
    """Ordered rows in the site's file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, partition: str, key: str) -> Row | None:
        """The row, or None."""
        check_key(partition, key)
        with translated():
            found = first(self._database.reader(), _GET, (partition, key))
        return Row(partition, key, *found) if found else None

    def get_many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
        """The rows that exist among `keys`, by one statement for each partition and `GET_KEYS`: half the
        time of one for each key."""
        by_partition: dict[str, dict[str, None]] = {}
        for partition, key in keys:
            check_key(partition, key)
            by_partition.setdefault(partition, {})[key] = None
        rows: dict[tuple[str, str], Row] = {}
        for partition, wanted in by_partition.items():
            names = list(wanted)
            for start in range(0, len(names), GET_KEYS):
                for row in self._some(partition, names[start : start + GET_KEYS]):
                    rows[partition, row.key] = row
        return rows

    def _some(self, partition: str, keys: list[str]) -> Iterator[Row]:
        """The list is filled up to a power of two, so that a few statements serve every length from the cache."""
        length = 1 << (len(keys) - 1).bit_length()
        marks = ",".join("?" * length)
        sql = f"SELECT key, body, revision, expires FROM rows WHERE partition = ? AND key IN ({marks})"  # noqa: S608
        with translated():
            found = every(self._database.reader(), sql, (partition, *keys, *keys[-1:] * (length - len(keys))))
        return (Row(partition, key, body, revision, expires) for key, body, revision, expires in found)

    def scan(
        self,
        partition: str,
        start: str = "",
        end: str | None = None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Iterator[Row]:
        """Rows with `start <= key < end`; read in pages, so that no read transaction stays open."""
        check_range(partition, start, end)
        return self._pages(partition, start, end, reverse, limit)

    def partitions(self, prefix: str = "") -> Iterator[str]:
        """Every partition that begins with `prefix`, by one look-up each."""
        last = prefix
        sql = "SELECT min(partition) FROM rows WHERE partition >= ?"
        while True:
            with translated():
                found = first(self._database.reader(), sql, (last,))
            if found is None or found[0] is None or not found[0].startswith(prefix):
                return
            last = found[0]
            yield last
            sql = "SELECT min(partition) FROM rows WHERE partition > ?"

    def commit(self, batch: Batch) -> None:
        """Write the whole batch durably, or raise StoreConflict and write nothing."""
        self._database.write(lambda connection: _apply(connection, batch.operations))

    def reap(self, now: int) -> int:
        """Remove some rows that expired before `now` (Unix seconds); return how many."""

        def work(connection: apsw.Connection) -> int:
            connection.execute(_REAP, (now, REAP_ROWS))
            return connection.changes()

        return self._database.write(work)

    def _pages(self, partition: str, start: str, end: str | None, reverse: bool, limit: int | None) -> Iterator[Row]:
        """Page by page; `limit` counts down, and each page begins where the last one ended."""
        lower, upper, after = start, end, ">="
        while limit is None or limit > 0:
            size = PAGE_ROWS if limit is None else min(limit, PAGE_ROWS)
            condition = f"key {after} ?" + ("" if upper is None else " AND key < ?")
            sql = (
                f"SELECT key, body, revision, expires FROM rows WHERE partition = ? AND {condition} "  # noqa: S608
                f"ORDER BY key {'DESC' if reverse else 'ASC'} LIMIT ?"
            )
            bounds = (lower,) if upper is None else (lower, upper)
            with translated():
                page = every(self._database.reader(), sql, (partition, *bounds, size))
            for key, body, revision, expires in page:
                yield Row(partition, key, body, revision, expires)
            if len(page) < size:
                return
            if reverse:
                upper = page[-1][0]
            else:
                lower, after = page[-1][0], ">"
            limit = None if limit is None else limit - size


def _apply(connection: apsw.Connection, operations: Sequence[Operation]) -> None:
    """Each operation is one statement that does nothing where its expectation fails; the caller undoes the rest."""
    for operation in operations:
        if not _done(connection, operation):
            raise StoreConflict(operation.partition, operation.key)


def _done(connection: apsw.Connection, operation: Operation) -> bool:
    place = (operation.partition, operation.key)
    expect = operation.expect
    if isinstance(operation, Put):
        return _put(connection, operation.row, expect)
    if isinstance(operation, Delete) and expect == ANY:
        connection.execute(_DELETE, place)
        return True
    if isinstance(operation, Check) or expect == ABSENT:
        found = first(connection, _REVISION, place)
        return found is None if expect == ABSENT else found is not None and found[0] == expect
    connection.execute(_DELETE_REVISION, (*place, expect))
    return connection.changes() == 1


def _put(connection: apsw.Connection, row: Row, expect: Expectation) -> bool:
    if expect == ANY:
        connection.execute(_PUT, (row.partition, row.key, row.revision, row.expires, row.body))
        return True
    if expect == ABSENT:
        connection.execute(_INSERT, (row.partition, row.key, row.revision, row.expires, row.body))
    else:
        connection.execute(_UPDATE, (row.revision, row.expires, row.body, row.partition, row.key, expect))
    return connection.changes() == 1
