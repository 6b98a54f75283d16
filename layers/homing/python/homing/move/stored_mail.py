"""A message as other programs keep it on disk, and the simplest of their ways: one file each.

What cannot be read comes as a mail with a `problem`, and the next one follows. On Unix such files end their
lines with LF alone: mail gets back the CRLF that it had on the wire (RFC 5322 §2.1). A message whose first
line ends with CRLF is left as it is, byte for byte.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

EMPTY: Final = "it is empty"
LINK: Final = "it is a link, which is not followed: it may lead to files that are not this user's mail"

_LINE_END: Final = re.compile(rb"\r?\n")


@dataclass(frozen=True, slots=True)
class StoredMail:
    """A message as it was found. `place` tells a person where; `folder` is the path of its mailbox, () for
    the top; `dated` is when its keeper says that it came (ms since 1970); `consumed` counts the bytes of
    the source that are done with it. If `problem` is not "", it could not be read, and `raw` says nothing."""

    place: str
    raw: bytes = field(repr=False)
    consumed: int
    dated: int | None = None
    folder: tuple[str, ...] = ()
    keywords: frozenset[str] = frozenset()
    is_deleted: bool = False
    problem: str = ""


def read_file(path: Path, maximum: int) -> StoredMail:
    """A file that is one message; its date is when the file was last written."""
    place = str(path)
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_size > maximum:
                return StoredMail(place, b"", status.st_size, problem=too_large(maximum))
            raw = file.read()
    except OSError as error:
        return StoredMail(place, b"", 0, problem=error.strerror or type(error).__name__)
    problem = "" if raw.strip() else EMPTY
    return StoredMail(place, restore_line_ends(raw), len(raw), int(status.st_mtime * 1_000), problem=problem)


def unfollowed(path: Path) -> StoredMail:
    """In place of what a link within a source leads to."""
    return StoredMail(str(path), b"", 0, problem=LINK)


def restore_line_ends(raw: bytes) -> bytes:
    """CRLF for a message that was kept with LF."""
    first = raw.find(b"\n")
    if first < 0 or raw[max(first - 1, 0) : first] == b"\r":
        return raw
    return _LINE_END.sub(b"\r\n", raw)


def too_large(maximum: int) -> str:
    """The problem of a message above the site's limit."""
    return f"it is larger than the {maximum:,} bytes that this site takes"
