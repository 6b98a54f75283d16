"""The search index of one process: what the cloud's stream of the table and its function do there.

Commits of this process name the accounts that moved. While mail keeps coming in, indexing waits for a pause, at most
a few seconds; a backlog is worked off in small steps, with a breath between two of them. At the start and then now and
again every account is looked at, so that what other processes wrote is indexed, too. A search reads for itself what
is missing, but asks to try again where that is much.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import Final

from functions.index.handler import handler
from homing.directory.accounts import list_accounts
from homing.errors import HomingError
from homing.host.table_stream import event_of, moved_accounts
from homing.ports.store import Batch
from homing.site import Site

QUIET_SECONDS: Final = 0.2
"""How long nothing must have been written before new mail is indexed."""
PATIENCE_SECONDS: Final = 3.0
"""How long to wait for that."""
BREATH_SECONDS: Final = 0.02
"""At least so long a pause between two steps; otherwise as long as the step took, so that indexing never has more than
half of the interpreter that requests share with it."""
TOGETHER: Final = 16
"""Accounts of one event."""
ROUND_SECONDS: Final = 600.0
"""Between two looks at every account, and before an account that cannot be indexed is tried again."""

log = logging.getLogger("homing.host.indexer")


class Indexer:
    """One thread."""

    def __init__(self, site: Site, round_seconds: float = ROUND_SECONDS) -> None:
        self._site = site
        self._round = round_seconds
        self._moved: dict[str, None] = {}
        self._reached: dict[str, int] = {}
        self._changed = threading.Condition()
        self._first = self._last = 0.0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="indexer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout: float | None = None) -> bool:
        """End after the step that is being done; whether it has ended within `timeout` seconds."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def committed(self, batch: Batch) -> None:
        """A notice for `NotifyingStore`: accounts whose head was written are to be indexed."""
        self._add(moved_accounts(batch))

    def _add(self, accounts: Sequence[str]) -> None:
        if not accounts:
            return
        with self._changed:
            self._last = time.monotonic()
            if not self._moved:
                self._first = self._last
                self._changed.notify_all()
            self._moved.update(dict.fromkeys(accounts))

    def _run(self) -> None:
        looked = float("-inf")
        while not self._stopping:
            try:
                if time.monotonic() - looked >= self._round:
                    looked = time.monotonic()
                    self._add(list_accounts(self._site))
                accounts = self._take(looked + self._round)
                if accounts:
                    self._index(accounts)
            except HomingError as error:
                log.warning("the site cannot be read; trying again", extra={"error": str(error)})
                self._pause(PATIENCE_SECONDS)
            except Exception:  # a shell: whatever it is, the next round may fare better
                log.exception("the indexer met a fault of ours")
                self._pause(PATIENCE_SECONDS)

    def _take(self, until: float) -> list[str]:
        """Some of the accounts that moved, once it is quiet or has not been for too long; none after `until`."""
        with self._changed:
            while not self._stopping:
                now = time.monotonic()
                due = min(self._last + QUIET_SECONDS, self._first + PATIENCE_SECONDS) if self._moved else until
                if now >= due:
                    break
                self._changed.wait(due - now)
            taken = [] if self._stopping else list(self._moved)[:TOGETHER]
            for account in taken:
                del self._moved[account]
        return taken

    def _index(self, accounts: Sequence[str]) -> None:
        """One step for each; those with more to do come again, those that did not get anywhere with the next round."""
        started = time.monotonic()
        answer = handler(event_of(accounts), None)
        left = [accounts[int(item["itemIdentifier"])] for item in answer["batchItemFailures"]]
        reached = {account: self._site.search.position(account) for account in left}
        going = [account for account, position in reached.items() if self._reached.get(account) != position]
        self._reached = reached
        with self._changed:
            self._moved.update(dict.fromkeys(going))
        self._pause(max(BREATH_SECONDS, time.monotonic() - started))

    def _pause(self, seconds: float) -> None:
        with self._changed:
            if not self._stopping:
                self._changed.wait_for(lambda: self._stopping, seconds)
