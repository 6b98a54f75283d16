"""A process that commits batch after batch to the file in its argument, and says so, until it is killed.

Batch n expects and replaces the head row, writes ROWS rows and deletes the marker of the batch before.
`n` is printed when its commit has returned.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from homing.adapters.sqlite import Database, SqliteStore
from homing.ports.store import ABSENT, Batch, Delete, Operation, Put, Row

ROWS = 8
BODY = bytes(range(256)) * 40
HEAD = "head"


def operations(number: int) -> Iterator[Operation]:
    """What batch `number` (from 1) writes, in three partitions."""
    yield Put(Row(HEAD, HEAD, str(number).encode(), number), ABSENT if number == 1 else number - 1)
    for place in range(ROWS):
        yield Put(Row(f"rows/{place % 2}", f"{number:06}/{place}", BODY, number), ABSENT)
    yield Put(Row("marker", f"{number:06}", b""), ABSENT)
    if number > 1:
        yield Delete("marker", f"{number - 1:06}", 0)


def main() -> None:
    store = SqliteStore(Database(sys.argv[1]))
    head = store.get(HEAD, HEAD)
    number = head.revision if head else 0
    while True:
        number += 1
        store.commit(Batch(tuple(operations(number))))
        print(number, flush=True)  # noqa: T201  # the acknowledgement


if __name__ == "__main__":
    main()
