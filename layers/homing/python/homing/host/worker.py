"""The task worker and the housekeeper of one process: what the cloud's stream, queue and timers do there.

Runs what is due in the outbox through `functions/task`, one small batch after another. Woken by a
commit that puts a task; else it sleeps until the next one is due, at most `poll` seconds, so that tasks
of another process on the same site are found too. Once a minute it sweeps what has expired.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from functions.task.handler import handler
from homing.delivery.outbox import TRANSMIT_TASK
from homing.errors import HomingError, StoreConflict
from homing.ledger import keys, tasks
from homing.ledger.entry import encode_body
from homing.ledger.keys import TASKS_PREFIX
from homing.ports.store import Batch, Put
from homing.site import Site
from homing.submission.queue import SEND_TASK

POLL_SECONDS: Final = 1.0
SWEEP_MS: Final = 60_000
BATCH: Final = 10
LOOKED_AT: Final = 1_000
"""Tasks of a shard among which a worker that runs some kinds only looks for its own."""
EVER_MS: Final = 10**13
OUTGOING: Final = frozenset({SEND_TASK, TRANSMIT_TASK})
"""What waits for a next hop, which may take its time."""

Sweep = Callable[[int], int]

log = logging.getLogger("homing.host.worker")


class Worker:
    """One thread. `sweep(now in ms)` removes what has expired and returns how much; None: nothing to sweep.
    `outgoing`: it runs mail on its way out, or all but that; None: everything."""

    def __init__(
        self, site: Site, sweep: Sweep | None = None, poll: float = POLL_SECONDS, *, outgoing: bool | None = None
    ) -> None:
        self._site = site
        self._sweep = sweep
        self._poll = poll
        self._swept = 0
        self._first = 0
        self._outgoing = outgoing
        self._awake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout: float | None = None) -> bool:
        """End after the batch that is being run; whether it has ended within `timeout` seconds."""
        self._stopping = True
        self._awake.set()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def committed(self, batch: Batch) -> None:
        """A notice for `NotifyingStore`: a new task wakes the worker."""
        if any(isinstance(done, Put) and done.partition.startswith(TASKS_PREFIX) for done in batch.operations):
            self._awake.set()

    def _run(self) -> None:
        while not self._stopping:
            self._awake.clear()  # before looking: what is put from now on wakes us again
            try:
                busy = self.run_due() > 0
                self.sweep()
                wait = 0.0 if busy else self._pause()
            except HomingError as error:
                log.warning("the store cannot be read; trying again", extra={"error": str(error)})
                wait = POLL_SECONDS
            except Exception:  # a shell: whatever it is, the next round may fare better
                log.exception("the worker met a fault of ours")
                wait = POLL_SECONDS
            self._awake.wait(wait)

    def run_due(self) -> int:
        """Run one batch of what is due; how many there were. Shards take turns, so that the thousand tasks of one
        account hold up few others."""
        due = self._in_turn(self._waiting(self._site.clock.now()))
        if due:
            answer = handler(event_of(due), None)
            failed = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
            for task in due:
                if task.id in failed:
                    self._put_off(task)
        return len(due)

    def _waiting(self, until: int) -> Iterator[tasks.Task]:
        """Of each shard the oldest that are due by then, as far as they are for this worker."""
        most = BATCH if self._outgoing is None else LOOKED_AT
        for task in tasks.due_tasks(self._site.store, until, most):
            if self._outgoing in (None, task.kind in OUTGOING):
                yield task

    def _in_turn(self, due: Iterable[tasks.Task]) -> list[tasks.Task]:
        """The oldest of each shard, then the second of each, as many as make a batch; each time from another one on."""
        shards: list[list[tasks.Task]] = [[] for _ in range(keys.TASK_SHARDS)]
        for task in due:
            shards[(task.shard - self._first) % len(shards)].append(task)
        self._first = (self._first + BATCH) % len(shards)
        rounds = itertools.zip_longest(*shards)
        return [task for together in rounds for task in together if task is not None][:BATCH]

    def sweep(self) -> int:
        """Remove what has expired, if the last time is a minute ago; how much it was."""
        now = self._site.clock.now()
        if self._sweep is None or now - self._swept < SWEEP_MS:
            return 0
        self._swept = now
        return self._sweep(now)

    def _put_off(self, task: tasks.Task) -> None:
        """A task whose run ended in a fault: later, and at last with the dead letters, as a queue would."""
        try:
            tasks.fail(self._site.store, task, "a fault of ours; it was logged", self._site.clock.now())
        except StoreConflict:
            log.info("another worker was first", extra={"task": task.id})

    def _pause(self) -> float:
        store = self._site.store
        every = self._outgoing is None
        due = tasks.next_due(store) if every else min((task.due for task in self._waiting(EVER_MS)), default=None)
        if due is None:
            return self._poll
        return min(self._poll, max(0.0, (due - self._site.clock.now()) / 1000))


def event_of(due: Sequence[tasks.Task]) -> dict[str, Any]:
    """Tasks as the queue brings them to the function."""
    return {
        "Records": [
            {
                "messageId": task.id,
                "body": encode_body(task).decode(),
                "attributes": {"ApproximateReceiveCount": str(task.attempts + 1)},
                "eventSource": "aws:sqs",
            }
            for task in due
        ]
    }
