"""JMAP over WebSocket (RFC 8887): requests, their responses, and states that have changed, on one connection.

A request goes to the same function as one by HTTP, in the same turns, and is signed in anew each time by the
credentials of the handshake; several run at once, and each answer names its request. A connection whose
credentials are revoked ends soon, also if it only listens. Messages are text; frames, pings and their bounds
are the HTTP server's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from homing.directory.credentials import Identity
from homing.errors import HomingError, Problem, Temporary
from homing.host.api_calls import ApiCalls, Whole
from homing.host.api_event import Event, event_of
from homing.host.follower import LOOK_SECONDS, Follower, is_welcome
from homing.host.http_wire import Gone, Receive, Scope, Send, authority_of, headers_of, wire_headers
from homing.host.tailer import Tailer
from homing.host.threads import Threads
from homing.host.websocket_messages import (
    WEBSOCKET_PATH,
    Envelope,
    api_scope,
    is_lured,
    parse_envelope,
    render_answer,
    render_change,
    render_error,
    with_door,
)
from homing.jmap.api import authenticate
from homing.jmap.catalogue import wanted_types
from homing.jmap.http import busy, fault, render_problem
from homing.jmap.request import URN, limit_problem
from homing.site import Site

SUBPROTOCOL: Final = "jmap"
MAX_PER_ACCOUNT: Final = 16

GOING_AWAY: Final = 1001
NOT_TEXT: Final = 1003
NOT_ALLOWED: Final = 1008
FAULT: Final = 1011
"""Of RFC 6455 §7.4.1."""

CLOSED: Final = (OSError, RuntimeError)
"""What sending raises where the client has gone, or the server has hung up on one that answers no ping."""

log = logging.getLogger("homing.host.websocket")


@dataclass(frozen=True, slots=True)
class Door:
    """What every connection of a host works with. `look` is after how many seconds credentials are looked at again."""

    site: Site
    api: ApiCalls
    calls: Threads
    tailer: Tailer
    look: float = LOOK_SECONDS


class WebSockets:
    """The connections of this process."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._places: Counter[str] = Counter()
        self._closing = asyncio.Event()
        self._run = secrets.token_hex(4)
        self._number = 0

    def close(self) -> None:
        """Let every connection answer what it was asked, and end; a new one is refused."""
        self._closing.set()

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection, from its handshake to its end."""
        await receive()  # websocket.connect
        try:
            identity = await self._admit(scope)
        except Problem as problem:
            await _refuse(send, problem)
            return
        except Temporary:
            await _refuse(send, busy())
            return
        try:
            await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
            await Connection(self._door, identity, partial(self._event, scope), receive, send, self._closing).run()
        except OSError:  # it has gone
            return
        finally:
            self._places -= Counter([identity.account])

    def _event(self, scope: Scope) -> Event:
        """That of a request to the API by whoever made a handshake."""
        self._number += 1
        event = event_of(api_scope(scope), b"", f"{self._run}-{self._number:x}")
        return with_door(event, self._door.site.config.base_url)

    async def _admit(self, scope: Scope) -> Identity:
        """Who wants to connect.

        Raises:
            Problem: wrong path or subprotocol, 401, `limit`, 403 for a disabled account or a page of another site, or
                503 at the host's end.
        """
        if scope["path"] != WEBSOCKET_PATH:
            raise Problem("about:blank", 404, "there is nothing here")
        if SUBPROTOCOL not in scope["subprotocols"]:
            raise Problem("about:blank", 400, f"the subprotocol is {SUBPROTOCOL!r} (RFC 8887 §4.2)")
        if self._closing.is_set():
            raise busy()
        door, headers = self._door, headers_of(scope)
        if is_lured(headers, authority_of(scope, headers), door.site.config.base_url):
            raise Problem("about:blank", 403, "a page of another site signs in with a token (Bearer)")
        identity = await door.calls.run(authenticate, door.site, headers)
        if not await door.calls.run(is_welcome, door.site, identity):
            raise Problem("about:blank", 403, "this account is disabled")
        if self._places[identity.account] >= MAX_PER_ACCOUNT:
            raise limit_problem("maxConcurrentWebSockets", MAX_PER_ACCOUNT)
        self._places[identity.account] += 1
        return identity


class Connection:
    """One client. Its tasks: reading, each request that runs, pushing, and looking at the credentials."""

    def __init__(
        self,
        door: Door,
        identity: Identity,
        event: Callable[[], Event],
        receive: Receive,
        send: Send,
        closing: asyncio.Event,
    ) -> None:
        self._door = door
        self._identity = identity
        self._event = event
        self._receive = receive
        self._asgi_send = send
        self._closing = closing
        self._sending = asyncio.Lock()
        self._gone = asyncio.Event()
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._requests: set[asyncio.Task[None]] = set()
        self._pushing: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Until the client leaves, its credentials are revoked, or the host stops."""
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(self._read()),
            asyncio.create_task(self._look()),
            asyncio.create_task(self._closing.wait()),
        ]
        ends: list[asyncio.Future[Any]] = [*tasks, self._ended]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            self._say_why(tasks)
            for task in self._beside(tasks):
                task.cancel()
            if not self._gone.is_set():
                await asyncio.gather(*self._requests)
                await self._close(self._ended.result() if self._ended.done() else GOING_AWAY)
        finally:
            self._gone.set()
            for task in (*self._beside(tasks), *self._requests):
                task.cancel()

    def _beside(self, tasks: list[asyncio.Task[Any]]) -> list[asyncio.Task[Any]]:
        return [*tasks, *([self._pushing] if self._pushing else [])]

    def _say_why(self, tasks: list[asyncio.Task[Any]]) -> None:
        for task in tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                log.error("a connection failed", exc_info=error)
                self._end(FAULT)

    def _end(self, code: int) -> None:
        if not self._ended.done():
            self._ended.set_result(code)

    async def _close(self, code: int) -> None:
        async with self._sending:
            with contextlib.suppress(*CLOSED):
                await self._asgi_send({"type": "websocket.close", "code": code})

    async def _read(self) -> None:
        while not self._ended.done():
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                self._gone.set()
                return
            text = message.get("text")
            if text is None:
                self._end(NOT_TEXT)
                return
            await self._hear(text.encode())
            await asyncio.sleep(0)  # thousands may have come at once, and nothing else here waits: others go first

    async def _hear(self, raw: bytes) -> None:
        """One message; what is wrong with it is answered at once."""
        try:
            envelope = parse_envelope(raw)
            if envelope.type == "Request":
                self._start(raw, envelope.id)
            elif envelope.type == "WebSocketPushEnable":
                await self._push_no_more()
                self._pushing = asyncio.create_task(self._push(envelope))
            elif envelope.type == "WebSocketPushDisable":
                await self._push_no_more()
            else:
                raise Problem(URN + "notRequest", 400, f"@type is none of RFC 8887's: {envelope.type!r}")
        except _NotTaken as refused:
            await self._send(render_error(refused.problem, refused.id))
        except Problem as problem:
            await self._send(render_error(problem, None))

    def _start(self, raw: bytes, id: str | None) -> None:
        """Run a request beside the others."""
        limits = self._door.site.config.limits
        if len(raw) > limits.max_size_request:
            raise _NotTaken(limit_problem("maxSizeRequest", limits.max_size_request), id)
        if len(self._requests) >= limits.max_concurrent_requests:
            raise _NotTaken(limit_problem("maxConcurrentRequests", limits.max_concurrent_requests), id)
        task = asyncio.create_task(self._answer(raw, id))
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    async def _answer(self, raw: bytes, id: str | None) -> None:
        try:
            async with self._door.api.answer(self._event(), raw, self._gone.wait) as answer:
                async with self._sending:  # one at a time: an answer may be large
                    body = answer.body if isinstance(answer, Whole) else b"".join([p async for p in answer.pieces()])
                    kind = "Response" if answer.status == 200 else "RequestError"
                    await self._send_now(render_answer(kind, id, body))
                self._heed(answer.status)
        except Problem as problem:
            await self._send(render_error(problem, id))
            self._heed(problem.status)
        except Gone:
            self._gone.set()
        except Temporary as error:
            log.warning("not now", extra={"error": str(error)})
            await self._send(render_error(busy(), id))
        except Exception:  # a shell
            log.exception("a request failed")
            await self._send(render_error(fault(), id))

    def _heed(self, status: int) -> None:
        """Whoever may not ask any more has no business here (RFC 8887 §4.2)."""
        if status in (401, 403):
            self._end(NOT_ALLOWED)

    async def _push(self, wish: Envelope) -> None:
        """Tell of changes until this is cancelled (RFC 8887 §4.3.5)."""
        listener = Follower(self._door.site, self._identity, self._door.tailer, self._door.calls)
        types = wanted_types(wish.data_types)
        try:
            await listener.open(wish.push_state)
            while True:
                if changed := await listener.take(types):
                    await self._send(render_change(changed, listener.token))
                else:
                    await listener.wait()
        except Problem:  # disabled
            self._end(NOT_ALLOWED)
        except HomingError as error:  # the client comes back, with what it knows
            log.warning("a listener lost its account", extra={"error": str(error)})
            self._end(FAULT)
        finally:
            listener.close()

    async def _push_no_more(self) -> None:
        if self._pushing is not None:
            self._pushing.cancel()
            await asyncio.wait({self._pushing})
            self._pushing = None

    async def _look(self) -> None:
        """Now and then, whether the client may still be here."""
        while True:
            await asyncio.sleep(self._door.look)
            with contextlib.suppress(Temporary):  # the store is busy: next time
                if not await self._door.calls.run(is_welcome, self._door.site, self._identity):
                    self._end(NOT_ALLOWED)
                    return

    async def _send(self, text: str) -> None:
        async with self._sending:
            await self._send_now(text)

    async def _send_now(self, text: str) -> None:
        try:
            await self._asgi_send({"type": "websocket.send", "text": text})
        except CLOSED:  # reading says so, too
            self._gone.set()


class _NotTaken(Exception):
    """A request that is refused before it runs."""

    def __init__(self, problem: Problem, id: str | None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.id = id


async def _refuse(send: Send, problem: Problem) -> None:
    """Answer a handshake with a problem instead."""
    response = render_problem(problem)
    headers = wire_headers(response.headers)
    with contextlib.suppress(OSError):
        await send({"type": "websocket.http.response.start", "status": response.status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": response.body})
