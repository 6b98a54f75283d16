"""The date of a header as an RFC 3339 string (RFC 5322 §3.3 and §4.3, RFC 8621 §4.1.2.6).

Reads the standard form, the obsolete one, and what senders really write (full month names, `GMT+0100`,
the order of C's `asctime`, ISO 8601). What says no time zone, or one that means different times in
different places, has no known instant and gives None: a missing date is better than a wrong one.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "jan january",
            "feb february",
            "mar march",
            "apr april",
            "may",
            "jun june",
            "jul july",
            "aug august",
            "sep sept september",
            "oct october",
            "nov november",
            "dec december",
        ),
        1,
    )
    for name in names.split()
}
_ZONES: Final = {
    "ut": 0,
    "utc": 0,
    "gmt": 0,
    "z": 0,
    "est": -300,
    "edt": -240,
    "cst": -360,
    "cdt": -300,
    "mst": -420,
    "mdt": -360,
    "pst": -480,
    "pdt": -420,
    "akst": -540,
    "akdt": -480,
    "hst": -600,
    "wet": 0,
    "west": 60,
    "cet": 60,
    "cest": 120,
    "met": 60,
    "mest": 120,
    "mez": 60,
    "mesz": 120,
    "eet": 120,
    "eest": 180,
    "msk": 180,
    "msd": 240,
    "hkt": 480,
    "jst": 540,
    "kst": 540,
    "aest": 600,
    "aedt": 660,
    "nzst": 720,
    "nzdt": 780,
}
"""Minutes east of Greenwich. RFC 5322 §4.3 defines the American ones; the rest have one meaning only."""

_TIME: Final = (
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,]\d{1,9})?)?(?:\s*(?P<half>[ap]m)\b)?"
)
_ZONE: Final = (
    r"\s*(?P<zone>(?:gmt|utc?)\s?[+-]\s?\d{1,2}(?!\d|:)|(?:(?:gmt|utc?)\s?)?[+-]\s?\d{1,2}:?\d{2}|[a-z]{1,5})"
)
_WEEKDAY: Final = r"(?:[a-z]{2,10}(?:\.?\s*,\s*|\.\s*|\s+)|,\s*)?"
_FORMS: Final = tuple(
    re.compile(pattern, re.IGNORECASE | re.ASCII)
    for pattern in (
        rf"{_WEEKDAY}(?P<day>\d{{1,2}})[\s-]\s*(?P<month>[a-z]{{3,9}})\.?,?[\s-]\s*(?P<year>\d{{2,4}})[\s,]\s*{_TIME}{_ZONE}",
        rf"{_WEEKDAY}(?P<month>[a-z]{{3,9}})\.?\s+(?P<day>\d{{1,2}}),?\s+(?P<year>\d{{4}}),?\s+{_TIME}{_ZONE}",
        rf"{_WEEKDAY}(?P<month>[a-z]{{3,9}})\s+(?P<day>\d{{1,2}})\s+{_TIME}{_ZONE}\s+(?P<year>\d{{4}})",
        rf"{_WEEKDAY}(?P<month>[a-z]{{3,9}})\s+(?P<day>\d{{1,2}})\s+{_TIME}\s+(?P<year>\d{{4}}){_ZONE}",
        rf"(?P<year>\d{{4}})-(?P<month>\d{{2}})-(?P<day>\d{{2}})[t\s]\s*{_TIME}{_ZONE}",
    )
)
_SPACE: Final = re.compile(r"\s+")
MAX_DATE: Final = 200
"""Characters of a date that are looked at; no date is that long."""


def parse_date(text: str) -> str | None:
    """RFC 3339 with the sender's own offset ("Z" for zero, "-00:00" for RFC 5322's "-0000"), or None.

    `text` is unfolded and holds no comments.
    """
    text = _SPACE.sub(" ", text[:MAX_DATE]).strip()
    for form in _FORMS:
        match = form.match(text)
        if match and _is_rest_harmless(text[match.end() :]):
            return _render(match)
    return None


def milliseconds_of(date: str) -> int:
    """Milliseconds since 1970 of a date that `parse_date` gave; 0 for one before."""
    return max(int(datetime.fromisoformat(date).timestamp() * 1_000), 0)


def _is_rest_harmless(rest: str) -> bool:
    """Nothing, or a zone name that repeats the numeric offset ("+0200 CEST")."""
    rest = rest.strip(" .,;")
    return not rest or (rest.isalpha() and len(rest) <= 5)


def _render(match: re.Match[str]) -> str | None:
    month = match["month"]
    number = int(month) if month.isdigit() else _MONTHS.get(month.lower())
    hour = _hour(int(match["hour"]), match["half"])
    offset = _offset(match["zone"])
    if number is None or hour is None or offset is None:
        return None
    second = int(match["second"] or 0)
    try:
        # A leap second has no place in `datetime`; the second before it is the nearest true time.
        moment = datetime(
            _year(match["year"]), number, int(match["day"]), hour, int(match["minute"]), 59 if second == 60 else second
        )
    except ValueError:
        return None
    return f"{moment.year:04}{moment.isoformat()[4:]}{offset}" if moment.year >= 1900 else None


def _hour(hour: int, half: str | None) -> int | None:
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        return None
    return hour % 12 + (12 if half.lower() == "pm" else 0)


def _year(digits: str) -> int:
    year = int(digits)
    if len(digits) == 2:  # RFC 5322 §4.3
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(digits) == 3 else year


def _offset(zone: str) -> str | None:
    zone = zone.lower().replace(" ", "").replace(":", "")
    if zone[-1].isdigit():
        zone = zone.lstrip("gmtuc")
        sign, digits = zone[0], zone[1:]
        digits = digits.zfill(4) if len(digits) > 2 else digits.zfill(2) + "00"  # `GMT+1`
        if int(digits[:2]) > 23 or int(digits[2:]) > 59:
            return None
        if digits == "0000":
            return "-00:00" if sign == "-" else "Z"
        return f"{sign}{digits[:2]}:{digits[2:]}"
    if len(zone) == 1 and zone != "z":
        return "-00:00" if zone != "j" else None  # military letters, RFC 5322 §4.3
    minutes = _ZONES.get(zone)
    if minutes is None:
        return None
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}" if minutes else "Z"
