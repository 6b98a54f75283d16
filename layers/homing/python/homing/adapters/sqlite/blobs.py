"""The `Blobs` port in the site's file: a blob's first piece lies in its row, further ones beside it.

A large blob is written in several transactions under no name (`digest` NULL, `staged` = the time), so
that it holds nobody up, and is given its digest in the last one. What a crash leaves nameless is swept.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Final

import apsw

from homing.adapters.sqlite.database import Database, every, first, translated
from homing.errors import Temporary
from homing.ports.blobs import READ_BYTES, check_digest, digest_of

PIECE_BYTES: Final = READ_BYTES
SMALL_BYTES: Final = 1 << 20
"""Up to here a blob is written in one transaction."""
STAGED_SECONDS: Final = 24 * 3_600


class SqliteBlobs:
    """Content-addressed bytes in the site's file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, content: bytes) -> str:
        """Store `content` unless it is there; return its digest."""
        return self.put_many([content])[0]

    def put_many(self, contents: Sequence[bytes]) -> list[str]:
        """Store each; the small ones share one transaction."""
        digests = [digest_of(content) for content in contents]
        small = {digest: c for digest, c in zip(digests, contents, strict=True) if len(c) <= SMALL_BYTES}
        if small:
            self._database.write(lambda connection: _insert_small(connection, small))
        for digest, content in zip(digests, contents, strict=True):
            if digest not in small and self.size(digest) is None:
                self.put_stream(_cut(content))
        return digests

    def put_stream(self, pieces: Iterable[bytes]) -> tuple[str, int]:
        """Store what `pieces` yields, a few pieces a transaction; return (digest, size)."""
        hasher, size, number = hashlib.sha256(), 0, 0
        blob = self._database.write(_stage)
        try:
            for group in _grouped(pieces):
                for content in group:
                    hasher.update(content)
                    size += len(content)
                self._database.write(partial(_write_pieces, blob=blob, start=number, pieces=group))
                number += len(group)
        except BaseException:
            self._database.write(lambda connection: _remove(connection, blob))
            raise
        digest = hasher.hexdigest()
        self._database.write(lambda connection: _name(connection, blob, bytes.fromhex(digest), size))
        return digest, size

    def get(self, digest: str, start: int = 0, length: int | None = None) -> bytes | None:
        """`length` bytes from `start`, or None if there is no such blob."""
        found = self._find(digest)
        if found is None:
            return None
        blob, size = found
        end = size if length is None else min(size, start + length)
        if start >= end:
            return b""
        return b"".join(self._range(blob, start, end))

    def open(self, digest: str) -> Iterator[bytes] | None:
        """The blob in pieces, or None."""
        found = self._find(digest)
        if found is None:
            return None
        blob, size = found
        return (b"".join(self._range(blob, at, min(size, at + PIECE_BYTES))) for at in range(0, size, PIECE_BYTES))

    def size(self, digest: str) -> int | None:
        """Size in bytes, or None."""
        found = self._find(digest)
        return None if found is None else found[1]

    def delete(self, digest: str) -> None:
        """Forget the blob."""
        if (found := self._find(digest)) is not None:
            blob = found[0]
            self._database.write(lambda connection: _remove(connection, blob))

    def digests(self) -> Iterator[str]:
        """Every digest in ascending order."""
        last = b""
        sql = "SELECT digest FROM blobs WHERE digest > ? ORDER BY digest LIMIT 1000"
        while True:
            with translated():
                page = every(self._database.reader(), sql, (last,))
            if not page:
                return
            for (digest,) in page:
                yield digest.hex()
            last = page[-1][0]

    def sweep(self, now: int) -> int:
        """Remove blobs that were begun a day before `now` (Unix seconds) and never named; return how many."""
        before = now - STAGED_SECONDS

        def work(connection: apsw.Connection) -> int:
            sql = "SELECT id FROM blobs WHERE digest IS NULL AND staged < ?"
            stale = [blob for (blob,) in every(connection, sql, (before,))]
            for blob in stale:
                _remove(connection, blob)
            return len(stale)

        return self._database.write(work)

    def _find(self, digest: str) -> tuple[int, int] | None:
        check_digest(digest)
        sql = "SELECT id, size FROM blobs WHERE digest = ?"
        with translated():
            found = first(self._database.reader(), sql, (bytes.fromhex(digest),))
        return None if found is None else (found[0], found[1])

    def _range(self, blob: int, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` to `end`, piece by piece; SQLite cuts, so that only these move."""
        for number in range(start // PIECE_BYTES, (end - 1) // PIECE_BYTES + 1):
            offset = number * PIECE_BYTES
            low, high = max(start - offset, 0), min(end - offset, PIECE_BYTES)
            where = "blobs WHERE id = ?" if number == 0 else "pieces WHERE blob = ? AND number = ?"
            place = (blob,) if number == 0 else (blob, number)
            with translated():
                sql = f"SELECT substr(content, ?, ?) FROM {where}"  # noqa: S608  # two constant texts
                found = first(self._database.reader(), sql, (low + 1, high - low, *place))
            if found is None:
                raise Temporary("blobGone", "the blob was removed while it was read")
            yield found[0]


def _insert_small(connection: apsw.Connection, contents: dict[str, bytes]) -> None:
    for digest, content in contents.items():
        name = bytes.fromhex(digest)
        if first(connection, "SELECT 1 FROM blobs WHERE digest = ?", (name,)):
            continue
        connection.execute(
            "INSERT INTO blobs (digest, size, content) VALUES (?, ?, ?)", (name, len(content), content[:PIECE_BYTES])
        )
        blob = connection.last_insert_rowid()
        for number, start in enumerate(range(PIECE_BYTES, len(content), PIECE_BYTES), 1):
            _insert_piece(connection, blob, number, content[start : start + PIECE_BYTES])


def _insert_piece(connection: apsw.Connection, blob: int, number: int, content: bytes) -> None:
    connection.execute("INSERT INTO pieces (blob, number, content) VALUES (?, ?, ?)", (blob, number, content))


def _stage(connection: apsw.Connection) -> int:
    connection.execute("INSERT INTO blobs (size, staged, content) VALUES (0, ?, x'')", (int(time.time()),))
    return connection.last_insert_rowid()


def _write_pieces(connection: apsw.Connection, *, blob: int, start: int, pieces: list[bytes]) -> None:
    for number, content in enumerate(pieces, start):
        if number == 0:
            connection.execute("UPDATE blobs SET content = ? WHERE id = ?", (content, blob))
        else:
            _insert_piece(connection, blob, number, content)


def _name(connection: apsw.Connection, blob: int, digest: bytes, size: int) -> None:
    """Give a staged blob its name, or drop it if another writer was first with the same content."""
    if first(connection, "SELECT 1 FROM blobs WHERE digest = ?", (digest,)):
        _remove(connection, blob)
    else:
        connection.execute("UPDATE blobs SET digest = ?, size = ?, staged = NULL WHERE id = ?", (digest, size, blob))


def _remove(connection: apsw.Connection, blob: int) -> None:
    connection.execute("DELETE FROM pieces WHERE blob = ?", (blob,))
    connection.execute("DELETE FROM blobs WHERE id = ?", (blob,))


def _cut(content: bytes) -> Iterator[bytes]:
    return (content[at : at + PIECE_BYTES] for at in range(0, len(content), PIECE_BYTES))


def _grouped(pieces: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Pieces of exactly PIECE_BYTES (the last may be shorter), several at a time."""
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        while len(buffer) >= SMALL_BYTES:
            yield list(_cut(bytes(buffer[:SMALL_BYTES])))
            del buffer[:SMALL_BYTES]
    if buffer:
        yield list(_cut(bytes(buffer)))
