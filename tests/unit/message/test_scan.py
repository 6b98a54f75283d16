from __future__ import annotations

from typing import Any

import pytest

from homing.message import Message, Part, parse, parse_headers
from tests.unit.message.letters import crlf


def shape(part: Part) -> Any:
    return [part.type, [shape(child) for child in part.parts]] if part.parts else part.type


def codes(message: Message) -> list[str]:
    return [defect.code for defect in message.defects]


def body(message: Message, part: Part) -> bytes:
    return message.raw[part.body : part.end]


def test_headers_keep_order_spelling_folding_and_offsets() -> None:
    raw = b"SUBJECT: a\r\n b\r\nX-Odd : 1\r\nsubject:c\r\nEmpty:\r\n\r\nbody"

    message = parse(raw)

    assert [(h.name, h.value) for h in message.headers] == [
        ("SUBJECT", b" a\r\n b"),
        ("X-Odd", b" 1"),
        ("subject", b"c"),
        ("Empty", b""),
    ]
    assert [raw[h.start : h.end] for h in message.headers] == [
        b"SUBJECT: a\r\n b\r\n",
        b"X-Odd : 1\r\n",
        b"subject:c\r\n",
        b"Empty:\r\n",
    ]
    assert message.header("Subject") == b"c"
    assert [h.value for h in message.headers_named("SUBJECT")] == [b" a\r\n b", b"c"]
    assert message.header("absent") is None
    assert body(message, message.root) == b"body"
    assert message.defects == ()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_of_either_kind_part_headers_and_bodies(end: str) -> None:
    text = "A: 1\nContent-Type: multipart/mixed; boundary=b\n\npre\n--b\nB: 2\n\none\n\n--b\n\ntwo\n--b--\npost\n"

    message = parse(text.replace("\n", end).encode())

    assert [body(message, part).decode() for part in message.root.parts] == [f"one{end}", "two"]
    assert message.defects == ()


def test_a_header_block_read_apart_gives_the_same_headers() -> None:
    raw = b"A: 1\r\nB: 2\r\n 3\r\n\r\nC: body"
    message = parse(raw)

    assert parse_headers(raw[: message.root.body]) == message.headers


def test_a_message_without_a_blank_line_is_all_headers() -> None:
    message = parse(b"A: 1\r\nB: 2")

    assert [h.value for h in message.headers] == [b" 1", b" 2"]
    assert (message.root.body, message.root.end) == (10, 10)


def test_a_line_that_is_no_header_begins_the_body() -> None:
    message = parse(b"A: 1\r\nDear all\r\nB: 2\r\n")

    assert [h.name for h in message.headers] == ["A"]
    assert body(message, message.root) == b"Dear all\r\nB: 2\r\n"
    assert codes(message) == ["missing-header-body-separator"]


@pytest.mark.parametrize(
    "junk", ["From ann@example.org Mon Jan  1\n", ">From ann\n", " a continuation of nothing\n", ": x\n"]
)
def test_a_line_that_other_software_left_among_the_headers_is_passed_over(junk: str) -> None:
    message = parse(junk.encode() + b"A: 1\n\nbody")

    assert [h.name for h in message.headers] == ["A"]
    assert body(message, message.root) == b"body"
    assert codes(message) == ["malformed-header"]


def test_parts_are_nested_and_numbered_in_their_order() -> None:
    message = parse(
        crlf("""
        Content-Type: multipart/mixed; boundary="out"

        --out
        Content-Type: multipart/alternative; boundary="in"

        --in

        one
        --in
        Content-Type: text/html

        two
        --in--
        --out
        Content-Type: image/png

        three
        --out--
        """)
    )

    assert shape(message.root) == [
        "multipart/mixed",
        [["multipart/alternative", ["text/plain", "text/html"]], "image/png"],
    ]
    assert [(p.part_id, body(message, p)) for p in message.root.walk() if not p.parts] == [
        ("1", b"one"),
        ("2", b"two"),
        ("3", b"three"),
    ]
    assert message.root.part_id is None


def test_a_part_without_a_close_boundary_ends_at_its_parent() -> None:
    message = parse(
        crlf("""
        Content-Type: multipart/mixed; boundary=out

        --out
        Content-Type: multipart/mixed; boundary=in

        --in

        one
        --out

        two
        --out--
        """)
    )

    assert shape(message.root) == ["multipart/mixed", [["multipart/mixed", ["text/plain"]], "text/plain"]]
    assert [body(message, p) for p in message.root.walk() if not p.parts] == [b"one", b"two"]
    assert codes(message) == ["missing-close-boundary"]


