"""Comparators and match types: does one of these values match one of these keys?

RFC 5228 §2.7 (`:is`, `:contains`, `:matches`; i;octet, i;ascii-casemap), RFC 5231 (`:value`, `:count`),
RFC 4790 §9.1 (i;ascii-numeric). Knows neither mail nor scripts.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from homing.sieve.glob import Charge, read_glob

IS: Final = "is"
CONTAINS: Final = "contains"
MATCHES: Final = "matches"
VALUE: Final = "value"
COUNT: Final = "count"

OCTET: Final = "i;octet"
CASEMAP: Final = "i;ascii-casemap"
NUMERIC: Final = "i;ascii-numeric"

Captures = tuple[bytes, ...]
"""What wildcards stood for; empty where no `:matches` was involved."""

RELATIONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
    "eq": operator.eq,
    "ne": operator.ne,
}
_DIGITS: Final = re.compile(rb"[0-9]*+")


@dataclass(frozen=True, slots=True)
class Matching:
    """How a test compares: match type, relation (for `:value` and `:count`), comparator."""

    kind: str = IS
    relation: str = ""
    comparator: str = CASEMAP


def _number(octets: bytes) -> tuple[int, int, bytes]:
    """A key by which digits sort as numbers of any length; what begins with no digit is infinite."""
    match = _DIGITS.match(octets)
    digits = match[0] if match else b""
    if not digits:
        return 1, 0, b""
    digits = digits.lstrip(b"0")
    return 0, len(digits), digits


def _same(octets: bytes) -> bytes:
    return octets


COMPARATORS: Final[Mapping[str, Callable[[bytes], Any]]] = {OCTET: _same, CASEMAP: bytes.upper, NUMERIC: _number}
"""For each comparator what makes of a value that which is equal, and sorted, as the comparator says."""
SUBSTRING: Final = frozenset({OCTET, CASEMAP})
"""Comparators that know substrings."""


def match_any(matching: Matching, values: Sequence[bytes], keys: Sequence[bytes], charge: Charge) -> Captures | None:
    """What the first match captured, or None if no key matches any value. Not for `COUNT`: see `match_count`."""
    fold = COMPARATORS[matching.comparator]
    if matching.kind == MATCHES:
        return _match_globs(fold, values, keys, charge)
    folded = [fold(key) for key in keys]
    holds = operator.contains if matching.kind == CONTAINS else RELATIONS[matching.relation or "eq"]
    for value in values:
        subject = fold(value)
        for key in folded:
            charge(len(value))
            if holds(subject, key):
                return ()
    return None


def match_count(matching: Matching, count: int, keys: Sequence[bytes], charge: Charge) -> Captures | None:
    """`:count`: the number of what is there, as a value (RFC 5231 §4.2)."""
    return match_any(Matching(VALUE, matching.relation, matching.comparator), [b"%d" % count], keys, charge)


def _match_globs(
    fold: Callable[[bytes], Any], values: Sequence[bytes], keys: Sequence[bytes], charge: Charge
) -> Captures | None:
    globs = [read_glob(fold(key)) for key in keys]
    for value in values:
        subject = fold(value)
        for glob in globs:
            charge(len(value))
            captures = glob.match(subject, value, charge)
            if captures is not None:
                return captures
    return None
