"""HTTP in front of the functions: an ASGI application without a framework.

A request becomes an API Gateway event (payload format 2.0) for `functions/jmap`, in a thread; uploads,
downloads and the event source, which are streams, go straight to the JMAP room. What a client sends is
bounded while it is read. CORS is open to every origin: no cookies are used, and who has the password or
the token may use it from anywhere. Logs neither headers nor bodies.

RFC 9110; RFC 8620 §2.2, §3, §6, §7.3; RFC 7807.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from typing import Any, Final

from functions.jmap.handler import handler
from homing.errors import Problem, Temporary
from homing.host.events import EventSource, parse_wish
from homing.host.threads import Threads
from homing.jmap.api import Request, Response, authenticate, handle, render_problem
from homing.jmap.request import URN, limit_problem
from homing.jmap.session import DOWNLOAD_PATH, EVENTS_PATH, UPLOAD_PATH
from homing.ledger import keys
from homing.site import Site

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Event = dict[str, Any]

HEALTH_PATH: Final = "/healthz"
BODY_SECONDS: Final = 60.0
"""For a whole request to the API, and for each piece of an upload."""

_ANY_ORIGIN: Final = (b"access-control-allow-origin", b"*")
_PREFLIGHT: Final = [
    _ANY_ORIGIN,
    (b"access-control-allow-methods", b"GET, HEAD, POST, OPTIONS"),
    (b"access-control-allow-headers", b"authorization, content-type, last-event-id"),
    (b"access-control-max-age", b"86400"),
]

log = logging.getLogger("homing.host.http")


class HttpApp:
    """The ASGI application of one site. `calls` runs what is short, `streams` what waits for a client."""

    def __init__(self, site: Site, calls: Threads, streams: Threads, events: EventSource) -> None:
        self._site = site
        self._calls = calls
        self._streams = streams
        self._events = events
        self._uploads: Counter[str] = Counter()
        self._number = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request. If the response has begun, an error cannot be told: `send` raises, uvicorn hangs up."""
        started = time.monotonic()
        try:
            status = await self._answer(scope, receive, send)
        except Problem as problem:
            status = await _send_whole(send, render_problem(problem))
        except _Gone:
            status = 499  # as others log it: the client did not wait for the answer
        except Temporary as error:
            log.warning("not now", extra={"path": scope["path"], "error": str(error)})
            status = await _send_whole(send, render_problem(Problem("about:blank", 503, "try again later")))
        except Exception:  # a shell
            log.exception("a request failed", extra={"path": scope["path"]})
            status = await _send_whole(
                send, render_problem(Problem("about:blank", 500, "a fault of ours; it was logged"))
            )
        level = logging.DEBUG if status < 400 else logging.INFO
        if log.isEnabledFor(level):
            log.log(level, "%s %s", scope["method"], scope["path"], extra={"status": status, "ms": _ms(started)})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> int:
        method, path = scope["method"], scope["path"]
        asked = "GET" if method == "HEAD" else method
        if method == "OPTIONS":
            return await _send(send, 204, _PREFLIGHT, b"")
        if path == HEALTH_PATH and asked == "GET":
            return await self._health(send)
        if path == EVENTS_PATH and method == "GET":
            return await self._listen(scope, receive, send)
        if path.startswith(UPLOAD_PATH) and method == "POST":
            return await self._upload(scope, receive, send)
        if path.startswith(DOWNLOAD_PATH) and asked == "GET":
            return await self._download(scope, receive, send)
        return await self._call(scope, receive, send)

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> int:
        """A function call."""
        body = await _read_body(scope, receive, self._site.config.limits.max_size_request)
        self._number += 1
        answer = await self._calls.run(handler, event_of(scope, body, f"{self._number:x}"), None)
        status, content = answer["statusCode"], answer["body"]
        raw = base64.b64decode(content) if answer.get("isBase64Encoded") else content.encode()
        headers = [(name.encode(), value.encode("latin-1")) for name, value in answer["headers"].items()]
        return await _send(send, status, [_ANY_ORIGIN, *headers, (b"content-length", b"%d" % len(raw))], raw)

    async def _health(self, send: Send) -> int:
        """Whether the store answers; a `Temporary` becomes 503."""
        await self._calls.run(self._site.store.get, keys.SITE, keys.HEAD)
        return await _send(send, 200, [(b"content-type", b"text/plain"), (b"content-length", b"3")], b"ok\n")

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> int:
        """RFC 8620 §6.1. Who asks is found out before the first byte is read."""
        request = self._request(scope, _pull(asyncio.get_running_loop(), receive))
        identity = await self._calls.run(authenticate, self._site, request.headers)
        maximum = self._site.config.limits.max_concurrent_upload
        if self._uploads[identity.account] >= maximum:
            raise limit_problem("maxConcurrentUpload", maximum)
        self._uploads[identity.account] += 1
        try:
            response = await self._streams.run(handle, self._site, request)
        finally:
            self._uploads -= Counter([identity.account])
        return await _send_whole(send, response)

    async def _download(self, scope: Scope, receive: Receive, send: Send) -> int:
        """RFC 8620 §6.2: piece by piece, so that a slow reader costs neither memory nor a thread."""
        response = await self._calls.run(handle, self._site, self._request(scope))
        if isinstance(response.body, bytes) or scope["method"] == "HEAD":
            return await _send_whole(send, response)
        return await _send_pieces(receive, send, response, self._pieces(iter(response.body)))

    async def _listen(self, scope: Scope, receive: Receive, send: Send) -> int:
        """RFC 8620 §7.3."""
        request = self._request(scope)
        identity = await self._calls.run(authenticate, self._site, request.headers)
        stream = self._events.open(identity, parse_wish(request.query, request.headers))
        headers = {"content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no"}
        return await _send_pieces(receive, send, Response(200, b"", headers), stream)

    async def _pieces(self, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
        while (piece := await self._calls.run(next, pieces, None)) is not None:
            yield piece

    def _request(self, scope: Scope, body: bytes | Iterator[bytes] = b"") -> Request:
        headers = headers_of(scope)
        origin = self._site.config.base_url or f"{headers['x-forwarded-proto']}://{_authority(scope, headers)}"
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        query = scope["query_string"].decode("latin-1")
        self._number += 1
        return Request(method, scope["raw_path"].decode("latin-1"), headers, origin, query, body, f"{self._number:x}")


def event_of(scope: Scope, body: bytes, number: str) -> Event:
    """A request as an API Gateway HTTP API sends it to a function (payload format 2.0)."""
    headers = headers_of(scope)
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    path = scope["raw_path"].decode("latin-1")
    event: Event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": scope["query_string"].decode("latin-1"),
        "headers": headers,
        "requestContext": {
            "domainName": _authority(scope, headers),
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": (scope["client"] or ("",))[0]},
            "requestId": number,
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }
    if body:
        try:
            event["body"] = body.decode()
        except UnicodeDecodeError:
            event["body"], event["isBase64Encoded"] = base64.b64encode(body).decode(), True
    return event


def headers_of(scope: Scope) -> dict[str, str]:
    """Headers by lower-case name, repeated ones joined (RFC 9110 §5.3). `x-forwarded-proto` is always
    there: a proxy's word, or else how the client reached us."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if headers.get("x-forwarded-proto") not in ("http", "https"):
        headers["x-forwarded-proto"] = scope["scheme"]
    return headers


class _Gone(Exception):
    """The client has left, or has kept us waiting for too long."""


def _authority(scope: Scope, headers: Mapping[str, str]) -> str:
    host, port = scope["server"] or ("localhost", None)
    return headers.get("host") or (f"{host}:{port}" if port else host)


async def _read_body(scope: Scope, receive: Receive, maximum: int) -> bytes:
    """The whole body.

    Raises:
        Problem: `limit` as soon as it is known to be larger than `maximum`; what follows is not kept.
        _Gone: the client has left.
    """
    declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if declared.isdigit() and int(declared) > maximum:
        raise _too_large(maximum)
    pieces, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                piece, more = _piece(await receive())
                pieces.append(piece)
                size += len(piece)
                if size > maximum:
                    raise _too_large(maximum)
                if not more:
                    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    except TimeoutError as error:
        raise Problem("about:blank", 408, f"a request must arrive within {BODY_SECONDS:.0f} seconds") from error


def _too_large(maximum: int) -> Problem:
    return Problem(URN + "limit", 413, f"maxSizeRequest is {maximum}", limit="maxSizeRequest")


def _pull(loop: asyncio.AbstractEventLoop, receive: Receive) -> Iterator[bytes]:
    """An upload's pieces, for a thread: each is asked for when the one before is stored, so that a slow
    disk slows the client. Nothing is read before the first is asked for (`Expect: 100-continue`)."""
    more = True
    while more:
        message = asyncio.run_coroutine_threadsafe(_next_piece(receive), loop).result()
        piece, more = _piece(message)
        if piece:
            yield piece


async def _next_piece(receive: Receive) -> Message:
    try:
        return await asyncio.wait_for(receive(), BODY_SECONDS)
    except TimeoutError as error:
        raise Problem("about:blank", 408, f"nothing was received for {BODY_SECONDS:.0f} seconds") from error


def _piece(message: Message) -> tuple[bytes, bool]:
    if message["type"] == "http.disconnect":
        raise _Gone
    return message.get("body", b""), message.get("more_body", False)


async def _send_pieces(receive: Receive, send: Send, response: Response, pieces: AsyncIterator[bytes]) -> int:
    """A streamed response, until it ends or the client leaves."""
    left = asyncio.ensure_future(_departure(receive))
    try:
        await send({"type": "http.response.start", "status": response.status, "headers": _headers(response)})
        following = aiter(pieces)
        while True:
            piece = asyncio.ensure_future(anext(following, None))
            await asyncio.wait({piece, left}, return_when=asyncio.FIRST_COMPLETED)
            if not piece.done() or left.done():
                piece.cancel()
                with suppress(asyncio.CancelledError):
                    await piece
                raise _Gone
            content = piece.result()
            await send({"type": "http.response.body", "body": content or b"", "more_body": content is not None})
            if content is None:
                return response.status
    finally:
        left.cancel()
        await pieces.aclose()  # type: ignore[attr-defined]  # both are generators


async def _departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_whole(send: Send, response: Response) -> int:
    body = response.body if isinstance(response.body, bytes) else b""
    headers = _headers(response)
    if "content-length" not in response.headers:
        headers.append((b"content-length", b"%d" % len(body)))
    return await _send(send, response.status, headers, body)


def _headers(response: Response) -> list[tuple[bytes, bytes]]:
    return [_ANY_ORIGIN, *((name.encode(), value.encode("latin-1")) for name, value in response.headers.items())]


async def _send(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> int:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    return status


def _ms(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)
