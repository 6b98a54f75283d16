"""One connection that speaks in commands and replies: its life, its time limits, its lines.

aiosmtpd's protocol class with the parts replaced that are slow or too lenient. From aiosmtpd: the
connection's life as a task, the table of verbs. Replaced: reading (large pieces, CRLF only), replies
(written together when commands are pipelined), time limits (one timer), the end of a connection (what
the client has sent is still answered, a delivery under way goes on, the last reply is not lost). Added:
the limit of errors, draining. Knows no verb. The choice: docs/decisions/007-smtp-listener.md.

RFC 5321 §2.3.8, §3.8, §4.2, §4.5.3.2; RFC 2920.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
import socket
import ssl
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal, cast

from aiosmtpd.smtp import SMTP

from homing.errors import Refused
from homing.host.intake import Intake, Limits
from homing.host.smtp_data import Hall
from homing.host.smtp_replies import FAILED, MISBEHAVIOUR, reply_line
from homing.host.smtp_wire import Disconnected, Incoming

Kind = Literal["smtp", "lmtp"]
"""Which protocol a listener speaks."""

LINGER: Final = 5.0
"""Seconds for which a connection that we end is still read, so that the last reply is not lost to a reset."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_WEB: Final = frozenset({"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT"})

log = logging.getLogger("homing.host.smtp")


@dataclass(frozen=True, slots=True, eq=False)
class Door:
    """What all connections of one listener share; `live` are those that are open or still delivering, `hall` has
    the messages that they are sending."""

    intake: Intake
    limits: Limits
    hostname: str
    ssl_context: ssl.SSLContext | None = None
    live: set[Connection] = field(default_factory=set)
    hall: Hall = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hall", Hall(self.limits.max_held_bytes))


