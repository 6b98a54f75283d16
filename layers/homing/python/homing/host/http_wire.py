"""An HTTP exchange as an ASGI server carries it: reading what a client sends, within bounds, and answering.

Knows neither paths nor functions. RFC 9110.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from typing import Any, Final

from homing.errors import Problem
from homing.jmap.http import Response
from homing.jmap.request import URN

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BODY_SECONDS: Final = 60.0
"""For a whole request to the API, and for each piece of an upload."""

SMALL_BYTES: Final = 64 * 1024
"""Of a request that are read from anybody."""

ANY_ORIGIN: Final = (b"access-control-allow-origin", b"*")


class Gone(Exception):
    """The client has left, or has kept us waiting for too long."""


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


def authority_of(scope: Scope, headers: Mapping[str, str]) -> str:
    """Host and port as the client knows us."""
    host, port = scope["server"] or ("localhost", None)
    return headers.get("host") or (f"{host}:{port}" if port else host)


async def read_body(scope: Scope, receive: Receive, maximum: int, admit: Callable[[], Awaitable[None]]) -> bytes:
    """The whole body. `admit` is asked before more than `SMALL_BYTES` of it are kept: memory is for users.

    Raises:
        Problem: `limit` as soon as it is known to be larger than `maximum`; what follows is not kept.
        Gone: the client has left.
    """
    declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if declared.isdigit() and int(declared) > maximum:
        raise _too_large(maximum)
    body, more, admitted = bytearray(), True, False
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while more:
                if len(body) > SMALL_BYTES and not admitted:
                    await admit()
                    admitted = True
                piece, more = _piece(await receive())
                body += piece
                if len(body) > maximum:
                    raise _too_large(maximum)
    except TimeoutError as error:
        raise Problem("about:blank", 408, f"a request must arrive within {BODY_SECONDS:.0f} seconds") from error
    return bytes(body)


def _too_large(maximum: int) -> Problem:
    return Problem(URN + "limit", 413, f"maxSizeRequest is {maximum}", limit="maxSizeRequest")


def pull(loop: asyncio.AbstractEventLoop, receive: Receive) -> Iterator[bytes]:
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
        raise Gone
    return message.get("body", b""), message.get("more_body", False)


async def send_pieces(receive: Receive, send: Send, response: Response, pieces: AsyncIterator[bytes]) -> int:
    """A streamed response, until it ends or the client leaves."""
    left = asyncio.ensure_future(departure(receive))
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
                raise Gone
            content = piece.result()
            await send({"type": "http.response.body", "body": content or b"", "more_body": content is not None})
            if content is None:
                return response.status
    finally:
        left.cancel()
        await pieces.aclose()  # type: ignore[attr-defined]  # both are generators


async def departure(receive: Receive) -> None:
    """Until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_whole(send: Send, response: Response) -> int:
    """A response whose body is at hand; one that streams is sent without it (HEAD). The status."""
    body = response.body if isinstance(response.body, bytes) else b""
    headers = _headers(response)
    if "content-length" not in response.headers:
        headers.append((b"content-length", b"%d" % len(body)))
    return await send_once(send, response.status, headers, body)


def wire_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI takes them."""
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


def _headers(response: Response) -> list[tuple[bytes, bytes]]:
    return [ANY_ORIGIN, *wire_headers(response.headers)]


async def send_once(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> int:
    """A response as it is; the status."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    return status


async def send_ready(send: Send, status: int, headers: list[tuple[bytes, bytes]], pieces: AsyncIterator[bytes]) -> int:
    """A response in pieces that are there already, as fast as the client reads; the status. To one who has left
    the server sends nothing, and is told so by nobody."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    async for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
    return status
