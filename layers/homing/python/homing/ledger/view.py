"""Reading one partition: its head, then objects, each row fetched once and kept for the view's life.

A view is as old as its head or newer in part: a row may have been written after the head was read.
For an answer that names a state this is the safe order (a client hears of a change twice, never not at
all); a `Draft` on an old view fails to commit and is decided again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

from homing.ledger import keys
from homing.ledger.rows import Body, Head, Value, head_of, value_of
from homing.ports.store import Row, Store


class View:
    """One partition as read by one request. `now` (ms) decides what has expired."""

    def __init__(self, store: Store, partition: str, now: int) -> None:
        self._store = store
        self.partition = partition
        self.now = now
        self._values: dict[str, Value | None] = {}
        self._listed: dict[str, list[str]] = {}

    @cached_property
    def head(self) -> Head:
        """The head when it was first asked for; costs one read if `load` has not brought it."""
        return head_of(self._store.get(self.partition, keys.HEAD))

    def load(self, wanted: Iterable[str]) -> None:
        """Fetch the rows that are not here yet, in one call of the store. Asking for `keys.HEAD` brings the head.

        The head comes in a call of its own, first: rows of one call may stem from different moments, and a
        row older than the head would be lost work of another writer that no expectation notices.
        """
        missing = [key for key in dict.fromkeys(wanted) if key not in self._values]
        if keys.HEAD in missing:
            missing.remove(keys.HEAD)
            _ = self.head
        if not missing:
            return
        found = self._store.get_many([(self.partition, key) for key in missing])
        for key in missing:
            self._values[key] = value_of(found.get((self.partition, key)), self.now)

    def keys_read(self) -> list[str]:
        """Keys of the rows that were fetched, there or not."""
        return list(self._values)

    def value(self, key: str) -> Value | None:
        """The value under a key; fetched if `load` has not brought it."""
        if key not in self._values:
            self._values[key] = value_of(self._store.get(self.partition, key), self.now)
        return self._values[key]

    def body(self, key: str) -> Body | None:
        """The decoded body under a key; not to be altered in place."""
        value = self.value(key)
        return value.body if value else None

    def object(self, type: str, id: str) -> Body | None:
        """An object's body; not to be altered in place."""
        return self.body(keys.object_key(type, id))

    def objects(self, type: str, ids: Iterable[str]) -> dict[str, Body]:
        """The objects that exist among `ids`, in one call of the store."""
        wanted = list(dict.fromkeys(ids))
        self.load(keys.object_key(type, id) for id in wanted)
        return {id: body for id in wanted if (body := self.object(type, id)) is not None}

    def all_objects(self, type: str) -> dict[str, Body]:
        """Every object of a type by id, in order of id. For types with few objects."""
        prefix = keys.object_key(type, "")
        if type not in self._listed:
            rows = self.scan(*keys.prefix_range(prefix))
            self._listed[type] = [row.key for row in rows if self._values.setdefault(row.key, value_of(row, self.now))]
        found = ((key.removeprefix(prefix), self.body(key)) for key in self._keys_of(type))
        return {id: body for id, body in found if body is not None}

    def _keys_of(self, type: str) -> list[str]:
        return self._listed[type]

    def scan(self, start: str, end: str, *, reverse: bool = False, limit: int | None = None) -> Iterator[Row]:
        """Rows of this partition, straight from the store."""
        return self._store.scan(self.partition, start, end, reverse=reverse, limit=limit)
