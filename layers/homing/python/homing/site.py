"""A site as its domain code sees it: the ports and the configuration, nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from homing.config import Config
from homing.ports.blobs import Blobs
from homing.ports.clock import Clock, Ids
from homing.ports.landings import Landings
from homing.ports.store import Store


@dataclass(frozen=True, slots=True)
class Site:
    """Everything a use case may touch. Made only by `bootstrap`."""

    config: Config
    store: Store
    blobs: Blobs
    landings: Landings
    clock: Clock
    ids: Ids
