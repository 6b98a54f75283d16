"""RFC 5173: raw, by content type, as text."""

from __future__ import annotations

import base64

import pytest

from homing.message import parse
from homing.sieve.body import Body
from tests.unit.sieve.scripts import fields, is_true, mail, perform, value_of

NESTED = b"""From: Whomever
To: Someone
Subject: whatever
Content-Type: multipart/mixed; boundary=outer

This is a multi-part message in MIME format.

--outer
Content-Type: multipart/alternative; boundary=inner

This is a nested multi-part message in MIME format.

--inner
Content-Type: text/plain; charset="us-ascii"

Hello

--inner
Content-Type: text/html; charset="us-ascii"

<html><body>Hel<b>lo</b> you</body></html>

--inner--

This is the end of the inner MIME multipart.

--outer
Content-Type: message/rfc822

From: Someone Else
Subject: hello request

Please say Hello

--outer--

This is the end of the outer MIME multipart.
"""


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('body :content "multipart" :contains "This is a multi-part message in MIME format."', True),
        ('body :content "multipart" :contains "nested multi-part message"', True),
        ('body :content "multipart" :contains "end of the inner MIME multipart."', True),
        ('body :content "multipart" :contains "end of the outer MIME multipart."', True),
        ('body :content "multipart/mixed" :contains "inner MIME"', False),
        ('body :content "multipart" :contains "--inner"', False),
        ('body :content "multipart" :contains "--outer"', False),
        ('body :content "multipart" :contains "say Hello"', False),
        ('body :content "text/plain" :contains "Hello"', True),
        ('body :content "text/plain" :contains "please say hello"', True),
        ('body :content "text/plain" :contains "html"', False),
        ('body :content "text/html" :contains "<b>"', True),
        ('body :content "TEXT" :contains ["<b>"]', True),
        ('body :content "message/rfc822" :contains "hello request"', True),
        ('body :content "message/rfc822" :contains "say Hello"', False),
        ('body :content ["application", "text"] :count "eq" "3"', True),
        ('body :content "" :contains "say Hello"', True),
        ('body :content "audio/mp3" :contains ""', False),
        ('body :content ["/plain", "text/", "text/plain/x", "/"] :contains ""', False),
        ('body :raw :contains "boundary=inner"', True),
        ('body :raw :contains "--outer--"', True),
        ('body :raw :contains "Subject: whatever"', False),
        ('body :text :contains "Hello you"', True),
        ('body :contains "Please say Hello"', True),
        ('body :text :contains ["<html>", "body>"]', False),
        ('body :text :contains "MIME format"', False),
        ('body :content "text/plain" :is "Hello\n"', True),
        ('body :content "text/plain" :matches "Hel?o*"', True),
    ],
)
def test_each_transform_looks_at_its_own_parts(test: str, expected: bool) -> None:
    assert is_true(test, NESTED) is expected


def encoded(content: str, charset: str, name: str = "text/plain") -> bytes:
    head = f"Content-Type: {name}; charset={charset}\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head.encode() + base64.encodebytes(content.encode(charset)).replace(b"\n", b"\r\n")


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "utf-16"])
def test_transfer_encoding_and_charset_are_undone(charset: str) -> None:
    raw = encoded("Grüße\r\naus Köln", charset)

    assert is_true('body :contains "Grüße\naus Köln"', raw)
    assert is_true('body :content "text" :is "Grüße\naus Köln"', raw)
    assert not is_true('body :raw :contains "Köln"', raw)


def test_what_is_no_text_is_compared_as_octets() -> None:
    raw = b"Content-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(
        b"\x00\xff\x01"
    )

    assert is_true('body :content "application" :is :comparator "i;octet" "${hex:00 ff 01}"', raw)
    assert not is_true('body :text :contains ""', raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Subject: x\r\n", False),
        (b"Subject: x", False),
        (b"", False),
        (b"Subject: x\r\n\r\n", True),
        (b"\r\n", True),
        (b"Subject: x\r\n\r\nbody", True),
    ],
)
def test_a_message_without_an_empty_line_has_no_body_at_all(raw: bytes, expected: bool) -> None:
    for transform in (":raw", ':content "text"', ":text", ':content ""'):
        assert is_true(f'body {transform} :contains ""', raw) is expected


def test_the_raw_body_begins_after_the_empty_line() -> None:
    assert Body(mail(fields("Subject: x")).message, charges().append).raw() == [b"Body.\r\n"]
    assert is_true('body :raw :is "Body.\n"', fields("Subject: x"))


def test_a_body_test_sets_no_match_variables() -> None:
    before = 'if header :matches "subject" "*" {} if body :matches "*" {}'

    assert value_of("${1}", fields("Subject: kept"), before=before) == "kept"


def charges() -> list[int]:
    return []


@pytest.mark.parametrize(
    ("raw", "around"),
    [
        (b"--b\r\n\r\none\r\n--b--\r\n", [b"", b""]),
        (b"a\r\n--b\r\n\r\none\r\n--b--\r\nz", [b"a", b"z"]),
        (b"a\n--b\n\none\n--b--\nz\n", [b"a", b"z\n"]),
        (b"a\r\n\r\n--b\r\n\r\none", [b"a\r\n", b""]),
        (b"--b\r\n--b\r\n\r\none\r\n--b--", [b"--b", b""]),
    ],
)
def test_around_the_parts_of_a_multipart_are_prologue_and_epilogue(raw: bytes, around: list[bytes]) -> None:
    message = parse(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + raw)

    assert Body(message, charges().append).content(["multipart"]) == around


def test_messages_within_messages_are_looked_into_to_a_bounded_depth() -> None:
    raw = b"Content-Type: text/plain\r\n\r\ninnermost"
    depths = []
    for _ in range(10):
        depths.append(b"innermost" in b"".join(Body(parse(raw), charges().append).text()))
        raw = b"Content-Type: message/rfc822\r\n\r\n" + raw

    assert depths == [True] * 6 + [False] * 4


def test_a_part_is_decoded_and_charged_for_once() -> None:
    charged = charges()
    body = Body(parse(b"Content-Type: text/html\r\n\r\n" + b"<p>" * 1_000), charged.append)

    first = (body.text(), body.content(["text"]), body.content([""]))
    once = sum(charged)

    assert (body.text(), body.content(["text/html"]), body.content([""])) == first
    assert sum(charged) == once >= 3_000


def test_of_endless_html_the_first_megabyte_is_read_as_text() -> None:
    raw = b"Content-Type: text/html\r\n\r\n" + b"<p>start" + b" " * 1_048_576 + b"end"

    assert is_true('body :contains "start"', raw)
    assert not is_true('body :contains "end"', raw)
    assert is_true('body :content "text" :contains "end"', raw)


def test_a_body_that_is_searched_too_often_ends_the_run() -> None:
    raw = b"\r\n" + b"a" * 3_000_000
    script = "if anyof (" + ",".join(['body :raw :contains "b"'] * 300) + ") {}"

    result = perform(script, raw)

    assert result.error is not None
    assert "too long" in result.error.description
