"""The outbox: work to be done later, put by the commit that causes it.

A task is a row of `!tasks/<shard>` under `<due ms>/<id>`. A worker runs what is due and removes it; a
failure moves it to a later time, and the last one to `!dead/<shard>` with the error, from where `revive`
brings it back. A task may run more than once (a worker may die after the work and before the removal),
so what it does must be idempotent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from homing.ledger import keys
from homing.ledger.entry import encode_body
from homing.ports.store import ABSENT, Batch, Delete, Put, Row, Store

MAX_ATTEMPTS: Final = 12
FIRST_DELAY_MS: Final = 5_000
LONGEST_DELAY_MS: Final = 3_600_000
ERROR_CHARACTERS: Final = 1_000


class Task(msgspec.Struct, frozen=True):
    """Work of one `kind` for one partition. `due` is in ms since 1970; `attempts` counts failures."""

    id: str
    kind: str
    partition: str
    due: int
    arguments: dict[str, Any] = {}
    attempts: int = 0
    error: str = ""

    @property
    def shard(self) -> int:
        """All tasks of a partition share a shard."""
        return sum(self.partition.encode()) % keys.TASK_SHARDS


decode_task: Final = msgspec.json.Decoder(Task).decode


def as_task(value: object) -> Task:
    """The task in a decoded JSON value, as a queue's record holds it.

    Raises:
        ValueError: it is none.
    """
    return msgspec.convert(value, Task)


def put_task(task: Task) -> Put:
    """The operation that puts a new task."""
    return Put(_waiting(task), ABSENT)


def due_tasks(store: Store, now: int, limit: int = 100) -> Iterator[Task]:
    """Tasks whose time has come by `now` (ms), the oldest of each shard first, at most `limit` a shard."""
    for shard in range(keys.TASK_SHARDS):
        for row in store.scan(keys.tasks_partition(shard), "", f"{keys.clamp_ms(now + 1):013d}", limit=limit):
            yield decode_task(row.body)


def next_due(store: Store) -> int | None:
    """When the first waiting task is due (ms), or None."""
    firsts = (next(store.scan(keys.tasks_partition(shard), limit=1), None) for shard in range(keys.TASK_SHARDS))
    return min((decode_task(row.body).due for row in firsts if row), default=None)


def finish(store: Store, task: Task) -> None:
    """Remove a task that is done.

    Raises:
        StoreConflict: another worker has finished or moved it.
    """
    store.commit(Batch((_removal(task),)))


def fail(store: Store, task: Task, error: str, now: int, *, permanent: bool = False) -> Task:
    """Move a failed task to a later time, or to the dead letters; return it as it now stands.

    Raises:
        StoreConflict: another worker has finished or moved it.
    """
    attempts = task.attempts + 1
    dead = permanent or attempts >= MAX_ATTEMPTS
    due = now if dead else now + delay(attempts)
    told = error[:ERROR_CHARACTERS].encode(errors="replace").decode()  # a lone surrogate cannot be stored
    moved = msgspec.structs.replace(task, attempts=attempts, due=due, error=told)
    place = _dead(moved) if dead else _waiting(moved)
    store.commit(Batch((_removal(task), Put(place, ABSENT))))
    return moved


def dead_tasks(store: Store) -> Iterator[Task]:
    """Every dead letter, the oldest of each shard first."""
    for shard in range(keys.TASK_SHARDS):
        for row in store.scan(keys.dead_partition(shard)):
            yield decode_task(row.body)


def revive(store: Store, task: Task, now: int) -> Task:
    """Bring a dead letter back into the queue, due at once and with its attempts forgotten."""
    revived = msgspec.structs.replace(task, attempts=0, due=now, error="")
    dead = _dead(task)
    store.commit(Batch((Delete(dead.partition, dead.key, dead.revision), Put(_waiting(revived), ABSENT))))
    return revived


def delay(attempts: int) -> int:
    """How long to wait after the n-th failure, in ms: doubling from five seconds to an hour."""
    return int(min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempts - 1)))


def _waiting(task: Task) -> Row:
    return Row(keys.tasks_partition(task.shard), _key(task), encode_body(task), task.attempts)


def _dead(task: Task) -> Row:
    return Row(keys.dead_partition(task.shard), _key(task), encode_body(task), task.attempts)


def _key(task: Task) -> str:
    return f"{keys.clamp_ms(task.due):013d}/{task.id}"


def _removal(task: Task) -> Delete:
    row = _waiting(task)
    return Delete(row.partition, row.key, row.revision)
