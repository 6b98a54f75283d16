"""The `Transport` port over SMTP, against a relay that others wrote (aiosmtpd) and one that misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from homing.adapters.no_transport import NoTransport
from homing.adapters.smtp_transport import SmtpTransport
from homing.ports.transport import Outgoing, Recipient, Reply, Transport
from tests.certificate import write_certificate

PATIENCE = 10.0
RAW = b"From: ann@example.org\r\nSubject: Hi\r\n\r\nHello.\r\n.\r\n..two\r\n"


@dataclass
class Relay:
    """What the relay was given, and how it answers instead of taking everything."""

    received: list[Envelope] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    at_data: str = "250 2.0.0 OK"
    most: int = 1_000
    secured: bool = False
    offers: tuple[str, ...] = ()

    async def handle_EHLO(  # noqa: N802
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], *(f"250-{one}" for one in self.offers), responses[-1]]

    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.commands.append(" ".join(["MAIL", address, *options]))
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.refuse.get("MAIL", "250 2.1.0 Sender OK")

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.commands.append(" ".join(["RCPT", address, *options]))
        if len(envelope.rcpt_tos) >= self.most:
            return "452 4.5.3 Too many recipients"
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Recipient OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.received.append(envelope)
        self.secured = session.ssl is not None
        return self.at_data


class DsnSMTP(SMTP):
    """aiosmtpd, that notes the parameters of DSN, which it does not know."""

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        await super().smtp_MAIL(self._without_dsn(arg))

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        await super().smtp_RCPT(self._without_dsn(arg))

    def _without_dsn(self, arg: str | None) -> str | None:
        words = (arg or "").split(" ")
        dsn = [word for word in words if word.partition("=")[0] in ("ENVID", "RET", "NOTIFY", "ORCPT")]
        self.event_handler.commands += dsn
        return " ".join(word for word in words if word not in dsn)


@contextlib.contextmanager
def listening(make: Callable[[], asyncio.BaseProtocol]) -> Iterator[int]:
    """A server on a free port of the loopback interface, on a loop in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> asyncio.Server:
        return await loop.create_server(make, "127.0.0.1", 0)

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(PATIENCE)
    yield server.sockets[0].getsockname()[1]

    async def stop() -> None:
        server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    asyncio.run_coroutine_threadsafe(stop(), loop).result(PATIENCE)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(PATIENCE)
    loop.close()


@contextlib.contextmanager
def relaying(relay: Relay, *offers: str, **options: Any) -> Iterator[SmtpTransport]:
    relay.offers = offers
    options = {"enable_SMTPUTF8": False, "decode_data": False, **options}
    with listening(lambda: DsnSMTP(relay, hostname="relay.example", **options)) as port:
        yield SmtpTransport("127.0.0.1", port, hostname="mail.example.org", timeout=PATIENCE)


def outgoing(*recipients: str, raw: bytes = RAW, sender: str = "ann@example.org", **parameters: str) -> Outgoing:
    return Outgoing(sender, tuple(Recipient(one) for one in recipients), raw, parameters)


def test_a_message_is_taken_for_every_recipient_byte_for_byte() -> None:
    relay = Relay()
    with relaying(relay) as transport:
        replies = transport.send(outgoing("bob@example.com", "eve@example.com"))

    assert replies == [Reply(250, "2.1.5", "Recipient OK")] * 2
    assert [(one.mail_from, one.rcpt_tos, one.content) for one in relay.received] == [
        ("ann@example.org", ["bob@example.com", "eve@example.com"], RAW)
    ]


def test_each_recipient_has_its_own_reply_in_order() -> None:
    relay = Relay(refuse={"eve@example.com": "550 5.1.1 Unknown", "late@example.com": "450 4.2.1 Busy"})
    with relaying(relay) as transport:
        replies = transport.send(outgoing("eve@example.com", "bob@example.com", "late@example.com"))

    assert [reply.to_line() for reply in replies] == ["550 5.1.1 Unknown", "250 2.1.5 Recipient OK", "450 4.2.1 Busy"]
    assert [one.rcpt_tos for one in relay.received] == [["bob@example.com"]]


def test_without_a_recipient_no_data_is_sent() -> None:
    relay = Relay(refuse={"eve@example.com": "550 5.1.1 Unknown"})
    with relaying(relay) as transport:
        assert transport.send(outgoing("eve@example.com")) == [Reply(550, "5.1.1", "Unknown")]

    assert relay.received == []


