"""The HTTP listener: uvicorn's server and its httptools connection, with bounds and an orderly end.

uvicorn limits neither how long nor how large a request's header is, nor for how long a client may refuse
to read. Here each connection is looked at once in a while, so that no request pays for a timer of its own.
Knows bytes and time, nothing of what is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from homing.host.http_wire import Receive, Scope, Send
from homing.host.websocket_connection import PING_SECONDS, PONG_SECONDS, BoundedWebSocket

App = Callable[[Scope, Receive, Send], Awaitable[None]]

BACKLOG: Final = 512
KEEP_ALIVE_SECONDS: Final = 75
LOOK_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one connection. Seconds for a request's header (also for the first one, from the connection on),
    for what is left of a body after its answer, and for a client that does not read; bytes of a header."""

    header_seconds: float = 20.0
    rest_seconds: float = 30.0
    unread_seconds: float = 60.0
    header_bytes: int = 64 * 1024


class BoundedHttp(HttpToolsProtocol):
    """One connection. Times are of the monotonic clock; None: not waiting for that."""

    bounds: ClassVar[Bounds] = Bounds()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._header_since: float | None = time.monotonic()
        self._header_bytes = 0
        self._rest_since: float | None = None
        self._unread_since: float | None = None
        self._in_body = False

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        super().data_received(data)
        if self._header_since is not None:
            self._header_bytes += len(data)
            if self._header_bytes > self.bounds.header_bytes:
                self.transport.abort()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._header_since, self._header_bytes = time.monotonic(), 0

    def on_headers_complete(self) -> None:
        """Its header has ended."""
        self._header_since, self._in_body = None, True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Its body has ended."""
        self._in_body, self._rest_since = False, None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """It was answered, perhaps before its body ended."""
        if self._in_body:
            self._rest_since = time.monotonic()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The client does not read."""
        super().pause_writing()
        self._unread_since = time.monotonic()

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        self._unread_since = None

    def hang_up_if_stuck(self, now: float) -> None:
        """End the connection if the client has been too slow."""
        limits = (
            (self._header_since, self.bounds.header_seconds),
            (self._rest_since, self.bounds.rest_seconds),
            (self._unread_since, self.bounds.unread_seconds),
        )
        if any(since is not None and now - since > seconds for since, seconds in limits):
            self.transport.abort()


class _Server(uvicorn.Server):
    """uvicorn's server without its hold on signals, which belong to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class HttpServer:
    """Listens on one address; port 0 picks a free one. With `tls` it speaks HTTPS. `max_message` is in bytes, of
    a message on a WebSocket."""

    def __init__(
        self,
        app: App,
        host: str,
        port: int,
        *,
        max_connections: int,
        max_message: int = 1_000_000,
        bounds: Bounds | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        bounds = bounds or Bounds()
        protocol = type("Connection", (BoundedHttp,), {"bounds": bounds})
        self._address = (host, port)
        self._config = uvicorn.Config(
            app,
            http=protocol,
            ws=type("WebSocket", (BoundedWebSocket,), {"unread_seconds": bounds.unread_seconds}),
            ws_max_size=max_message,
            ws_ping_interval=PING_SECONDS,
            ws_ping_timeout=PONG_SECONDS,
            ws_per_message_deflate=False,  # a client's 10 kB could become 10 MB, and ours be packed on the event loop
            interface="asgi3",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=max_connections,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        self._config.load()
        self._config.ssl = tls  # uvicorn would make one itself, from files that it reads but once
        self._server = _Server(self._config)
        self._task: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> tuple[str, int]:
        """Listen; return the bound (host, port).

        Raises:
            OSError: the address cannot be bound.
        """
        bound = _bind(*self._address)
        self._task = asyncio.create_task(self._server.serve([bound]))
        self._looking = asyncio.create_task(self._look())
        host, port = bound.getsockname()[:2]
        while not self._server.started:  # uvicorn tells nobody; the socket listens before
            if self._task.done():
                self._task.result()
                raise OSError("the HTTP server did not start")
            await asyncio.sleep(0)
        return host, port

    async def drain(self, timeout: float) -> None:
        """Accept no more, let requests under way be answered for at most `timeout` seconds, then hang up."""
        if self._task is None or self._looking is None:
            return
        self._config.timeout_graceful_shutdown = max(1, round(timeout))
        self._server.should_exit = True
        await asyncio.wait({self._task}, timeout=timeout + 2)
        self._looking.cancel()
        for connection in self.connections:
            connection.transport.abort()

    @property
    def connections(self) -> Sequence[BoundedHttp | BoundedWebSocket]:
        """The open ones."""
        both = BoundedHttp, BoundedWebSocket
        return [one for one in self._server.server_state.connections if isinstance(one, both)]

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = time.monotonic()
            for connection in self.connections:
                connection.hang_up_if_stuck(now)


def _bind(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
    )[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted sockets inherit it
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        bound.bind(address)
        bound.listen(BACKLOG)
        bound.setblocking(False)
    except OSError:
        bound.close()
        raise
    return bound
