"""The one writer of a site's file: each of those who wait gets the answer to its own work."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from homing.adapters.sqlite import Database, SqliteStore, database
from homing.errors import Permanent, Temporary
from homing.ports.store import Batch, Put, Row


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(database, "BUSY_MILLISECONDS", 0)
    made = Database(tmp_path / "site.db", durable=False)
    yield made
    made.close()


def test_a_writer_behind_more_than_a_group_waits_for_its_own_answer(opened: Database) -> None:
    for number in range(database.MAX_GROUP * 2):
        opened._queue.append(database._Job(lambda _connection, number=number: number))

    assert opened.write(lambda _connection: "mine") == "mine"


def test_many_writers_at_once_each_get_their_answer(opened: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "MAX_GROUP", 3)
    writers = 40
    held, all_queued = threading.Event(), threading.Event()
    answers: dict[int, int] = {}

    def hold(_connection: apsw.Connection) -> None:
        held.set()
        all_queued.wait(30)

    def write(number: int) -> None:
        answers[number] = opened.write(lambda _connection: number)

    threads = [threading.Thread(target=opened.write, args=(hold,))]
    threads[0].start()
    held.wait(30)
    threads += [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads[1:]:
        thread.start()
    all_queued.set()
    for thread in threads:
        thread.join()

    assert answers == {number: number for number in range(writers)}


def test_a_reader_does_not_wait_for_the_writer(opened: Database) -> None:
    writing, may_end = threading.Event(), threading.Event()

    def write_slowly(connection: apsw.Connection) -> None:
        connection.execute("INSERT INTO rows VALUES ('p', 'k', 1, NULL, x'')")
        writing.set()
        assert may_end.wait(30)

    writer = threading.Thread(target=opened.write, args=(write_slowly,))
    writer.start()
    assert writing.wait(30)

    before = opened.reader().execute("SELECT key FROM rows").fetchall()

    may_end.set()
    writer.join()
    assert before == []
    assert opened.reader().execute("SELECT key FROM rows").fetchall() == [("k",)]


def test_a_file_that_another_process_writes_to_is_busy_for_now(opened: Database) -> None:
    other = apsw.Connection(str(opened.path))
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(Temporary) as raised:
        opened.write(lambda _connection: None)

    other.execute("ROLLBACK")
    assert raised.value.type == "storeBusy"
    assert opened.write(lambda _connection: 5) == 5


def test_work_that_fails_takes_back_only_itself(opened: Database) -> None:
    def fail(connection: apsw.Connection) -> None:
        connection.execute("INSERT INTO rows VALUES ('p', 'lost', 1, NULL, x'')")
        raise Permanent("no")

    opened.write(lambda connection: connection.execute("INSERT INTO rows VALUES ('p', 'kept', 1, NULL, x'')") and None)
    with pytest.raises(Permanent, match="no"):
        opened.write(fail)

    kept = opened.reader().execute("SELECT key FROM rows").fetchall()
    assert kept == [("kept",)]


def test_a_full_disk_within_a_group_is_told_to_all_of_it_and_nothing_is_kept(opened: Database) -> None:
    opened._writer.pragma("max_page_count", opened._writer.pragma("page_count") + 2)
    insert = "INSERT INTO rows VALUES ('p', ?, 1, NULL, zeroblob(?))"

    def job(key: str, size: int) -> database._Job[None]:
        return database._Job(lambda connection: connection.execute(insert, (key, size)) and None)

    group = [job("before", 10), job("large", 100_000), job("after", 10)]
    opened._queue.extend(group)
    with pytest.raises(Temporary) as raised:
        opened.write(lambda _connection: None)

    assert raised.value.type == "storeUnavailable"
    assert [type(done.error) for done in group] == [apsw.FullError] * 3
    assert opened.reader().execute("SELECT key FROM rows").fetchall() == []


def test_in_a_group_work_that_fails_takes_back_only_itself(opened: Database) -> None:
    def insert(connection: apsw.Connection, key: str) -> None:
        connection.execute("INSERT INTO rows VALUES ('p', ?, 1, NULL, x'')", (key,))

    def fail(connection: apsw.Connection) -> None:
        insert(connection, "lost")
        insert(connection, "before")  # there already: SQLite refuses

    opened._queue.append(database._Job(lambda connection: insert(connection, "before")))
    failing = database._Job(fail)
    opened._queue.append(failing)
    opened.write(lambda connection: insert(connection, "after"))

    assert isinstance(failing.error, apsw.ConstraintError)
    assert opened.reader().execute("SELECT key FROM rows").fetchall() == [("after",), ("before",)]


def test_a_new_site_file_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    private = Database(tmp_path / "private.db")
    SqliteStore(private).commit(Batch((Put(Row("p", "k", b"{}")),)))

    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}

    private.close()
    assert set(modes.values()) == {0o600}, modes
