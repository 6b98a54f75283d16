"""Identifiers: made of time and chance, ordered by time, within RFC 8620 §1.2's alphabet.

An id is a letter, nine base32hex digits of milliseconds and some digits of chance, all lower case, so
that ids sort by age and clients on case-insensitive file systems can use them as names. An Email's id
begins with its Thread's: `threadId` never changes (RFC 8621 §4.1.1), so the thread is found from the
id without a look-up.
"""

from __future__ import annotations

import re
from typing import Final

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuv"
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,255}\Z")
_BLOB_ID: Final = re.compile(r"b([0-9a-f]{64})(?:-([0-9]{1,10})-([0-9]{1,10})-([nqb]))?\Z")
_TIME_DIGITS: Final = 9
_CHANCE_DIGITS: Final = 6
_THREAD_LENGTH: Final = 1 + _TIME_DIGITS + _CHANCE_DIGITS

CHANCE_BYTES: Final = 4
"""Random bytes that one id uses."""


def is_id(text: object) -> bool:
    """Whether `text` is an Id of RFC 8620 §1.2."""
    return isinstance(text, str) and _ID.match(text) is not None


def time_id(letter: str, at: int, chance: bytes) -> str:
    """An id made at `at` (ms since 1970) from `CHANCE_BYTES` random bytes: 16 characters."""
    return letter + _base32(at, _TIME_DIGITS) + _base32(int.from_bytes(chance[:CHANCE_BYTES]), _CHANCE_DIGITS)


def email_id(thread_id: str, at: int, chance: bytes) -> str:
    """The id of an Email in that thread: `e`, the thread's digits, then its own."""
    return "e" + thread_id[1:] + time_id("", at, chance)


def thread_of(email: str) -> str:
    """The Thread id within an Email id. Of an id that we did not make, an id that no thread has."""
    return "t" + email[1:_THREAD_LENGTH]


def blob_id(digest: str) -> str:
    """The JMAP blobId of a whole blob."""
    return "b" + digest


def part_blob_id(digest: str, start: int, length: int, encoding: str) -> str:
    """The blobId of a message part: a byte range of the raw message and its transfer encoding."""
    code = {"quoted-printable": "q", "base64": "b"}.get(encoding, "n")
    return f"b{digest}-{start}-{length}-{code}"


def parse_blob_id(text: str) -> tuple[str, tuple[int, int, str] | None] | None:
    """(digest, range) of a blobId, range being (start, length, encoding) or None for the whole blob.

    None for anything else: paths, other alphabets, other lengths.
    """
    match = _BLOB_ID.match(text)
    if not match:
        return None
    digest, start, length, code = match.groups()
    if start is None:
        return digest, None
    return digest, (int(start), int(length), {"q": "quoted-printable", "b": "base64", "n": "binary"}[code])


def _base32(number: int, digits: int) -> str:
    return "".join(_DIGITS[(number >> (5 * place)) & 31] for place in range(digits - 1, -1, -1))
