"""Transfer decoding of bodies (RFC 2045 §6), lenient: damaged content is decoded as far as it goes.

Takes and gives bytes; charsets are the business of `charsets`.
"""

from __future__ import annotations

import binascii
import re
from typing import Final

IDENTITY: Final = frozenset({"7bit", "8bit", "binary"})
ENCODINGS: Final = IDENTITY | {"quoted-printable", "base64"}
UNKNOWN_ENCODING: Final = "unknown-transfer-encoding"
"""The defect of a message with a part whose Content-Transfer-Encoding is none that there is."""

_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_EXPECTED: Final = _ALPHABET + b"=\r\n\t "
_FOREIGN: Final = bytes(byte for byte in range(256) if byte not in _ALPHABET)
_SPELLINGS: Final = {
    **{name: name for name in ENCODINGS},
    "": "7bit",
    "7-bit": "7bit",
    "7 bit": "7bit",
    "8-bit": "8bit",
    "8 bit": "8bit",
    "us-ascii": "7bit",
    "quoted printable": "quoted-printable",
    "quotedprintable": "quoted-printable",
    "qp": "quoted-printable",
    "base-64": "base64",
    "base 64": "base64",
}
_TRAILING_SPACE: Final = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n)")
_BAD_ESCAPE: Final = re.compile(rb"=(?![0-9A-Fa-f]{2}|\r?\n|\Z)")


def normalise_encoding(value: bytes) -> str | None:
    """The encoding that a Content-Transfer-Encoding value names, or None if there is no such encoding."""
    text = value.decode("ascii", "replace").partition("(")[0].partition(";")[0]
    return _SPELLINGS.get(" ".join(text.lower().split()).strip("\"'"))


def decode_content(raw_body: bytes, encoding: str) -> tuple[bytes, bool]:
    """(decoded content, whether the encoding was violated or is unknown). Never raises.

    Base64 ends at its padding; what is not of its alphabet is skipped. A broken quoted-printable escape
    stays as it is.
    """
    if encoding == "base64":
        return _decode_base64(raw_body)
    if encoding == "quoted-printable":
        return _decode_quoted_printable(raw_body)
    return raw_body, encoding not in IDENTITY


def decoded_size(raw_body: bytes, encoding: str) -> int:
    """The length of `decode_content(raw_body, encoding)[0]`."""
    if encoding == "quoted-printable":
        return len(binascii.a2b_qp(_without_trailing_space(raw_body)))
    if encoding != "base64":
        return len(raw_body)
    others = raw_body.translate(None, _ALPHABET)
    padding = others.count(b"=")
    digits = len(raw_body) - len(others)
    # Counting digits is six times as fast as decoding. It is exact if all padding is where it belongs, at the end.
    is_regular = padding == -digits % 4 < 3 and raw_body.rstrip(b"\r\n\t ").endswith(b"=" * padding)
    return digits * 3 // 4 if is_regular else len(_decode_base64_leniently(raw_body)[0])


def _decode_base64(raw_body: bytes) -> tuple[bytes, bool]:
    content, problem = _decode_base64_leniently(raw_body)
    return content, problem or bool(raw_body.translate(None, _EXPECTED))


def _decode_base64_leniently(raw_body: bytes) -> tuple[bytes, bool]:
    try:
        return binascii.a2b_base64(raw_body), False
    except binascii.Error:
        # It lacks padding or a digit: keep every whole octet that is there.
        digits = raw_body.translate(None, _FOREIGN)
        if len(digits) % 4 == 1:
            digits = digits[:-1]
        return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4)), True


def _decode_quoted_printable(raw_body: bytes) -> tuple[bytes, bool]:
    raw_body = _without_trailing_space(raw_body)
    return binascii.a2b_qp(raw_body), _BAD_ESCAPE.search(raw_body) is not None


def _without_trailing_space(raw_body: bytes) -> bytes:
    """RFC 2045 §6.7 rule 3: white space at the end of a line was added on the way."""
    if b" \r\n" in raw_body or b" \n" in raw_body or b"\t\r\n" in raw_body or b"\t\n" in raw_body:
        return _TRAILING_SPACE.sub(b"", raw_body)
    return raw_body