class Connection(SMTP):
    """A connection whose verbs (methods `smtp_<VERB>`) and transactions a subclass brings."""

    service: ClassVar[str] = "ESMTP"
    foreign_verbs: ClassVar[frozenset[str]] = frozenset({"AUTH"})
    """Verbs of aiosmtpd that this protocol does not have."""

    def __init__(self, door: Door, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(None, hostname=door.hostname, enable_SMTPUTF8=True, loop=loop)
        for verb in self.foreign_verbs:
            self._smtp_methods.pop(verb, None)
        self._door = door
        self._limits = door.limits
        self._incoming = Incoming(loop)
        self._outgoing: list[bytes] = []
        self._writable = asyncio.Event()
        self._writable.set()
        self._tls = False
        self._client_address = ""
        self._errors = 0
        self._idle = self._ending = self._draining = self._lost = False
        self._deadline = math.inf

    # The connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to talk."""
        super().connection_made(transport)
        self._incoming.attach(cast(asyncio.Transport, transport))
        peer = transport.get_extra_info("peername")
        self._client_address = peer[0] if isinstance(peer, tuple) else ""
        connected = transport.get_extra_info("socket")
        if connected is not None and connected.family != socket.AF_UNIX:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._door.live.add(self)
        self.task().add_done_callback(self._task_done)

    def _in_transaction(self) -> bool:
        """Is there something that must not be cut off by draining?"""
        return False

    def task(self) -> asyncio.Task[None]:
        """The coroutine that talks; done when nothing more will be delivered from this connection.

        Not a property: aiosmtpd reads every attribute when it is made.
        """
        assert self._handler_coroutine is not None  # noqa: S101 - set by connection_made
        return self._handler_coroutine

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        self._incoming.feed(data)

    def eof_received(self) -> bool:
        """The client will send no more; what it has sent is still answered."""
        self._incoming.end()
        if self._ending and self.transport is not None:
            self.transport.close()
        return not self._tls

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone. A delivery under way goes on: the client will merely send again."""
        self._lost = True
        self._incoming.end()
        self._writable.set()
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        super(SMTP, self).connection_lost(error)
        self.transport = None
        self._forget_if_over()

    def pause_writing(self) -> None:
        """The client does not read its replies."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It does again."""
        self._writable.set()

    def drain(self) -> None:
        """Finish the transaction under way, then say 421; at once if there is none."""
        self._draining = True
        if self._idle and not self._in_transaction():
            self._hang_up("421 4.3.2 Shutting down")

    def end(self) -> None:
        """End now; what has been replied is still sent."""
        self.task().cancel()
        if self.transport is not None:
            self.transport.close()

    def _task_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            log.error("connection failed", exc_info=task.exception())
        if self.transport is not None and not self._ending:
            self.transport.close()
        self._forget_if_over()

    def _forget_if_over(self) -> None:
        if self._lost and self.task().done():
            self._door.live.discard(self)

    def _hang_up(self, reply: str) -> None:
        """Send a last reply, then end the connection in such a way that the client can read it."""
        if self._ending:
            return
        self._ending = True
        self._outgoing.append(reply.encode() + b"\r\n")
        self._write()
        self._incoming.buffer.clear()
        gone = self._incoming.ended
        self._incoming.end()
        transport = cast(asyncio.Transport | None, self.transport)
        if transport is None:
            return
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        self._timeout_handle = self.loop.call_later(LINGER, transport.abort)
        if self._tls or gone:
            transport.close()
        else:
            transport.write_eof()

    # Time

    def _reset_timeout(self, duration: float | None = None) -> None:
        """Allow `duration` seconds from now. One timer follows the deadline instead of one a command."""
        self._deadline = self.loop.time() + (duration or self._door.limits.command_timeout)
        if self._timeout_handle is None or self._timeout_handle.when() > self._deadline:
            self._arm(self._deadline)

    def _arm(self, at: float) -> None:
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        self._timeout_handle = self.loop.call_at(at, self._timeout_cb)

    def _timeout_cb(self) -> None:
        now = self.loop.time()
        if self._deadline > now:
            self._arm(min(self._deadline, now + self._limits.command_timeout))
        else:
            self._hang_up("421 4.4.2 Waited too long")

    # Replies

    async def push(self, status: str | bytes) -> None:
        """Reply; while the client has further commands waiting, the replies are gathered."""
        line = status.encode() if isinstance(status, str) else status
        if int(line[:3]) in MISBEHAVIOUR:
            self._errors += 1
        if self._ending:
            return
        self._outgoing.append(line + b"\r\n")
        if not self._incoming.has_line() or len(self._outgoing) > 100:
            await self._flush()

    async def _flush(self) -> None:
        self._write()
        if not self._writable.is_set():
            await self._writable.wait()

    def _write(self) -> None:
        if self._outgoing and self.transport is not None and not self.transport.is_closing():
            cast(asyncio.Transport, self.transport).write(b"".join(self._outgoing))
        self._outgoing.clear()

    # Commands

    async def _handle_client(self) -> None:
        await self.push(f"220 {self.hostname} {self.service} Homing")
        try:
            while not self._ending:
                if self._draining and not self._in_transaction():
                    self._hang_up("421 4.3.2 Shutting down")
                else:
                    await self._take_command()
        except Disconnected:
            if not self._ending:
                self._write()

    async def _take_command(self) -> None:
        try:
            await self._obey(await self._next_line())
        except Refused as refused:
            await self.push(reply_line(refused))
        except Disconnected:
            raise
        except Exception:
            log.exception("a command failed")
            self._errors += 1
            await self.push(reply_line(FAILED))
        if self._errors >= self._limits.max_errors:
            self._hang_up("421 4.7.0 Too many errors")

    async def _next_line(self) -> bytes:
        self._reset_timeout()
        self._idle = True
        try:
            return await self._incoming.line(self._limits.max_line)
        finally:
            self._idle = False

    async def _obey(self, line: bytes) -> None:
        if not line.endswith(b"\r\n"):
            raise Refused(500, "5.5.2", "Only CR LF ends a line")
        verb, _, rest = line[:-2].partition(b" ")
        name = verb.decode("ascii", "replace").upper()
        method = self._smtp_methods.get(name)
        if name in _WEB:
            self._hang_up("554 5.5.1 This is not a web server")
        elif method is None:
            raise Refused(500, "5.5.1", "Command not recognized")
        else:
            await method(_argument(rest))


def _argument(rest: bytes) -> str:
    try:
        text = rest.decode().strip(" ")
    except UnicodeDecodeError:
        raise Refused(501, "5.5.2", "Not UTF-8") from None
    if _CONTROL.search(text):
        raise Refused(501, "5.5.2", "Control characters are not allowed")
    return text
