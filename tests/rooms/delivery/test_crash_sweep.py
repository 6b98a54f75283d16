"""Ingest stopped after each of its side effects in turn: after redelivery nothing tells the runs apart.

Side effects are counted at the ports (blobs stored, batches committed). The announcement of a landing
is at least once and in no order, so what was stopped comes again doubled and shuffled.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from homing.adapters.dynamodb import DynamoStore
from homing.adapters.sqlite import Database, SqliteBlobs, SqliteStore
from homing.delivery.accept import accept
from homing.directory.accounts import add_address, create_user
from homing.ledger.entry import Actor
from homing.ports.landings import Landed
from homing.ports.store import Batch, Put
from homing.site import Site
from tests.conftest import FakeIds
from tests.doubles import Crashed, FaultPlan, FaultyBlobs, FaultyStore

from .conversation import landings
from .outcome import Outcome, assert_sound, outcome_of, work_off

Run = Callable[[Site], None]


def all_at_once(mail: Sequence[Landed]) -> Run:
    return lambda site: accept(site, mail) and None


def one_by_one(mail: Sequence[Landed]) -> Run:
    return lambda site: [accept(site, [one]) for one in mail] and None


class Places:
    """Sites with Ann and Bob, each as good as new, with a file and perhaps a table of its own."""

    def __init__(self, kind: str, folder: Path, template: Site) -> None:
        self._kind = kind
        self._folder = folder
        self._template = template
        self._open: list[Callable[[], object]] = []
        self._rows = [row for partition in template.store.partitions() for row in template.store.scan(partition)]

    def new(self) -> Site:
        self.latest = self._folder / f"{uuid.uuid4().hex}.db"
        database = Database(self.latest, durable=False)
        self._open.append(database.close)
        store = SqliteStore(database) if self._kind == "sqlite" else self._table()
        for row in self._rows:
            store.commit(Batch((Put(row),)))
        return replace(self._template, store=store, blobs=SqliteBlobs(database), ids=FakeIds())

    def close(self) -> None:
        for close in self._open:
            close()

    def _table(self) -> DynamoStore:
        name = f"homing-crash-{uuid.uuid4().hex}"
        store = DynamoStore(name)
        store.create_table()
        self._open.append(lambda: store.client.delete_table(TableName=name))
        return store


@pytest.fixture
def places(request: pytest.FixtureRequest, site: Site, accounts: list[str], tmp_path: Path) -> Iterator[Places]:
    kind = getattr(request, "param", "sqlite")
    if kind == "dynamodb":
        request.getfixturevalue("aws")
    made = Places(kind, tmp_path, site)
    yield made
    made.close()


@pytest.fixture
def accounts(site: Site, actor: Actor) -> list[str]:
    users = [create_user(site, actor, f"{name}@example.org", "correct horse") for name in ("ann", "bob")]
    add_address(site, actor, "annie@example.org", "ann@example.org")
    return [user.account for user in users]


def outcomes(site: Site, accounts: Sequence[str]) -> list[Outcome]:
    work_off(site)
    return [outcome_of(site, account) for account in accounts]


def stopped(site: Site, run: Run, stop_after: int | None) -> FaultPlan:
    """Run until the plan stops it, as a process would stop."""
    plan = FaultPlan(stop_after)
    faulty = replace(site, store=FaultyStore(site.store, plan), blobs=FaultyBlobs(site.blobs, plan))
    if stop_after is None:
        run(faulty)
        return plan
    with pytest.raises(Crashed):
        run(faulty)
    return plan


@pytest.mark.parametrize(
    ("places", "in_turn", "messages"),
    [
        pytest.param("sqlite", all_at_once, 5, id="sqlite, all at once"),
        pytest.param("sqlite", one_by_one, 5, id="sqlite, one by one"),
        pytest.param("dynamodb", all_at_once, 3, id="dynamodb, all at once", marks=pytest.mark.aws),
    ],
    indirect=["places"],
)
def test_stopped_after_any_side_effect_and_redelivered_the_end_is_that_of_a_clean_run(
    places: Places, accounts: list[str], tmp_path: Path, in_turn: Callable[[Sequence[Landed]], Run], messages: int
) -> None:
    mail = landings()[:messages]
    clean = places.new()
    effects = stopped(clean, in_turn(mail), None).effects
    expected = outcomes(clean, accounts)
    assert effects >= 5
    assert_sound(clean, accounts, tmp_path)

    for stop_after in range(effects + 1):
        site = places.new()
        if stop_after < effects:
            assert stopped(site, in_turn(mail), stop_after).effects == stop_after
        again = [*mail, *mail]
        random.Random(stop_after).shuffle(again)
        in_turn(again)(site)

        assert outcomes(site, accounts) == expected, f"stopped after {stop_after} of {effects} side effects"
        assert_sound(site, accounts, tmp_path)


@pytest.mark.parametrize("in_turn", [all_at_once, one_by_one])
def test_killed_after_any_side_effect_and_redelivered_the_end_is_that_of_a_clean_run(
    places: Places, accounts: list[str], tmp_path: Path, in_turn: Callable[[Sequence[Landed]], Run]
) -> None:
    mail = landings()[:3]
    clean = places.new()
    effects = stopped(clean, in_turn(mail), None).effects
    expected = outcomes(clean, accounts)

    for stop_after in range(effects):
        site = places.new()
        command = [sys.executable, "-m", "tests.rooms.delivery.ingest_until_effect", str(places.latest)]
        killed = subprocess.run([*command, in_turn.__name__, str(stop_after)], check=False, timeout=60)
        assert killed.returncode == -signal.SIGKILL
        assert outcomes(site, accounts) != expected
        in_turn([*mail[::-1], *mail])(site)

        assert outcomes(site, accounts) == expected, f"killed after {stop_after} of {effects} side effects"
        assert_sound(site, accounts, tmp_path)


def test_stopped_again_and_again_the_end_is_that_of_a_clean_run(
    places: Places, accounts: list[str], tmp_path: Path
) -> None:
    mail = landings()
    clean, crashing = places.new(), places.new()
    one_by_one(mail)(clean)
    chance = random.Random(4)

    for _ in range(60):
        run = all_at_once(chance.sample(mail, len(mail)))
        plan = FaultPlan(chance.randrange(7))
        faulty = replace(crashing, store=FaultyStore(crashing.store, plan), blobs=FaultyBlobs(crashing.blobs, plan))
        try:
            run(faulty)
        except Crashed:
            continue
    all_at_once(mail)(crashing)

    assert outcomes(crashing, accounts) == outcomes(clean, accounts)
    assert_sound(crashing, accounts, tmp_path)


@pytest.mark.parametrize("seed", range(5))
def test_any_order_of_arrival_gives_the_same_threads(
    places: Places, accounts: list[str], tmp_path: Path, seed: int
) -> None:
    mail, in_order, shuffled = landings(), places.new(), places.new()
    one_by_one(mail)(in_order)
    random.Random(seed).shuffle(mail)

    one_by_one(mail)(shuffled)

    assert outcomes(shuffled, accounts) == outcomes(in_order, accounts)
    assert [len(threads) for threads, *_ in outcomes(shuffled, accounts)] == [1, 2]
    assert_sound(shuffled, accounts, tmp_path)


def test_what_was_filed_before_the_stop_is_not_filed_again(site: Site, accounts: list[str]) -> None:
    mail = landings()
    one_by_one(mail)(site)
    before = list(site.store.scan(accounts[0])), list(site.store.scan(accounts[1]))

    for _ in range(2):
        one_by_one(mail[::-1])(site)
        all_at_once(mail)(site)

    assert (list(site.store.scan(accounts[0])), list(site.store.scan(accounts[1]))) == before
