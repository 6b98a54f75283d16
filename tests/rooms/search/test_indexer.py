"""The indexer of the process host: new mail becomes findable by itself, in small steps, and nothing stops it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest

from homing.delivery.accept import accept
from homing.directory.accounts import User
from homing.errors import Temporary
from homing.host import indexer as module
from homing.host.indexer import ROUND_SECONDS, Indexer
from homing.host.tailer import NotifyingStore
from homing.lambda_shell import use_site
from homing.ports.search import Document, Search
from homing.search.expression import EVERYTHING
from homing.search.index import STEP_EMAILS, catch_up
from homing.site import Site
from tests.doubles import CountingStore
from tests.mail import landed, message

PATIENCE = 60
"""Seconds after which what does not happen has failed."""


class Telling:
    """A search that tells how many documents it holds, and may fail before it takes any."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._changed = threading.Condition()
        self.steps: list[int] = []
        self.fail: Callable[[str], None] = lambda account: None

    def __getattr__(self, name: str):
        return getattr(self._search, name)

    def apply(self, account: str, since: int, until: int, documents: Sequence[Document], removed) -> bool:
        self.fail(account)
        taken = self._search.apply(account, since, until, documents, removed)
        with self._changed:
            self.steps.append(len(documents))
            self._changed.notify_all()
        return taken

    def wait_for(self, documents: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: sum(self.steps) >= documents, PATIENCE)


@pytest.fixture
def site(site: Site, user: User) -> Site:
    chosen = replace(site, store=NotifyingStore(site.store), search=Telling(site.search))
    use_site(chosen)
    return chosen


@contextmanager
def running(site: Site, round_seconds: float = ROUND_SECONDS) -> Iterator[Indexer]:
    indexer = Indexer(site, round_seconds)
    site.store.tell(indexer.committed)
    indexer.start()
    yield indexer
    assert indexer.stop(PATIENCE)


def found(site: Site, user: User) -> int:
    return site.search.count(user.account, EVERYTHING)


def test_new_mail_is_indexed_without_being_asked_for(site: Site, user: User) -> None:
    with running(site):
        accept(site, [landed(message("New"))])
        site.search.wait_for(1)

    assert found(site, user) == 1


def test_what_was_written_before_the_start_is_indexed(site: Site, user: User) -> None:
    accept(site, [landed(message("Old"))])

    with running(site):
        site.search.wait_for(1)

    assert found(site, user) == 1


def test_a_round_finds_the_accounts_without_reading_every_partition(site: Site, user: User) -> None:
    accept(site, [landed(message("Old"))])
    counting = CountingStore(site.store)

    with running(replace(site, store=NotifyingStore(counting))):
        site.search.wait_for(1)

    assert "partitions" not in counting.calls.as_dict()


def test_a_backlog_is_worked_off_in_steps(site: Site, user: User) -> None:
    accept(site, [landed(message(f"m{number}")) for number in range(3 * STEP_EMAILS)])

    with running(site):
        site.search.wait_for(3 * STEP_EMAILS)

    assert len(site.search.steps) >= 3
    assert found(site, user) == 3 * STEP_EMAILS


def test_mail_that_keeps_coming_is_indexed_all_the_same(
    site: Site, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUIET_SECONDS", 10_000)
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.05)

    with running(site):
        accept(site, [landed(message("New"))])
        site.search.wait_for(1)

    assert found(site, user) == 1


def test_an_account_that_cannot_be_indexed_waits_for_the_next_round_and_the_others_go_on(
    site: Site, user: User
) -> None:
    failed = threading.Semaphore(0)

    def fail(account: str) -> None:
        failed.release()
        raise Temporary("busy", "not now")

    site.search.fail = fail
    with running(site, 0.2):
        accept(site, [landed(message("New"))])
        assert failed.acquire(timeout=PATIENCE)
        assert failed.acquire(timeout=PATIENCE)
        site.search.fail = lambda account: None
        site.search.wait_for(1)

    assert found(site, user) == 1


def test_a_fault_of_ours_does_not_end_the_indexer(site: Site, user: User) -> None:
    met = threading.Event()

    def fail(account: str) -> None:
        met.set()
        raise RuntimeError("a fault")

    site.search.fail = fail
    with running(site, 0.2):
        accept(site, [landed(message("New"))])
        assert met.wait(PATIENCE)
        site.search.fail = lambda account: None
        site.search.wait_for(1)

    assert found(site, user) == 1


def test_an_indexer_with_nothing_to_do_stops_at_once(site: Site, user: User) -> None:
    catch_up(site, user.account)

    with running(site):
        pass


def test_commits_that_concern_no_account_are_ignored(site: Site, user: User) -> None:
    indexer = Indexer(site)
    site.store.tell(indexer.committed)
    accept(site, [landed(message("New"))])

    assert list(indexer._moved) == [user.account]
