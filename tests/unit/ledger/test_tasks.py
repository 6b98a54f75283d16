"""The outbox: what is due comes in order, what fails comes later, what fails for good can be revived."""

from __future__ import annotations

import pytest

from homing.errors import StoreConflict
from homing.ledger import tasks
from homing.ledger.tasks import Task
from homing.ports.store import Batch, Store
from homing.site import Site

NOW = 1_795_000_000_000


@pytest.fixture
def store(site: Site) -> Store:
    return site.store


def put(store: Store, *made: Task) -> None:
    for task in made:
        store.commit(Batch((tasks.put_task(task),)))


def task(id: str = "k1", due: int = NOW, partition: str = "a1", **more: object) -> Task:
    return Task(id, "test", partition, due, dict(more))


def due(store: Store, now: int = NOW, limit: int = 100) -> list[str]:
    return [task.id for task in tasks.due_tasks(store, now, limit)]


def test_a_task_is_due_at_its_time_and_not_before(store: Store) -> None:
    put(store, task())

    assert due(store, NOW - 1) == []
    assert due(store, NOW) == ["k1"]


def test_due_tasks_come_in_the_order_of_their_times(store: Store) -> None:
    put(store, task("k1", NOW - 5), task("k2", NOW - 500_000), task("k3", NOW), task("k4", NOW + 1))

    assert due(store) == ["k2", "k1", "k3"]


def test_a_task_comes_back_as_it_was_put(store: Store) -> None:
    put(store, task(letters="äß", nested={"a": [1, None]}))

    assert list(tasks.due_tasks(store, NOW)) == [task(letters="äß", nested={"a": [1, None]})]


def test_tasks_of_many_partitions_are_all_found(store: Store) -> None:
    made = [task(f"k{number}", partition=f"a{number}") for number in range(40)]
    put(store, *made)

    assert len({task.shard for task in made}) > 1
    assert sorted(due(store)) == sorted(task.id for task in made)


def test_a_limit_holds_for_each_shard(store: Store) -> None:
    put(store, *(task(f"k{number}") for number in range(5)))

    assert len(due(store, limit=2)) == 2


def test_the_next_due_time_is_the_earliest_of_all_shards(store: Store) -> None:
    assert tasks.next_due(store) is None

    put(store, *(task(f"k{number}", NOW + 100 - number, f"a{number}") for number in range(20)))

    assert tasks.next_due(store) == NOW + 81


def test_a_finished_task_is_gone(store: Store) -> None:
    put(store, task())

    tasks.finish(store, task())

    assert due(store) == []


def test_the_same_task_is_not_put_twice(store: Store) -> None:
    put(store, task())

    with pytest.raises(StoreConflict):
        put(store, task())


def test_a_failed_task_comes_back_later_with_its_error(store: Store) -> None:
    put(store, task())

    failed = tasks.fail(store, task(), "it broke", NOW)

    assert due(store, failed.due - 1) == []
    assert list(tasks.due_tasks(store, failed.due)) == [failed]
    assert (failed.attempts, failed.error) == (1, "it broke")
    assert failed.due == NOW + 5_000


def test_each_failure_waits_longer_up_to_an_hour() -> None:
    delays = [tasks.delay(attempt) for attempt in range(1, 13)]

    assert delays[:4] == [5_000, 10_000, 20_000, 40_000]
    assert delays == sorted(delays)
    assert delays[-1] == 3_600_000


def fail_until_dead(store: Store, current: Task) -> Task:
    for _ in range(tasks.MAX_ATTEMPTS):
        current = tasks.fail(store, current, "no", current.due)
    return current


def test_a_task_that_keeps_failing_is_a_dead_letter_after_the_last_attempt(store: Store) -> None:
    put(store, task())

    dead = fail_until_dead(store, task())

    assert list(tasks.dead_tasks(store)) == [dead]
    assert dead.attempts == tasks.MAX_ATTEMPTS
    assert tasks.next_due(store) is None


def test_a_task_lives_until_its_last_attempt(store: Store) -> None:
    put(store, task())
    current = task()

    for _ in range(tasks.MAX_ATTEMPTS - 1):
        current = tasks.fail(store, current, "no", current.due)

    assert list(tasks.dead_tasks(store)) == []
    assert tasks.next_due(store) == current.due


def test_a_task_that_can_never_succeed_is_a_dead_letter_at_once(store: Store) -> None:
    put(store, task())

    dead = tasks.fail(store, task(), "never", NOW, permanent=True)

    assert list(tasks.dead_tasks(store)) == [dead]
    assert due(store, NOW + 10**9) == []


def test_a_revived_dead_letter_is_due_at_once_with_all_its_attempts(store: Store) -> None:
    put(store, task(letter="a"))
    dead = fail_until_dead(store, task(letter="a"))

    revived = tasks.revive(store, dead, NOW + 9)

    assert list(tasks.dead_tasks(store)) == []
    assert list(tasks.due_tasks(store, NOW + 9)) == [revived]
    assert (revived.attempts, revived.error, revived.arguments) == (0, "", {"letter": "a"})


def test_a_dead_letter_is_revived_once(store: Store) -> None:
    put(store, task())
    dead = fail_until_dead(store, task())
    tasks.revive(store, dead, NOW)

    with pytest.raises(StoreConflict):
        tasks.revive(store, dead, NOW + 1)

    assert due(store, NOW + 10) == ["k1"]


@pytest.mark.parametrize("second", ["finish", "fail"])
@pytest.mark.parametrize("first", ["finish", "fail"])
def test_of_two_workers_with_the_same_task_only_the_first_has_a_say(store: Store, first: str, second: str) -> None:
    put(store, task())
    mine, theirs = next(tasks.due_tasks(store, NOW)), next(tasks.due_tasks(store, NOW))
    acts = {
        "finish": lambda task: tasks.finish(store, task),
        "fail": lambda task: tasks.fail(store, task, "no", NOW),
    }

    acts[first](mine)
    before = list(tasks.due_tasks(store, NOW + 10**6))
    with pytest.raises(StoreConflict):
        acts[second](theirs)

    assert list(tasks.due_tasks(store, NOW + 10**6)) == before


def test_a_long_error_is_cut_and_any_text_can_be_kept(store: Store) -> None:
    put(store, task())

    failed = tasks.fail(store, task(), "\ud800\0" + "x" * 5_000, NOW)

    assert len(failed.error) == 1_000
    assert list(tasks.due_tasks(store, failed.due)) == [failed]
