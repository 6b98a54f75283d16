"""Heavy requests run beside the others, in a side process: a thread would hold up every small one.

One Python runs one thread at a time, and a request for thousands of emails is seconds of work. So it is
handed to `side_process`, which is started with the first of them, ends when there have been none for a
while, and is replaced when it dies or has grown. One request of an account at a time, in turn between
accounts. Bodies go through files without names, so that neither a large answer nor a slow reader takes
memory here. Knows nothing of JMAP. RFC 8620 §2 (maxConcurrentRequests).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import IO, Any, Final

from homing.config import Config
from homing.errors import Temporary
from homing.host.api_event import Event
from homing.host.http_wire import Gone, wire_headers
from homing.host.side_wire import (
    EMPTY,
    LENGTH,
    PIECE,
    Begin,
    Done,
    Order,
    Told,
    folder_for_files,
    frame,
    length_of,
    said_by_side,
    send_order,
)
from homing.host.turns import Turns
from homing.jmap.request import limit_problem
from homing.ports.store import Batch, Put

WAITING: Final = 64
"""Heavy requests that wait, run, or are being answered, of all accounts together."""
LONGEST_SECONDS: Final = 120.0
IDLE_SECONDS: Final = 300.0
GROWN_BYTES: Final = 400 * 1024 * 1024
"""Memory with which a side process is replaced by a fresh one."""

Announce = Callable[[Batch], None]

log = logging.getLogger("homing.host.heavy")


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer whose body of `size` bytes lies in a file. Before each piece of it `give_way` is awaited."""

    status: int
    headers: list[tuple[bytes, bytes]]
    size: int
    file: IO[bytes]
    give_way: Callable[[], Awaitable[None]] = field(default=lambda: asyncio.sleep(0))

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body. Just written, it comes from memory."""
        at = 0
        while at < self.size:
            await self.give_way()
            piece = os.pread(self.file.fileno(), PIECE, at)
            at += len(piece)
            yield piece


class Side:
    """One side process. One request at a time; after an error it must not be used again."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        orders: socket.socket,
        answers: asyncio.StreamReader,
        end: Callable[[], None],
    ) -> None:
        """`end` closes the stream of answers."""
        self._process = process
        self._orders = orders
        self._answers = answers
        self._end = end
        self.held = 0

    async def run(self, order: Order, files: tuple[int, int], gone: asyncio.Future[Any], announce: Announce) -> Done:
        """The answer to an order; `gone` is done when nobody waits for it any more.

        Raises:
            Temporary: the process died, or took too long.
        """
        try:
            send_order(self._orders, order, files)
            gone.add_done_callback(self._give_up)
            async with asyncio.timeout(LONGEST_SECONDS):
                while isinstance(said := await self._hear(), Told):
                    announce(Batch(tuple(map(Put, said.rows))))
        except TimeoutError as error:
            raise Temporary("tookTooLong", "the request took too long") from error
        except (OSError, asyncio.IncompleteReadError) as error:
            raise Temporary("sideProcessDied", "the process for large requests ended", reason=repr(error)) from error
        finally:
            gone.remove_done_callback(self._give_up)
        self.held = said.held
        return said

    async def _hear(self) -> Told | Done:
        size = length_of(await self._answers.readexactly(LENGTH))
        return said_by_side(await self._answers.readexactly(size))

    def _give_up(self, _gone: asyncio.Future[Any]) -> None:
        with contextlib.suppress(OSError):
            self._orders.send(EMPTY)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """End it now: what it was committing is whole or not there at all."""
        self._hang_up()
        self._process.kill()
        self._process.wait()

    async def close(self, timeout: float) -> None:
        """Let it end by itself; kill it after `timeout` seconds."""
        self._hang_up()
        try:
            await asyncio.to_thread(self._process.wait, timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def _hang_up(self) -> None:
        self._orders.close()
        self._end()


async def start_side(config: Config, home: str) -> Side:
    """Start a side process for the home that `config` describes.

    Raises:
        Temporary: the system has no room for one.
    """
    orders, orders_there = socket.socketpair()
    answers, answers_there = socket.socketpair()
    numbers = (orders_there.fileno(), answers_there.fileno())
    command = [sys.executable, "-m", "homing.host.side_process", *map(str, numbers)]
    nothing = subprocess.DEVNULL
    try:
        with orders_there, answers_there:
            process = await asyncio.to_thread(
                subprocess.Popen, command, stdin=nothing, stdout=nothing, pass_fds=numbers
            )
            reader, writer = await asyncio.open_unix_connection(sock=answers)
            orders.sendall(frame(Begin(home, config, logging.getLogger("homing").getEffectiveLevel())))
    except OSError as error:
        orders.close()
        answers.close()
        raise Temporary("noSideProcess", "no process for large requests", reason=str(error)) from error
    return Side(process, orders, reader, writer.close)


class Heavy:
    """The heavy requests of one host. `announce` gets what they commit, on the event loop."""

    def __init__(self, config: Config, home: str, announce: Announce, sides: int) -> None:
        self._config = config
        self._home = home
        self._announce = announce
        self._turns = Turns(sides, each=1)
        self._idle: list[Side] = []
        self._busy: set[Side] = set()
        self._places: Counter[str] = Counter()
        self._retiring: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def answer(
        self, account: str, event: Event, body: bytes, gone: asyncio.Future[Any]
    ) -> AsyncIterator[Answered]:
        """Run a request; its answer can be read until the context ends.

        Raises:
            Problem: `limit`, too many requests of this account.
            Temporary: too many of all, or the side process died.
            Gone: so has the client.
        """
        with self._place(account), self._file() as question, self._file() as answer:
            question.write(body)
            question.seek(0)
            await self._turn(account, gone)
            try:
                order, files = Order(event, len(body)), (question.fileno(), answer.fileno())
                done = await self._run(order, files, gone)
            finally:
                self._turns.give(account)
            if not done.status:
                raise Gone
            yield Answered(done.status, wire_headers(done.headers), done.size, answer)

    @contextlib.contextmanager
    def _place(self, account: str) -> Any:
        maximum = self._config.limits.max_concurrent_requests
        if self._places[account] >= maximum:
            raise limit_problem("maxConcurrentRequests", maximum)
        if self.places >= WAITING:
            raise Temporary("busy", "too many large requests at once")
        self._places[account] += 1
        try:
            yield
        finally:
            self._places -= Counter([account])

    def _file(self) -> IO[bytes]:
        return TemporaryFile(buffering=0, dir=folder_for_files(self._config))

    async def _turn(self, account: str, gone: asyncio.Future[Any]) -> None:
        """Wait for this account's turn, no longer than its client does."""
        turn = asyncio.ensure_future(self._turns.take(account))
        try:
            await asyncio.wait({turn, gone}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self._leave(turn, account)
            raise
        if gone.done():
            await self._leave(turn, account)
            raise Gone

    async def _leave(self, turn: asyncio.Task[None], account: str) -> None:
        if turn.done() and not turn.cancelled():
            self._turns.give(account)
        turn.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await turn

    async def _run(self, order: Order, files: tuple[int, int], gone: asyncio.Future[Any]) -> Done:
        side = await self._side()
        self._busy.add(side)
        try:
            done = await side.run(order, files, gone, self._announce)
        except BaseException as error:
            log.warning("a process for large requests is replaced", extra={"pid": side.pid, "error": str(error)})
            side.kill()
            raise
        finally:
            self._busy.discard(side)
        if side.held > GROWN_BYTES:
            await side.close(1.0)
        else:
            self._keep(side)
        return done

    async def _side(self) -> Side:
        """One that is idle, or a new one: there are never more than turns."""
        if self._retiring is not None:
            self._retiring.cancel()
        while self._idle:
            side = self._idle.pop()
            if side.is_alive:
                return side
            side.kill()
        return await start_side(self._config, self._home)

    def _keep(self, side: Side) -> None:
        self._idle.append(side)
        self._retiring = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._retire)

    def _retire(self) -> None:
        while self._idle:
            side = self._idle.pop()
            side.kill()  # it does nothing

    @property
    def pids(self) -> list[int]:
        """The side processes that there are."""
        return [side.pid for side in (*self._idle, *self._busy)]

    @property
    def places(self) -> int:
        """Requests that wait, run, or are being answered."""
        return self._places.total()

    async def close(self, timeout: float) -> None:
        """End: what runs has `timeout` seconds."""
        if self._retiring is not None:
            self._retiring.cancel()
        sides = [*self._idle, *self._busy]
        self._idle.clear()
        await asyncio.gather(*(side.close(timeout) for side in sides))
