"""The `Search` port on FTS5, in the site's file: what is indexed and the position share a transaction.

A row of the index lies at a *place* that grows with `received_at`, so that FTS5 gives the newest first
without sorting, and stops where the reader does. A query is read in pages, each beginning where the last
one ended: no read transaction stays open between two of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

import apsw

from homing.adapters.sqlite.database import Database, every, first, translated
from homing.adapters.sqlite.search_match import columns_of, letters_of, match
from homing.ports.search import Document, Expression, Hit, Term

FIRST_PAGE: Final = 64
LAST_PAGE: Final = 4_096
LOOK_UPS: Final = 64
"""Up to so many emails each is looked up in the index by itself; of more, all hits between the outermost are read."""
NAMES: Final = 128
FORGET_ROWS: Final = 200
"""Rows that are forgotten in one transaction: more would hold up the mail that comes in meanwhile."""

PLACES_BITS: Final = 14
"""Each millisecond has 16,384 places; when they are taken, those of the next ones are used."""
_LATEST: Final = (1 << (63 - PLACES_BITS)) - (1 << 20)
_BEFORE_ALL: Final = -(1 << 63)
_AFTER_ALL: Final = (1 << 63) - 1
_INDEXED_PREFIX: Final = 3
"""Beginnings of up to so many letters have posting lists of their own (`prefix` in the schema)."""

_ACCOUNT: Final = "SELECT number, position FROM search_accounts WHERE account = ?"
_OPEN_ACCOUNT: Final = "INSERT INTO search_accounts (account, position) VALUES (?, 0) RETURNING number"
_MOVE: Final = "UPDATE search_accounts SET position = ? WHERE number = ?"
_EMAIL: Final = "SELECT place, received_at FROM search_emails WHERE account = ? AND email = ?"
_LAST_PLACE: Final = "SELECT place FROM search_emails WHERE place >= ? AND place < ? ORDER BY place DESC LIMIT 1"
_NAME: Final = "INSERT INTO search_emails (place, account, email, received_at) VALUES (?, ?, ?, ?)"
_INDEX: Final = (
    'INSERT OR REPLACE INTO search_index (rowid, scope, "from", "to", cc, bcc, subject, body, header, stem) '
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_UNNAME: Final = "DELETE FROM search_emails WHERE place = ?"
_UNINDEX: Final = "DELETE FROM search_index WHERE rowid = ?"
_FOUND: Final = (
    "SELECT search_index.rowid, email, received_at "
    "FROM search_index CROSS JOIN search_emails ON search_emails.place = search_index.rowid "
    "WHERE search_index MATCH ? AND search_index.rowid {after} ? ORDER BY search_index.rowid {order} LIMIT ?"
)
_PAGE: Final = {True: _FOUND.format(after="<", order="DESC"), False: _FOUND.format(after=">", order="ASC")}
_COUNT: Final = "SELECT count(*) FROM search_index WHERE search_index MATCH ?"
_IS_FOUND: Final = "SELECT 1 FROM search_index WHERE search_index MATCH ? AND rowid = ?"
_BETWEEN: Final = "SELECT rowid FROM search_index WHERE search_index MATCH ? AND rowid BETWEEN ? AND ? LIMIT ?"


class SqliteSearch:
    """A full-text index in the site's file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def position(self, account: str) -> int:
        """How far the index has read; 0 of an account that it does not know."""
        found = self._account(account)
        return found[1] if found else 0

    def apply(
        self, account: str, since: int, until: int, documents: Sequence[Document], removed: Collection[str]
    ) -> bool:
        """Take in a span of the ledger in one transaction, or nothing and False."""

        def work(connection: apsw.Connection) -> bool:
            number, position = first(connection, _ACCOUNT, (account,)) or (None, 0)
            if position != since:
                return False
            if number is None:
                ((number,),) = every(connection, _OPEN_ACCOUNT, (account,))
            for email in removed:
                _remove(connection, number, email)
            letters = letters_of(number)
            for document in documents:
                _put(connection, number, letters, document)
            connection.execute(_MOVE, (until, number))
            return True

        return self._database.write(work)

    def query(self, account: str, expression: Expression, *, newest_first: bool = True) -> Iterator[Hit]:
        """The emails that match, page by page; the first page is small."""
        found = self._account(account)
        if found is None:
            return
        query = match(expression, letters_of(found[0]))
        last, size = _AFTER_ALL if newest_first else _BEFORE_ALL, FIRST_PAGE
        while True:
            with translated():
                page = every(self._database.reader(), _PAGE[newest_first], (query, last, size))
            for _, email, received_at in page:
                yield Hit(email, received_at)
            if len(page) < size:
                return
            last, size = page[-1][0], min(size * 4, LAST_PAGE)

    def count(self, account: str, expression: Expression) -> int:
        """How many emails match."""
        found = self._account(account)
        if found is None:
            return 0
        with translated():
            counted = first(self._database.reader(), _COUNT, (match(expression, letters_of(found[0])),))
        return int(counted[0]) if counted else 0

    def matching(self, account: str, expression: Expression, emails: Collection[str]) -> set[str]:
        """Those of `emails` that match: each is asked for where they are few and the expression is cheap."""
        found = self._account(account)
        if found is None:
            return set()
        number = found[0]
        query = match(expression, letters_of(number))
        with translated():
            places = self._places(number, emails)
            few = len(places) <= LOOK_UPS and not _is_costly(expression)
            hits = self._each(query, places) if few else self._between(query, places)
        return {places[place] for place in hits}

    def forget(self, account: str) -> None:
        """Take the account's name from its rows, so that no query finds them, then remove them a few at a time.

        Rows that lost their name in a call that was cut short are removed, too.
        """
        self._database.write(
            lambda connection: connection.execute(
                "UPDATE search_accounts SET account = NULL WHERE account = ?", (account,)
            )
        )
        while self._database.write(_sweep):
            pass

    def _account(self, account: str) -> tuple[int, int] | None:
        with translated():
            found = first(self._database.reader(), _ACCOUNT, (account,))
        return (found[0], found[1]) if found else None

    def _places(self, number: int, emails: Collection[str]) -> dict[int, str]:
        names = list(dict.fromkeys(emails))
        places: dict[int, str] = {}
        for start in range(0, len(names), NAMES):
            some = names[start : start + NAMES]
            marks = ",".join("?" * len(some))
            sql = f"SELECT place, email FROM search_emails WHERE account = ? AND email IN ({marks})"  # noqa: S608
            places.update(every(self._database.reader(), sql, (number, *some)))
        return places

    def _each(self, query: str, places: Collection[int]) -> list[int]:
        reader = self._database.reader()
        return [place for place in places if first(reader, _IS_FOUND, (query, place))]

    def _between(self, query: str, places: Collection[int]) -> set[int]:
        hits: set[int] = set()
        start, end = (min(places), max(places)) if places else (1, 0)
        while start <= end:
            page = every(self._database.reader(), _BETWEEN, (query, start, end, LAST_PAGE))
            hits.update(place for (place,) in page)
            if len(page) < LAST_PAGE:
                break
            start = page[-1][0] + 1
        return hits & set(places)


