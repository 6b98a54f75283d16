"""Text to tokens: one function for the index, for queries and for snippets, whatever adapter keeps them.

A token is a word of letters, digits and marks (see `folding`); `.`, `@`, `-` and the like part words, so that an
address, a host name or a hyphenated word is a phrase of its pieces, and any run of whole pieces finds it. Scripts
without spaces give overlapping pairs of characters and, at the end of a run, its last one: the pairs of what is
looked for stand next to each other wherever it stands. A picture (emoji) is a token.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain
from typing import Final, NamedTuple

from homing.ports.search import MAX_FIELD_TOKENS, MAX_TOKEN_BYTES
from homing.search.folding import DENSE, Folding

_ASCII: Final = bytes(ord(chr(code).lower()) if code < 128 and chr(code).isalnum() else 32 for code in range(256))
_PLAIN: Final = Folding()
_ACCENTED: Final = Folding(accents=True)
_HAS_DENSE: Final = re.compile(f"[{DENSE}]")
_RUN: Final = re.compile(f"[{DENSE}]+|[^ {DENSE}]+")
_LONG: Final = 32
_MANY_MARKS: Final = re.compile(rf"[^\x00-\u02ff\w\s]{{{_LONG},}}")
_UNIT: Final = re.compile("[\u1100-\u115f\ua960-\ua97c][\u1160-\u11ff\ud7b0-\ud7fb]*|.", re.DOTALL)
"""What is normalised by itself: a character (marks that follow are joined to it), or a Hangul syllable of jamo."""


_HALF_WIDTH_MARKS: Final = "\uff9e\uff9f"
"""Letters by category, marks of the kana before them by nature."""


class Place(NamedTuple):
    """A token and the characters of the text that it stands for."""

    token: str
    start: int
    end: int


def tokens(text: str, maximum: int = MAX_FIELD_TOKENS) -> list[str]:
    """The tokens of a text in order, at most `maximum`, each at most `MAX_TOKEN_BYTES` of UTF-8 (cut if longer)."""
    if text.isascii():
        found = _ascii(text).split()
    else:
        known = (_known(word) if len(word) < _LONG else _split(fold(word)) for word in text.split())
        found = list(chain.from_iterable(known))
    return _bounded(found[:maximum])


def query_tokens(text: str) -> tuple[list[str], bool]:
    """The tokens by which a text is looked for, and whether the last can only be the beginning of one.

    As `tokens`, but what ends in a script without spaces may go on in the text where it stands: the last
    character by itself is left out, unless it is all there is of its run.
    """
    found = tokens(text)
    if not found or not is_dense(found[-1]):
        return found, False
    *_, last = _RUN.findall(fold(text))
    return (found[:-1], False) if len(last) > 1 else (found, True)


def accented_words(text: str) -> set[str]:
    """The words of a text in lower case with their accents, for stemmers; scripts without spaces left out."""
    if text.isascii():
        return set(_ascii(text).split())
    return {word for written in set(text.split()) for word in _accented(written)}


def fold(text: str) -> str:
    """Words as `tokens` would give them, between spaces; scripts without spaces are left as they are."""
    return _normalised(text).translate(_PLAIN)


def places(text: str) -> Iterator[Place]:
    """The tokens of a text as `tokens` gives them, with where they stand."""
    folded, starts, ends = _folded_with_places(text)
    for run in _RUN.finditer(folded):
        first, last = run.span()
        if not is_dense(run[0]):
            yield Place(_cut(run[0]), starts[first], ends[last - 1])
            continue
        for position in range(first, last):
            end = min(position + 2, last)
            yield Place(folded[position:end], starts[position], ends[end - 1])


def is_dense(token: str) -> bool:
    """Whether a token is of a script without spaces: a pair of characters, or one."""
    return _HAS_DENSE.match(token) is not None


def _ascii(text: str) -> str:
    """Text of ASCII folded, eight times as fast as any text."""
    return text.encode().translate(_ASCII).decode()


@lru_cache(maxsize=20_000)
def _known(word: str) -> tuple[str, ...]:
    """Most words of a text were met before, and to remember one is five times as fast as to fold it."""
    return tuple(_split(fold(word)))


def _accented(word: str) -> list[str]:
    if word.isascii():
        return _ascii(word).split()
    return _HAS_DENSE.sub(" ", _normalised(word).translate(_ACCENTED)).split()


def _split(folded: str) -> Iterable[str]:
    return _pieces(folded) if _HAS_DENSE.search(folded) else folded.split()


def _pieces(folded: str) -> Iterator[str]:
    for run in _RUN.findall(folded):
        if not _HAS_DENSE.match(run):
            yield run
            continue
        for position in range(len(run)):
            yield run[position : position + 2]


def _normalised(text: str) -> str:
    """NFKC. Runs of combining marks are cut first: sorting them takes time that grows with their square."""
    if len(text) >= _LONG:
        text = _MANY_MARKS.sub(_few_marks, text)
    return unicodedata.normalize("NFKC", text)


def _few_marks(run: re.Match[str]) -> str:
    return "".join(one for number, one in enumerate(run[0]) if number < _LONG or not unicodedata.combining(one))


def _bounded(found: list[str]) -> list[str]:
    if found and max(map(len, found)) * 4 > MAX_TOKEN_BYTES:
        return [_cut(token) for token in found]
    return found


def _cut(token: str) -> str:
    if len(token) * 4 <= MAX_TOKEN_BYTES:
        return token
    return token.encode(errors="replace")[:MAX_TOKEN_BYTES].decode(errors="ignore")


def _folded_with_places(text: str) -> tuple[str, list[int], list[int]]:
    """The folded text and, for each of its characters, where what it came from begins and ends."""
    if text.isascii():
        return _ascii(text), list(range(len(text))), list(range(1, len(text) + 1))
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in _units(text):
        piece = fold(text[start:end])
        pieces.append(piece)
        starts.extend([start] * len(piece))
        ends.extend([end] * len(piece))
    return "".join(pieces), starts, ends


def _units(text: str) -> Iterator[tuple[int, int]]:
    if unicodedata.is_normalized("NFKC", text):
        yield from zip(range(len(text)), range(1, len(text) + 1), strict=True)
        return
    start = end = 0
    for match in _UNIT.finditer(text):
        first = match[0][0]
        if start < end and first not in _HALF_WIDTH_MARKS and not unicodedata.category(first).startswith("M"):
            yield start, end
            start = end
        end = match.end()
    if start < end:
        yield start, end
