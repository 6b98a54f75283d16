"""What becomes of the octets of a message, by DATA and by BDAT."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

AWKWARD = b"Subject: a\r\n\r\nNUL \x00, 8 bit \xff\xfe\x80, bare \r CR, bare \n LF, tab \t\r\n \r\n\r\n"


def test_a_message_is_kept_byte_for_byte(house: Any) -> None:
    house.listen()
    client = house.client().ready(b"EHLO")

    client.ask(b"DATA\r\n")
    assert client.ask(AWKWARD, b".\r\n").startswith("250 2.0.0 Stored, id ")
    assert house.inbox.messages == [AWKWARD]


def test_the_trace_is_given_apart_from_the_message(house: Any) -> None:
    house.listen()
    client = house.client().ready(b"EHLO")
    client.ask(b"DATA\r\n")
    received_id = client.ask(b"hi\r\n.\r\n").split()[-1]
    [(envelope, trace, _)] = house.inbox.delivered

    assert trace.startswith(b"Return-Path: <alice@example.org>\r\nReceived: from client.example ([127.0.0.1])\r\n\tby ")
    assert f"mx.example.net with ESMTP id {received_id}\r\n\tfor <bob@example.net>;".encode() in trace
    assert (envelope.protocol, envelope.helo, envelope.client_address, envelope.tls) == (
        "smtp",
        "client.example",
        "127.0.0.1",
        False,
    )
    assert envelope.received_at > 1_700_000_000_000


def test_an_empty_message_ends_with_its_first_line(house: Any) -> None:
    house.listen()
    client = house.client().ready(b"EHLO")

    client.ask(b"DATA\r\n")
    assert client.ask(b".\r\n").startswith("250")
    assert house.inbox.messages == [b""]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(
    lines=st.lists(st.binary(max_size=12).map(lambda raw: raw.replace(b"\r", b".").replace(b"\n", b".")), max_size=8)
)
def test_stuffed_dots_come_out_as_they_were(house: Any, lines: list[bytes]) -> None:
    if house.listener is None:
        house.listen()
    house.inbox.delivered.clear()
    client = house.client().ready(b"EHLO")
    stuffed = b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines)

    client.ask(b"DATA\r\n")
    client.ask(stuffed, b".\r\n")
    client.close()
    assert house.inbox.messages == [b"".join(line + b"\r\n" for line in lines)]


SMUGGLED = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r\n.\r",
    b"\r.\r\n",
    b"\r.\n",
    b"\n.\r",
    b"\r\r\n.\n",
    b"\n\n.\n",
]


@pytest.mark.parametrize("end", SMUGGLED, ids=repr)
def test_only_crlf_dot_crlf_ends_a_message_and_what_only_looks_like_it_is_refused(house: Any, end: bytes) -> None:
    house.listen()
    client = house.client().ready(b"EHLO")
    smuggled = b"MAIL FROM:<ceo@example.org>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\nFrom: ceo\r\n\r\nPay.\r\n.\r\n"

    client.ask(b"DATA\r\n")
    assert client.ask(b"Subject: hi\r\n\r\nhello", end, smuggled).startswith("554 5.6.0")
    assert client.ask(b"NOOP\r\n").startswith("250")
    assert house.inbox.messages == []


@pytest.mark.parametrize("end", [b"\r\n\x00.\r\n", b"\r\n.\x00\r\n", b"\r\n. \r\n", b"\r\n..\n", b"\n..\r\n"], ids=repr)
def test_what_no_server_takes_for_an_end_is_part_of_the_message(house: Any, end: bytes) -> None:
    house.listen()
    client = house.client().ready(b"EHLO")

    client.ask(b"DATA\r\n")
    assert client.ask(b"a", end, b"NOOP\r\n.\r\n").startswith("250 2.0.0 Stored")
    assert house.inbox.messages == [b"a" + end.replace(b"\r\n.", b"\r\n") + b"NOOP\r\n"]


def test_a_message_in_chunks_is_kept_byte_for_byte(house: Any) -> None:
    house.listen()
    client = house.client().ready(b"EHLO")

    assert client.ask(b"BDAT 5\r\n.\r\n.\r") == "250 2.0.0 5 octets received"
    assert client.ask(b"BDAT 0\r\n") == "250 2.0.0 0 octets received"
    assert client.ask(b"BDAT %d LAST\r\n" % len(AWKWARD), AWKWARD).startswith("250 2.0.0 Stored")
    assert house.inbox.messages == [b".\r\n.\r" + AWKWARD]


def test_the_last_chunk_may_be_empty(house: Any) -> None:
    house.listen()
    client = house.client().ready(b"EHLO")

    client.ask(b"BDAT 3\r\nabc")
    assert client.ask(b"BDAT 0 LAST\r\n").startswith("250 2.0.0 Stored")
    assert client.ask(b"BDAT 1 LAST\r\nx").startswith("503 5.5.1")
    assert house.inbox.messages == [b"abc"]


def test_chunks_may_be_pipelined_with_the_envelope(house: Any) -> None:
    house.listen()
    client = house.client()
    client.reply()
    client.ask(b"EHLO x\r\n")
    client.say(
        b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\n",
        b"BDAT 9\r\nNOOP\r\n\r\n\r" + b"BDAT 1 LAST\r\n\nNOOP\r\n",
    )

    assert [client.reply()[:9] for _ in range(5)] == ["250 2.1.0", "250 2.1.5", "250 2.0.0", "250 2.0.0", "250 2.0.0"]
    assert house.inbox.messages == [b"NOOP\r\n\r\n\r\n"]


def test_replies_are_not_held_back_while_a_chunk_is_on_its_way(house: Any) -> None:
    house.listen()
    client = house.client()
    client.reply()
    client.ask(b"EHLO x\r\n")

    client.say(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nBDAT 10 LAST\r\na\nb\n")
    assert [client.reply()[:9] for _ in range(2)] == ["250 2.1.0", "250 2.1.5"]
    assert client.ask(b"c\nd\ne\n").startswith("250 2.0.0 Stored")


def test_chunks_that_are_not_wanted_are_read_all_the_same(house: Any) -> None:
    house.listen()
    client = house.client()
    client.reply()

    assert client.ask(b"EHLO x\r\n").startswith("250")
    assert client.ask(b"BDAT 6 LAST\r\nQUIT\r\n").startswith("503 5.5.1")
    assert client.ask(b"MAIL FROM:<a@example.org>\r\n").startswith("250")
    assert client.ask(b"BDAT 6\r\nQUIT\r\n").startswith("503 5.5.1")
    assert client.ask(b"NOOP\r\n").startswith("250")


@pytest.mark.parametrize("then", [b"DATA\r\n", b"RCPT TO:<eve@example.net>\r\n", b"MAIL FROM:<>\r\n"])
def test_a_message_begun_with_a_chunk_goes_on_with_chunks(house: Any, then: bytes) -> None:
    house.listen()
    client = house.client().ready(b"EHLO")

    client.ask(b"BDAT 3\r\nabc")
    assert client.ask(then).startswith("503 5.5.1")
    assert client.ask(b"BDAT 3 LAST\r\ndef").startswith("250 2.0.0 Stored")
    assert house.inbox.messages == [b"abcdef"]


def test_rset_forgets_the_chunks(house: Any) -> None:
    house.listen()
    client = house.client().ready(b"EHLO")

    client.ask(b"BDAT 3\r\nabc")
    client.ask(b"RSET\r\n")
    client.say(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nBDAT 1 LAST\r\nx")
    assert [client.reply()[:3] for _ in range(3)] == ["250"] * 3
    assert house.inbox.messages == [b"x"]


@pytest.mark.parametrize("begin", [b"DATA\r\nSubject: half", b"BDAT 100 LAST\r\nSubject: half", b"BDAT 4\r\nhalf"])
def test_a_client_that_goes_away_within_a_message_leaves_nothing(house: Any, begin: bytes) -> None:
    house.listen()
    client = house.client().ready(b"EHLO")
    client.say(begin)
    client.close()

    other = house.client().ready(b"EHLO")
    other.ask(b"DATA\r\n")
    other.ask(b"whole\r\n.\r\n")
    house.wait(house.listener.drain(10))
    assert house.inbox.messages == [b"whole\r\n"]