def test_a_boundary_that_begins_like_another_is_not_it() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--bb\n --b\nx--b\n--b-\n--b \t\n\nlast\n--b--"

    message = parse(raw)

    assert [body(message, p) for p in message.root.parts] == [b"--bb\n --b\nx--b\n--b-", b"last"]


def test_an_outer_boundary_ends_what_is_inside_even_if_it_is_the_same() -> None:
    mixed = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n"
    raw = mixed * 2 + b"\nx\n--b--\n"

    assert shape(parse(raw).root) == ["multipart/mixed", ["text/plain", "text/plain"]]


def test_a_body_that_starts_with_its_boundary_needs_no_preamble() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\n--b\n\nx\n--b--"

    assert shape(parse(raw).root) == ["multipart/mixed", ["text/plain"]]


def test_empty_parts_have_no_bytes() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n--b\r\nA: 1\r\n--b\r\n\r\n\r\n--b--"

    assert [(p.body, p.end) for p in parse(raw).root.parts] == [(50, 50), (61, 61), (70, 70)]


@pytest.mark.parametrize(
    ("content_type", "defect"),
    [("multipart/mixed", "missing-boundary"), ("multipart/mixed; boundary=b", "missing-start-boundary")],
)
def test_a_multipart_without_parts_is_shown_as_text(content_type: str, defect: str) -> None:
    message = parse(f"Content-Type: {content_type}\n\nall there is".encode())

    assert (message.root.type, message.root.part_id) == ("text/plain", "1")
    assert codes(message) == [defect]
    assert message.preview == "all there is"


def test_parts_of_a_digest_are_messages_unless_they_say_otherwise() -> None:
    raw = (
        b"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\n--b\nContent-Type: text/plain\n\ny\n--b--"
    )

    assert shape(parse(raw).root) == ["multipart/digest", ["message/rfc822", "text/plain"]]


def test_an_attached_message_is_a_leaf() -> None:
    raw = b"Content-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n"

    assert shape(parse(raw).root) == "message/rfc822"


def test_what_a_part_says_of_itself_is_read() -> None:
    raw = crlf("""
        Content-Type: Application/PDF; name="old.pdf"
        Content-Disposition: ATTACHMENT; filename*=utf-8''%C3%BC.pdf
        Content-ID: (c) <id@example.org>
        Content-Language: en, de-CH
        Content-Location: https://example.org/
          a.pdf
        Content-Transfer-Encoding: Base64

        aGVsbG8=
        """)

    part = parse(raw).root

    assert (part.type, part.name, part.disposition, part.cid) == (
        "application/pdf",
        "ü.pdf",
        "attachment",
        "id@example.org",
    )
    assert (part.language, part.location) == (("en", "de-CH"), "https://example.org/a.pdf")
    assert (part.encoding, part.charset, part.size) == ("base64", None, 5)


@pytest.mark.parametrize(
    ("fields", "media_type", "charset"),
    [
        ("", "text/plain", "us-ascii"),
        ("Content-Type: text/html\n", "text/html", "us-ascii"),
        ("Content-Type: text/html; charset=UTF-8\n", "text/html", "UTF-8"),
        ("Content-Type: image/png\n", "image/png", None),
        ("Content-Type: application/json; charset=utf-8\n", "application/json", "utf-8"),
        ("Content-Type: text\n", "text/plain", "us-ascii"),
        ("Content-Type: text/html\nContent-Type: image/png\n", "text/html", "us-ascii"),
    ],
)
def test_type_and_charset_are_what_is_said_or_implied(fields: str, media_type: str, charset: str | None) -> None:
    part = parse(f"{fields}\nbody".encode()).root

    assert (part.type, part.charset) == (media_type, charset)


def test_an_unknown_transfer_encoding_is_taken_as_binary() -> None:
    message = parse(b"Content-Transfer-Encoding: x-uuencode\n\nbegin")

    assert (message.root.encoding, message.root.size) == ("binary", 5)
    assert codes(message) == ["unknown-transfer-encoding"]


def test_a_long_file_name_keeps_its_extension() -> None:
    part = parse(b"Content-Type: application/pdf; name=" + b"n" * 5_000 + b".pdf\n\n").root

    assert part.name is not None
    assert (len(part.name), part.name[-5:]) == (255, "n.pdf")
