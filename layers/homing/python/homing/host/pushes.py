"""Push for this process: what the cloud's stream of the table and its function do there.

Each commit says which account moved. After a moment, in which more may come, `functions/notify` is run for each
account that did, in threads of its own: a push service may take its time, and nothing else waits for it. The
threads also run what the task worker lays aside. An account is never told of twice at once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final

from functions.notify.handler import handler
from homing.host.table_stream import event_of, moved_accounts
from homing.ports.store import Batch

LINGER_SECONDS: Final = 0.1
THREADS: Final = 4

log = logging.getLogger("homing.host.pushes")

Work = Callable[[], None]


class Pushes:
    """The threads. `committed` and `aside` may be called in any thread."""

    def __init__(self, threads: int = THREADS, linger: float = LINGER_SECONDS) -> None:
        self._linger = linger
        self._changed = threading.Condition()
        self._moved: dict[str, None] = {}
        self._busy: set[str] = set()
        self._stopping = False
        self._queue: SimpleQueue[Work | None] = SimpleQueue()
        self._threads = [threading.Thread(target=self._run, name=f"push-{n}", daemon=True) for n in range(threads)]
        self._gathering = threading.Thread(target=self._gather, name="push", daemon=True)

    def start(self) -> None:
        """Begin."""
        for thread in (self._gathering, *self._threads):
            thread.start()

    def stop(self, timeout: float | None = None) -> bool:
        """End after what is being posted; what waits is left. Whether all has ended within `timeout` seconds each."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for _ in self._threads:
            self._queue.put(None)
        threads = (self._gathering, *self._threads)
        for thread in threads:
            thread.join(timeout)
        return not any(thread.is_alive() for thread in threads)

    def committed(self, batch: Batch) -> None:
        """A notice for `NotifyingStore`."""
        if moved := moved_accounts(batch):
            with self._changed:
                self._moved.update(dict.fromkeys(moved))
                self._changed.notify_all()

    def aside(self, work: Work) -> None:
        """Run something that waits for strangers."""
        self._queue.put(work)

    def _gather(self) -> None:
        with self._changed:
            while not self._stopping:
                ready = [account for account in self._moved if account not in self._busy]
                if not ready:
                    self._changed.wait()
                    continue
                self._changed.wait_for(lambda: self._stopping, self._linger)
                for account in ready:
                    del self._moved[account]
                    self._busy.add(account)
                    self._queue.put(_bound(self._push, account))

    def _push(self, account: str) -> None:
        try:
            handler(event_of([account]), None)
        finally:
            with self._changed:
                self._busy.discard(account)
                self._changed.notify_all()

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            if self._stopping:
                continue
            try:
                work()
            except Exception:  # a shell: the next one may fare better
                log.exception("a push met a fault of ours")


def _bound(function: Callable[[str], None], account: str) -> Work:
    return lambda: function(account)
