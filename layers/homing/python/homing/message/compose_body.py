"""Content to be sent, in the transfer encoding that suits it (RFC 2045 §6): lines of at most 78 characters.

Takes text or bytes and the media type, gives pieces, so that a large attachment is not copied once more than needed.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from homing.message.charsets import clean

MESSAGE_TYPES: Final = frozenset({"message/rfc822", "message/global"})
"""Types whose content is a whole message."""

_LINE: Final = 76 * 3 // 4
"""Octets that fill a line of base64."""
_BLOCK: Final = _LINE * 4_096
_SHORT_LINES: Final = re.compile(rb"[\t\x20-\x7e]{0,78}+(?:\r\n[\t\x20-\x7e]{0,78}+)*+")
_LONG_LINES: Final = re.compile(rb"[\t\x20-\x7e]{0,998}+(?:\r\n[\t\x20-\x7e]{0,998}+)*+")
_TOO_LONG: Final = re.compile(rb"[^\r\n]{999}|\0")
_BARE: Final = re.compile(rb"\r(?!\n)|(?<!\r)\n")


@dataclass(frozen=True, slots=True)
class Encoded:
    """Content in a transfer encoding. `is_safe` says that no line of it can be a boundary that begins with `=_`."""

    encoding: str
    pieces: tuple[bytes, ...]

    @property
    def is_safe(self) -> bool:
        """Neither encoding has such lines: after `=` stand two digits or a line end, and base64 has no `_`."""
        return self.encoding in ("quoted-printable", "base64")


def encode_content(content: str | bytes, type: str) -> Encoded:
    """Content of a leaf. Text is encoded in UTF-8 with CRLF; bytes come out again as they are, but a whole message
    gets the line ends of one."""
    if isinstance(content, str):
        return _encode_lines(clean(content).replace("\r\n", "\n").replace("\n", "\r\n").encode(), type)
    if type in MESSAGE_TYPES:
        return _encode_message(content)
    if type.startswith(("text/", "message/")) and _BARE.search(content) is None:
        return _encode_lines(content, type)
    return Encoded("base64", tuple(_base64(content)))


def _encode_lines(content: bytes, type: str) -> Encoded:
    """Reports are read by machines that know 7bit only (RFC 3464 §2.1), so their lines may be longer."""
    plain = _LONG_LINES if type.startswith("message/") else _SHORT_LINES
    if content.isascii() and plain.fullmatch(content):
        return Encoded("7bit", (content,))
    others = len(content.translate(None, bytes(range(32, 127)) + b"\t\r\n"))
    if others * 6 > len(content) or _BARE.search(content):
        return Encoded("base64", tuple(_base64(content)))
    return Encoded("quoted-printable", (_quoted_printable(content),))


def _encode_message(content: bytes) -> Encoded:
    """RFC 2046 §5.2.1 allows no encoding here. A message with lines that no relay takes is sent in base64 all the
    same: readers understand it, while a cut line would destroy it."""
    if _BARE.search(content):
        content = _BARE.sub(b"\r\n", content)
    if _TOO_LONG.search(content):
        return Encoded("base64", tuple(_base64(content)))
    return Encoded("7bit" if content.isascii() else "8bit", (content,))


def _base64(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), _BLOCK):
        digits = binascii.b2a_base64(content[start : start + _BLOCK], newline=False)
        lines = [digits[at : at + 76] for at in range(0, len(digits), 76)]
        yield b"\r\n".join([*lines, b""])


def _quoted_printable(content: bytes) -> bytes:
    encoded = binascii.b2a_qp(content, istext=True)
    if b"\n" in content:
        return encoded
    return encoded.replace(b"=\n", b"=\r\n")  # without a line end to go by, it takes the soft ones to be bare
