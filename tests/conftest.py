"""A site for tests: real adapters on a file of its own, with a clock and chance that tests control."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from homing.adapters.memory import MemoryLandings
from homing.adapters.sqlite import Database, SqliteBlobs, SqliteStore
from homing.adapters.sqlite.search import SqliteSearch
from homing.config import Config
from homing.directory.accounts import User, create_user
from homing.ledger.entry import Actor
from homing.ports.clock import Ids
from homing.ports.landings import Landed
from homing.ports.store import Batch, Put
from homing.site import Site
from tests import mail
from tests.doubles import RecordingNotifier, RecordingTransport

START = 1_795_000_000_000
"""The tests' first moment, in November 2026."""


class FakeClock:
    """Stands still until it is told the time."""

    def __init__(self, now: int = START) -> None:
        self._now = now
        self._lock = threading.Lock()

    def now(self) -> int:
        return self._now

    def set(self, now: int) -> None:
        self._now = now

    def advance(self, ms: int) -> int:
        """Let `ms` pass; return the new time."""
        with self._lock:
            self._now += ms
            return self._now


class FakeIds:
    """Chance that repeats itself: the same bytes for the same seed."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def random(self, size: int) -> bytes:
        with self._lock:
            return self._random.randbytes(size)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ids() -> FakeIds:
    return FakeIds()


@pytest.fixture
def actor() -> Actor:
    return Actor("tester", "test", "c1")


def site_on(database: Database, clock: FakeClock, ids: Ids) -> Site:
    """A site in a file, with a next hop and a push service that remember what they were given."""
    return Site(
        Config(data=database.path.parent),
        SqliteStore(database),
        SqliteBlobs(database),
        MemoryLandings(),
        clock,
        ids,
        SqliteSearch(database),
        RecordingTransport(),
        RecordingNotifier(),
    )


@pytest.fixture
def site(tmp_path: Path, clock: FakeClock, ids: FakeIds) -> Iterator[Site]:
    """A local site in a file that is not made durable."""
    database = Database(tmp_path / "site.db", durable=False)
    yield site_on(database, clock, ids)
    database.close()


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[SqliteStore]:
    """An empty store."""
    database = Database(tmp_path / "scratch.db", durable=False)
    yield SqliteStore(database)
    database.close()


@pytest.fixture(scope="session")
def ann(tmp_path_factory: pytest.TempPathFactory) -> tuple[User, Batch]:
    """A user and her rows, made once: to hash a password takes longer than most tests."""
    folder = tmp_path_factory.mktemp("ann")
    database = Database(folder / "site.db", durable=False)
    site = site_on(database, FakeClock(), FakeIds(99))
    store = site.store
    user = create_user(site, Actor("tester", "test", "c0"), "ann@example.org", "correct horse", name="Ann")
    rows = [Put(row) for partition in store.partitions() for row in store.scan(partition)]
    database.close()
    return user, Batch(tuple(rows))


@pytest.fixture
def user(site: Site, ann: tuple[User, Batch]) -> User:
    """Ann, who receives at ann@example.org; her password is "correct horse". Ask for her before other users."""
    user, rows = ann
    site.store.commit(rows)
    return user


@pytest.fixture
def message() -> Callable[..., bytes]:
    """Builds raw messages: see `tests.mail.message`."""
    return mail.message


@pytest.fixture
def landed() -> Callable[..., Landed]:
    """Builds landed messages: see `tests.mail.landed`."""
    return mail.landed
