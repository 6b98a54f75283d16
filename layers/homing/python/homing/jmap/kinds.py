"""The data types that arguments and properties are declared with (RFC 8620 §1.1 to §1.4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from homing.ids import is_id

MAX_INT: Final = 2**53 - 1
_UTC_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,18})?Z\Z")
_ZERO_FRACTION: Final = re.compile(r"\.0+Z\Z")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_KEYWORD: Final = re.compile(r"""[\x21\x23-\x24\x26-\x27\x2b-\x5b\x5e-\x7a\x7c-\x7e]{1,255}\Z""")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of JSON value: its name for error messages, and whether a value is one."""

    name: str
    accepts: Callable[[Any], bool]


def nullable(kind: Kind) -> Kind:
    """The kind, or null."""
    return Kind(f"{kind.name}|null", lambda value: value is None or kind.accepts(value))


def list_of(kind: Kind) -> Kind:
    """An array of the kind."""
    return Kind(f"{kind.name}[]", lambda value: isinstance(value, list) and all(map(kind.accepts, value)))


def map_of(kind: Kind, key: Callable[[Any], bool] = is_id) -> Kind:
    """An object whose members are of the kind."""
    return Kind(
        f"Id[{kind.name}]",
        lambda value: isinstance(value, dict) and all(map(key, value)) and all(map(kind.accepts, value.values())),
    )


def is_utc_date(value: Any) -> bool:
    """A UTCDate that is a real moment. A fraction of zero is taken, though RFC 8620 §1.4 forbids it: JavaScript's
    `toISOString` writes one once in a thousand times. `utc_date` never does."""
    return isinstance(value, str) and _UTC_DATE.match(value) is not None and _moment(value) is not None


def utc_ms(text: str) -> int:
    """Milliseconds since 1970 of a UTCDate."""
    moment = _moment(text)
    if moment is None:
        raise ValueError(text)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def utc_date(ms: int) -> str:
    """The UTCDate of milliseconds since 1970; the fraction is left out where it is zero (RFC 8620 §1.4)."""
    seconds, fraction = divmod(ms, 1000)
    text = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()
    return f"{text}.{fraction:03d}Z" if fraction else f"{text}Z"


def without_zero_fraction(date: str) -> str:
    """A UTCDate that a client sent, as RFC 8620 §1.4 has it written."""
    return _ZERO_FRACTION.sub("Z", date)


def is_keyword(value: Any) -> bool:
    """A keyword (RFC 8621 §4.1.1): printable ASCII without the characters that IMAP forbids."""
    return isinstance(value, str) and _KEYWORD.match(value) is not None


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -MAX_INT <= value <= MAX_INT


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and (is_id(value) or (value.startswith("#") and is_id(value[1:])))


def _is_true(value: Any) -> bool:
    return value is True


ANYTHING: Final = Kind("any", lambda _: True)
STRING: Final = Kind("String", lambda value: isinstance(value, str))
BOOLEAN: Final = Kind("Boolean", lambda value: isinstance(value, bool))
INT: Final = Kind("Int", _is_int)
UNSIGNED_INT: Final = Kind("UnsignedInt", lambda value: _is_int(value) and value >= 0)
UNSIGNED_INT_31: Final = Kind("UnsignedInt below 2^31", lambda value: _is_int(value) and 0 <= value < 2**31)
POSITIVE_INT: Final = Kind("UnsignedInt above 0", lambda value: _is_int(value) and value > 0)
ID: Final = Kind("Id", is_id)
ID_OR_REFERENCE: Final = Kind("Id", _is_reference)
UTC_DATE: Final = Kind("UTCDate", is_utc_date)
OBJECT: Final = Kind("Object", lambda value: isinstance(value, dict))
TRUE: Final = Kind("true", _is_true)
ID_SET: Final = map_of(TRUE, _is_reference)
KEYWORD: Final = Kind("keyword", is_keyword)
KEYWORD_SET: Final = Kind(
    "String[Boolean]",
    lambda value: isinstance(value, dict) and all(map(is_keyword, value)) and all(map(_is_true, value.values())),
)
