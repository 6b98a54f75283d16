"""The doubles of `tests/doubles.py` keep the contract of what they stand before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from homing.adapters.memory import MemoryLandings
from homing.adapters.sqlite import Database, SqliteBlobs, SqliteStore
from homing.errors import Refused, StoreConflict
from homing.ports.blobs import digest_of
from homing.ports.landings import Envelope
from homing.ports.store import ABSENT, Batch, Put, Row
from tests.doubles import (
    CountingBlobs,
    CountingLandings,
    CountingStore,
    Crashed,
    FaultPlan,
    FaultyBlobs,
    FaultyLandings,
    FaultyStore,
)

ENVELOPE = Envelope("a@example.org", ("b@example.net",))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database(tmp_path / "site.db")
    yield found
    found.close()


def one(key: str) -> Batch:
    return Batch((Put(Row("p", key, key.encode()), ABSENT),))


def test_counting_stores_pass_everything_on(database: Database) -> None:
    store = CountingStore(SqliteStore(database))

    store.commit(one("a"))
    store.commit(one("b"))

    assert store.get("p", "a") == Row("p", "a", b"a")
    assert set(store.get_many([("p", "a"), ("p", "a"), ("p", "x")])) == {("p", "a")}
    assert [row.key for row in store.scan("p", "a", "c", reverse=True, limit=1)] == ["b"]
    assert list(store.partitions()) == ["p"]
    assert store.calls.as_dict() == {"commit": 2, "get": 1, "get_many": 1, "partitions": 1, "scan": 1}
    assert store.calls.total() == 6
    store.calls.clear()
    assert store.calls.as_dict() == {}


def test_counting_blobs_pass_everything_on(database: Database) -> None:
    blobs = CountingBlobs(SqliteBlobs(database))

    digest = blobs.put(b"content")

    assert blobs.put_many([b"1", b"2", b"1"]) == [digest_of(b"1"), digest_of(b"2"), digest_of(b"1")]
    assert blobs.put_stream([b"con", b"tent"]) == (digest, 7)
    assert blobs.get(digest, 3, 2) == b"te"
    assert b"".join(blobs.open(digest) or ()) == b"content"
    assert blobs.size(digest) == 7
    blobs.delete(digest)
    assert list(blobs.digests()) == sorted([digest_of(b"1"), digest_of(b"2")])
    single = dict.fromkeys(["delete", "digests", "get", "open", "put", "put_stream", "size"], 1)
    assert blobs.calls.as_dict() == {**single, "put_many": 2}


def test_counting_landings_pass_everything_on() -> None:
    landings = CountingLandings(MemoryLandings())

    name = landings.land(ENVELOPE, b"raw")
    found = landings.get(name)
    landings.settle(name, [Refused(550, "5.1.1", "No such user here")])

    assert found is not None
    assert found.raw == b"raw"
    assert landings.calls.as_dict() == {"get": 1, "land": 1, "settle": 1}


def deliver(store: FaultyStore, blobs: FaultyBlobs, landings: FaultyLandings) -> None:
    """A use case with seven side effects."""
    name = landings.land(ENVELOPE, b"raw")
    blobs.put(b"1")
    blobs.put_many([b"2", b"3"])
    store.get("p", "a")
    store.commit(one("a"))
    landings.settle(name, [None])
    blobs.put(b"4")


@pytest.mark.parametrize("stop_after", range(7))
def test_a_plan_stops_after_the_effect_it_names(database: Database, stop_after: int) -> None:
    plan = FaultPlan(stop_after)
    store, blobs, landings = SqliteStore(database), SqliteBlobs(database), MemoryLandings()
    doubles = (FaultyStore(store, plan), FaultyBlobs(blobs, plan), FaultyLandings(landings, plan))

    with pytest.raises(Crashed):
        deliver(*doubles)

    assert plan.effects == stop_after
    done = [landings.get("landing/1") is not None or stop_after == 6]
    done += [blobs.size(digest_of(content)) is not None for content in (b"1", b"2", b"3")]
    done += [store.get("p", "a") is not None, landings.collect("landing/1") is not None]
    assert done == [number < stop_after for number in range(6)]


def test_nothing_can_be_done_or_read_after_a_stop(database: Database) -> None:
    plan = FaultPlan(0)
    store, blobs = FaultyStore(SqliteStore(database), plan), FaultyBlobs(SqliteBlobs(database), plan)

    with pytest.raises(Crashed):
        store.commit(one("a"))

    for call in (
        lambda: store.get("p", "a"),
        lambda: store.get_many([]),
        lambda: store.scan("p"),
        store.partitions,
        lambda: store.commit(one("b")),
        lambda: blobs.get(digest_of(b"")),
        lambda: blobs.put_stream([b""]),
        lambda: blobs.delete(digest_of(b"")),
    ):
        with pytest.raises(Crashed):
            call()
    assert SqliteStore(database).get("p", "b") is None


def test_a_plan_without_a_stop_only_counts(database: Database) -> None:
    plan = FaultPlan()

    deliver(
        FaultyStore(SqliteStore(database), plan),
        FaultyBlobs(SqliteBlobs(database), plan),
        FaultyLandings(MemoryLandings(), plan),
    )

    assert plan.effects == 7
    assert not plan.stopped


def test_a_plan_raises_what_it_is_told(database: Database) -> None:
    store = FaultyStore(SqliteStore(database), FaultPlan(1, raises=lambda: OSError("disk")))

    with pytest.raises(OSError, match="disk"):
        store.commit(one("a"))

    assert SqliteStore(database).get("p", "a") is not None


def test_a_commit_that_conflicts_is_no_effect(database: Database) -> None:
    plan = FaultPlan(2)
    store = FaultyStore(SqliteStore(database), plan)
    store.commit(one("a"))

    with pytest.raises(StoreConflict):
        store.commit(one("a"))

    assert plan.effects == 1
