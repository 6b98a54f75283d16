"""Random operations of several writers at once; afterwards every row is what the entries say.

HOMING_TEST_OPERATIONS (default 3,000) and HOMING_TEST_AWS_OPERATIONS (default 80: a commit takes moto 70 ms,
and of racing writers one has to do it again) and HOMING_TEST_SEED make longer and other runs.
"""

from __future__ import annotations

import os
import random
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from homing.adapters.sqlite import Database, SqliteStore
from homing.config import Config, Limits
from homing.directory.accounts import User
from homing.ledger import keys, tasks
from homing.ledger.entry import unseal
from homing.ledger.verify import verify
from homing.ledger.view import View
from homing.ports.store import Store
from homing.site import Site
from tests.conftest import FakeClock

from .traffic import Traffic
from .truth import check_account, check_changes, mirror, replayed_history

OPERATIONS = int(os.environ.get("HOMING_TEST_OPERATIONS", "3000"))
AWS_OPERATIONS = int(os.environ.get("HOMING_TEST_AWS_OPERATIONS", "80"))
SEED = int(os.environ.get("HOMING_TEST_SEED", "1"))
WRITERS = 4
SMALL_THREADS = Limits(max_thread_emails=16)
SAMPLES = 16


@pytest.fixture(params=["sqlite", pytest.param("dynamodb", marks=pytest.mark.aws)])
def busy(request: pytest.FixtureRequest, site: Site, user: User, clock: FakeClock, tmp_path: Path) -> Traffic:
    """An account after much traffic."""
    store, operations = site.store, OPERATIONS
    if request.param == "dynamodb":
        store, operations = request.getfixturevalue("dynamo"), AWS_OPERATIONS
        clock.set(max(clock.now(), time.time_ns() // 1_000_000))  # an endpoint removes what expired by its own clock
        for partition in site.store.partitions():
            mirror(site.store, partition, store)
    config = Config(data=tmp_path, limits=SMALL_THREADS)
    traffic = Traffic(replace(site, store=store, config=config), clock, user.account)
    run_at_once(traffic, operations)
    traffic.work(random.Random(0))
    return traffic


def run_at_once(traffic: Traffic, operations: int) -> None:
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            traffic.run(seed, operations // WRITERS)
        except BaseException as error:  # whatever it is, the test reports it
            failures.append(error)

    writers = [threading.Thread(target=work, args=(SEED * 100 + number,)) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    if failures:
        raise failures[0]


def test_after_random_operations_every_row_is_what_the_entries_say(
    busy: Traffic, scratch: SqliteStore, tmp_path: Path
) -> None:
    account, now = busy.account, busy.clock.now()
    kept = Database(tmp_path / "kept.db", durable=False)
    store = SqliteStore(kept)
    mirror(busy.site.store, account, store)
    head = View(store, account, now).head

    check_account(store, account, now)
    history = replayed_history(store, account, scratch, now=now, every=max(head.seq // SAMPLES, 1))
    check_changes(View(store, account, now), history, portion=25)
    verifying = Database(tmp_path / "verify.db", durable=False)
    assert verify(store, account, SqliteStore(verifying), now) == []
    verifying.close()
    assert deliveries(store, account) == len(busy.sources)
    kept.close()
    assert tasks.next_due(busy.site.store) is None
    assert len(busy.done) == 10 or sum(busy.done.values()) < 1_000, "every kind of operation was done"


def deliveries(store: Store, account: str) -> int:
    entries = (unseal(row.body)[0] for row in store.scan(account, *keys.prefix_range(keys.ENTRY_PREFIX)))
    return sum(change.type == "Delivery" for entry in entries for change in entry.changes)
