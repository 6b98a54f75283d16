"""Snippets: where in an email the words of a filter stand, marked (RFC 8621 §5). Pure.

Texts are cut into tokens as for the index and compared with the same expression, so what was found is what is
marked: accents, other forms of a word, scripts without spaces.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Final

from homing.ports.search import Expression, NoneOf, Term
from homing.search.sightings import Match, find_matches, question_to
from homing.search.stems import BODY, SUBJECT, languages_of
from homing.search.tokens import accented_words

MAX_PREVIEW_OCTETS: Final = 255
MAX_BODY: Final = 100_000
"""Characters of the body that are looked through."""
MAX_SUBJECT: Final = 2_000
MARK: Final = "<mark>"
UNMARK: Final = "</mark>"
ELLIPSIS: Final = "…"

_BEFORE: Final = 60
"""Octets of a preview at most before its first mark, so that one sees where it stands."""
_PASSAGE: Final = 160
"""Characters within which a passage gathers matches."""
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
_ESCAPES: Final = str.maketrans(_ENTITIES)


class Snippets:
    """Makes the snippets of emails for one question."""

    def __init__(self, expression: Expression) -> None:
        terms = list(dict.fromkeys(_positive(expression)))
        self._subject = question_to(terms, "subject", SUBJECT)
        self._body = question_to(terms, "body", BODY)

    def of(self, subject: str, body: str) -> tuple[str | None, str | None]:
        """(subject, preview) with what matches in `<mark>` and everything else escaped; None where nothing matches.

        `body` is plain text. The preview is at most `MAX_PREVIEW_OCTETS` octets of the passage with most of the terms.
        What stands under a NOT is not marked.
        """
        subject, body = subject[:MAX_SUBJECT], " ".join(body[:MAX_BODY].split())
        words = accented_words(subject) | accented_words(body)
        languages = languages_of(words)
        in_subject = find_matches(subject, self._subject, words, languages)
        in_body = find_matches(body, self._body, words, languages)
        return (
            _marked(subject, 0, len(subject), in_subject) if in_subject else None,
            _preview(body, in_body) if in_body else None,
        )


def _positive(expression: Expression) -> Iterator[Term]:
    if isinstance(expression, Term):
        yield expression
    elif not isinstance(expression, NoneOf):
        for part in expression.parts:
            yield from _positive(part)


def _preview(body: str, matches: Sequence[Match]) -> str:
    first = max(range(len(matches)), key=lambda number: (_worth(matches, number), -number))
    start = _start_of_passage(body, matches, first)
    end = _end_of_passage(body, start, matches[first].start, matches)
    text = _marked(body, start, end, matches)
    return (ELLIPSIS if start else "") + text + (ELLIPSIS if end < len(body) else "")


def _worth(matches: Sequence[Match], first: int) -> int:
    """How many of the terms a passage shows that begins with a match."""
    terms = set()
    for match in matches[first : first + 50]:
        if match.end - matches[first].start > _PASSAGE:
            break
        terms.add(match.term)
    return len(terms)


def _start_of_passage(body: str, matches: Sequence[Match], first: int) -> int:
    """Some words before the match, beginning with a whole one."""
    target = matches[first].start
    start, left = target, _BEFORE
    while start > 0 and left > 0:
        start -= 1
        left -= _octets(body[start])
    if start == 0 and left >= 0:
        return 0
    space = body.find(" ", start, target)
    if space >= 0:
        return space + 1
    return start + 1 if start < target else target


def _end_of_passage(body: str, start: int, target: int, matches: Sequence[Match]) -> int:
    """As far as the octets reach, ending with a whole word or mark, or else just after `target`'s beginning."""
    left = MAX_PREVIEW_OCTETS - 2 * len(ELLIPSIS.encode())
    costs = list(map(_octets, body[start : start + left]))
    shown = [match for match in matches if start <= match.start < start + len(costs)]
    for match in shown:
        costs[match.start - start] += len(MARK) + len(UNMARK)
    last = start + bisect_right(list(accumulate(costs)), left)
    for end in range(last, target, -1):
        marked_until = max((match.end for match in shown if match.start < end), default=start)
        at_border = end == len(body) or body[end] == " " or end == marked_until or not body[end].isascii()
        if end >= marked_until and at_border:
            return end
    return last


def _marked(text: str, start: int, end: int, matches: Sequence[Match]) -> str:
    pieces: list[str] = []
    position = start
    for match in matches:
        if match.start < start or match.start >= end:
            continue
        upto = min(match.end, end)
        pieces += [_escape(text[position : match.start]), MARK, _escape(text[match.start : upto]), UNMARK]
        position = upto
    pieces.append(_escape(text[position:end]))
    return "".join(pieces)


def _escape(text: str) -> str:
    return text.translate(_ESCAPES)


@lru_cache(maxsize=20_000)
def _octets(character: str) -> int:
    return len(_ENTITIES.get(character, character).encode(errors="replace"))
