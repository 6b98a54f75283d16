"""The order of `Email/query` (RFC 8621 §4.4.2): comparators over list rows and threads.

Texts are compared by the collation asked for: i;ascii-casemap (RFC 4790 §9.2), else i;unicode-casemap (RFC 5051).
Whatever is equal in all comparators stands newest first, so that the order depends on nothing but the emails.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from typing import Any, Final

from homing.jmap.datatype import Object
from homing.jmap.types.email_query_filter import Candidate, has_keyword, in_thread
from homing.ledger.view import View

THREAD_SORTS: Final = frozenset({"allInThreadHaveKeyword", "someInThreadHaveKeyword"})
_UPPER: Final = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def date_order(sort: Sequence[Object]) -> tuple[bool, bool]:
    """(newest first, whether that is the order of list rows); without comparators newest first."""
    if not sort:
        return True, True
    first = sort[0]
    return not first["isAscending"], first["property"] == "receivedAt"


def in_order(candidates: Iterable[Candidate], sort: Sequence[Object], view: View) -> list[Candidate]:
    """Stable sorts from the last comparator to the first; what is equal in all stays newest first."""
    found = sorted(candidates, key=lambda one: (one.received_at, one.id), reverse=True)
    for comparator in reversed(sort):
        key = _KEYS[comparator["property"]](comparator, view)
        found.sort(key=key, reverse=not comparator["isAscending"])
    return found


def in_order_within(candidates: Iterable[Candidate], sort: Sequence[Object], view: View) -> Iterator[Candidate]:
    """Candidates in order of date, those of one moment sorted further."""
    for _, group in groupby(candidates, key=lambda one: one.received_at):
        yield from in_order(group, sort, view)


@lru_cache(maxsize=4_096)
def unicode_casemap(text: str) -> str:
    """What i;unicode-casemap compares instead (RFC 5051 §2): title case of each character, decomposed."""
    if text.isascii():
        return text.translate(_UPPER)
    titled = ((title if len(title := character.title()) == 1 else character) for character in text)
    return unicodedata.normalize("NFKD", "".join(titled))


def ascii_casemap(text: str) -> str:
    """What i;ascii-casemap compares instead (RFC 4790 §9.2.1)."""
    return text.translate(_UPPER)


def _by_text(name: str) -> Callable[[Object, View], Callable[[Candidate], Any]]:
    def key(comparator: Object, _view: View) -> Callable[[Candidate], Any]:
        mapped = ascii_casemap if comparator["collation"] == "i;ascii-casemap" else unicode_casemap
        return lambda one: mapped(one.row[name])

    return key


def _moment(sent_at: str) -> float:
    """Seconds since 1970 of a stored `sentAt`, whatever its offset; 0 where there is none."""
    try:
        return datetime.fromisoformat(sent_at).timestamp() if sent_at else 0.0
    except (ValueError, OverflowError):
        return 0.0


_KEYS: Final[Mapping[str, Callable[[Object, View], Callable[[Candidate], Any]]]] = {
    "receivedAt": lambda _comparator, _view: lambda one: one.received_at,
    "size": lambda _comparator, _view: lambda one: one.row["size"],
    "sentAt": lambda _comparator, _view: lambda one: _moment(one.row["sentAt"]),
    "from": _by_text("from"),
    "to": _by_text("to"),
    "subject": _by_text("subject"),
    "hasKeyword": lambda comparator, _view: has_keyword(comparator["keyword"]),
    "allInThreadHaveKeyword": lambda comparator, view: in_thread(comparator["keyword"], view, all),
    "someInThreadHaveKeyword": lambda comparator, view: in_thread(comparator["keyword"], view, any),
}
