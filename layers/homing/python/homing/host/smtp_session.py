# ruff: noqa: N802 - aiosmtpd finds a verb by its name in capitals
"""SMTP: the verbs, the transaction, the message.

What is decided lies in `smtp_path` (arguments), `smtp_data` (octets), `smtp_replies` and `smtp_trace`,
all pure; what a connection is, in `smtp_connection`. Only CRLF.CRLF ends DATA. 250 is said after
`Intake.deliver` has said that the message is stored. AUTH is not offered.

RFC 5321, 1870 (SIZE), 2034 (ENHANCEDSTATUSCODES), 2920 (PIPELINING), 3030 (CHUNKING), 3207
(STARTTLS), 6152 (8BITMIME), 6531 (SMTPUTF8).
"""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, cast

from homing.errors import Refused
from homing.host import smtp_data, smtp_path, smtp_trace
from homing.host.smtp_connection import Connection, Door, Kind, log
from homing.host.smtp_data import Content, DataReader
from homing.host.smtp_replies import FAILED, reply_line, sum_up, too_big
from homing.host.smtp_wire import Disconnected
from homing.ports.landings import Envelope


@dataclass(slots=True)
class Transaction:
    """From an accepted MAIL to the end of its message. `content` is there once BDAT has begun."""

    mail_from: str
    utf8: bool
    recipients: list[str] = field(default_factory=list)
    content: Content | None = None


