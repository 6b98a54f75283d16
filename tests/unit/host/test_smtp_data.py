from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from homing.errors import Refused
from homing.host.smtp_data import PIECE, Chunk, Content, DataReader, has_long_line, parse_chunk

wire_pieces = st.lists(
    st.sampled_from([b"\r\n", b".", b"..", b"\r", b"\n", b"a", b"\x00", b"\xff", b"text ", b"\r\n."]), max_size=40
).map(b"".join)


def receive(wire: bytes, cuts: list[int], limit: int = 10**9) -> tuple[Content, bytes]:
    content, buffer = Content(limit), bytearray()
    reader = DataReader(content)
    ends = sorted({cut % (len(wire) + 1) for cut in cuts} | {len(wire)})
    for start, end in zip([0, *ends], ends, strict=False):
        buffer += wire[start:end]
        if reader.receive(buffer):
            return content, bytes(buffer) + wire[end:]
    raise AssertionError("the end was not found")


def stuff(message: bytes) -> bytes:
    return re.sub(rb"(?m)(?:\A|(?<=\r\n))\.", b"..", message)


@given(wire_pieces, st.lists(st.integers(0, 200), max_size=10), st.binary(max_size=5))
@example(b"", [], b"")
@example(b".", [], b"\r\n.\r\n")
def test_what_was_stuffed_comes_out_as_it_was_however_it_is_cut(body: bytes, cuts: list[int], behind: bytes) -> None:
    message = body + b"\r\n" if body else b""

    content, rest = receive(stuff(message) + b".\r\n" + behind, cuts)

    assert content.take() == message
    assert rest == behind


@given(wire_pieces, st.lists(st.integers(0, 200), max_size=10))
def test_a_lone_dot_is_noticed_exactly_when_a_line_end_of_another_kind_is_beside_it(
    body: bytes, cuts: list[int]
) -> None:
    before_end = (b"\r\n" + body + b"\r\n.\r\n").split(b"\r\n.\r\n")[0] + b"\r\n"

    content, _ = receive(body + b"\r\n.\r\n", cuts)

    assert content.smuggled == bool(re.search(rb"[\r\n]\.[\r\n]", before_end))


@pytest.mark.parametrize("offset", range(-6, 7))
@pytest.mark.parametrize("line", [b"\r\n..x", b"\r\n\r\n", b"x", b".\r\n"])
def test_a_long_message_is_kept_whole_where_pieces_meet(offset: int, line: bytes) -> None:
    message = b"a" * (PIECE + offset) + line * 3 + b"z" * PIECE + b"\r\n"

    content, rest = receive(stuff(message) + b".\r\n", list(range(0, 3 * PIECE, 65_536)))

    assert content.take() == message
    assert not content.smuggled
    assert rest == b""


@pytest.mark.parametrize("offset", range(-4, 5))
@pytest.mark.parametrize("dot", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r"])
def test_a_smuggled_dot_is_noticed_where_pieces_meet(offset: int, dot: bytes) -> None:
    wire = b"a" * (PIECE + offset) + dot + b"b" * 10 + b"\r\n.\r\n"

    for cut in range(PIECE - 2, PIECE + 5):
        assert receive(wire, [cut])[0].smuggled


def test_past_the_limit_only_the_size_is_kept() -> None:
    exact, _ = receive(b"..23\r\n.\r\n", [], limit=5)
    over, _ = receive(b"..234\r\n.\r\n", [], limit=5)

    assert (exact.refusal(), exact.take()) == (None, b".23\r\n")
    assert (over.discarded, over.take()) == (1, b"")
    assert isinstance(over.refusal(), Refused)


@pytest.mark.parametrize(
    ("argument", "chunk"),
    [("0", Chunk(0, False)), ("12 LAST", Chunk(12, True)), ("12  last", Chunk(12, True))],
)
def test_a_chunk_has_a_size_and_may_be_the_last(argument: str, chunk: Chunk) -> None:
    assert parse_chunk(argument) == chunk


@pytest.mark.parametrize("argument", ["", "LAST", "-1", "1 FIRST", "1LAST", "0x10", "٣", "9" * 20])
def test_a_chunk_of_unknown_size_is_refused(argument: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_chunk(argument)
    assert refused.value.code == 501


@given(st.binary(max_size=60).map(lambda raw: raw.replace(b"\x00", b"\r\n")), st.integers(2, 20))
def test_a_long_line_is_found_exactly_when_there_is_one(message: bytes, limit: int) -> None:
    assert has_long_line(message, limit) == any(len(line) > limit for line in re.findall(rb"[^\n]*\n|[^\n]+", message))
