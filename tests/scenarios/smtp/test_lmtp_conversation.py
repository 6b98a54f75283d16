"""LMTP: its hello, and a reply for each recipient."""

from __future__ import annotations

import smtplib
from pathlib import Path
from typing import Any

import pytest

from homing.errors import Refused

RECIPIENTS = [b"a@example.net", b"b@example.net", b"c@example.net"]
FULL, BUSY = Refused(552, "5.2.2", "Mailbox full"), Refused(451, "4.3.0", "Busy")


@pytest.mark.parametrize("hello", [b"HELO x\r\n", b"EHLO x\r\n"])
def test_smtp_has_no_place_here(house: Any, hello: bytes) -> None:
    house.listen("lmtp")
    client = house.client()
    assert client.reply() == "220 mx.example.net LMTP Homing"

    assert client.ask(hello).startswith("500 5.5.1")
    assert client.ask(b"MAIL FROM:<>\r\n").startswith("503 5.5.1")
    assert "PIPELINING" in client.ask(b"LHLO x\r\n")


@pytest.mark.parametrize("message", [b"DATA\r\nhi\r\n.\r\n", b"BDAT 4 LAST\r\nhi\r\n"])
def test_each_recipient_gets_its_own_reply_in_order(house: Any, message: bytes) -> None:
    house.inbox.outcomes = {"a@example.net": FULL, "c@example.net": BUSY}
    house.listen("lmtp")
    client = house.client().ready(b"LHLO", RECIPIENTS)

    client.say(message)
    if message.startswith(b"DATA"):
        assert client.reply().startswith("354")
    assert [client.reply()[:9] for _ in range(3)] == ["552 5.2.2", "250 2.0.0", "451 4.3.0"]
    assert client.ask(b"NOOP\r\n") == "250 2.0.0 Done nothing"
    assert house.inbox.delivered[0][0].protocol == "lmtp"
    assert b" with LMTP id " in house.inbox.delivered[0][1]


def test_a_recipient_named_twice_gets_two_replies_and_one_copy(house: Any) -> None:
    house.inbox.outcomes = {"a@example.net": FULL}
    house.listen("lmtp")
    client = house.client().ready(b"LHLO", [RECIPIENTS[0], RECIPIENTS[1], RECIPIENTS[0]])

    client.ask(b"DATA\r\n")
    client.say(b"hi\r\n.\r\n")
    assert [client.reply()[:3] for _ in range(3)] == ["552", "250", "552"]
    assert house.inbox.delivered[0][0].rcpt_to == ("a@example.net", "b@example.net")


def test_refused_recipients_get_no_reply_after_the_message(house: Any) -> None:
    house.inbox.unknown = {"nobody@example.net": Refused(550, "5.1.1", "No such user")}
    house.listen("lmtp")
    client = house.client().ready(b"LHLO", RECIPIENTS[:1])

    assert client.ask(b"RCPT TO:<nobody@example.net>\r\n") == "550 5.1.1 No such user"
    client.ask(b"DATA\r\n")
    client.say(b"hi\r\n.\r\nNOOP\r\n")
    assert [client.reply()[:9] for _ in range(2)] == ["250 2.0.0", "250 2.0.0"]


def test_data_without_an_accepted_recipient_is_refused_once(house: Any) -> None:
    house.listen("lmtp")
    client = house.client().ready(b"LHLO", [])

    assert client.ask(b"DATA\r\n").startswith("503 5.5.1")
    assert client.ask(b"NOOP\r\n").startswith("250")


@pytest.mark.parametrize(
    ("message", "code"), [(b"x" * 20 + b"\r\n.\r\n", "552 5.3.4"), (b"a\n.\n\r\n.\r\n", "554 5.6.0")]
)
def test_a_refused_message_is_refused_for_each_recipient(house: Any, message: bytes, code: str) -> None:
    house.listen("lmtp", max_message_bytes=20)
    client = house.client().ready(b"LHLO", RECIPIENTS)

    client.ask(b"DATA\r\n")
    client.say(message)
    assert [client.reply()[:9] for _ in range(3)] == [code] * 3
    assert house.inbox.messages == []


@pytest.mark.parametrize("failure", [RuntimeError("a bug"), BUSY])
def test_when_delivery_fails_every_recipient_is_asked_to_try_again(house: Any, failure: Exception) -> None:
    house.inbox.outcomes = {address.decode(): failure for address in RECIPIENTS}
    house.listen("lmtp")
    client = house.client().ready(b"LHLO", RECIPIENTS)

    client.ask(b"DATA\r\n")
    client.say(b"hi\r\n.\r\n")
    assert [client.reply()[:9] for _ in range(3)] == ["451 4.3.0"] * 3


def test_a_unix_socket_will_do(house: Any, tmp_path: Path) -> None:
    house.listen("lmtp", path=tmp_path / "lmtp")
    client = house.client().ready(b"LHLO")

    client.ask(b"DATA\r\n")
    assert client.ask(b"hi\r\n.\r\n").startswith("250 2.0.0")
    assert house.inbox.delivered[0][0].client_address == ""
    house.wait(house.listener.stop())
    assert not (tmp_path / "lmtp").exists()


def test_the_clients_that_the_standard_library_has_can_send(house: Any) -> None:
    house.listen("lmtp")
    with smtplib.LMTP(house.host, house.port, local_hostname="client.example") as client:
        assert client.sendmail("alice@example.org", ["bob@example.net"], "Subject: hi\n\n.dot\n") == {}
    assert house.inbox.messages == [b"Subject: hi\r\n\r\n.dot\r\n"]
