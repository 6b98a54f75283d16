"""Text for people in header fields: on one line, and as encoded words where ASCII does not hold it (RFC 2047).

The counterpart of `encoded_words`. Knows no fields.
"""

from __future__ import annotations

import binascii
import re
from typing import Final

from homing.message.charsets import clean

WIDTH: Final = 76
"""Characters of a line that holds an encoded word (RFC 2047 §2), and so of every line that can be folded."""
MAX_WORD: Final = 75

_LINE_SPACE: Final = re.compile("[\t-\r]+")
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f]")
_PLAIN: Final = re.compile(r"[ -~]*")
_FRAME: Final = len("=?utf-8?q??=")
_SAFE: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/ ")
"""What stands for itself in every place that takes encoded words (RFC 2047 §5); a space becomes "_"."""


def clean_line(text: str) -> str:
    """`text` on one line, without control characters, lone surrogates and the white space around it."""
    return _CONTROLS.sub("", _LINE_SPACE.sub(" ", clean(text))).strip()


def is_plain(text: str) -> bool:
    """Whether `text` may stand in a header as it is: printable ASCII that does not look like an encoded word."""
    return _PLAIN.fullmatch(text) is not None and "=?" not in text


def encoded_words(text: str, first: int = MAX_WORD) -> list[str]:
    """`text` as encoded words in UTF-8, no character cut in two; the first word in `first` characters if they suffice
    for something, the others in `MAX_WORD`."""
    octets = text.encode(errors="replace")
    is_legible = sum(byte not in _SAFE for byte in octets) * 2 <= len(octets) // 3
    render = _q if is_legible else _b
    words: list[str] = []
    chunk, size = bytearray(), 0
    room = _payload(first if first >= MAX_WORD // 2 else MAX_WORD, is_legible=is_legible)
    for character in text:
        piece = character.encode(errors="replace")
        cost = sum(1 if byte in _SAFE else 3 for byte in piece) if is_legible else len(piece)
        if chunk and size + cost > room:
            words.append(render(bytes(chunk)))
            chunk, size, room = bytearray(), 0, _payload(MAX_WORD, is_legible=is_legible)
        chunk += piece
        size += cost
    return [*words, render(bytes(chunk))] if chunk else words


def _payload(width: int, *, is_legible: bool) -> int:
    """What fits into a word of this width: characters of Q, or octets that become characters of B."""
    room = min(width, MAX_WORD) - _FRAME
    return room if is_legible else room // 4 * 3


def _q(octets: bytes) -> str:
    text = "".join(chr(byte) if byte in _SAFE else f"={byte:02X}" for byte in octets)
    return f"=?utf-8?q?{text.replace(' ', '_')}?="


def _b(octets: bytes) -> str:
    return f"=?utf-8?b?{binascii.b2a_base64(octets, newline=False).decode('ascii')}?="
