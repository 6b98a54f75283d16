"""Mail made to hurt. What is asserted is how much work was done, not how long it took."""

from __future__ import annotations

import msgspec
import pytest

from homing.message import describe, parse
from homing.message.record import MAX_RECORD
from homing.message.scan import (
    MAX_CANDIDATES,
    MAX_DEFECTS,
    MAX_DEPTH,
    MAX_HEADER_BYTES,
    MAX_HEADERS,
    MAX_PARTS,
    _Scan,
    scan_headers,
)

MIXED = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"


def nested(depth: int, inside: bytes = b"hi") -> bytes:
    opened = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth))
    return opened + b"\r\n" + inside + b"\r\n" + b"".join(b"--b%d--\r\n" % n for n in reversed(range(depth)))


def field(value: bytes, name: bytes = b"Subject") -> bytes:
    return name + b": " + value + b"\r\n\r\nbody"


def test_a_thousand_levels_are_cut_to_the_limit() -> None:
    message = parse(nested(1_000))

    assert sum(1 for _ in message.root.walk()) <= MAX_DEPTH + 1
    assert "nesting-too-deep" in {defect.code for defect in message.defects}


def test_a_multipart_below_the_limit_is_a_leaf_to_download() -> None:
    deepest = list(parse(nested(MAX_DEPTH + 5)).root.walk())[-1]

    assert (deepest.type, deepest.parts) == ("application/octet-stream", ())


def test_ordinary_nesting_is_no_defect() -> None:
    assert parse(nested(12)).defects == ()


def test_large_bodies_deep_inside_are_not_searched_again_and_again() -> None:
    message = parse(nested(40, b"x\r\n" * 1_000_000))

    assert sum(1 for _ in message.root.walk()) < 20


@pytest.mark.parametrize("part", [b"--b\r\n\r\nhi\r\n", b"--b\r\nContent-Type: text/x-%s\r\n\r\n" % (b"y" * 70)])
def test_a_hundred_thousand_parts_are_cut_to_the_limit(part: bytes) -> None:
    message = parse(MIXED + part * 100_000)

    assert sum(1 for _ in message.root.walk()) <= MAX_PARTS
    assert "too-many-parts" in {defect.code for defect in message.defects}


@pytest.mark.parametrize("line", [b"--b\r\n", b"--bb\r\n", b"--b--x\r\n"])
def test_a_million_lines_like_a_boundary_are_not_all_looked_at(line: bytes) -> None:
    state = _Scan(MIXED + line * 1_000_000)

    message = parse(state.raw)

    assert {defect.code for defect in message.defects} & {"too-many-boundaries", "missing-start-boundary"}
    assert sum(1 for _ in message.root.walk()) <= MAX_PARTS
    assert MAX_CANDIDATES < 1_000_000


def test_a_header_block_of_ten_megabytes_is_read_to_the_limit() -> None:
    message = parse(b"Subject: s\r\nX: " + b"a" * 10_000_000 + b"\r\n\r\nbody")

    assert sum(len(header.value) for header in message.headers) <= MAX_HEADER_BYTES
    assert message.raw[message.root.body :] == b"body"
    assert (message.subject, message.preview) == ("s", "body")
    assert [defect.code for defect in message.defects] == ["header-block-too-large"]


def test_half_a_million_headers_are_read_to_the_limit() -> None:
    message = parse(b"X: 1\r\n" * 500_000 + b"\r\nbody")

    assert len(message.headers) == MAX_HEADERS
    assert message.preview == "body"


def test_defects_are_counted_no_further_than_the_limit() -> None:
    state = _Scan(b" x\n" * 10_000)
    scan_headers(state.raw, 0, len(state.raw), state)

    assert len(state.defects) == MAX_DEFECTS


@pytest.mark.parametrize(
    "raw",
    [
        field(b"=?utf-8?q?a?= " * 100_000),
        field(b"=?utf-8?q?a?=" * 50_000 + b"x"),
        field(b"=?" * 500_000),
        field(("a" + "\u0301\u0323" * 200_000).encode()),
        field(b"=?utf-8?q?" * 100_000),
        field(b"=?a?q?=" * 150_000),
        field(b"a" * 1_000_000, b"References"),
        field(b"<(a)" * 100_000, b"References"),
        field(b"(" * 500_000, b"References"),
        field(b"<(" * 300_000, b"In-Reply-To"),
        field(b"(" * 400_000, b"To"),
        field(b"()" * 200_000, b"To"),
        field(b'"\\"' * 200_000, b"To"),
        field(b'"<\\">' * 100_000, b"To"),
        field(b"[" * 500_000, b"To"),
        field(b"a:;" * 100_000, b"To"),
        field(b" " * 500_000 + b"x", b"To"),
        field(b"text/plain" + b";" * 900_000, b"Content-Type"),
        field(b"text/plain" + b'; a="b' * 100_000, b"Content-Type"),
        field(b"text/plain; name*=utf-8''" + b"%41" * 300_000, b"Content-Type"),
        field(b"multipart/mixed; boundary=" + b"b" * 100_000, b"Content-Type") + b"\r\n--" + b"b" * 100_000,
        b"Content-Type: text/html\r\n\r\n" + b"<" * 500_000,
        b"Content-Type: text/html\r\n\r\n" + b"<!--" * 200_000,
        b"Content-Type: text/html\r\n\r\n" + b"<style>" * 200_000,
        b"Content-Type: text/html\r\n\r\n&#" + b"9" * 60_000,
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b" " * 1_000_000 + b"x \r\n",
        b"Content-Transfer-Encoding: base64\r\n\r\n" + b"A=" * 500_000,
        b"\0" * 1_000_000,
        b"Subject: x\rTo: y\r\r" * 10_000,
        b"\r" * 100_000,
        b"\n" * 100_000,
        b":" * 100_000,
        b"a" * 1_000_000,
        b"From " * 100_000,
    ],
    ids=lambda raw: f"{raw[:26]!r}",
)
def test_it_is_read_and_its_record_is_bounded(raw: bytes) -> None:
    message = parse(raw)

    assert len(msgspec.json.encode(describe(message))) <= MAX_RECORD
    assert sum(1 for _ in message.root.walk()) <= MAX_PARTS
