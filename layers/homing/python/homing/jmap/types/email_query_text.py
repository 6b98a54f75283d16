"""What `Email/query` asks of the search index: conditions on text (RFC 8621 §4.4.1), and the emails that hold them.

A message that is listed is found: before the first question the index takes in what the ledger holds beyond it.
Never sees messages: how words are made and matched is `homing.search`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, Final

from homing.errors import MethodError, Permanent
from homing.jmap.context import Context
from homing.jmap.kinds import STRING, Kind
from homing.ledger import keys
from homing.ledger.view import View
from homing.ports.search import Expression, Hit

ADDRESSES_AND_SUBJECT: Final = ("from", "to", "cc", "bcc", "subject")
HEADER: Final = Kind(
    "String[] of one or two",
    lambda value: isinstance(value, list) and 1 <= len(value) <= 2 and all(map(_is_text, value)),
)
"""A header's name and, optionally, a text to look for in its value."""
TEXT_CONDITIONS: Final = {
    "text": STRING,
    **dict.fromkeys(ADDRESSES_AND_SUBJECT, STRING),
    "body": STRING,
    "header": HEADER,
}


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def text_expression(name: str, value: Any) -> Expression:
    """The question that a condition on text puts to the index.

    Raises:
        MethodError: `unsupportedFilter`, too many words.
    """
    from homing.search.expression import header_term, parse_text  # noqa: PLC0415  # words, for those who look for some

    if name == "header":
        return header_term(value[0], value[1] if len(value) == 2 else None)
    return parse_text((*ADDRESSES_AND_SUBJECT, "body") if name == "text" else (name,), value)


class Index:
    """The index of one account as one query asks it.

    Every method raises `MethodError` (`unsupportedFilter`) on a site without an index, and `Temporary` where it
    cannot answer now or has too much to take in first.
    """

    def __init__(self, context: Context, view: View) -> None:
        self._site = context.site
        self._account = view.partition
        with _in_service():
            if self._site.search.position(self._account) < view.head.seq:
                from homing.search.index import catch_up  # noqa: PLC0415  # reads messages, which a search seldom does

                catch_up(self._site, self._account)

    def hits(self, expression: Expression, *, newest_first: bool) -> Iterator[Hit]:
        """Emails that match, lazily, in the order of the list rows: those of one moment by their ids."""
        with _in_service():
            found = self._site.search.query(self._account, expression, newest_first=newest_first)
            for moment, together in groupby(found, key=lambda hit: keys.clamp_ms(hit.received_at)):
                for hit in sorted(together, reverse=newest_first):
                    yield Hit(hit.email, moment)

    def count(self, expression: Expression) -> int:
        """How many emails match."""
        with _in_service():
            return self._site.search.count(self._account, expression)

    def matching(self, expression: Expression, emails: Sequence[str]) -> set[str]:
        """Those of `emails` that match."""
        with _in_service():
            return self._site.search.matching(self._account, expression, emails)


@contextmanager
def _in_service() -> Iterator[None]:
    try:
        yield
    except Permanent as error:
        if error.type != "noSearch":
            raise
        raise MethodError("unsupportedFilter", "this server does not search in text") from error
