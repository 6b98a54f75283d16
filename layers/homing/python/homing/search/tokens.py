"""Text to tokens: one function for the index, for queries and for snippets, whatever adapter keeps them.

A token is a word of letters, digits and marks (see `folding`); `.`, `@`, `-` and the like part words, so that an
address, a host name or a hyphenated word is a phrase of its pieces, and any run of whole pieces finds it. Scripts
without spaces give overlapping pairs of characters and, at the end of a run, its last one: the pairs of what is
looked for stand next to each other wherever it stands. A picture (emoji) is a token.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import accumulate, chain
from typing import Final, NamedTuple

from homing.ports.search import MAX_FIELD_TOKENS, MAX_TOKEN_BYTES
from homing.search.folding import DENSE, Folding

_ASCII: Final = bytes(ord(chr(code).lower()) if code < 128 and chr(code).isalnum() else 32 for code in range(256))
_PLAIN: Final = Folding()
_ACCENTED: Final = Folding(accents=True)
_HAS_DENSE: Final = re.compile(f"[{DENSE}]")
_RUN: Final = re.compile(f"[{DENSE}]+|[^ {DENSE}]+")
_NEXT: Final = re.compile(f"(?P<dense>[{DENSE}])|[^ {DENSE}]+")
_LONG: Final = 32
_POSITIONS: Final = range(1 << 40)
_NEXT_POSITIONS: Final = range(1, 1 << 40)
"""Where each character begins and ends in a text of which none became more or fewer."""
_MANY_MARKS: Final = re.compile(rf"[^\x00-\u02ff\w\s]{{{_LONG},}}")
_UNIT: Final = re.compile("[\u1100-\u115f\ua960-\ua97c][\u1160-\u11ff\ud7b0-\ud7fb]*|.", re.DOTALL)
"""What is normalised by itself: a character (marks that follow are joined to it), or a Hangul syllable of jamo."""
_JAMO: Final = re.compile("[\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7fb]")
_MIXED: Final = re.compile("[\x00-\x7f]?[^\x00-\x7f]+")
"""What is not ASCII, with the character before it, to which a mark may belong."""
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
    written = set(text.split())
    plain = {word for word in written if word.isascii()}
    found = set(_ascii(" ".join(plain)).split())
    return found.union(*map(_accented, written - plain))


def fold(text: str) -> str:
    """Words as `tokens` would give them, between spaces; scripts without spaces are left as they are."""
    return _normalised(text).translate(_PLAIN)


class Folded:
    """A folded text, and where in the text before it each of its characters comes from.

    It is made of pieces; `origins` says of each where it comes from, and, counted from there, where what became each
    of its characters begins and ends.
    """

    def __init__(self, pieces: Sequence[str], origins: Sequence[tuple[int, Sequence[int], Sequence[int]]]) -> None:
        self._pieces = pieces
        self._origins = origins

    @cached_property
    def _begins(self) -> list[int]:
        return [0, *accumulate(map(len, self._pieces))][:-1]

    @cached_property
    def text(self) -> str:
        """The folded text."""
        return "".join(self._pieces)

    @cached_property
    def bounded(self) -> str:
        """The folded text between spaces, with NUL for each character of a script without spaces: every other token
        stands between two of these."""
        text = self.text if self.text.isascii() else _HAS_DENSE.sub("\0", self.text)
        return f" {text} "

    @cached_property
    def edge(self) -> str:
        """A pattern for what stands before and after a token in `bounded`: the simpler, the faster it is found."""
        return r"[ \0]" if "\0" in self.bounded else " "

    def start(self, position: int) -> int:
        """Where what a character came from begins."""
        number = bisect_right(self._begins, position) - 1
        origin, starts, _ = self._origins[number]
        return origin + starts[position - self._begins[number]]

    def end(self, position: int) -> int:
        """Where what a character came from ends."""
        number = bisect_right(self._begins, position) - 1
        origin, _, ends = self._origins[number]
        return origin + ends[position - self._begins[number]]


def places(text: str) -> Iterator[Place]:
    """The tokens of a text as `tokens` gives them, with where they stand."""
    return places_from(fold_with_places(text), 0)


def places_from(folded: Folded, position: int) -> Iterator[Place]:
    """As `places`, of a text that was folded, from the beginning of a token on."""
    text = folded.text
    while run := _NEXT.search(text, position):
        first, last = run.span()
        if run.lastgroup == "dense":
            last += last < len(text) and is_dense(text[last])
            yield Place(text[first:last], folded.start(first), folded.end(last - 1))
            position = first + 1
        else:
            yield place_of(folded, first, last)
            position = last


def place_of(folded: Folded, first: int, last: int) -> Place:
    """The place of a token that is the whole of a run of characters."""
    return Place(_cut(folded.text[first:last]), folded.start(first), folded.end(last - 1))


def fold_with_places(text: str) -> Folded:
    """As `fold`, with where its characters come from. Stretches of ASCII are taken as a whole."""
    plain = _ascii(text)
    pieces: list[str] = []
    origins: list[tuple[int, Sequence[int], Sequence[int]]] = []
    done = 0
    for mixed in _MIXED.finditer(text) if not text.isascii() else ():
        start, end = mixed.span()
        folded, starts, ends = _known_run(mixed[0]) if end - start < _LONG else _fold_run(mixed[0])
        pieces += (plain[done:start], folded)
        origins += ((done, _POSITIONS, _NEXT_POSITIONS), (start, starts, ends))
        done = end
    return Folded([*pieces, plain[done:]], [*origins, (done, _POSITIONS, _NEXT_POSITIONS)])


def _fold_run(run: str) -> tuple[str, Sequence[int], Sequence[int]]:
    """A run folded, and where what each character came from begins and ends in it."""
    units = list(_units(run))
    pieces = [_fold_unit(unit) for unit in units]
    folded = "".join(pieces)
    if len(units) == len(run) == len(folded) and max(map(len, pieces)) == 1:
        return folded, _POSITIONS, _NEXT_POSITIONS
    last = list(accumulate(map(len, units)))
    ends = [end for end, piece in zip(last, pieces, strict=True) for _ in piece]
    starts = [start for start, piece in zip([0, *last], pieces, strict=False) for _ in piece]
    return folded, starts, ends


@lru_cache(maxsize=20_000)
def _known_run(run: str) -> tuple[str, Sequence[int], Sequence[int]]:
    return _fold_run(run)


def is_dense(token: str) -> bool:
    """Whether a token is of a script without spaces: a pair of characters, or one."""
    return _HAS_DENSE.match(token) is not None


def _ascii(text: str) -> str:
    """Text of ASCII folded, eight times as fast as any text; any other character gives a space."""
    return text.encode("ascii", "replace").translate(_ASCII).decode()


@lru_cache(maxsize=20_000)
def _known(word: str) -> tuple[str, ...]:
    """Most words of a text were met before, and to remember one is five times as fast as to fold it."""
    return tuple(_split(fold(word)))


@lru_cache(maxsize=20_000)
def _fold_unit(unit: str) -> str:
    return fold(unit)


def _accented(word: str) -> list[str]:
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


def _units(text: str) -> Iterable[str]:
    if unicodedata.is_normalized("NFKC", text) or not any(map(_joins, set(text))):
        return text
    return _joined(text)


def _joined(text: str) -> Iterator[str]:
    """What is normalised by itself, with the marks that follow it."""
    unit = ""
    for match in _UNIT.finditer(text):
        if unit and not _is_mark(match[0][0]):
            yield unit
            unit = ""
        unit += match[0]
    if unit:
        yield unit


def _joins(character: str) -> bool:
    return _is_mark(character) or _JAMO.match(character) is not None


def _is_mark(character: str) -> bool:
    return character in _HALF_WIDTH_MARKS or unicodedata.category(character).startswith("M")