class Conversation(Connection):
    """The SMTP server's side of one connection."""

    kind: ClassVar[Kind] = "smtp"

    def __init__(self, door: Door, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(door, loop)
        self._helo = ""
        self._extended = False
        self._transaction: Transaction | None = None

    def _in_transaction(self) -> bool:
        return self._transaction is not None

    async def _greet(self, name: str, *, extended: bool) -> None:
        self._helo = smtp_path.parse_helo(name)
        self._extended = extended
        self._transaction = None
        lines = [self.hostname, *(self._extensions() if extended else ())]
        for line in lines[:-1]:
            self._outgoing.append(f"250-{line}\r\n".encode())
        await self.push(f"250 {lines[-1]}")

    def _extensions(self) -> list[str]:
        offered = ["PIPELINING", f"SIZE {self._limits.max_message_bytes}", "8BITMIME", "SMTPUTF8"]
        if self._door.ssl_context is not None and not self._tls:
            offered.append("STARTTLS")
        return [*offered, "CHUNKING", "ENHANCEDSTATUSCODES"]

    async def smtp_HELO(self, arg: str) -> None:
        """HELO, RFC 5321 §4.1.1.1."""
        await self._greet(arg, extended=False)

    async def smtp_EHLO(self, arg: str) -> None:
        """EHLO, RFC 5321 §4.1.1.1."""
        await self._greet(arg, extended=True)

    async def smtp_MAIL(self, arg: str | None) -> None:
        """MAIL, RFC 5321 §4.1.1.2."""
        if not self._helo:
            raise Refused(503, "5.5.1", "Say hello first")
        if self._transaction is not None:
            raise Refused(503, "5.5.1", "One MAIL at a time")
        sender = smtp_path.parse_mail(arg or "", self._limits.max_message_bytes, extended=self._extended)
        self._transaction = Transaction(sender.address, sender.utf8)
        await self.push("250 2.1.0 Sender accepted")

    async def smtp_RCPT(self, arg: str | None) -> None:
        """RCPT, RFC 5321 §4.1.1.3."""
        transaction = self._transaction
        if transaction is None or transaction.content is not None:
            raise Refused(503, "5.5.1", "RCPT comes after MAIL and before the message")
        address = smtp_path.parse_rcpt(arg or "", utf8=transaction.utf8, extended=self._extended)
        if len(transaction.recipients) >= self._limits.max_recipients:
            raise Refused(452, "4.5.3", "Too many recipients")
        refused = await self._door.intake.check_recipient(address)
        if refused is not None:
            raise refused
        transaction.recipients.append(address)
        await self.push("250 2.1.5 Recipient accepted")

    async def smtp_DATA(self, arg: str) -> None:
        """DATA, RFC 5321 §4.1.1.4."""
        if arg:
            raise Refused(501, "5.5.4", "DATA takes no argument")
        transaction = self._receivable()
        if transaction.content is not None:
            raise Refused(503, "5.5.1", "A message begun with BDAT ends with BDAT")
        await self.push("354 End with <CR><LF>.<CR><LF>")
        await self._flush()
        content = self._new_content()
        reader = DataReader(content)
        while not reader.receive(self._incoming.buffer):
            await self._more_data(content)
        await self._finish(transaction, content)

    async def smtp_BDAT(self, arg: str) -> None:
        """BDAT, RFC 3030 §2. The octets are read even if they are not wanted."""
        chunk = smtp_data.parse_chunk(arg)
        transaction, refused = self._transaction, None
        try:
            transaction = self._receivable()
            content = transaction.content or self._new_content()
            transaction.content = content
        except Refused as error:
            content, refused = Content(0), error
        await self._read_octets(content, chunk.size)
        if refused is not None or transaction is None:
            raise refused or FAILED
        if chunk.last:
            await self._finish(transaction, content)
        elif (unwanted := content.refusal()) is not None and not content.smuggled:
            raise unwanted
        else:
            await self.push(f"250 2.0.0 {chunk.size} octets received")

    async def smtp_RSET(self, arg: str) -> None:
        """RSET, RFC 5321 §4.1.1.5."""
        _no_argument(arg)
        self._transaction = None
        await self.push("250 2.0.0 Forgotten")

    async def smtp_NOOP(self, arg: str) -> None:  # noqa: ARG002 - RFC 5321 §4.1.1.9: ignored
        """NOOP, RFC 5321 §4.1.1.9."""
        await self.push("250 2.0.0 Done nothing")

    async def smtp_HELP(self, arg: str) -> None:  # noqa: ARG002 - one text for every topic
        """HELP, RFC 5321 §4.1.1.8."""
        await self.push("214 2.0.0 See RFC 5321")

    async def smtp_VRFY(self, arg: str) -> None:
        """VRFY, RFC 5321 §3.5.3, §7.3: nobody is told who lives here."""
        if not arg:
            raise Refused(501, "5.5.4", "Syntax: VRFY <name>")
        await self.push("252 2.5.2 Send some mail, it will be tried")

    async def smtp_EXPN(self, arg: str) -> None:  # noqa: ARG002 - no list is expanded
        """EXPN, RFC 5321 §7.3."""
        raise Refused(502, "5.5.1", "Lists are not expanded")

    async def smtp_QUIT(self, arg: str) -> None:
        """QUIT, RFC 5321 §4.1.1.10."""
        _no_argument(arg)
        self._hang_up("221 2.0.0 Goodbye")

    async def smtp_STARTTLS(self, arg: str) -> None:
        """STARTTLS, RFC 3207. Everything said before is forgotten, and nothing may be sent ahead."""
        _no_argument(arg)
        context, transport = self._door.ssl_context, self.transport
        if context is None or self._tls or transport is None:
            raise Refused(502, "5.5.1", "TLS is not offered here")
        if self._incoming.buffer:
            self._incoming.buffer.clear()
            raise Refused(503, "5.5.1", "Nothing may follow STARTTLS before the handshake")
        await self.push("220 2.0.0 Go ahead")
        self._helo, self._transaction = "", None
        try:
            secured = await self.loop.start_tls(
                cast(asyncio.WriteTransport, transport), self, context, server_side=True
            )
        except OSError as error:
            log.info("TLS handshake failed: %s", error)
            raise Disconnected from error
        if secured is None:
            raise Disconnected
        self.transport, self._tls = secured, True
        self._incoming.attach(secured)

    # The message

    def _receivable(self) -> Transaction:
        if self._transaction is None or not self._transaction.recipients:
            raise Refused(503, "5.5.1", "A sender and a recipient are needed first")
        return self._transaction

    def _new_content(self) -> Content:
        return Content(self._limits.max_message_bytes, self._door.hall)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._transaction = None  # what it has of a message counts for as long as it is held
        super()._task_done(task)

    async def _read_octets(self, content: Content, size: int) -> None:
        buffer = self._incoming.buffer
        if size > self._limits.max_message_bytes + self._limits.max_discarded_bytes:
            self._give_up()
        while True:
            piece = smtp_data.take_octets(buffer, size)
            content.add(piece)
            size -= len(piece)
            if not size:
                return
            await self._more_data(content)

    async def _more_data(self, content: Content) -> None:
        if content.discarded > self._limits.max_discarded_bytes:
            self._give_up()
        await self._flush()
        self._reset_timeout(self._limits.data_timeout)
        await self._incoming.more()

    def _give_up(self) -> None:
        self._hang_up(reply_line(too_big(self._limits.max_message_bytes)))
        raise Disconnected

    async def _finish(self, transaction: Transaction, content: Content) -> None:
        received_id = secrets.token_hex(8)
        refused = content.refusal()
        message = content.take()
        if refused is None and smtp_data.has_long_line(message, self._limits.max_text_line):
            refused = Refused(500, "5.6.0", "Line too long")
        outcomes: Sequence[Refused | None] = [refused] * len(transaction.recipients)
        if refused is None:
            outcomes = await self._deliver(transaction, message, received_id)
        self._transaction = None
        replies = self._replies(outcomes, f"250 2.0.0 Stored, id {received_id}")
        self._outgoing += [reply.encode() + b"\r\n" for reply in replies[:-1]]
        await self.push(replies[-1])

    def _replies(self, outcomes: Sequence[Refused | None], stored: str) -> list[str]:
        """SMTP has one reply for all recipients; see `sum_up`."""
        refused = sum_up(outcomes)
        return [stored if refused is None else reply_line(refused)]

    async def _deliver(self, transaction: Transaction, message: bytes, received_id: str) -> Sequence[Refused | None]:
        """One outcome for each accepted RCPT; a recipient named twice is delivered to once."""
        recipients = tuple(dict.fromkeys(transaction.recipients))
        envelope = self._envelope(transaction, recipients)
        keyword = smtp_trace.with_keyword(self.kind, extended=self._extended, tls=self._tls, utf8=transaction.utf8)
        trace = smtp_trace.render_trace(envelope, hostname=self.hostname, received_id=received_id, keyword=keyword)
        await self._flush()
        self._deadline = math.inf
        try:
            outcomes = await self._door.intake.deliver(envelope, trace, message)
            by_recipient = dict(zip(recipients, outcomes, strict=True))
        except Refused as refused:
            return [refused] * len(transaction.recipients)
        except Exception:
            log.exception("delivery failed", extra={"received_id": received_id})
            return [FAILED] * len(transaction.recipients)
        return [by_recipient[recipient] for recipient in transaction.recipients]

    def _envelope(self, transaction: Transaction, recipients: tuple[str, ...]) -> Envelope:
        return Envelope(
            mail_from=transaction.mail_from,
            rcpt_to=recipients,
            protocol=self.kind,
            helo=self._helo,
            client_address=self._client_address,
            received_at=time.time_ns() // 1_000_000,
            tls=self._tls,
        )


def _no_argument(arg: str) -> None:
    if arg:
        raise Refused(501, "5.5.4", "No argument is allowed")
