"""The SMTP and LMTP listeners: a bound socket, its connections, and an orderly end.

A `Listener` accepts, counts and drains connections; what is said on them is in `smtp_session` and `lmtp`.
Runs on the caller's event loop, uvloop's or asyncio's own.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from homing.host.intake import Intake, Limits
from homing.host.lmtp import LmtpConversation
from homing.host.smtp_connection import LINGER, Door, Kind
from homing.host.smtp_session import Conversation


@dataclass(eq=False)
class Listener:
    """One listening socket: TCP at `host` and `port` (0 picks a free one), or a unix socket at `path`.

    With `ssl_context`, STARTTLS is offered.
    """

    kind: Kind
    intake: Intake
    limits: Limits
    hostname: str
    host: str = "127.0.0.1"
    port: int = 0
    path: Path | None = None
    ssl_context: ssl.SSLContext | None = None
    _door: Door = field(init=False, repr=False)
    _server: asyncio.Server | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        self._door = Door(self.intake, self.limits, self.hostname, self.ssl_context)

    async def start(self) -> tuple[str, int]:
        """Listen; return the bound (host, port), or (path, 0) for a unix socket.

        Raises:
            OSError: the address cannot be bound.
        """
        loop = asyncio.get_running_loop()
        if self.path is not None:
            self._server = await loop.create_unix_server(self._converse, str(self.path))
            return str(self.path), 0
        self._server = await loop.create_server(self._converse, self.host, self.port, backlog=512)
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    async def drain(self, timeout: float) -> None:
        """Accept no more; let transactions under way end, then say 421; after `timeout` seconds, stop.

        Idle connections are told 421 at once.
        """
        self._stop_accepting()
        for conversation in tuple(self._door.live):
            conversation.drain()
        tasks = [conversation.task() for conversation in self._door.live]
        if tasks:
            await asyncio.wait(tasks, timeout=timeout)
        await self.stop()

    async def stop(self) -> None:
        """End every connection and delivery now; a client that got no 250 sends again."""
        self._stop_accepting()
        conversations = tuple(self._door.live)
        tasks = [conversation.task() for conversation in conversations]
        for conversation in conversations:
            conversation.end()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def _stop_accepting(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _converse(self) -> asyncio.Protocol:
        if len(self._door.live) >= self.limits.max_connections:
            return _Turned(self.hostname)
        conversation = LmtpConversation if self.kind == "lmtp" else Conversation
        return conversation(self._door, asyncio.get_running_loop())


class _Turned(asyncio.Protocol):
    """A client for whom there is no place. It closes the connection; asyncio then does so too."""

    def __init__(self, hostname: str) -> None:
        self._reply = f"421 4.3.2 {hostname} has too many connections\r\n".encode()
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        out = cast(asyncio.WriteTransport, transport)  # uvloop's are not instances of it
        out.write(self._reply)
        out.write_eof()
        self._timer = asyncio.get_running_loop().call_later(LINGER, out.abort)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - however it ended
        if self._timer is not None:
            self._timer.cancel()