def _put(connection: apsw.Connection, number: int, letters: str, document: Document) -> None:
    """The place stays where the time does."""
    known = first(connection, _EMAIL, (number, document.email))
    if known is not None and known[1] != document.received_at:
        _take_out(connection, known[0])
        known = None
    place = known[0] if known else _free_place(connection, document.received_at)
    if known is None:
        connection.execute(_NAME, (place, number, document.email, document.received_at))
    connection.execute(_INDEX, (place, *columns_of(document, letters)))


def _remove(connection: apsw.Connection, number: int, email: str) -> None:
    known = first(connection, _EMAIL, (number, email))
    if known is not None:
        _take_out(connection, known[0])


def _take_out(connection: apsw.Connection, place: int) -> None:
    connection.execute(_UNINDEX, (place,))
    connection.execute(_UNNAME, (place,))


def _free_place(connection: apsw.Connection, received_at: int) -> int:
    """The place behind the last one of this moment, or of as many moments as it takes to find one."""
    start = max(-_LATEST, min(received_at, _LATEST)) << PLACES_BITS
    width = 1 << PLACES_BITS
    while True:
        last = first(connection, _LAST_PLACE, (start, start + width))
        place: int = start if last is None else last[0] + 1
        if place < start + width:
            return place
        width *= 2


def _sweep(connection: apsw.Connection) -> bool:
    """Remove some rows without an account; False if there are none."""
    found = first(connection, "SELECT number FROM search_accounts WHERE account IS NULL LIMIT 1")
    if found is None:
        return False
    places = every(connection, "SELECT place FROM search_emails WHERE account = ? LIMIT ?", (found[0], FORGET_ROWS))
    for (place,) in places:
        _take_out(connection, place)
    if len(places) < FORGET_ROWS:
        connection.execute("DELETE FROM search_accounts WHERE number = ?", found)
    return True


def _is_costly(expression: Expression) -> bool:
    """Whether FTS5 first collects everything that begins with a prefix, for each place that is asked for."""
    if isinstance(expression, Term):
        return expression.prefix and any(len(token) > _INDEXED_PREFIX for token in expression.tokens[-1:])
    return any(_is_costly(part) for part in expression.parts)
