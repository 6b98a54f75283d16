"""`transact`: decide, commit, and decide again when somebody else was first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from homing.errors import LimitExceeded, Permanent, Temporary
from homing.ledger import keys
from homing.ledger.entry import GENESIS, Actor, unseal
from homing.ledger.tasks import Task, due_tasks
from homing.ledger.transact import ATTEMPTS, Draft, Transaction, transact
from homing.ledger.verify import verify
from homing.ledger.view import View
from homing.ports.store import Batch, Row, Store
from homing.site import Site
from tests.doubles import CountingStore

Write = Callable[..., None]


class Interrupted:
    """A store at which somebody else writes at a chosen moment: once, between two of our calls, or
    between the rows of one `get_many`, which the port allows to stem from different moments."""

    def __init__(self, store: Store, interrupt: Callable[[], None], moment: str, times: int = 1) -> None:
        self._store = store
        self._interrupt = interrupt
        self._moment = moment
        self._left = times

    def get(self, partition: str, key: str) -> Row | None:
        return self._store.get(partition, key)

    def get_many(self, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
        heads = [place for place in wanted if place[1] == keys.HEAD]
        found = self._store.get_many([place for place in wanted if place not in heads])
        self._at("within get_many")
        return found | self._store.get_many(heads)

    def scan(self, *where: Any, **how: Any) -> Iterator[Row]:
        return self._store.scan(*where, **how)

    def partitions(self, prefix: str = "") -> Iterator[str]:
        return self._store.partitions(prefix)

    def commit(self, batch: Batch) -> None:
        self._at("before commit")
        self._store.commit(batch)

    def _at(self, moment: str) -> None:
        if moment == self._moment and self._left:
            self._left -= 1
            self._interrupt()


def add_one(transaction: Transaction) -> int:
    draft = transaction.draft("a1", [keys.object_key("Counter", "c")])
    counter = draft.object("Counter", "c")
    if counter is None:
        draft.create("Counter", "c", {"n": 1})
        return 1
    draft.update("Counter", "c", {"n": counter["n"] + 1})
    return int(counter["n"]) + 1


def test_the_result_of_the_decision_is_returned(site: Site, actor: Actor) -> None:
    assert [transact(site, actor, add_one) for _ in range(3)] == [1, 2, 3]


def test_each_commit_is_one_entry_that_says_who_when_and_how(site: Site) -> None:
    transact(site, Actor("ann", "jmap", "c7"), add_one)

    entry, digest = unseal(next(site.store.scan("a1", *keys.prefix_range("g/"))).body)

    assert (entry.seq, entry.actor, entry.protocol, entry.correlation) == (1, "ann", "jmap", "c7")
    assert (entry.at, entry.previous) == (site.clock.now(), GENESIS)
    assert View(site.store, "a1", 0).head.hash == digest


@pytest.mark.parametrize("moment", ["before commit", "within get_many"])
def test_the_loser_of_a_race_decides_again_on_what_the_winner_wrote(site: Site, actor: Actor, moment: str) -> None:
    transact(site, actor, add_one)
    raced = replace(site, store=Interrupted(site.store, lambda: transact(site, actor, add_one), moment))

    assert transact(raced, actor, add_one) == 3


@pytest.mark.parametrize("moment", ["before commit", "within get_many"])
def test_two_who_begin_a_ledger_at_once_are_told_apart(site: Site, actor: Actor, moment: str) -> None:
    raced = replace(site, store=Interrupted(site.store, lambda: transact(site, actor, add_one), moment))

    assert transact(raced, actor, add_one) == 2


def test_who_always_loses_gives_up_for_now(monkeypatch: pytest.MonkeyPatch, site: Site, actor: Actor) -> None:
    monkeypatch.setattr("homing.ledger.transact.LONGEST_PAUSE_SECONDS", 0)
    other = Interrupted(site.store, lambda: transact(site, actor, add_one), "before commit", times=ATTEMPTS)

    with pytest.raises(Temporary) as raised:
        transact(replace(site, store=other), actor, add_one)

    assert raised.value.type == "busy"
    assert transact(site, actor, add_one) == ATTEMPTS + 1


def test_a_decision_that_notes_nothing_writes_nothing(site: Site, actor: Actor) -> None:
    store = CountingStore(site.store)

    transact(replace(site, store=store), actor, lambda transaction: transaction.draft("a1").object("Counter", "c"))

    assert "commit" not in store.calls.as_dict()
    assert list(site.store.scan("a1")) == []


def test_a_decision_that_raises_writes_nothing(site: Site, actor: Actor) -> None:
    def decide(transaction: Transaction) -> None:
        transaction.draft("a1").create("Counter", "c", {})
        raise Permanent("no")

    with pytest.raises(Permanent, match="no"):
        transact(site, actor, decide)

    assert list(site.store.scan("a1")) == []


def test_several_partitions_are_written_in_one_commit_with_an_entry_each(
    site: Site, actor: Actor, scratch: Store
) -> None:
    store = CountingStore(site.store)

    def decide(transaction: Transaction) -> None:
        for partition in ("a1", "a2", "!tenant/t"):
            transaction.draft(partition).create("Thing", partition.strip("!").replace("/", "-"), {})

    transact(replace(site, store=store), actor, decide)

    assert store.calls.as_dict()["commit"] == 1
    for partition in ("a1", "a2", "!tenant/t"):
        assert View(site.store, partition, 0).head.seq == 1
        assert verify(site.store, partition, scratch, 0) == []


def test_a_race_in_one_of_several_partitions_takes_back_all(site: Site, actor: Actor) -> None:
    raced = replace(site, store=Interrupted(site.store, lambda: transact(site, actor, add_one), "before commit"))

    def decide(transaction: Transaction) -> None:
        transaction.draft("a2").create("Thing", "t", {"seen": (add_one(transaction))})

    transact(raced, actor, decide)

    assert View(site.store, "a2", 0).object("Thing", "t") == {"seen": 2}
    assert View(site.store, "a2", 0).head.seq == 1


def test_a_task_is_put_by_the_commit_that_causes_it(site: Site, actor: Actor) -> None:
    def decide(transaction: Transaction) -> None:
        add_one(transaction)
        transaction.put_task(Task("k1", "test", "a1", transaction.now))

    raced = replace(site, store=Interrupted(site.store, lambda: transact(site, actor, add_one), "before commit"))
    transact(raced, actor, decide)

    assert [task.id for task in due_tasks(site.store, site.clock.now())] == ["k1"]


def test_a_task_alone_needs_no_entry(site: Site, actor: Actor) -> None:
    transact(site, actor, lambda transaction: transaction.put_task(Task("k1", "test", "a1", transaction.now)))

    assert [task.id for task in due_tasks(site.store, site.clock.now())] == ["k1"]
    assert list(site.store.scan("a1")) == []


def test_what_does_not_fit_into_a_batch_is_refused_before_anything_is_written(site: Site, actor: Actor) -> None:
    def decide(transaction: Transaction) -> None:
        draft = transaction.draft("a1")
        for number in range(99):
            draft.create("Thing", str(number), {})

    with pytest.raises(LimitExceeded):
        transact(site, actor, decide)

    assert list(site.store.scan("a1")) == []


def test_a_draft_reads_what_it_has_noted(site: Site, write: Write) -> None:
    write(lambda draft: draft.create("Thing", "a", {"n": 1}), lambda draft: draft.create("Thing", "b", {"n": 1}))
    draft = Draft(site.store, "a1", site.clock.now())

    draft.update("Thing", "a", {"n": 2})
    draft.destroy("Thing", "b")
    draft.create("Thing", "c", {"n": 3})

    assert draft.object("Thing", "a") == {"n": 2}
    assert draft.objects("Thing", ["a", "b", "c"]) == {"a": {"n": 2}, "c": {"n": 3}}
    assert draft.all_objects("Thing") == {"a": {"n": 2}, "c": {"n": 3}}


def test_a_change_that_does_not_fit_is_refused_when_it_is_noted(site: Site) -> None:
    draft = Draft(site.store, "a1", site.clock.now())

    with pytest.raises(Permanent):
        draft.update("Thing", "nothing", {})

    assert draft.changes == []


def test_an_object_expected_to_be_absent_is_created_without_a_read(site: Site, actor: Actor) -> None:
    store = CountingStore(site.store)

    def decide(transaction: Transaction) -> None:
        draft = transaction.draft("a1")
        draft.expect_absent("Thing", "a")
        draft.create("Thing", "a", {})

    transact(replace(site, store=store), actor, decide)

    assert store.calls.as_dict() == {"commit": 1, "get": 1}


def test_an_object_wrongly_expected_to_be_absent_is_not_overwritten(site: Site, actor: Actor, write: Write) -> None:
    write(lambda draft: draft.create("Thing", "a0", {"mine": False}))
    numbers = iter(range(5))

    def decide(transaction: Transaction) -> str:
        id = f"a{next(numbers)}"
        draft = transaction.draft("a1")
        draft.expect_absent("Thing", id)
        draft.create("Thing", id, {"mine": True})
        return id

    assert transact(site, actor, decide) == "a1"
    assert View(site.store, "a1", 0).object("Thing", "a0") == {"mine": False}


def test_no_increment_of_many_writers_is_lost(site: Site, actor: Actor, scratch: Store) -> None:
    def work() -> None:
        for _ in range(25):
            transact(site, actor, add_one)

    writers = [threading.Thread(target=work) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert View(site.store, "a1", 0).object("Counter", "c") == {"n": 100}
    assert View(site.store, "a1", 0).head.seq == 100
    assert verify(site.store, "a1", scratch, 0) == []


def test_a_partition_that_was_only_read_must_not_have_changed(site: Site, actor: Actor) -> None:
    decided: list[str] = []

    def decide(transaction: Transaction) -> None:
        read = transaction.draft("!addr/read.example")
        decided.append(read.head.state("Login"))
        if len(decided) == 1:
            transact(site, actor, lambda other: other.draft("!addr/read.example").create("Login", "ann", {"x": 1}))
        transaction.draft("!addr/written.example").create("Address", f"a{len(decided)}", {"account": "a1"})

    transact(site, actor, decide)

    assert decided == ["0", "1"]
    assert View(site.store, "!addr/written.example", 0).object("Address", "a1") is None
    assert View(site.store, "!addr/written.example", 0).object("Address", "a2") is not None


def test_a_second_attempt_reads_at_once_what_the_first_came_to_read(site: Site, actor: Actor) -> None:
    store = CountingStore(site.store)
    calls: list[int] = []

    def decide(transaction: Transaction) -> None:
        before = store.calls.total()
        draft = transaction.draft("a1")
        for id in ("x", "y", "z"):
            draft.object("Thing", id)
        calls.append(store.calls.total() - before)
        if len(calls) == 1:
            transact(site, actor, lambda other: other.draft("a1").create("Thing", "x", {"n": 1}))
        else:
            draft.update("Thing", "x", {"n": 2})
        draft.create("Thing", f"new{len(calls)}", {})

    transact(replace(site, store=store), actor, decide)

    assert calls == [4, 2]