def test_a_refusal_of_the_data_is_for_those_that_were_taken_before() -> None:
    relay = Relay(refuse={"eve@example.com": "550 5.1.1 Unknown"}, at_data="554 5.7.1 This is spam")
    with relaying(relay) as transport:
        replies = transport.send(outgoing("eve@example.com", "bob@example.com"))

    assert replies == [Reply(550, "5.1.1", "Unknown"), Reply(554, "5.7.1", "This is spam")]


def test_a_refusal_of_the_sender_is_for_all() -> None:
    relay = Relay(refuse={"MAIL": "451 4.7.1 Greylisted"})
    with relaying(relay) as transport:
        assert transport.send(outgoing("a@example.com", "b@example.com")) == [Reply(451, "4.7.1", "Greylisted")] * 2


def test_a_reply_of_several_lines_becomes_one() -> None:
    relay = Relay(
        refuse={"bob@example.com": "550-5.7.1 Our system has detected that this message is\r\n550 5.7.1 likely spam."}
    )
    with relaying(relay) as transport:
        (reply,) = transport.send(outgoing("bob@example.com"))

    assert reply.to_line() == "550 5.7.1 Our system has detected that this message is likely spam."


def test_a_relay_that_takes_only_some_recipients_at_once_is_asked_again_on_the_same_connection() -> None:
    relay = Relay(most=2, refuse={"user3@example.com": "550 5.1.1 Unknown"})
    with relaying(relay) as transport:
        replies = transport.send(outgoing(*(f"user{number}@example.com" for number in range(5))))

    assert [reply.code for reply in replies] == [250, 250, 250, 550, 250]
    assert [len(one.rcpt_tos) for one in relay.received] == [2, 2]


def test_the_null_return_path_is_sent_as_such() -> None:
    relay = Relay()
    with relaying(relay) as transport:
        transport.send(outgoing("bob@example.com", sender=""))

    assert relay.received[0].mail_from == "<>"


def test_parameters_go_along_where_the_relay_knows_them() -> None:
    given = Outgoing(
        "ann@example.org",
        (Recipient("bob@example.com", {"NOTIFY": "success", "ORCPT": "rfc822;b+b@example.com", "X": None}),),
        RAW,
        {"ENVID": "a b=c", "RET": "hdrs", "HOLDFOR": "5"},
    )
    with relaying(knowing := Relay(), "DSN") as transport:
        transport.send(given)
    with relaying(ignorant := Relay()) as transport:
        transport.send(given)

    assert knowing.commands == [
        "RET=HDRS", "ENVID=a+20b+3Dc", f"MAIL ann@example.org SIZE={len(RAW)}", "NOTIFY=SUCCESS",
        "ORCPT=rfc822;b+2Bb@example.com", "RCPT bob@example.com",
    ]  # fmt: skip
    assert ignorant.commands == [f"MAIL ann@example.org SIZE={len(RAW)}", "RCPT bob@example.com"]


def test_8_bit_content_is_announced() -> None:
    relay, raw = Relay(), RAW + "Größe\r\n".encode()
    with relaying(relay) as transport:
        assert transport.send(outgoing("bob@example.com", raw=raw))[0].taken

    assert "BODY=8BITMIME" in relay.commands[0]
    assert relay.received[0].content == raw


def test_a_message_larger_than_the_relay_takes_is_not_offered() -> None:
    relay = Relay()
    with relaying(relay, data_size_limit=len(RAW) - 1) as transport:
        (reply,) = transport.send(outgoing("bob@example.com"))

    assert (reply.code, reply.enhanced) == (552, "5.3.4")
    assert relay.commands == []


def test_a_bare_line_feed_does_not_reach_the_relay() -> None:
    relay = Relay()
    with relaying(relay) as transport:
        transport.send(outgoing("bob@example.com", raw=b"Subject: x\n\nfirst\n.\nMAIL FROM:<x@y>\rlast"))

    assert relay.received[0].content == b"Subject: x\r\n\r\nfirst\r\n.\r\nMAIL FROM:<x@y>\r\nlast\r\n"


def test_an_address_beyond_ascii_needs_a_relay_that_takes_it() -> None:
    with relaying(relay := Relay(), enable_SMTPUTF8=True) as transport:
        assert [reply.code for reply in transport.send(outgoing("ärger@example.com", "b@example.com"))] == [250, 250]
    assert "SMTPUTF8" in relay.commands[0]
    assert relay.received[0].rcpt_tos == ["ärger@example.com", "b@example.com"]

    with relaying(relay := Relay()) as transport:
        replies = transport.send(outgoing("ärger@example.com", "b@bücher.example"))
    assert [(reply.code, reply.enhanced) for reply in replies] == [(553, "5.6.7"), (250, "2.1.5")]
    assert relay.received[0].rcpt_tos == ["b@xn--bcher-kva.example"]


