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

    @cached_property
    def head(self) -> Head:
        """The head when it was first asked for; costs one read if `load` has not brought it."""
        return head_of(self._store.get(self.partition, keys.HEAD))

    def load(self, wanted: Iterable[str]) -> None:
        """Fetch the rows that are not here yet, in one call of the store. Asking for `keys.HEAD` brings the head."""
        missing = [key for key in dict.fromkeys(wanted) if key not in self._values]
        if keys.HEAD in missing and "head" in self.__dict__:
            missing.remove(keys.HEAD)
        if not missing:
            return
        found = self._store.get_many([(self.partition, key) for key in missing])
        for key in missing:
            row = found.get((self.partition, key))
            if key == keys.HEAD:
                self.__dict__["head"] = head_of(row)
            else:
                self._values[key] = value_of(row, self.now)

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

    def all_objects(self, type: str) -> Iterator[tuple[str, Body]]:
        """Every (id, body) of a type, in order of id. For types with few objects."""
        prefix = keys.object_key(type, "")
        for row in self.scan(*keys.prefix_range(prefix)):
            value = value_of(row, self.now)
            if value is not None:
                self._values[row.key] = value
                yield row.key.removeprefix(prefix), value.body

    def scan(self, start: str, end: str, *, reverse: bool = False, limit: int | None = None) -> Iterator[Row]:
        """Rows of this partition, straight from the store."""
        return self._store.scan(self.partition, start, end, reverse=reverse, limit=limit)
