"""A process that files the conversation and is killed by SIGKILL right after one of its side effects.

python -m tests.rooms.delivery.ingest_until_effect SITE_FILE all_at_once|one_by_one STOP_AFTER
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace

from homing.adapters.clock import SystemIds
from homing.adapters.sqlite import Database
from homing.delivery.accept import accept
from tests.conftest import FakeClock, site_on
from tests.doubles import Crashed, FaultPlan, FaultyBlobs, FaultyStore

from .conversation import landings

MESSAGES = 3


def die() -> Crashed:
    """Gone without a farewell: this never returns."""
    os.kill(os.getpid(), signal.SIGKILL)
    return Crashed()


def main(file: str, in_turn: str, stop_after: int) -> None:
    plan, database, mail = FaultPlan(stop_after, raises=die), Database(file), landings()[:MESSAGES]
    site = site_on(database, FakeClock(), SystemIds())
    site = replace(site, store=FaultyStore(site.store, plan), blobs=FaultyBlobs(site.blobs, plan))
    for batch in [mail] if in_turn == "all_at_once" else [[one] for one in mail]:
        accept(site, batch)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
