"""Wildcard patterns of `:matches`: `*` and `?`, escaped by a backslash (RFC 5228 §2.7.1).

Stars take as little as possible, from left to right (RFC 5229 §3.2). That is what placing each piece between
two stars as early as it fits, and the last one at the end, leads to; so nothing is ever tried again, and the
work is bounded by length of the pattern times length of the value (in machine words where it matters).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(rb"\\(.)|([*?])|([^\\*?]++)|(\\\Z)", re.DOTALL)
_HOLE: Final = -1

Charge = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of octets and `?` between two stars: its length, (offset, octets) of what is fixed, offsets of `?`."""

    length: int
    fixed: tuple[tuple[int, bytes], ...]
    holes: tuple[int, ...]

    def fits(self, value: bytes, start: int) -> bool:
        """Whether it stands in `value` at `start`."""
        return start + self.length <= len(value) and all(
            value.startswith(octets, start + offset) for offset, octets in self.fixed
        )


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern: the pieces that stars separate."""

    pieces: tuple[Piece, ...]

    def match(self, value: bytes, original: bytes, charge: Charge) -> tuple[bytes, ...] | None:
        """What the wildcards stand for, after the whole (index 0); None if the pattern does not fit `value`.

        Captures are taken from `original`, which differs from `value` in the case of letters at most.
        """
        first, last = self.pieces[0], self.pieces[-1]
        if len(self.pieces) == 1:
            spans = [(hole, hole + 1) for hole in first.holes]
            fits = len(value) == first.length and first.fits(value, 0)
            return _capture(original, spans) if fits else None
        end = len(value) - last.length
        if end < first.length or not first.fits(value, 0) or not last.fits(value, end):
            return None
        spans = [(hole, hole + 1) for hole in first.holes]
        position = first.length
        for piece in self.pieces[1:-1]:
            start = _find(piece, value, position, end, charge)
            if start < 0:
                return None
            spans.append((position, start))
            spans.extend((start + hole, start + hole + 1) for hole in piece.holes)
            position = start + piece.length
        spans.append((position, end))
        spans.extend((end + hole, end + hole + 1) for hole in last.holes)
        return _capture(original, spans)


def read_glob(pattern: bytes) -> Glob:
    """The pattern that a key is. Every key is one: a backslash at its very end stands for itself."""
    pieces: list[list[int]] = [[]]
    for escaped, wildcard, plain, lone in (match.groups() for match in _TOKEN.finditer(pattern)):
        if wildcard == b"*":
            pieces.append([])
        elif wildcard == b"?":
            pieces[-1].append(_HOLE)
        else:
            pieces[-1].extend(escaped if escaped is not None else plain if plain is not None else lone)
    return Glob(tuple(_piece(octets) for octets in pieces))


def _piece(octets: list[int]) -> Piece:
    fixed: list[tuple[int, bytes]] = []
    holes: list[int] = []
    run = bytearray()
    for offset, octet in enumerate([*octets, _HOLE]):
        if octet != _HOLE:
            run.append(octet)
            continue
        if run:
            fixed.append((offset - len(run), bytes(run)))
            run = bytearray()
        holes.append(offset)
    return Piece(len(octets), tuple(fixed), tuple(holes[:-1]))


def _capture(original: bytes, spans: list[tuple[int, int]]) -> tuple[bytes, ...]:
    return (original, *(original[start:end] for start, end in spans))


def _find(piece: Piece, value: bytes, start: int, end: int, charge: Charge) -> int:
    """Where the piece first stands in `value[start:end]`, or -1."""
    if end - start < piece.length:
        return -1
    if not piece.fixed:
        return start
    charge(end - start)
    if not piece.holes:
        return value.find(piece.fixed[0][1], start, end)
    return _find_with_holes(piece, value[start:end], start, charge)


def _find_with_holes(piece: Piece, window: bytes, start: int, charge: Charge) -> int:
    """All places at once: bit n of `places` says that all octets looked at so far would fit at n."""
    wanted = {octet for _, octets in piece.fixed for octet in octets}
    charge(len(window) * (len(wanted) + piece.length // 8 + 1))
    masks = {octet: _places_of(octet, window) for octet in wanted}
    places = (1 << (len(window) - piece.length + 1)) - 1
    for offset, octets in piece.fixed:
        for index, octet in enumerate(octets, offset):
            places &= masks[octet] >> index
        if not places:
            return -1
    return start + (places & -places).bit_length() - 1


def _places_of(octet: int, window: bytes) -> int:
    """A number whose bit n says whether `window[n]` is `octet`."""
    table = bytearray(b"0" * 256)
    table[octet] = ord("1")
    return int(window.translate(bytes(table))[::-1], 2)
