"""The `Store` port on one SQLite table. SQLite compares TEXT by its UTF-8 bytes, as the contract asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import apsw

from homing.adapters.sqlite.database import Database, every, first, translated
from homing.errors import StoreConflict
from homing.ports.store import ABSENT, ANY, Batch, Check, Delete, Operation, Put, Row, check_key

PAGE_ROWS: Final = 500
REAP_ROWS: Final = 1_000

_GET: Final = "SELECT body, revision, expires FROM rows WHERE partition = ? AND key = ?"
_PUT: Final = "INSERT OR REPLACE INTO rows (partition, key, revision, expires, body) VALUES (?, ?, ?, ?, ?)"
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
        """The rows that exist among `keys`."""
        rows: dict[tuple[str, str], Row] = {}
        with translated():
            reader = self._database.reader()
            for place in keys:
                check_key(*place)
                if found := first(reader, _GET, place):
                    rows[place] = Row(*place, *found)
        return rows

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
        check_key(partition, start or "-")
        if end is not None:
            check_key(partition, end)
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
    for operation in operations:
        if operation.expect != ANY:
            _expect(connection, operation)
    for operation in operations:
        if isinstance(operation, Put):
            row = operation.row
            connection.execute(_PUT, (row.partition, row.key, row.revision, row.expires, row.body))
        elif isinstance(operation, Delete):
            connection.execute(_DELETE, (operation.partition, operation.key))


def _expect(connection: apsw.Connection, operation: Put | Delete | Check) -> None:
    found = first(connection, _REVISION, (operation.partition, operation.key))
    holds = found is None if operation.expect == ABSENT else found is not None and found[0] == operation.expect
    if not holds:
        raise StoreConflict(operation.partition, operation.key)
