"""The worker, one round at a time."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from homing.delivery.outbox import TRANSMIT_TASK
from homing.delivery.threads import MERGE_TASK
from homing.host.tailer import NotifyingStore
from homing.host.worker import BATCH, SWEEP_MS, Worker
from homing.lambda_shell import use_site
from homing.ledger import keys, tasks
from homing.ledger.entry import encode_body
from homing.ledger.tasks import Task
from homing.ports.store import Batch, Delete, Put, Row
from homing.site import Site
from homing.submission.queue import SEND_TASK
from tests.conftest import FakeClock


@pytest.fixture(autouse=True)
def shell(site: Site) -> None:
    use_site(site)


def put(site: Site, *waiting: Task) -> None:
    site.store.commit(Batch(tuple(tasks.put_task(task) for task in waiting)))


def test_what_is_due_is_run_and_what_is_not_waits(site: Site, clock: FakeClock) -> None:
    put(site, Task("now", "noSuchKind", "a", clock.now()), Task("later", "noSuchKind", "a", clock.now() + 1))
    worker = Worker(site)

    assert (worker.run_due(), worker.run_due()) == (1, 0)
    assert [task.id for task in tasks.dead_tasks(site.store)] == ["now"]

    clock.advance(1)
    assert worker.run_due() == 1


def test_many_tasks_are_run_in_batches(site: Site, clock: FakeClock) -> None:
    put(site, *(Task(f"t{number}", "noSuchKind", f"a{number}", clock.now()) for number in range(BATCH + 1)))
    worker = Worker(site)

    assert (worker.run_due(), worker.run_due(), worker.run_due()) == (BATCH, 1, 0)


def test_the_many_tasks_of_one_account_do_not_hold_up_those_of_others(site: Site, clock: FakeClock) -> None:
    put(site, *(Task(f"m{number}", "noSuchKind", "ag", clock.now()) for number in range(3 * BATCH)))  # the first shard
    others = {f"a{number}" for number in range(2 * BATCH)}
    put(site, *(Task(f"t-{other}", "noSuchKind", other, clock.now()) for other in sorted(others)))
    worker = Worker(site)

    for _ in range(3):
        worker.run_due()

    run = {task.partition for task in tasks.dead_tasks(site.store)}
    assert len(run & others) > BATCH


def test_a_next_hop_that_takes_its_time_holds_up_nothing_but_mail_on_its_way_out(site: Site, clock: FakeClock) -> None:
    put(site, *(Task(f"m{number}", SEND_TASK, "ag", clock.now(), {"bad": 1}) for number in range(2 * BATCH)))
    put(site, Task("other", "noSuchKind", "ag", clock.now()))

    assert Worker(site, outgoing=False).run_due() == 1
    assert [task.id for task in tasks.dead_tasks(site.store)] == ["other"]
    assert Worker(site, outgoing=False).run_due() == 0
    assert Worker(site, outgoing=True).run_due() == BATCH


@pytest.mark.parametrize("outgoing", [True, False])
def test_two_workers_share_what_there_is(site: Site, clock: FakeClock, outgoing: bool) -> None:
    store, buried = NotifyingStore(site.store), threading.Event()
    chosen = replace(site, store=store, clock=clock)
    use_site(chosen)
    workers = [Worker(chosen, outgoing=one) for one in (True, False)]
    store.tell(lambda batch: buried.set() if _buries(batch) else None)
    for worker in workers:
        store.tell(worker.committed)
        worker.start()

    kind = TRANSMIT_TASK if outgoing else "noSuchKind"
    arguments = {"blob": "0", "mailFrom": "", "rcptTo": ["eve@example.com"]}  # a blob that is gone
    put(chosen, Task("now", kind, "a", clock.now(), arguments))

    assert buried.wait(20)
    assert all(worker.stop(20) for worker in workers)


def test_a_task_whose_run_is_a_fault_is_put_off_instead_of_being_run_for_ever(site: Site, clock: FakeClock) -> None:
    put(site, Task("bad", MERGE_TASK, "a", clock.now(), {"nonsense": 1}))
    worker = Worker(site)

    assert (worker.run_due(), worker.run_due()) == (1, 0)
    clock.advance(tasks.delay(1))
    (again,) = tasks.due_tasks(site.store, clock.now())
    assert (again.id, again.attempts) == ("bad", 1)


def test_a_sweep_comes_once_a_minute(site: Site, clock: FakeClock) -> None:
    swept: list[int] = []
    worker = Worker(site, lambda now: swept.append(now) or 0)

    for _ in range(3):
        worker.sweep()
    clock.advance(SWEEP_MS)
    worker.sweep()

    assert swept == [clock.now() - SWEEP_MS, clock.now()]


def test_a_commit_that_puts_a_task_wakes_the_worker(site: Site, clock: FakeClock) -> None:
    store, buried = NotifyingStore(site.store), threading.Event()
    chosen = replace(site, store=store, clock=clock)
    use_site(chosen)
    worker = Worker(chosen)
    store.tell(worker.committed)
    store.tell(lambda batch: buried.set() if _buries(batch) else None)
    worker.start()

    put(chosen, Task("now", "noSuchKind", "a", clock.now()))

    assert buried.wait(20)
    assert worker.stop(20)


def test_a_worker_ends_while_it_waits(site: Site) -> None:
    worker = Worker(site)
    worker.start()

    assert worker.stop(20)


def test_a_row_that_is_no_task_does_not_end_the_worker(site: Site, clock: FakeClock) -> None:
    store, buried = NotifyingStore(site.store), threading.Event()
    chosen = replace(site, store=store, clock=clock)
    use_site(chosen)
    bad = Row(keys.tasks_partition(7), "0000000000000/x", b"not a task")
    store.commit(Batch((Put(bad),)))
    worker = Worker(chosen)
    store.tell(worker.committed)
    store.tell(lambda batch: buried.set() if _buries(batch) else None)
    worker.start()

    store.commit(Batch((Put(Row(bad.partition, bad.key, b"{}")),)))
    task = Task("now", "noSuchKind", "a", clock.now())
    store.commit(Batch((tasks.put_task(task), Put(Row(bad.partition, "9", encode_body(task))))))
    store.commit(Batch((Delete(bad.partition, bad.key),)))

    assert buried.wait(20)
    assert worker.stop(20)


def _buries(batch: Batch) -> bool:
    return any(isinstance(done, Put) and done.partition.startswith(keys.DEAD_PREFIX) for done in batch.operations)