def test_tls_is_used_where_it_is_offered(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(write_certificate(tmp_path / "relay.pem"))
    relay = Relay()
    with relaying(relay, tls_context=context, require_starttls=True) as transport:
        assert transport.send(outgoing("bob@example.com"))[0].taken

    assert relay.secured


def test_without_a_listener_it_is_to_be_tried_again() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        replies = SmtpTransport("127.0.0.1", taken.getsockname()[1], timeout=PATIENCE).send(outgoing("a@b", "c@d"))

    assert [(reply.code, reply.enhanced, reply.final) for reply in replies] == [(451, "4.4.1", False)] * 2


class Script(asyncio.Protocol):
    """A relay that answers by a script: a line for each command; None: it hangs up."""

    def __init__(self, answers: list[str | None]) -> None:
        self._answers = list(answers)

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._answer()

    def data_received(self, data: bytes) -> None:
        for _ in range(data.count(b"\r\n") or 1):
            self._answer()

    def _answer(self) -> None:
        answer = self._answers.pop(0) if self._answers else None
        if answer is None:
            self._transport.close()
        else:
            self._transport.write(answer.encode() + b"\r\n")


@pytest.mark.parametrize(
    ("answers", "lines"),
    [
        (["554 5.3.2 Closed for today"], ["554 5.3.2 Closed for today"] * 2),
        (["421 4.3.2 Busy"], ["421 4.3.2 Busy"] * 2),
        ([None], ["451 4.4.1 No answer from the next hop"] * 2),
        (["hello"], ["451 4.5.0 Unexpected reply -1: o"] * 2),
        (["220 x", None], ["451 4.4.1 No answer from the next hop"] * 2),
        (["220 x", "421 4.3.2 Busy"], ["421 4.3.2 Busy"] * 2),
        (["220 x", "250 x", None], ["451 4.4.2 The connection to the next hop was lost"] * 2),
        (["220 x", "250 x", "250 OK", "550 No", None],
         ["550 No", "451 4.4.2 The connection to the next hop was lost"]),
        (["220 x", "250 x", "250 OK", "250 OK", "250 OK", None],
         ["451 4.4.2 The connection to the next hop was lost"] * 2),
        (["220 x", "250 x", "250 OK", "250 OK", "399 what", "354 go", None],
         ["451 4.4.2 The connection to the next hop was lost", "451 4.5.0 Unexpected reply 399: what"]),
        (["220 x", "502 what", "250 x", "250 OK", "250 OK", "250 OK", "554 no data"], ["554 no data"] * 2),
        (["220 x", "250-x\r\n250 STARTTLS", "220 go", "no TLS here"], ["454 4.7.0 TLS with the next hop failed"] * 2),
        (["220 x", "250-x\r\n250 STARTTLS", "454 4.7.0 not now"], ["454 4.7.0 not now"] * 2),
    ],
)  # fmt: skip
def test_whatever_the_relay_does_there_is_a_reply_for_each_recipient(
    answers: list[str | None], lines: list[str]
) -> None:
    with listening(lambda: Script(answers)) as port:
        replies = SmtpTransport("127.0.0.1", port, timeout=PATIENCE).send(outgoing("a@b", "c@d"))

    assert [reply.to_line() for reply in replies] == lines


def test_8_bit_content_that_the_relay_does_not_take_fails_for_good() -> None:
    with listening(lambda: Script(["220 x", "250 x", "221 bye"])) as port:
        (reply,) = SmtpTransport("127.0.0.1", port, timeout=PATIENCE).send(outgoing("a@b", raw=b"\r\n\xff"))

    assert (reply.code, reply.enhanced) == (554, "5.6.3")


def test_an_address_with_a_line_end_is_never_sent() -> None:
    relay = Relay()
    with relaying(relay) as transport:
        (reply,) = transport.send(outgoing("bob@example.com>\r\nRCPT TO:<eve@example.com"))

    assert not reply.taken
    assert not any("eve" in command for command in relay.commands)


def test_a_site_without_a_next_hop_refuses_for_good() -> None:
    transport: Transport = NoTransport()

    replies = transport.send(outgoing("a@b", "c@d"))

    assert [(reply.code, reply.enhanced, reply.final) for reply in replies] == [(550, "5.4.4", True)] * 2
