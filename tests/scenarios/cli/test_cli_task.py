"""`homing task`: what waits, what failed for good, and its second chance."""

from __future__ import annotations

import pytest

from homing.bootstrap import local_site
from homing.config import Config
from homing.ledger import tasks
from homing.ledger.tasks import Task
from homing.ports.store import Batch
from tests.scenarios.cli.command import Commands

DUE = 1_795_000_000_000


@pytest.fixture
def busy(ann: Commands) -> Commands:
    """Three tasks wait, and one of another kind is dead."""
    store = local_site(Config(data=ann.data)).store
    waiting = [Task(f"k{number}", "merge-threads", f"a{number}", DUE + number) for number in range(3)]
    dead = Task("k9", "unknown", "a9", DUE)
    store.commit(Batch(tuple(tasks.put_task(task) for task in [*waiting, dead])))
    tasks.fail(store, dead, "no such kind", DUE, permanent=True)
    return ann


def test_tasks_that_wait_are_listed_the_earliest_first(busy: Commands) -> None:
    told = busy.succeed("task", "list", "--json").json

    assert [(task["id"], task["kind"], task["due"]) for task in told] == [
        (f"k{number}", "merge-threads", DUE + number) for number in range(3)
    ]
    assert busy.succeed("task", "list").out.splitlines()[1].split() == [
        "k0", "merge-threads", "a0", "2026-11-18T11:06:40Z", "0",
    ]  # fmt: skip


def test_a_limit_shortens_the_list_and_says_so(busy: Commands) -> None:
    said = busy.succeed("task", "list", "--limit", "2")

    assert len(said.out.splitlines()) == 3
    assert "there are more" in said.err


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
def test_a_limit_is_a_number_above_zero(busy: Commands, limit: str) -> None:
    assert "is not a number above 0" in busy.fail("task", "list", f"--limit={limit}", code=2)


def test_a_dead_task_is_shown_with_its_error_and_revived(busy: Commands) -> None:
    (dead,) = busy.succeed("task", "dead", "--json").json
    assert (dead["id"], dead["error"], dead["attempts"]) == ("k9", "no such kind", 1)

    busy.succeed("task", "revive", "k9")

    assert busy.succeed("task", "dead", "--json").json == []
    assert "k9" in {task["id"] for task in busy.succeed("task", "list", "--json").json}


@pytest.mark.parametrize("id", ["k0", "k77"])
def test_a_task_that_is_not_dead_is_not_revived(busy: Commands, id: str) -> None:
    assert "there is no dead task with this id" in busy.fail("task", "revive", id)


def test_an_empty_list_says_so(ann: Commands) -> None:
    assert ann.succeed("task", "dead").err == "there are none\n"
