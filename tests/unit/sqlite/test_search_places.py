"""Where the index of the local home puts emails in its file, and how a file of before gets one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from homing.adapters.sqlite import Database, SqliteStore, database, search
from homing.adapters.sqlite.search import SqliteSearch
from homing.errors import Permanent
from homing.ports.search import AllOf, Document, Term
from homing.ports.store import Batch, Put, Row

NOON = 1_795_000_000_000
APPLE = Term(("body",), ("apple",))


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "site.db", durable=False)
    yield made
    made.close()


def apple(email: str, at: int = NOON) -> Document:
    return Document(email, at, {"body": "apple"})


def count(opened: Database, table: str) -> int:
    found = opened.reader().execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
    return int(found[0])


def test_a_moment_with_more_emails_than_places_takes_those_of_the_next(
    opened: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "PLACES_BITS", 2)
    index = SqliteSearch(opened)
    emails = [f"e{number}" for number in range(50)]

    for position, email in enumerate(emails):
        assert index.apply("u1", position, position + 1, [apple(email), apple(f"other {email}", NOON + 9)], ())

    hits = list(index.query("u1", APPLE))
    assert {hit.email for hit in hits} == {*emails, *(f"other {email}" for email in emails)}
    assert {hit.received_at for hit in hits} == {NOON, NOON + 9}


def test_a_time_beyond_all_calendars_is_kept_at_the_end(opened: Database) -> None:
    index = SqliteSearch(opened)

    assert index.apply("u1", 0, 1, [apple("last", 2**62), apple("now"), apple("first", -(2**62))], ())

    assert [hit.email for hit in index.query("u1", APPLE)] == ["last", "now", "first"]


def test_nothing_is_left_of_what_was_removed_replaced_or_forgotten(opened: Database) -> None:
    index = SqliteSearch(opened)
    assert index.apply("u1", 0, 1, [apple("e1"), apple("e2", NOON + 1)], ())
    assert index.apply("u1", 1, 2, [apple("e1", NOON + 5)], ["e2"])
    assert count(opened, "search_index") == count(opened, "search_emails") == 1

    index.forget("u1")

    assert count(opened, "search_index") == count(opened, "search_emails") == count(opened, "search_accounts") == 0


def test_forgetting_that_was_cut_short_is_finished_by_the_next(opened: Database) -> None:
    index = SqliteSearch(opened)
    assert index.apply("u1", 0, 1, [apple("e1")], ())
    opened.write(lambda connection: connection.execute("UPDATE search_accounts SET account = NULL"))

    assert list(index.query("u1", AllOf(()))) == []
    index.forget("u2")

    assert count(opened, "search_emails") == count(opened, "search_accounts") == 0


def test_the_index_of_its_own_accord_is_whole(opened: Database) -> None:
    index = SqliteSearch(opened)
    for position in range(60):
        assert index.apply("u1", position, position + 1, [apple(f"e{position}", NOON + position % 7)], ())
    assert index.apply("u1", 60, 61, (), [f"e{number}" for number in range(0, 60, 2)])

    opened.write(lambda connection: connection.execute("INSERT INTO search_index (search_index) VALUES ('optimize')"))

    assert index.count("u1", APPLE) == 30


def test_a_work_that_fails_beside_an_index_write_takes_back_only_itself(opened: Database) -> None:
    index, store = SqliteSearch(opened), SqliteStore(opened)
    store.commit(Batch((Put(Row("p", "k", b"1"), "absent"),)))

    def write(position: int) -> bool:
        return index.apply("u1", position, position + 1, [apple(f"e{position}")], ())

    def failing(_connection: apsw.Connection) -> None:
        raise Permanent("no", "not this one")

    job = database._Job(failing)
    opened._queue.append(job)
    assert write(0)
    assert isinstance(job.error, Permanent)
    assert index.count("u1", APPLE) == 1


def test_a_file_without_an_index_gets_one_and_keeps_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "site.db"
    with monkeypatch.context() as before:
        before.setattr(database, "_VERSIONS", database._VERSIONS[:1])
        before.setattr(database, "SCHEMA_VERSION", 1)
        old = Database(path, durable=False)
        SqliteStore(old).commit(Batch((Put(Row("p", "k", b"body")),)))
        assert old.reader().pragma("user_version") == 1
        old.close()

    opened = Database(path, durable=False)

    assert SqliteStore(opened).get("p", "k") == Row("p", "k", b"body")
    assert SqliteSearch(opened).apply("u1", 0, 1, [apple("e1")], ())
    assert opened.reader().pragma("user_version") == database.SCHEMA_VERSION
    opened.close()


def test_a_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "site.db"
    opened = Database(path, durable=False)
    opened.write(lambda connection: None)
    opened.close()
    with apsw.Connection(str(path)) as connection:
        connection.pragma("user_version", database.SCHEMA_VERSION + 1)
    connection.close()

    with pytest.raises(Permanent, match="not a site of this version"):
        Database(path)
