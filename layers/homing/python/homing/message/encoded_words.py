"""RFC 2047 encoded words in already unfolded text.

Neighbouring words of one charset are joined as bytes before they are decoded, since many senders cut
multi-byte characters at word ends. As RFC 8621 §4.1.2.2 asks, a word in a forbidden place (inside other
text) or of unknown charset stays as it is; one liberty is taken: words that follow one another directly,
without the white space RFC 2047 §5 wants, are a frequent fault and are read as if it were there.
"""

from __future__ import annotations

import binascii
import re
from typing import Final

from homing.message.bodies import decode_content
from homing.message.charsets import codec_for, decode_charset

_WORD_SYNTAX: Final = r"=\?[^\s?]++\?[bBqQ]\?[^\s?]*+\?="
_RUN: Final = re.compile(rf"(?<![^\s(]){_WORD_SYNTAX}(?:\s*+{_WORD_SYNTAX})*(?![^\s)])")
_WORD: Final = re.compile(r"=\?([^\s?*]++)[^\s?]*+\?([bBqQ])\?([^\s?]*+)\?=")
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f]")


def decode_words(text: str) -> str:
    """`text` with its encoded words decoded; control characters that they hid are dropped."""
    if "=?" not in text:
        return text
    return _RUN.sub(_decode_run, text)


def _decode_run(run: re.Match[str]) -> str:
    pieces: list[tuple[str, bytes]] = []
    for word in _WORD.finditer(run[0]):
        charset, encoding, encoded = word.groups()
        if codec_for(charset) is None:
            return run[0]
        content = _decode_word(encoded.encode("utf-8", "replace"), encoding)
        pieces.append((charset.lower(), content))
    if len(pieces) == 1:
        return _decode(pieces[0][1], pieces[0][0])
    return _join(pieces)


def _join(pieces: list[tuple[str, bytes]]) -> str:
    out: list[str] = []
    pending: list[bytes] = []
    current = ""
    for charset, content in pieces:
        if charset != current and pending:
            out.append(_decode(b"".join(pending), current))
            pending = []
        current = charset
        pending.append(content)
    out.append(_decode(b"".join(pending), current))
    return "".join(out)


def _decode(content: bytes, charset: str) -> str:
    return _CONTROLS.sub("", decode_charset(content, charset)[0])


def _decode_word(encoded: bytes, encoding: str) -> bytes:
    if encoding in "qQ":
        return binascii.a2b_qp(encoded, header=True)
    return decode_content(encoded, "base64")[0]
