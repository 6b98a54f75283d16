"""mbox files (RFC 4155, and the forms "mboxo" and "mboxrd" that are found in the wild), read as a stream.

A message begins at a line `From ...` after an empty line or at the start of the file; within a message the
writer has put ">" before such lines. One is taken away from `>From ` and, as mboxrd means it, from
`>>From ` and so on. Text that some writer forgot to quote is told from a beginning by what follows "From ":
a date, or a lone address, or nothing at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from homing.message import parse_headers
from homing.message.dates import milliseconds_of, parse_date
from homing.move.stored_mail import EMPTY, StoredMail, restore_line_ends, too_large

FROM_: Final = b"From "
PIECE_BYTES: Final = 64 * 1_024
"""A longer line is read in pieces."""
MAX_HEADER_BYTES: Final = 64 * 1_024
"""Of a message: where flags are looked for."""

_DATED: Final = re.compile(rb"From (?:.* )?(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b.* \d{1,2}:\d{2}.*\b\d{4}\b")
_BARE: Final = re.compile(rb"From (?:-|MAILER-DAEMON|\S+@\S+)?\s*\Z")
_QUOTED: Final = re.compile(rb">+From ")
_WEEKDAY: Final = re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b.*")

_STATUS: Final = {"R": "$seen", "A": "$answered", "F": "$flagged", "T": "$draft"}
"""Letters of Status and X-Status, as mutt, Pine and Dovecot write them; D is for deleted."""
_MOZILLA: Final = {0x0001: "$seen", 0x0002: "$answered", 0x0004: "$flagged", 0x1000: "$forwarded"}
_MOZILLA_EXPUNGED: Final = 0x0008


def read_mbox(path: Path, maximum: int) -> Iterator[StoredMail]:
    """The messages of a file, each with the date of its From_ line and the flags that headers tell."""
    try:
        with path.open("rb") as file:
            yield from _split(file, str(path), maximum)
    except OSError as error:
        yield StoredMail(str(path), b"", 0, problem=error.strerror or type(error).__name__)


def is_beginning(line: bytes) -> bool:
    """Whether a line, after an empty one, begins a message."""
    return line.startswith(FROM_) and (_DATED.match(line) or _BARE.match(line)) is not None


def date_of(line: bytes) -> int | None:
    """The date in a From_ line in ms since 1970; one without a zone is UTC (RFC 4155, appendix A)."""
    found = _WEEKDAY.search(line.decode("ascii", "replace"))
    text = found[0].strip() if found else ""
    date = parse_date(text) or parse_date(f"{text} +0000")
    return None if date is None else milliseconds_of(date)


class _Message:
    """A message while its lines come together."""

    def __init__(self, line: bytes, maximum: int) -> None:
        self._from = line
        self._maximum = maximum
        self._lines: list[bytes] = []
        self._size = 0
        self.consumed = len(line)

    def add(self, line: bytes) -> None:
        """One more line, or a piece of one, as it stands in the file."""
        self.consumed += len(line)
        self._size += len(line)
        if self._size <= self._maximum:
            self._lines.append(line)
        else:
            self._lines.clear()

    def finish(self, place: str) -> StoredMail:
        """The message; the empty line at its end is the file's."""
        if self._size > self._maximum:
            return StoredMail(place, b"", self.consumed, problem=too_large(self._maximum))
        if self._lines and not self._lines[-1].strip(b"\r\n"):
            self._lines.pop()
        raw = b"".join(self._lines)
        keywords, is_deleted = flags_of(raw)
        return StoredMail(
            place,
            restore_line_ends(raw),
            self.consumed,
            date_of(self._from),
            keywords=keywords,
            is_deleted=is_deleted,
            problem="" if raw.strip() else EMPTY,
        )


def flags_of(raw: bytes) -> tuple[frozenset[str], bool]:
    """(keywords, whether it is deleted), from Status, X-Status and Mozilla's X-Mozilla-Status."""
    values = {
        header.name.lower(): header.value.decode("ascii", "replace").strip()
        for header in parse_headers(raw[:MAX_HEADER_BYTES])
    }
    letters = values.get("status", "") + values.get("x-status", "")
    keywords = {keyword for letter, keyword in _STATUS.items() if letter in letters}
    try:
        bits = int(values.get("x-mozilla-status", "0"), 16)
    except ValueError:
        bits = 0
    keywords |= {keyword for bit, keyword in _MOZILLA.items() if bits & bit}
    return frozenset(keywords), "D" in letters or bool(bits & _MOZILLA_EXPUNGED)


def _split(file: IO[bytes], place: str, maximum: int) -> Iterator[StoredMail]:
    message: _Message | None = None
    number, after_empty = 0, True
    for is_start, line in _lines(file):
        if is_start and after_empty and is_beginning(line):
            if message is not None:
                yield message.finish(f"{place}, message {number}")
            message, number = _Message(line, maximum), number + 1
        elif message is not None:
            message.add(line[1:] if is_start and _QUOTED.match(line) else line)
        after_empty = is_start and not line.strip(b"\r\n")
    if message is not None:
        yield message.finish(f"{place}, message {number}")


def _lines(file: IO[bytes]) -> Iterator[tuple[bool, bytes]]:
    """(whether it is the start of a line, the line or a piece of it)."""
    is_start = True
    while line := file.readline(PIECE_BYTES):
        yield is_start, line
        is_start = line.endswith(b"\n")
