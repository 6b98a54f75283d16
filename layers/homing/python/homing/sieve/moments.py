"""Dates of fields, and the parts of a date that tests look at (RFC 5260 §4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

from homing.message import as_date

_ZONE: Final = re.compile(r"([+-])([01][0-9]|2[0-3])([0-5][0-9])")
_FIRST_JULIAN: Final = date(1858, 11, 17).toordinal()
_DAYS: Final = "Mon Tue Wed Thu Fri Sat Sun".split()
_MONTHS: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def read_zone(text: str) -> timezone | None:
    """The time zone that `+hhmm` or `-hhmm` names (RFC 5260 §4.1), or None."""
    match = _ZONE.fullmatch(text)
    if match is None:
        return None
    minutes = int(match[2]) * 60 + int(match[3])
    return timezone(timedelta(minutes=-minutes if match[1] == "-" else minutes))


def zone_of(minutes: int) -> timezone:
    """The time zone so many minutes east of UTC; UTC for what cannot be one."""
    return timezone(timedelta(minutes=minutes)) if -24 * 60 < minutes < 24 * 60 else UTC


def read_moment(value: bytes) -> datetime | None:
    """The moment in a field: what follows the last semicolon (Received), or the whole value."""
    for text in (value.rpartition(b";")[2], value):
        found = as_date(text)
        if found is not None:
            return datetime.fromisoformat(found)
    return None


def moment_at(now: int) -> datetime:
    """The moment so many milliseconds after 1970, or the nearest that a date can tell."""
    try:
        return datetime.fromtimestamp(now // 1_000, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(tzinfo=UTC) if now > 0 else datetime.min.replace(tzinfo=UTC)


def shift(moment: datetime, zone: timezone) -> datetime | None:
    """The moment in another zone; None at the two ends of the calendar, where there is none."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return None


def _minutes_east(moment: datetime) -> int:
    return round((moment.utcoffset() or timedelta()).total_seconds()) // 60


def _zone(moment: datetime) -> str:
    minutes = _minutes_east(moment)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"


def _date(moment: datetime) -> str:
    return f"{moment.year:04}-{moment.month:02}-{moment.day:02}"


def _iso8601(moment: datetime) -> str:
    zone = _zone(moment)
    return f"{_date(moment)}T{moment:%H:%M:%S}" + ("Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:]}")


def _std11(moment: datetime) -> str:
    day = f"{_DAYS[moment.weekday()]}, {moment.day:02} {_MONTHS[moment.month - 1]} {moment.year:04}"
    return f"{day} {moment:%H:%M:%S} {_zone(moment)}"


DATE_PARTS: Final[Mapping[str, Callable[[datetime], str]]] = {
    "year": lambda moment: f"{moment.year:04}",
    "month": lambda moment: f"{moment.month:02}",
    "day": lambda moment: f"{moment.day:02}",
    "date": _date,
    "julian": lambda moment: str(moment.toordinal() - _FIRST_JULIAN),
    "hour": lambda moment: f"{moment.hour:02}",
    "minute": lambda moment: f"{moment.minute:02}",
    "second": lambda moment: f"{moment.second:02}",
    "time": lambda moment: f"{moment:%H:%M:%S}",
    "iso8601": _iso8601,
    "std11": _std11,
    "zone": _zone,
    "weekday": lambda moment: str(moment.isoweekday() % 7),
}
"""The date-parts of RFC 5260 §4.2."""
