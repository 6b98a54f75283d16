"""Snippets: where in an email the words of a filter stand, marked (RFC 8621 §5). Pure.

Texts are cut into tokens as for the index and compared with the same expression, so what was found is what is
marked: accents, other forms of a word, scripts without spaces.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from homing.ports.search import Expression, NoneOf, Term
from homing.search.stems import BODY, SUBJECT, languages_of, stem_tokens
from homing.search.tokens import Place, accented_words, places

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


class Match(NamedTuple):
    """Characters of a text that match the term of a number."""

    start: int
    end: int
    term: int


@dataclass(frozen=True, slots=True)
class _Terms:
    """What is looked for in one text: phrases (and beginnings), and stems without their kind of field."""

    phrases: tuple[Term, ...]
    stems: frozenset[str]


def snippet(expression: Expression, subject: str, body: str) -> tuple[str | None, str | None]:
    """(subject, preview) with what matches in `<mark>` and everything else escaped; None where nothing matches.

    `body` is plain text. The preview is at most `MAX_PREVIEW_OCTETS` octets of the passage with most of the terms.
    What stands under a NOT is not marked.
    """
    terms = list(dict.fromkeys(_positive(expression)))
    subject, body = subject[:MAX_SUBJECT], " ".join(body[:MAX_BODY].split())
    languages = languages_of({*accented_words(subject), *accented_words(body)})
    in_subject = _matches(subject, _terms_for(terms, "subject", SUBJECT), SUBJECT, languages)
    in_body = _matches(body, _terms_for(terms, "body", BODY), BODY, languages)
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


def _terms_for(terms: Sequence[Term], field: str, kind: str) -> _Terms:
    stems = (term.tokens[0] for term in terms if term.fields == ("stem",))
    return _Terms(
        tuple(term for term in terms if field in term.fields and term.tokens),
        frozenset(stem for stem in stems if stem.startswith(f"{kind}~")),
    )


def _matches(text: str, terms: _Terms, kind: str, languages: Collection[str]) -> list[Match]:
    """In order; of those that overlap the first, and of those that begin together the longest."""
    if not terms.phrases and not terms.stems:
        return []
    found = list(places(text))
    matches = [*_phrases(found, terms.phrases), *_forms(text, found, terms, kind, languages)]
    matches.sort(key=lambda match: (match.start, -match.end))
    kept: list[Match] = []
    for match in matches:
        if not kept or match.start >= kept[-1].end:
            kept.append(match)
        elif match.end > kept[-1].end:  # pairs of characters overlap: one mark over both
            kept[-1] = kept[-1]._replace(end=match.end)
    return kept


def _phrases(found: Sequence[Place], terms: Sequence[Term]) -> Iterator[Match]:
    exact: dict[str, list[int]] = {}
    beginnings: list[tuple[str, int]] = []
    for number, term in enumerate(terms):
        if term.prefix and len(term.tokens) == 1:
            beginnings.append((term.tokens[0], number))
        else:
            exact.setdefault(term.tokens[0], []).append(number)
    for position, place in enumerate(found):
        for number in exact.get(place.token, ()):
            match = _phrase_at(found, position, terms[number], number)
            if match is not None:
                yield match
        for beginning, number in beginnings:
            if place.token.startswith(beginning):
                yield Match(place.start, _end_of(place, beginning), number)


def _phrase_at(found: Sequence[Place], position: int, term: Term, number: int) -> Match | None:
    last = position + len(term.tokens) - 1
    if last >= len(found):
        return None
    *whole, end = term.tokens
    if any(found[position + step].token != token for step, token in enumerate(whole)):
        return None
    token = found[last].token
    if token != end and not (term.prefix and token.startswith(end)):
        return None
    return Match(found[position].start, _end_of(found[last], end), number)


def _end_of(place: Place, beginning: str) -> int:
    """Where a beginning of a token ends in the text, where each character stands for itself; else the token's end."""
    if len(place.token) == place.end - place.start:
        return place.start + len(beginning)
    return place.end


def _forms(text: str, found: Sequence[Place], terms: _Terms, kind: str, languages: Collection[str]) -> Iterator[Match]:
    """Words that are another form of one that is looked for."""
    if not terms.stems:
        return
    known: dict[str, bool] = {}
    for place in found:
        written = text[place.start : place.end]
        if written not in known:
            known[written] = not terms.stems.isdisjoint(stem_tokens(kind, accented_words(written), languages))
        if known[written]:
            yield Match(place.start, place.end, len(terms.phrases))


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
    ends = {match.start: match.end for match in matches if match.start >= start}
    end, position, marked_until = start, start, start
    while position < len(body):
        if position in ends:
            marked_until = ends[position]
            left -= len(MARK) + len(UNMARK)
        left -= _octets(body[position])
        if left < 0:
            break
        position += 1
        at_border = position == len(body) or body[position] == " " or position == marked_until
        if position >= marked_until and (at_border or not body[position].isascii()):
            end = position
    return end if end > target else position


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
    return "".join(_ENTITIES.get(one, one) for one in text)


def _octets(character: str) -> int:
    return len(_ENTITIES.get(character, character).encode(errors="replace"))
