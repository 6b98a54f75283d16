"""A few threads for synchronous work that an event loop waits for.

Leaner than `loop.run_in_executor`: one future and one wake-up for each call, and no locks but the
queue's own. Which thread runs what is left to chance; how many there are bounds what runs at once.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

_Job = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Any]", Callable[..., Any], tuple[Any, ...]]


class Threads:
    """`size` threads that run what the event loop gives them, in order of arrival."""

    def __init__(self, size: int, name: str) -> None:
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads = [threading.Thread(target=self._work, name=f"{name}-{n}", daemon=True) for n in range(size)]
        for thread in self._threads:
            thread.start()

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run `function` in one of the threads; return its result or raise its error.

        When the caller is cancelled, a call that waits is dropped, and one that runs ends unheard.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.put((loop, future, function, arguments))
        return await future

    def close(self, timeout: float | None = None) -> bool:
        """Run what waits, then end; whether every thread has ended within `timeout` seconds each."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(timeout)
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            loop, future, function, arguments = job
            if future.cancelled():
                continue
            try:
                result = function(*arguments)
            except BaseException as error:
                settle(loop, future.set_exception, future, error)
            else:
                settle(loop, future.set_result, future, result)
            del job, future, arguments  # an idle thread holds nothing


def settle(
    loop: asyncio.AbstractEventLoop, how: Callable[[Any], None], future: asyncio.Future[Any], value: Any
) -> None:
    """Settle a future from another thread, unless it was cancelled or its loop has gone meanwhile."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(_settle, how, future, value)


def _settle(how: Callable[[Any], None], future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        how(value)
