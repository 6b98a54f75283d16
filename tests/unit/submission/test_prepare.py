"""The bytes that are sent (RFC 8621 §7.5, RFC 6409 §8)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.submission.prepare import header_end, prepare

AT = 1_795_000_000_000
WHOLE = b"Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nMessage-ID: <a@b>\r\n"


def prepared(raw: bytes) -> bytes:
    return prepare(raw, "s1", AT, "mail.example.org")


@pytest.mark.parametrize(
    "field",
    [b"Bcc: eve@example.com\r\n", b"BCC : eve@example.com\r\n", b"bcc:\r\n",
     b"Bcc: eve@example.com,\r\n\tfay@example.com\r\n", b"Resent-Bcc: eve@example.com\r\n",
     b"Return-Path: <ann@example.org>\r\n", b"Bcc: eve@example.com\n"],
)  # fmt: skip
def test_blind_copies_and_the_return_path_are_taken_out_and_nothing_else(field: bytes) -> None:
    before, after = WHOLE + b"X-Bcc: no\r\nTo: bob@example.com\r\n", b"Subject: Bcc: me\r\n\r\nBcc: in the body\r\n"

    assert prepared(before + field + after) == before + after
    assert prepared(field + before + after) == before + after


def test_every_blind_copy_is_taken_out_however_many_fields_there_are() -> None:
    block = b"".join(b"X-%d: x\r\n" % number for number in range(3_000))

    assert prepared(WHOLE + block + b"Bcc: eve@example.com\r\n\r\nText") == WHOLE + block + b"\r\nText"


def test_a_blind_copy_behind_a_line_that_is_no_field_is_taken_out() -> None:
    assert b"eve@" not in prepared(WHOLE + b"this is no field\r\nBcc: eve@example.com\r\n\r\nText")


def test_a_message_that_needs_no_change_is_the_same_bytes() -> None:
    raw = WHOLE + b"Subject: =?utf-8?q?x?=\r\n y\r\n\r\n\x00\xff.\r\n"

    assert prepared(raw) is raw


def test_date_and_message_id_are_added_where_they_are_missing() -> None:
    raw = b"From: ann@example.org\r\n\r\nText"

    assert prepared(raw) == (b"Date: Wed, 18 Nov 2026 11:06:40 +0000\r\nMessage-ID: <s1@mail.example.org>\r\n" + raw)
    assert prepared(b"message-id: <x@y>\r\n\r\n").count(b"<") == 1


@pytest.mark.parametrize(
    ("raw", "end"),
    [(b"", 0), (b"\r\nText", 0), (b"\nText", 0), (b"A: b\r\n\r\nText", 6), (b"A: b\n\nText", 5), (b"A: b", 4),
     (b"\n\n", 0), (b"A: b\r\n", 6)],
)  # fmt: skip
def test_the_header_block_ends_before_the_first_empty_line(raw: bytes, end: int) -> None:
    assert header_end(raw) == end


@given(st.lists(st.sampled_from([b"Bcc: e@f\r\n", b" more\r\n", b"To: a@b\r\n", b"\r\n", b"x", b"Bcc", b":", b"\n"])))
def test_the_body_stays_and_no_blind_copy_does(pieces: list[bytes]) -> None:
    raw = b"".join(pieces)

    sent = prepared(raw)

    assert sent.endswith(raw[header_end(raw) :])
    assert b"\nbcc: e@f" not in (b"\n" + sent[: header_end(sent)]).lower()
