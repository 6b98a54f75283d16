"""Conversations as tables: what the client says, and how the reply must begin."""

from __future__ import annotations

import smtplib
from typing import Any

import pytest

from homing.errors import Refused

EHLO = (b"EHLO client.example\r\n", "250-mx.example.net")
MAIL = (b"MAIL FROM:<alice@example.org>\r\n", "250 2.1.0")
RCPT = (b"RCPT TO:<bob@example.net>\r\n", "250 2.1.5")
DATA = (b"DATA\r\n", "354 ")
BODY = (b"Subject: hi\r\n\r\nhello\r\n.\r\n", "250 2.0.0")

CONVERSATIONS = {
    "a message": [EHLO, MAIL, RCPT, DATA, BODY, (b"QUIT\r\n", "221 2.0.0")],
    "two messages": [EHLO, MAIL, RCPT, DATA, BODY, MAIL, RCPT, DATA, BODY],
    "old SMTP": [(b"HELO old.example\r\n", "250 mx.example.net"), MAIL, RCPT, DATA, BODY],
    "verbs in any case": [(b"ehlo x\r\n", "250-"), (b"mAiL fRoM:<a@b.c>\r\n", "250"), (b"rcpt to:<b@b.c>\r\n", "250")],
    "a space after the colon": [EHLO, (b"MAIL FROM: <a@example.org>\r\n", "250 2.1.0")],
    "the null sender": [EHLO, (b"MAIL FROM:<>\r\n", "250 2.1.0"), RCPT, DATA, BODY],
    "the bare postmaster": [EHLO, MAIL, (b"RCPT TO:<Postmaster>\r\n", "250 2.1.5"), DATA, BODY],
    "a source route": [EHLO, MAIL, (b"RCPT TO:<@a.example,@b.example:bob@example.net>\r\n", "250 2.1.5")],
    "a quoted local part": [EHLO, MAIL, (b'RCPT TO:<"bob \\" smith"@example.net>\r\n', "250 2.1.5")],
    "an address literal": [EHLO, MAIL, (b"RCPT TO:<bob@[IPv6:2001:db8::1]>\r\n", "250 2.1.5")],
    "no hello": [(b"MAIL FROM:<a@example.org>\r\n", "503 5.5.1")],
    "no name in the hello": [(b"EHLO\r\n", "501 5.5.4"), (b"HELO \r\n", "501 5.5.4")],
    "a name that would break the trace": [(b"EHLO a)(b\r\n", "501 5.5.4"), (b"EHLO a b\r\n", "501 5.5.4")],
    "MAIL twice": [EHLO, MAIL, (MAIL[0], "503 5.5.1")],
    "RCPT without MAIL": [EHLO, (RCPT[0], "503 5.5.1")],
    "DATA without RCPT": [EHLO, MAIL, (DATA[0], "503 5.5.1")],
    "DATA with an argument": [EHLO, MAIL, RCPT, (b"DATA now\r\n", "501 5.5.4")],
    "RSET forgets": [EHLO, MAIL, RCPT, (b"RSET\r\n", "250 2.0.0"), (DATA[0], "503 5.5.1"), MAIL],
    "EHLO forgets": [EHLO, MAIL, RCPT, EHLO, (DATA[0], "503 5.5.1"), MAIL],
    "RSET and QUIT take nothing": [(b"RSET x\r\n", "501 5.5.4"), (b"QUIT x\r\n", "501 5.5.4")],
    "nobody is told who lives here": [
        (b"VRFY bob\r\n", "252 2.5.2"),
        (b"VRFY\r\n", "501 5.5.4"),
        (b"EXPN staff\r\n", "502 5.5.1"),
    ],
    "small talk": [(b"NOOP\r\n", "250 2.0.0"), (b"NOOP what\r\n", "250 2.0.0"), (b"HELP\r\n", "214 2.0.0")],
    "AUTH is not offered": [EHLO, (b"AUTH PLAIN AGEAYg==\r\n", "500 5.5.1")],
    "STARTTLS is not offered without a certificate": [EHLO, (b"STARTTLS\r\n", "502 5.5.1")],
    "LHLO is LMTP": [(b"LHLO client.example\r\n", "500 5.5.1")],
    "an unknown verb": [(b"FROB\r\n", "500 5.5.1"), (b"\r\n", "500 5.5.1"), (b"\xff\xfe\r\n", "500 5.5.1")],
    "no brackets": [EHLO, (b"MAIL FROM:alice@example.org\r\n", "501 5.1.7")],
    "broken paths": [
        EHLO,
        (b"MAIL FROM:<alice>\r\n", "501 5.1.7"),
        (b"MAIL FROM:<a b@example.org>\r\n", "501 5.1.7"),
        (b"MAIL FROM:<a@example.org\r\n", "501 5.1.7"),
        (b"MAIL FROM:<a@b@example.org>\r\n", "501 5.1.7"),
        (b"MAIL FROM:<a@example..org>\r\n", "501 5.1.7"),
        (b"MAIL FROM:<postmaster>\r\n", "501 5.1.7"),
        (b"MAIL\r\n", "501 5.5.4"),
        (b"MAIL TO:<a@example.org>\r\n", "501 5.5.4"),
        (b"MAIL FROM:<" + b"a" * 400 + b"@example.org>\r\n", "501 5.1.7"),
        MAIL,
        (b"RCPT TO:<>\r\n", "501 5.1.3"),
        (b"RCPT TO:<bob@>\r\n", "501 5.1.3"),
        (b"RCPT\r\n", "501 5.5.4"),
    ],
    "control characters": [
        EHLO,
        (b"MAIL FROM:<a\x00@example.org>\r\n", "501 5.5.2"),
        (b"MAIL FROM:<a\r@example.org>\r\n", "501 5.5.2"),
        (b'MAIL FROM:<"a\x7f"@example.org>\r\n', "501 5.5.2"),
        (b"EHLO a\x00b\r\n", "501 5.5.2"),
        (b"NO\x00OP\r\n", "500 5.5.1"),
    ],
    "a bare LF does not end a command": [(b"NOOP\n", "500 5.5.2"), (b"NOOP\r\n", "250 2.0.0")],
    "parameters": [
        EHLO,
        (b"MAIL FROM:<a@example.org> SIZE=1000 BODY=8BITMIME SMTPUTF8\r\n", "250 2.1.0"),
        (b"RCPT TO:<b@example.net> NOTIFY=NEVER\r\n", "555 5.5.4"),
        (b"RSET\r\n", "250"),
        (b"MAIL FROM:<a@example.org> size=10 body=7bit\r\n", "250 2.1.0"),
        (b"RSET\r\n", "250"),
        (b"MAIL FROM:<a@example.org> RET=HDRS\r\n", "555 5.5.4"),
        (b"MAIL FROM:<a@example.org> BODY=BINARYMIME\r\n", "501 5.5.4"),
        (b"MAIL FROM:<a@example.org> BODY\r\n", "501 5.5.4"),
        (b"MAIL FROM:<a@example.org> SIZE=\r\n", "501 5.5.4"),
        (b"MAIL FROM:<a@example.org> SIZE=-1\r\n", "501 5.5.4"),
        (b"MAIL FROM:<a@example.org> SIZE=1 SIZE=2\r\n", "501 5.5.4"),
        (b"MAIL FROM:<a@example.org> SMTPUTF8=yes\r\n", "501 5.5.4"),
        (b"MAIL FROM:<a@example.org>SIZE=1\r\n", "501 5.5.4"),
        MAIL,
    ],
    "no parameters after HELO": [(b"HELO x\r\n", "250 "), (b"MAIL FROM:<a@example.org> SIZE=1\r\n", "501 5.5.4")],
    "a declared size": [
        EHLO,
        (b"MAIL FROM:<a@example.org> SIZE=41943040\r\n", "250 2.1.0"),
        (b"RSET\r\n", "250"),
        (b"MAIL FROM:<a@example.org> SIZE=41943041\r\n", "552 5.3.4"),
        (b"MAIL FROM:<a@example.org> SIZE=99999999999999999999\r\n", "552 5.3.4"),
        (b"MAIL FROM:<a@example.org> SIZE=999999999999999999999\r\n", "501 5.5.4"),
    ],
    "UTF-8 needs SMTPUTF8": [
        EHLO,
        ("MAIL FROM:<jürgen@example.org>\r\n".encode(), "550 5.6.7"),
        MAIL,
        ("RCPT TO:<jürgen@example.net>\r\n".encode(), "553 5.6.7"),
        (b"RSET\r\n", "250"),
        ("MAIL FROM:<jürgen@bücher.example> SMTPUTF8\r\n".encode(), "250 2.1.0"),
        ("RCPT TO:<用户@例子.example>\r\n".encode(), "250 2.1.5"),
        (b"RCPT TO:<j\xfcrgen@example.net>\r\n", "501 5.5.2"),
        ("VRFY 用户\r\n".encode(), "252 2.5.2"),
        DATA,
        BODY,
    ],
    "a web browser": [(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", "554 5.5.1")],
}


@pytest.mark.parametrize("turns", CONVERSATIONS.values(), ids=CONVERSATIONS)
def test_the_server_answers_as_the_table_says(house: Any, turns: list[tuple[bytes, str]]) -> None:
    house.listen()
    client = house.client()
    assert client.reply() == "220 mx.example.net ESMTP Homing"

    said = [(words, client.ask(words)) for words, _ in turns]

    assert [(words, reply[: len(begin)]) for (words, reply), (_, begin) in zip(said, turns, strict=True)] == turns


def test_the_extensions_are_offered(house: Any) -> None:
    house.listen(max_message_bytes=1234)
    client = house.client()
    client.reply()

    assert client.ask(b"EHLO x\r\n").split("\n") == [
        "250-mx.example.net",
        "250-PIPELINING",
        "250-SIZE 1234",
        "250-8BITMIME",
        "250-SMTPUTF8",
        "250-CHUNKING",
        "250 ENHANCEDSTATUSCODES",
    ]


def test_a_refused_recipient_is_told_so_and_the_others_get_the_message(house: Any) -> None:
    house.inbox.unknown = {"nobody@example.net": Refused(550, "5.1.1", "No such user\r\nhere: ü")}
    house.listen()
    client = house.client().ready(b"EHLO")

    assert client.ask(b"RCPT TO:<nobody@example.net>\r\n") == "550 5.1.1 No such user  here: ?"
    assert client.ask(DATA[0]).startswith("354")
    assert client.ask(BODY[0]).startswith("250 2.0.0")
    assert [envelope.rcpt_to for envelope, _, _ in house.inbox.delivered] == [("bob@example.net",)]


TEMPORARY, FULL, GONE = (
    Refused(451, "4.3.0", "busy"),
    Refused(552, "5.2.2", "full"),
    Refused(550, "5.1.1", "gone"),
)


@pytest.mark.parametrize(
    ("outcomes", "reply"),
    [
        ({}, "250 2.0.0"),
        ({"a@example.net": FULL, "b@example.net": GONE}, "552 5.2.2 full"),
        ({"a@example.net": FULL, "b@example.net": TEMPORARY}, "451 4.3.0 busy"),
        ({"b@example.net": TEMPORARY}, "451 4.3.0 busy"),
        ({"a@example.net": GONE}, "250 2.0.0"),
        ({"b@example.net": RuntimeError("a bug")}, "451 4.3.0"),
    ],
    ids=["stored", "all refused", "one of the refusals temporary", "one temporary", "one refused", "a failure"],
)
def test_one_reply_sums_up_what_became_of_the_recipients(house: Any, outcomes: dict[str, Any], reply: str) -> None:
    house.inbox.outcomes = outcomes
    house.listen()
    client = house.client().ready(b"EHLO", [b"a@example.net", b"b@example.net"])

    client.ask(DATA[0])
    assert client.ask(BODY[0]).startswith(reply)
    assert client.ask(b"NOOP\r\n").startswith("250")


def test_a_recipient_named_twice_is_delivered_to_once(house: Any) -> None:
    house.listen()
    client = house.client().ready(b"EHLO", [b"bob@example.net", b"eve@example.net", b"bob@example.net"])

    client.ask(DATA[0])
    client.ask(BODY[0])
    assert house.inbox.delivered[0][0].rcpt_to == ("bob@example.net", "eve@example.net")


def test_pipelined_commands_in_one_packet_are_answered_in_order(house: Any) -> None:
    house.listen()
    client = house.client()
    client.reply()
    client.ask(b"EHLO x\r\n")

    client.say(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nRCPT TO:<>\r\nDATA\r\n")
    assert [client.reply()[:3] for _ in range(4)] == ["250", "250", "501", "354"]
    client.say(b"one\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<c@example.net>\r\nRSET\r\nNOOP\r\nQUIT\r\n")
    assert [client.reply()[:3] for _ in range(6)] == ["250", "250", "250", "250", "250", "221"]
    assert client.is_closed()
    assert house.inbox.messages == [b"one\r\n"]


def test_a_client_that_says_everything_at_once_and_stops_sending_is_still_answered(house: Any) -> None:
    house.listen()
    client = house.client()
    client.say(b"HELO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nhi\r\n.\r\nNOOP\r\n")
    client.socket.shutdown(1)

    assert [client.reply()[:3] for _ in range(7)] == ["220", "250", "250", "250", "354", "250", "250"]
    assert client.is_closed()
    assert house.inbox.messages == [b"hi\r\n"]


def test_commands_that_arrive_byte_by_byte_are_understood(house: Any) -> None:
    house.listen()
    client = house.client()
    client.reply()
    for byte in b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n..a\r\n.\r\n":
        client.say(bytes([byte]))

    assert [client.reply()[:3] for _ in range(5)] == ["250", "250", "250", "354", "250"]
    assert house.inbox.messages == [b".a\r\n"]


def test_smtplib_can_send(house: Any) -> None:
    house.listen()
    with smtplib.SMTP(house.host, house.port, local_hostname="client.example") as client:
        refused = client.sendmail(
            "jürgen@example.org",
            ["bob@example.net", "用户@example.net"],
            "Subject: hé\r\n\r\n.dot\r\n..\r\nüber\r\n".encode(),
            mail_options=["SMTPUTF8", "BODY=8BITMIME"],
        )
    [(envelope, _, message)] = house.inbox.delivered

    assert refused == {}
    assert (envelope.mail_from, envelope.rcpt_to) == ("jürgen@example.org", ("bob@example.net", "用户@example.net"))
    assert message == "Subject: hé\r\n\r\n.dot\r\n..\r\nüber\r\n".encode()
