"""A listener in a thread of its own, an intake that remembers, and a client of bytes and reply lines."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvloop

from homing.errors import Refused
from homing.host.intake import Limits
from homing.host.smtp import Listener
from homing.ports.landings import Envelope


@dataclass
class Inbox:
    """The intake of the tests. `held` makes deliveries wait until it is set."""

    unknown: dict[str, Refused] = field(default_factory=dict)
    outcomes: dict[str, Refused | Exception] = field(default_factory=dict)
    delivered: list[tuple[Envelope, bytes, bytes]] = field(default_factory=list)
    delivering: threading.Event = field(default_factory=threading.Event)
    held: asyncio.Event | None = None

    async def check_recipient(self, address: str) -> Refused | None:
        return self.unknown.get(address)

    async def deliver(self, envelope: Envelope, trace: bytes, message: bytes) -> Sequence[Refused | None]:
        self.delivering.set()
        if self.held is not None:
            await self.held.wait()
        for outcome in map(self.outcomes.get, envelope.rcpt_to):
            if isinstance(outcome, Exception) and not isinstance(outcome, Refused):
                raise outcome
        self.delivered.append((envelope, trace, message))
        return [self.outcomes.get(address) for address in envelope.rcpt_to]  # type: ignore[misc]

    @property
    def messages(self) -> list[bytes]:
        return [message for _, _, message in self.delivered]


class Client:
    """Says bytes and reads replies; a reply is its lines joined by newlines."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.socket.settimeout(20)
        self._lines = connection.makefile("rb")

    def say(self, *said: bytes) -> None:
        self.socket.sendall(b"".join(said))

    def reply(self) -> str:
        lines = [self._lines.readline().decode()]
        while lines[-1][3:4] == "-":
            lines.append(self._lines.readline().decode())
        return "\n".join(line.removesuffix("\r\n") for line in lines)

    def ask(self, *said: bytes) -> str:
        self.say(*said)
        return self.reply()

    def ready(self, verb: bytes, recipients: Sequence[bytes] = (b"bob@example.net",)) -> Client:
        """Up to an accepted RCPT for each recipient."""
        assert self.reply().startswith("220 ")
        assert self.ask(verb, b" client.example\r\n").startswith("250")
        assert self.ask(b"MAIL FROM:<alice@example.org>\r\n").startswith("250 2.1.0")
        for recipient in recipients:
            assert self.ask(b"RCPT TO:<", recipient, b">\r\n").startswith("250 2.1.5")
        return self

    def rest(self) -> bytes:
        """All that still comes until the server closes the connection."""
        try:
            return self._lines.read()
        except ConnectionResetError:
            return b""

    def is_closed(self) -> bool:
        return self.rest() == b""

    def close(self) -> None:
        self._lines.close()
        self.socket.close()


class House:
    """One listener on a loop in a thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.inbox = Inbox()
        self.listener: Listener | None = None
        self.host, self.port = "", 0
        self._clients: list[Client] = []

    def listen(
        self, kind: Any = "smtp", *, path: Path | None = None, tls: ssl.SSLContext | None = None, **limits: Any
    ) -> None:
        self.listener = Listener(kind, self.inbox, Limits(**limits), "mx.example.net", path=path, ssl_context=tls)
        self.host, self.port = self.wait(self.listener.start())

    def client(self) -> Client:
        if self.port:
            connection = socket.create_connection((self.host, self.port))
        else:
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(self.host)
        self._clients.append(Client(connection))
        return self._clients[-1]

    def start(self, awaitable: Any) -> Any:
        async def awaited() -> Any:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(awaited(), self.loop)

    def wait(self, awaitable: Any) -> Any:
        return self.start(awaitable).result(30)

    def close(self) -> None:
        for client in self._clients:
            client.close()
        if self.listener is not None:
            self.wait(self.listener.stop())


@pytest.fixture(params=[uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    make: Callable[[], asyncio.AbstractEventLoop] = request.param
    loop = make()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    house = House(loop)
    yield house
    house.close()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
