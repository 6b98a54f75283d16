"""HTTP in front of the functions: an ASGI application without a framework.

A request becomes an API Gateway event (payload format 2.0) for `functions/jmap`, run by `ApiCalls`; uploads,
downloads and the event source, which are streams, go straight to the JMAP room. What a client sends is
bounded while it is read. CORS is open to every origin: no cookies are used, and who has the password or
the token may use it from anywhere. Logs neither headers nor bodies.

RFC 9110; RFC 8620 §2.2, §3, §6, §7.3; RFC 7807.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Final

from homing.errors import Problem, Temporary
from homing.host.api_calls import ApiCalls, Whole
from homing.host.api_event import event_of
from homing.host.event_source import EventSource, identify_listener
from homing.host.http_wire import (
    ANY_ORIGIN,
    Gone,
    Receive,
    Scope,
    Send,
    authority_of,
    departure,
    headers_of,
    pull,
    read_body,
    send_once,
    send_pieces,
    send_ready,
    send_whole,
)
from homing.host.threads import Threads
from homing.host.websocket import WebSockets
from homing.host.websocket_messages import with_door
from homing.jmap.api import authenticate, handle
from homing.jmap.http import Request, Response, busy, fault, render_problem
from homing.jmap.push.event_stream import HEADERS as EVENT_HEADERS
from homing.jmap.push.event_stream import parse_wish
from homing.jmap.request import limit_problem
from homing.jmap.session import DOWNLOAD_PATH, EVENTS_PATH, UPLOAD_PATH
from homing.ledger import keys
from homing.site import Site

HEALTH_PATH: Final = "/healthz"

_PREFLIGHT: Final = [
    ANY_ORIGIN,
    (b"access-control-allow-methods", b"GET, HEAD, POST, OPTIONS"),
    (b"access-control-allow-headers", b"authorization, content-type, last-event-id"),
    (b"access-control-max-age", b"86400"),
]

log = logging.getLogger("homing.host.http")


class HttpApp:
    """The ASGI application of one site. `api` runs what the function answers, `calls` what else is short,
    `streams` what waits for a client; `events` and `websockets` are who is connected and listens."""

    def __init__(
        self,
        site: Site,
        api: ApiCalls,
        calls: Threads,
        streams: Threads,
        events: EventSource,
        websockets: WebSockets,
    ) -> None:
        self._site = site
        self._websockets = websockets
        self._api = api
        self._calls = calls
        self._streams = streams
        self._events = events
        self._limits = {
            "maxConcurrentRequests": site.config.limits.max_concurrent_requests,
            "maxConcurrentUpload": site.config.limits.max_concurrent_upload,
        }
        self._uploads: Counter[str] = Counter()
        self._large: Counter[str] = Counter()
        self._run = secrets.token_hex(4)
        self._number = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request. If the response has begun, an error cannot be told: `send` raises, uvicorn hangs up."""
        if scope["type"] == "websocket":
            await self._websockets.serve(scope, receive, send)
            return
        started = time.monotonic()
        try:
            status = await self._answer(scope, receive, send)
        except Problem as problem:
            status = await send_whole(send, render_problem(problem))
        except Gone:
            status = 499  # as others log it: the client did not wait for the answer
        except Temporary as error:
            log.warning("not now", extra={"path": scope["path"], "error": str(error)})
            status = await send_whole(send, render_problem(busy()))
        except Exception:  # a shell
            log.exception("a request failed", extra={"path": scope["path"]})
            status = await send_whole(send, render_problem(fault()))
        level = logging.DEBUG if status < 400 else logging.INFO
        if log.isEnabledFor(level):
            log.log(level, "%s %s", scope["method"], scope["path"], extra={"status": status, "ms": _ms(started)})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> int:
        method, path = scope["method"], scope["path"]
        asked = "GET" if method == "HEAD" else method
        if method == "OPTIONS":
            return await send_once(send, 204, _PREFLIGHT, b"")
        if path in (HEALTH_PATH, EVENTS_PATH) and method != "GET":
            raise Problem("about:blank", 405, f"{method} is not for this path", allow="GET")
        if path == HEALTH_PATH:
            return await self._health(send)
        if path == EVENTS_PATH:
            return await self._listen(scope, receive, send)
        if path.startswith(UPLOAD_PATH) and method == "POST":
            return await self._upload(scope, receive, send)
        if path.startswith(DOWNLOAD_PATH) and asked == "GET":
            return await self._download(scope, receive, send)
        return await self._call(scope, receive, send)

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> int:
        """A function call."""
        held: list[str] = []

        async def admit() -> None:
            held.append(await self._take_place(scope, self._large, "maxConcurrentRequests"))

        try:
            body = await read_body(scope, receive, self._site.config.limits.max_size_request, admit)
            event = with_door(event_of(scope, b"", self._next_number()), self._site.config.base_url)
            async with self._api.answer(event, body, lambda: departure(receive)) as answer:
                headers = [ANY_ORIGIN, *answer.headers]
                if isinstance(answer, Whole):
                    headers.append((b"content-length", b"%d" % len(answer.body)))
                    return await send_once(send, answer.status, headers, answer.body)
                headers.append((b"content-length", b"%d" % answer.size))
                return await send_ready(send, answer.status, headers, answer.pieces())
        finally:
            self._large -= Counter(held)

    async def _health(self, send: Send) -> int:
        """Whether the store answers; a `Temporary` becomes 503."""
        await self._calls.run(self._site.store.get, keys.SITE, keys.HEAD)
        return await send_once(send, 200, [(b"content-type", b"text/plain"), (b"content-length", b"3")], b"ok\n")

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> int:
        """RFC 8620 §6.1. Who asks is found out before the first byte is read."""
        request = self._request(scope, pull(asyncio.get_running_loop(), receive))
        account = await self._take_place(scope, self._uploads, "maxConcurrentUpload")
        try:
            response = await self._streams.run(handle, self._site, request)
        finally:
            self._uploads -= Counter([account])
        return await send_whole(send, response)

    async def _download(self, scope: Scope, receive: Receive, send: Send) -> int:
        """RFC 8620 §6.2: piece by piece, so that a slow reader costs neither memory nor a thread."""
        response = await self._calls.run(handle, self._site, self._request(scope))
        if isinstance(response.body, bytes) or scope["method"] == "HEAD":
            return await send_whole(send, response)
        return await send_pieces(receive, send, response, self._pieces(iter(response.body)))

    async def _listen(self, scope: Scope, receive: Receive, send: Send) -> int:
        """RFC 8620 §7.3."""
        request = self._request(scope)
        identity = await self._calls.run(identify_listener, self._site, request.headers)
        stream = self._events.open(identity, parse_wish(request.query, request.headers))
        return await send_pieces(receive, send, Response(200, b"", EVENT_HEADERS), stream)

    async def _take_place(self, scope: Scope, places: Counter[str], limit: str) -> str:
        """Find out who asks and count one more of its account, which is returned.

        Raises:
            Problem: 401, or `limit`, as many as the session tells under that name are there already.
        """
        identity = await self._calls.run(authenticate, self._site, headers_of(scope))
        maximum = self._limits[limit]
        if places[identity.account] >= maximum:
            raise limit_problem(limit, maximum)
        places[identity.account] += 1
        return identity.account

    def _next_number(self) -> str:
        """By which the ledger and the log know a request."""
        self._number += 1
        return f"{self._run}-{self._number:x}"

    async def _pieces(self, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
        while (piece := await self._calls.run(next, pieces, None)) is not None:
            yield piece

    def _request(self, scope: Scope, body: bytes | Iterator[bytes] = b"") -> Request:
        headers = headers_of(scope)
        origin = self._site.config.base_url or f"{headers['x-forwarded-proto']}://{authority_of(scope, headers)}"
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        query = scope["query_string"].decode("latin-1")
        return Request(method, scope["raw_path"].decode("latin-1"), headers, origin, query, body, self._next_number())


def _ms(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)
