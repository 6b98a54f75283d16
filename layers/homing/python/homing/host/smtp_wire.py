"""The bytes that a client has sent and that nobody has read yet.

One `Incoming` belongs to one connection. It never looks at what the bytes mean, beyond where a line
ends, and it holds back the client (stops reading from the socket) when nobody takes what has arrived.
It replaces asyncio's StreamReader because a message needs two things which that does not offer: to
search in place for the end of a message, and to leave in the buffer what was pipelined behind it.
"""

from __future__ import annotations

import asyncio
from typing import Final

from homing.errors import Refused

HIGH_WATER: Final = 256 * 1024
"""Unread bytes from which on the socket is left alone until somebody reads."""

MAX_OVERLONG: Final = 1024 * 1024
"""How much of a line without an end is thrown away before the connection counts as lost."""


class Disconnected(Exception):
    """Nothing more will come: the client has gone or was hung up on."""


class Incoming:
    """A buffer between `data_received` and the one coroutine that reads."""

    __slots__ = ("_ended", "_loop", "_paused", "_transport", "_waiter", "buffer")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.buffer = bytearray()
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False
        self._paused = False

    def attach(self, transport: asyncio.Transport) -> None:
        """Read from `transport` from now on (again after STARTTLS)."""
        self._transport = transport
        self._paused = False

    def feed(self, data: bytes) -> None:
        """Take what has arrived; after `end`, throw it away."""
        if self._ended:
            return
        self.buffer += data
        self._wake()
        if len(self.buffer) > HIGH_WATER and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def end(self) -> None:
        """No more will be taken. What is in the buffer can still be read."""
        self._ended = True
        self._resume()
        self._wake()

    @property
    def ended(self) -> bool:
        """Will nothing more be taken?"""
        return self._ended

    async def more(self) -> None:
        """Wait for the next arrival, or the end.

        Raises:
            Disconnected: the end has been already.
        """
        if self._ended:
            raise Disconnected
        self._resume()
        self._waiter = self._loop.create_future()
        await self._waiter

    async def line(self, limit: int) -> bytes:
        """The next line with its line feed.

        Raises:
            Refused: it has more than `limit` bytes; all of it has been read.
            Disconnected: there is no whole line any more.
        """
        end = self.buffer.find(b"\n")
        while end < 0:
            scanned = len(self.buffer)
            if scanned >= limit:
                await self._skip_line()
                break
            await self.more()
            end = self.buffer.find(b"\n", scanned)
        if not 0 <= end < limit:
            del self.buffer[: end + 1]
            raise Refused(500, "5.5.2", "Line too long")
        line = bytes(self.buffer[: end + 1])
        del self.buffer[: end + 1]
        return line

    def has_line(self) -> bool:
        """Is a whole line waiting (a client that pipelines, RFC 2920)?"""
        return b"\n" in self.buffer

    async def _skip_line(self) -> None:
        skipped = 0
        while (end := self.buffer.find(b"\n")) < 0:
            skipped += len(self.buffer)
            if skipped > MAX_OVERLONG:
                raise Disconnected
            self.buffer.clear()
            await self.more()
        del self.buffer[: end + 1]

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _resume(self) -> None:
        if self._paused and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        self._paused = False
