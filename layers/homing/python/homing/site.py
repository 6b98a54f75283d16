"""A site as its domain code sees it: the ports and the configuration. Never sees which home it is in."""

from __future__ import annotations

from dataclasses import dataclass

from homing.config import Config
from homing.ids import CHANCE_BYTES, time_id
from homing.ports.blobs import Blobs
from homing.ports.clock import Clock, Ids
from homing.ports.landings import Landings
from homing.ports.notifier import Notifier
from homing.ports.search import Search
from homing.ports.store import Store
from homing.ports.transport import Transport


@dataclass(frozen=True, slots=True)
class Site:
    """Everything a use case may touch. Made only by `bootstrap`."""

    config: Config
    store: Store
    blobs: Blobs
    landings: Landings
    clock: Clock
    ids: Ids
    search: Search
    transport: Transport
    notifier: Notifier

    def new_id(self, letter: str) -> str:
        """An id for an object that is made now; see `ids.time_id`."""
        return time_id(letter, self.clock.now(), self.ids.random(CHANCE_BYTES))
