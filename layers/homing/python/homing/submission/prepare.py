"""`prepare`: the bytes of an Email become the bytes that are sent. Pure.

Removed are blind copies (RFC 8621 §7.5, RFC 5322 §3.6.3) and Return-Path, which a message that begins its way
must not have (RFC 5321 §4.4); added are Date and Message-ID where they are missing (RFC 6409 §8). All other bytes
stay as they are, so signatures hold.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

_BLANK: Final = re.compile(rb"(\A|\n)\r?\n")
_REMOVED: Final = re.compile(rb"^(?:(?:resent-)?bcc|return-path)[ \t]*+:.*+(?:\n[ \t].*+)*+\n?", re.IGNORECASE | re.M)
_DATE: Final = re.compile(rb"^date[ \t]*+:", re.IGNORECASE | re.M)
_MESSAGE_ID: Final = re.compile(rb"^message-id[ \t]*+:", re.IGNORECASE | re.M)


def prepare(raw: bytes, id: str, at: int, hostname: str) -> bytes:
    """`raw` as it is sent. What is added is made of `id` and `at` (ms), so that another attempt gives the same."""
    end = header_end(raw)
    block = raw[:end]
    kept = _REMOVED.sub(b"", block)
    added = b""
    if _DATE.search(kept) is None:
        added += f"Date: {smtp_date(at)}\r\n".encode()
    if _MESSAGE_ID.search(kept) is None:
        added += f"Message-ID: <{id}@{hostname}>\r\n".encode()
    if not added and len(kept) == len(block):
        return raw
    return b"".join((added, kept, memoryview(raw)[end:]))


def header_end(raw: bytes) -> int:
    """Where the header block ends: before the first empty line, wherever a parser that is more lenient would stop."""
    blank = _BLANK.search(raw)
    return len(raw) if blank is None else blank.end(1)


def smtp_date(at: int) -> str:
    """The date of a header field (RFC 5322 §3.3)."""
    return format_datetime(datetime.fromtimestamp(at // 1_000, UTC))
