"""One SQLite file: one writer with group commit, and a reader for each thread.

WAL, so readers never wait for the writer; `synchronous=FULL`, so a commit that returned survives a
power cut. Writers queue: whoever gets the lock commits everything that has piled up in one
transaction, so that ten waiting writers share one wait for the disk.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import apsw

from homing.errors import HomingError, Permanent, Temporary

T = TypeVar("T")
Work = Callable[[apsw.Connection], T]

APPLICATION_ID: Final = 0x484F4D47  # "HOMG"
BUSY_MILLISECONDS: Final = 30_000
MAX_GROUP: Final = 256
CACHE_KIB: Final = 64 * 1_024
MMAP_BYTES: Final = 1 << 30

_ROWS_AND_BLOBS: Final = """
CREATE TABLE rows (
  partition TEXT NOT NULL, key TEXT NOT NULL, revision INTEGER NOT NULL, expires INTEGER, body BLOB NOT NULL,
  PRIMARY KEY (partition, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX rows_expiring ON rows (expires) WHERE expires IS NOT NULL;
CREATE TABLE blobs (
  id INTEGER PRIMARY KEY, digest BLOB UNIQUE, size INTEGER NOT NULL, staged INTEGER, content BLOB NOT NULL
) STRICT;
CREATE TABLE pieces (
  blob INTEGER NOT NULL, number INTEGER NOT NULL, content BLOB NOT NULL, PRIMARY KEY (blob, number)
) STRICT, WITHOUT ROWID;
"""

# Every ASCII sign is part of a token, so that only the space separates; of the rest the tokenizer takes every byte.
_TOKEN_SIGNS: Final = "".join(chr(code) for code in range(1, 128) if code != ord(" ") and not chr(code).isalnum())
_TOKENIZER: Final = '"' + "ascii tokenchars '{}'".format(_TOKEN_SIGNS.replace("'", "''")).replace('"', '""') + '"'
# Prefixes of one to three letters are kept, after the account's two. Merging takes small steps with each write
# (`automerge`); all at once (`crisismerge`) it held the writer up for a second at 50,000 documents.
_SEARCH: Final = f"""
CREATE TABLE search_accounts (number INTEGER PRIMARY KEY, account TEXT UNIQUE, position INTEGER NOT NULL) STRICT;
CREATE TABLE search_emails (
  place INTEGER PRIMARY KEY, account INTEGER NOT NULL, email TEXT NOT NULL, received_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX search_emails_named ON search_emails (account, email);
CREATE VIRTUAL TABLE search_index USING fts5(
  scope, "from", "to", cc, bcc, subject, body, header, stem,
  content='', contentless_delete=1, prefix='3 4 5', tokenize={_TOKENIZER}
);
INSERT INTO search_index (search_index, rank) VALUES ('automerge', 8), ('crisismerge', 256);
"""  # noqa: S608  # made of constants

_VERSIONS: Final = (_ROWS_AND_BLOBS, _SEARCH)
"""What each version of the schema adds to the one before."""
SCHEMA_VERSION: Final = len(_VERSIONS)


class _Job(Generic[T]):
    """A unit of work in the writers' queue."""

    def __init__(self, work: Work[T]) -> None:
        self.work = work
        self.done = False
        self.result: T | None = None
        self.error: BaseException | None = None

    def run(self, connection: apsw.Connection, *, alone: bool) -> None:
        """Do the work. Among others, a job that fails takes back only itself; alone, it takes back everything."""
        if alone:
            self.result = self.work(connection)
            return
        connection.execute("SAVEPOINT job")
        try:
            self.result = self.work(connection)
        except (HomingError, apsw.Error) as error:
            if not connection.in_transaction:  # where the disk is full, SQLite takes back the whole group by itself
                raise
            connection.execute("ROLLBACK TO job")
            self.error = error
        connection.execute("RELEASE job")


def first(connection: apsw.Connection, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
    """The first row of a query's result, or None."""
    return connection.execute(sql, values).fetchone()


def every(connection: apsw.Connection, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """All rows of a query's result."""
    return connection.execute(sql, values).fetchall()


class Database:
    """An open site file. `write` and `reader` may be called from any thread."""

    def __init__(self, path: Path | str, *, durable: bool = True) -> None:
        """Open or create the file.

        `durable=False` trades the promise of durability for speed: for scratch copies only.

        Raises:
            Permanent: not a Homing file, or written by a newer version.
        """
        self.path = Path(path)
        self._durable = durable
        self._queue: deque[_Job[Any]] = deque()
        self._lock = threading.Lock()
        self._local = threading.local()
        self._readers: list[apsw.Connection] = []
        self._readers_lock = threading.Lock()
        with translated():
            _make_private(self.path)
            self._writer = self._connect(writable=True)
            self._prepare()

    def write(self, work: Work[T]) -> T:
        """Run `work` in a transaction and return its result once that is durable.

        `work` gets the writer's connection; what it raises undoes what it wrote and comes back here.
        """
        job: _Job[T] = _Job(work)
        self._queue.append(job)
        with self._lock:
            while not job.done:  # more than one group may wait before it
                self._commit_group()
        if job.error is not None:
            with translated():
                raise job.error
        return job.result  # type: ignore[return-value]  # T may itself be None

    def reader(self) -> apsw.Connection:
        """This thread's read-only connection."""
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            with translated():
                connection = self._connect(writable=False)
            self._local.connection = connection
            with self._readers_lock:
                self._readers.append(connection)
        return connection

    def close(self) -> None:
        """Close every connection. Waits for the write that is under way."""
        with self._lock:
            with self._readers_lock:
                for connection in self._readers:
                    connection.close()
                self._readers.clear()
            self._writer.close()

    def _commit_group(self) -> None:
        """Run everything queued in one transaction. Only the holder of the lock is here."""
        jobs = [self._queue.popleft() for _ in range(min(len(self._queue), MAX_GROUP))]
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                for job in jobs:
                    job.run(self._writer, alone=len(jobs) == 1)
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
        except BaseException as error:
            for job in jobs:
                job.error = error
            if not isinstance(error, (HomingError, apsw.Error)):  # these each writer raises for itself
                raise
        finally:
            for job in jobs:
                job.done = True

    def _connect(self, *, writable: bool) -> apsw.Connection:
        flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if writable else 0)
        with translated():
            connection = apsw.Connection(str(self.path), flags=flags)
        connection.set_busy_timeout(BUSY_MILLISECONDS)
        connection.pragma("cache_size", -CACHE_KIB)
        connection.pragma("mmap_size", MMAP_BYTES)
        if not writable:
            connection.pragma("query_only", True)
        return connection

    def _prepare(self) -> None:
        version = self._writer.pragma("user_version")
        if not 0 <= version <= SCHEMA_VERSION or self._writer.pragma("application_id") not in (0, APPLICATION_ID):
            self._writer.close()
            raise Permanent("badFile", "not a site of this version of Homing", path=str(self.path), version=version)
        self._writer.pragma("journal_mode", "wal")
        self._writer.pragma("synchronous", "full" if self._durable else "off")
        if version < SCHEMA_VERSION:
            self._upgrade()

    def _upgrade(self) -> None:
        """Add what is missing, of a new file everything. The version is read again: another process may be first."""
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            for schema in _VERSIONS[self._writer.pragma("user_version") :]:
                self._writer.execute(schema)
            self._writer.pragma("application_id", APPLICATION_ID)
            self._writer.pragma("user_version", SCHEMA_VERSION)
            self._writer.execute("COMMIT")
        except BaseException:
            self._writer.execute("ROLLBACK")
            raise


def _make_private(path: Path) -> None:
    """A new file is its owner's alone; SQLite gives its -wal and -shm the same rights."""
    with contextlib.suppress(OSError):  # opening it will tell what is wrong
        path.touch(mode=0o600)


class translated:  # noqa: N801  # reads as a statement: `with translated():`
    """Turns SQLite's errors into the project's: busy and full disks are temporary, the rest is not."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, (apsw.BusyError, apsw.LockedError)):
            raise Temporary("storeBusy", "another process is writing to this site") from error
        if isinstance(error, (apsw.FullError, apsw.IOError)):
            raise Temporary(
                "storeUnavailable", "the disk of this site is full or failing", detail=str(error)
            ) from error
        if isinstance(error, apsw.NotADBError):
            raise Permanent("badFile", "this file is not a Homing site") from error
        if isinstance(error, apsw.Error):
            raise Permanent("storeFailed", "SQLite refused", detail=f"{type(error).__name__}: {error}") from error
