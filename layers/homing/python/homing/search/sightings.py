"""Where in a text the words of a question stand, as the index finds them: accents, other forms, beginnings. Pure.

The text is folded once and searched as a string; words are looked at one by one only where scripts without spaces
make tokens overlap.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from homing.ports.search import MAX_TOKEN_BYTES, Term
from homing.search.stems import stem_tokens, words_with_stems
from homing.search.tokens import Folded, Place, accented_words, fold, fold_with_places, is_dense, place_of, places_from

_CUT: Final = MAX_TOKEN_BYTES - 4
"""Bytes from which on a token may be the rest of a longer one, which a search for whole tokens does not find."""


class Match(NamedTuple):
    """Characters of a text that match the term of a number."""

    start: int
    end: int
    term: int


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for in one text: phrases (and beginnings), and stems with their `kind` of field."""

    kind: str
    phrases: tuple[Term, ...]
    stems: frozenset[str]


def question_to(terms: Sequence[Term], field: str, kind: str) -> Question:
    """What of the terms is looked for in a field."""
    stems = (term.tokens[0] for term in terms if term.fields == ("stem",))
    return Question(
        kind,
        tuple(term for term in terms if field in term.fields and term.tokens),
        frozenset(stem for stem in stems if stem.startswith(f"{kind}~")),
    )


def find_matches(text: str, question: Question, words: Set[str], languages: Sequence[str]) -> list[Match]:
    """In order; of those that overlap the first, and of those that begin together the longest.

    `words` are the accented words of the text or of more than that, `languages` what they are in.
    """
    if not question.phrases and not question.stems:
        return []
    folded = fold_with_places(text)
    forms = words_with_stems(question.kind, words, languages, question.stems) if question.stems else set()
    matches = [match for number, term in enumerate(question.phrases) for match in _phrases(folded, term, number)]
    found = (place for word in forms for form in set(fold(word).split()) for place in _whole(folded, form))
    matches += [
        Match(place.start, place.end, len(question.phrases)) for place in _forms(text, found, question, languages)
    ]
    return _joined(matches)


def _joined(matches: list[Match]) -> list[Match]:
    matches.sort(key=lambda match: (match.start, -match.end))
    kept: list[Match] = []
    for match in matches:
        if not kept or match.start >= kept[-1].end:
            kept.append(match)
        elif match.end > kept[-1].end:  # pairs of characters overlap: one mark over both
            kept[-1] = kept[-1]._replace(end=match.end)
    return kept


def _phrases(folded: Folded, term: Term, number: int) -> Iterator[Match]:
    if any(is_dense(token) or len(token.encode()) >= _CUT for token in term.tokens):
        yield from _token_by_token(folded, term, number)
        return
    for found in _pattern(term.tokens, term.prefix, folded.edge).finditer(folded.bounded):
        last = place_of(folded, found.start("last") - 1, found.end("last") - 1)
        end = _end_of(last, term.tokens[-1]) if term.prefix else last.end
        yield Match(folded.start(found.start()), end, number)


def _token_by_token(folded: Folded, term: Term, number: int) -> Iterator[Match]:
    """Where a phrase stands of which a token may overlap with others, or be a part of its word.

    After a match the next one is looked for from about its last token on: so a phrase that repeats itself in a text
    that does, too, takes no longer than the text is long.
    """
    text, beginning = folded.text, _beginning(term.tokens)
    begins_anywhere = is_dense(beginning)
    position = text.find(beginning)
    while position >= 0:
        step = 1
        if begins_anywhere or not position or text[position - 1] == " " or is_dense(text[position - 1]):
            last = _last_of_phrase(places_from(folded, position), term)
            if last is not None:
                yield Match(folded.start(position), _end_of(last, term.tokens[-1]), number)
                step = max(1, len(term.tokens) - 1)
        position = text.find(beginning, position + step)


def _beginning(tokens: Sequence[str]) -> str:
    """What the first tokens are in the text: pairs of characters that overlap are one string."""
    beginning = tokens[0]
    for token in tokens[1:]:
        if len(token) != 2 or not is_dense(token) or token[0] != beginning[-1]:
            break
        beginning += token[1]
    return beginning


def _last_of_phrase(found: Iterator[Place], term: Term) -> Place | None:
    """The place of the last token, if these are those of the phrase."""
    *whole, end = term.tokens
    if any(place.token != token for token, place in zip(whole, found, strict=False)):
        return None
    last = next(found, None)
    if last is None or not (last.token == end or (term.prefix and last.token.startswith(end))):
        return None
    return last


def _whole(folded: Folded, token: str) -> Iterator[Place]:
    for found in _pattern((token,), False, folded.edge).finditer(folded.bounded):
        yield place_of(folded, found.start("last") - 1, found.end("last") - 1)


@lru_cache(maxsize=256)
def _pattern(tokens: tuple[str, ...], prefix: bool, edge: str) -> re.Pattern[str]:
    """Finds the first token with what stands before it; looks ahead from there, as phrases may overlap themselves."""
    *whole, end = map(re.escape, tokens)
    last = rf"(?P<last>{end}[^ \0]*+)" if prefix else rf"(?P<last>{end})(?={edge})"
    if not whole:
        return re.compile(edge + last)
    return re.compile(rf"{edge}{whole[0]}(?= ++{' ++'.join([*whole[1:], last])})")


def _forms(text: str, found: Iterable[Place], question: Question, languages: Sequence[str]) -> Iterator[Place]:
    """Words that are another form of one that is looked for."""
    known: dict[str, bool] = {}
    for place in found:
        written = text[place.start : place.end]
        if written not in known:
            tokens = stem_tokens(question.kind, accented_words(written), languages)
            known[written] = not question.stems.isdisjoint(tokens)
        if known[written]:
            yield place


def _end_of(place: Place, beginning: str) -> int:
    """Where a beginning of a token ends in the text, where each character stands for itself; else the token's end."""
    if len(place.token) == place.end - place.start:
        return place.start + len(beginning)
    return place.end
