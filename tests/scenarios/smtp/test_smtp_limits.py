"""Too much of everything, and rubbish."""

from __future__ import annotations

import asyncio
import contextlib
import random
import resource
import socket
import sys
from typing import Any

import pytest

MIB = 1024 * 1024
BLOCK = (b"x" * 70 + b"\r\n") * 14_564  # 1 MiB


def grown(before: int) -> float:
    """MiB by which the peak of this process has grown."""
    scale = MIB if sys.platform == "darwin" else 1024
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / scale


def test_50_mb_against_a_limit_of_40_mb_are_refused_and_the_connection_goes_on(house: Any) -> None:
    house.listen()
    client = house.client().ready(b"EHLO")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    client.ask(b"DATA\r\n")
    for _ in range(50):
        client.say(BLOCK)
    assert client.ask(b".\r\n") == "552 5.3.4 Message is larger than 41943040 bytes"
    assert grown(before) < 60

    client.say(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n")
    assert [client.reply()[:3] for _ in range(3)] == ["250", "250", "354"]
    assert client.ask(b"small\r\n.\r\n").startswith("250 2.0.0")
    assert house.inbox.messages == [b"small\r\n"]


def test_a_message_of_exactly_the_limit_is_taken_and_stuffed_dots_do_not_count(house: Any) -> None:
    house.listen(max_message_bytes=3_000)
    client = house.client()
    client.reply()
    client.ask(b"EHLO x\r\n")
    for lines, code in ((1_000, "250 2.0.0"), (1_001, "552 5.3.4")):
        client.say(b"MAIL FROM:<a@example.org> SIZE=3000\r\nRCPT TO:<b@example.net>\r\nDATA\r\n")
        assert [client.reply()[:3] for _ in range(3)] == ["250", "250", "354"]
        assert client.ask(b"..\r\n" * lines, b".\r\n").startswith(code)
    assert house.inbox.messages == [b".\r\n" * 1_000]


def test_chunks_past_the_limit_are_refused_until_the_last(house: Any) -> None:
    house.listen(max_message_bytes=10)
    client = house.client().ready(b"EHLO")

    assert client.ask(b"BDAT 10\r\n0123456789").startswith("250")
    assert client.ask(b"BDAT 1\r\nx").startswith("552 5.3.4")
    assert client.ask(b"BDAT 0 LAST\r\n").startswith("552 5.3.4")
    assert client.ask(b"MAIL FROM:<a@example.org>\r\n").startswith("250 2.1.0")
    assert house.inbox.messages == []


@pytest.mark.parametrize("begin", [b"DATA\r\n", b"BDAT 4000000\r\n", b"BDAT 999999999999 LAST\r\n"])
def test_who_sends_without_end_is_told_and_cut_off(house: Any, begin: bytes) -> None:
    house.listen(max_message_bytes=MIB, max_discarded_bytes=2 * MIB)
    client = house.client().ready(b"EHLO")

    client.say(begin)
    if begin.startswith(b"DATA"):
        client.reply()
    with contextlib.suppress(ConnectionError):
        for _ in range(5):
            client.say(BLOCK)
    assert client.reply().startswith("552 5.3.4")
    assert client.is_closed()
    assert house.inbox.messages == []


def test_ten_thousand_recipients_are_taken_up_to_the_limit_and_the_rest_put_off(house: Any) -> None:
    house.listen()
    client = house.client()
    client.reply()
    client.ask(b"EHLO x\r\n")
    client.ask(b"MAIL FROM:<a@example.org>\r\n")
    replies = []
    for start in range(0, 10_000, 500):
        client.say(*(b"RCPT TO:<user%d@example.net>\r\n" % number for number in range(start, start + 500)))
        replies += [client.reply() for _ in range(500)]

    assert {reply[:9] for reply in replies[:1_000]} == {"250 2.1.5"}
    assert set(replies[1_000:]) == {"452 4.5.3 Too many recipients"}
    client.ask(b"DATA\r\n")
    assert client.ask(b"hi\r\n.\r\n").startswith("250 2.0.0")
    assert len(house.inbox.delivered[0][0].rcpt_to) == 1_000


def test_a_client_that_pipelines_and_never_reads_is_held_back_not_buffered(house: Any) -> None:
    house.listen()
    client = house.client()
    client.reply()
    client.socket.settimeout(1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(TimeoutError):
        client.say(*[b"EHLO x\r\n" * 100_000] * 100)
    [conversation] = house.listener._door.live
    assert conversation.transport.get_write_buffer_size() < MIB
    assert len(conversation._incoming.buffer) < MIB
    assert grown(before) < 120  # the client's own 80 MB among it


def test_a_client_that_goes_on_sending_after_the_end_is_read_out_not_reset(house: Any) -> None:
    house.listen()
    client = house.client()
    client.reply()

    client.say(b"QUIT\r\n", b"NOOP\r\n" * 3_000_000)
    assert client.reply() == "221 2.0.0 Goodbye"
    assert client.is_closed()


@pytest.mark.parametrize("length", [2_049, 70_000, 900_000])
def test_a_command_line_that_is_too_long_is_refused_and_the_next_is_understood(house: Any, length: int) -> None:
    house.listen()
    client = house.client()
    client.reply()

    assert client.ask(b"NOOP " + b"x" * (length - 7) + b"\r\n").startswith("500 5.5.2")
    assert client.ask(b"NOOP " + b"x" * (2_048 - 7) + b"\r\n").startswith("250")


def test_a_line_of_a_message_may_be_bounded(house: Any) -> None:
    house.listen(max_text_line=1_000)
    client = house.client().ready(b"EHLO")
    client.ask(b"DATA\r\n")
    assert client.ask(b"x" * 999 + b"\r\n.\r\n").startswith("500 5.6.0")
    client.say(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n")
    assert [client.reply()[:3] for _ in range(3)] == ["250", "250", "354"]
    assert client.ask(b"x" * 998 + b"\r\n.\r\n").startswith("250")


def test_a_header_bomb_and_a_long_line_are_the_readers_matter_and_are_kept(house: Any) -> None:
    house.listen()
    client = house.client().ready(b"EHLO")
    bomb = b"".join(b"X-%d: y\r\n" % number for number in range(50_000)) + b"Z: " + b"z" * 500_000 + b"\r\n\r\n"

    client.ask(b"DATA\r\n")
    assert client.ask(bomb, b".\r\n").startswith("250")
    assert house.inbox.messages == [bomb]


def test_after_too_many_errors_the_connection_is_closed(house: Any) -> None:
    house.listen(max_errors=20)
    client = house.client()
    client.reply()

    replies = [client.ask(b"FROB\r\n") for _ in range(20)]
    assert {reply[:9] for reply in replies} == {"500 5.5.1"}
    assert client.reply() == "421 4.7.0 Too many errors"
    assert client.is_closed()


def test_what_is_pipelined_behind_the_last_error_has_no_effect(house: Any) -> None:
    house.listen(max_errors=1)
    client = house.client().ready(b"EHLO")

    client.say(b"FROB\r\nDATA\r\nhi\r\n.\r\n")
    assert [client.reply()[:3] for _ in range(2)] == ["500", "421"]
    assert client.is_closed()
    assert house.inbox.messages == []


@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize("kind", ["smtp", "lmtp"])
def test_rubbish_is_answered_with_errors_and_ends_the_connection(house: Any, kind: str, seed: int) -> None:
    house.listen(kind)
    chance = random.Random(seed)
    words = [b"MAIL FROM:<", b"RCPT TO:", b"DATA ", b"BDAT ", b"EHLO ", b"\x00", b"\r", b"\xff", b">", b"9", b" "]
    client = house.client()
    client.reply()
    for _ in range(21):
        junk = b"".join(chance.choice([*words, chance.randbytes(3)]) for _ in range(chance.randrange(1, 30)))
        with contextlib.suppress(ConnectionError):
            client.say(b"!" + junk.replace(b"\n", b""), b"\r\n")

    assert {client.reply()[:2] for _ in range(20)} == {"50"}
    assert client.reply().startswith("421 4.7.0")
    assert client.is_closed()
    assert house.client().reply().startswith("220")


@pytest.mark.parametrize("seed", range(10))
def test_no_bytes_at_all_take_the_server_down(house: Any, seed: int) -> None:
    house.listen(command_timeout=0.2, data_timeout=0.2)
    chance = random.Random(seed)
    verbs = [
        b"EHLO x",
        b"MAIL FROM:<a@b>",
        b"RCPT TO:<c@d>",
        b"DATA",
        b".",
        b"BDAT 5",
        b"BDAT 2 LAST",
        b"RSET",
        b"STARTTLS",
    ]
    client = house.client()
    with contextlib.suppress(OSError):
        for _ in range(300):
            client.say(chance.choice([*verbs, chance.randbytes(20)]), chance.choice([b"\r\n", b"\r\n", b"\n", b""]))
        client.socket.shutdown(socket.SHUT_WR)
    replies = client.rest().splitlines()
    client.close()

    assert all(reply[:1] in (b"2", b"3", b"4", b"5") and reply[3:4] in (b" ", b"-") for reply in replies)

    assert house.client().ready(b"EHLO").ask(b"DATA\r\n").startswith("354")


def test_a_line_that_never_ends_is_cut_off(house: Any) -> None:
    house.listen()
    client = house.client()
    client.reply()

    with contextlib.suppress(ConnectionError):
        for _ in range(10):
            client.say(b"x" * MIB)
    assert client.is_closed()


@pytest.mark.parametrize("begin", [b"", b"NOO", b"DATA\r\nhalf a line", b"BDAT 10\r\nabc"])
def test_who_says_nothing_for_too_long_is_told_and_closed(house: Any, begin: bytes) -> None:
    house.listen(command_timeout=0.1, data_timeout=0.1)
    client = house.client()
    client.say(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<b@example.net>\r\n" if begin else b"", begin)

    replies = [client.reply()[:3]]
    while replies[-1] in ("220", "250", "354"):
        replies.append(client.reply()[:3])
    assert replies[-1] == "421"
    assert client.is_closed()
    assert house.inbox.messages == []


def test_a_delivery_may_take_longer_than_a_client_may_be_silent(house: Any) -> None:
    house.listen(command_timeout=0.1, data_timeout=0.1)
    held = house.inbox.held = asyncio.Event()
    client = house.client().ready(b"EHLO")
    client.ask(b"DATA\r\n")
    client.say(b"hi\r\n.\r\n")
    assert house.inbox.delivering.wait(10)

    house.loop.call_soon_threadsafe(house.loop.call_later, 0.3, held.set)
    assert client.reply().startswith("250 2.0.0")


def test_one_client_more_than_there_is_place_for_is_turned_away(house: Any) -> None:
    house.listen(max_connections=2)
    clients = [house.client() for _ in range(2)]
    assert [client.reply()[:3] for client in clients] == ["220", "220"]

    third = house.client()
    assert third.reply() == "421 4.3.2 mx.example.net has too many connections"
    assert third.is_closed()
    assert clients[0].ask(b"QUIT\r\n").startswith("221")
    assert clients[0].is_closed()


def test_small_replies_are_sent_at_once(house: Any) -> None:
    house.listen()
    house.client().reply()
    [conversation] = house.listener._door.live
    connected = conversation.transport.get_extra_info("socket")

    assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_messages_under_way_are_kept_up_to_a_sum_and_the_one_past_it_is_put_off(house: Any) -> None:
    house.listen(max_held_bytes=3 * MIB)
    first, second = house.client().ready(b"EHLO"), house.client().ready(b"EHLO")
    half = BLOCK + BLOCK
    assert first.ask(b"BDAT %d\r\n" % len(half), half).startswith("250 2.0.0")

    second.ask(b"DATA\r\n")
    assert second.ask(half, b".\r\n") == "452 4.3.1 Too much mail at once; try again later"
    second.say(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nBDAT %d\r\n" % len(half), half, b"RSET\r\n")
    assert [second.reply()[:9] for _ in range(4)] == ["250 2.1.0", "250 2.1.5", "452 4.3.1", "250 2.0.0"]
    second.say(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nsmall\r\n.\r\n")
    assert [second.reply()[:3] for _ in range(4)] == ["250", "250", "354", "250"]

    assert first.ask(b"BDAT 0 LAST\r\n").startswith("250 2.0.0 Stored")
    second.say(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n", half, b".\r\n")
    assert [second.reply()[:3] for _ in range(4)] == ["250", "250", "354", "250"]
    assert house.inbox.messages == [b"small\r\n", half, half]


@pytest.mark.parametrize("verb", [b"BDAT 4000000\r\n", b"DATA\r\n"])
def test_a_message_whose_sender_has_gone_takes_no_room(house: Any, verb: bytes) -> None:
    house.listen(max_held_bytes=3 * MIB)
    leaving = house.client().ready(b"EHLO")
    leaving.say(verb, BLOCK, BLOCK)
    leaving.close()
    client = house.client().ready(b"EHLO")

    replies = ["452"]
    while replies[-1] == "452" and len(replies) < 1_000:  # until the server has seen that the other one left
        client.say(b"DATA\r\n", BLOCK, BLOCK, b".\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\n")
        replies += [client.reply()[:3] for _ in range(4)][1:2]

    assert replies[-1] == "250"
