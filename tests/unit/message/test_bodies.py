from __future__ import annotations

import base64

import pytest

from homing.message import decode_content
from homing.message.bodies import decoded_size, normalise_encoding

CASES = [
    (b"any \xff\0", "7bit", b"any \xff\0", False),
    (b"any \xff\0", "8bit", b"any \xff\0", False),
    (b"any", "x-what", b"any", True),
    (b"aGVsbG8=\r\n", "base64", b"hello", False),
    (b"aGVs\r\nbG8=", "base64", b"hello", False),
    (b"aGVsbG8", "base64", b"hello", True),
    (b"aGVsbG8hI", "base64", b"hello!", True),
    (b"aGV*sbG8=", "base64", b"hello", True),
    (b"aGVsbG8=\r\n-- \r\nfooter_", "base64", b"hello", True),
    (b"", "base64", b"", False),
    (b"=", "base64", b"", False),
    (b"caf=C3=A9=\r\n!", "quoted-printable", b"caf\xc3\xa9!", False),
    (b"soft=\nbreak", "quoted-printable", b"softbreak", False),
    (b"soft=  \r\nbreak", "quoted-printable", b"softbreak", False),
    (b"trailing  \r\nspace", "quoted-printable", b"trailing\r\nspace", False),
    (b"low=c3=a9r", "quoted-printable", b"low\xc3\xa9r", False),
    (b"bad=ZZ", "quoted-printable", b"bad=ZZ", True),
    (b"under_score", "quoted-printable", b"under_score", False),
]


@pytest.mark.parametrize(("encoded", "encoding", "content", "problem"), CASES)
def test_a_body_is_decoded_as_far_as_it_goes(encoded: bytes, encoding: str, content: bytes, *, problem: bool) -> None:
    assert decode_content(encoded, encoding) == (content, problem)


@pytest.mark.parametrize(("encoded", "encoding", "content", "problem"), CASES)
def test_the_size_is_that_of_the_decoded_body(encoded: bytes, encoding: str, content: bytes, *, problem: bool) -> None:
    assert decoded_size(encoded, encoding) == len(content)


def test_what_base64_encodes_comes_back() -> None:
    content = bytes(range(256)) * 50

    assert decode_content(base64.encodebytes(content), "base64") == (content, False)


@pytest.mark.parametrize(
    ("value", "encoding"),
    [
        (b" BASE64\r\n", "base64"),
        (b"Quoted-Printable (see below)", "quoted-printable"),
        (b"7-bit", "7bit"),
        (b'"8bit"', "8bit"),
        (b"8bit;", "8bit"),
        (b"", "7bit"),
        (b"x-uuencode", None),
    ],
)
def test_spellings_of_encodings_are_recognised(value: bytes, encoding: str | None) -> None:
    assert normalise_encoding(value) == encoding
