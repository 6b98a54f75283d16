"""Who goes next where only a few may go at once: in turn between keys, in order of arrival within one.

A key is an account. One that asks a hundred times waits for itself; another that then asks once is next.
All on one event loop, hence without locks, and for whoever finds a place free it is two look-ups.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import Hashable


class Turns:
    """Places for `most` at once, at most `each` of one key; `spare` more are kept for when all who are there
    are of one key, so that another one never waits for somebody's long work."""

    def __init__(self, most: int, *, each: int | None = None, spare: int = 0) -> None:
        self._most = most
        self._each = most if each is None else each
        self._spare = spare
        self._taken: dict[Hashable, int] = {}
        self._total = 0
        self._waiting: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()
        self._quiet = asyncio.Event()
        self._quiet.set()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    async def take(self, key: Hashable) -> None:
        """Take a place, as soon as it is this key's turn. Who is cancelled while waiting has none."""
        if key not in self._waiting and self._is_free(key):
            self._count(key, 1)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it came at the same moment
                self.give(key)
            else:
                self._forget(key, turn)
            raise

    def give(self, key: Hashable) -> None:
        """Give a place back."""
        self._count(key, -1)
        while self._waiting and self._let_one_in():
            pass

    async def quiet(self, seconds: float) -> None:
        """Wait until nobody has a place, for at most so long."""
        if not self._quiet.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._quiet.wait(), seconds)

    def _let_one_in(self) -> bool:
        key = next((key for key in self._waiting if self._is_free(key)), None)
        if key is None:
            return False
        turn = self._waiting[key][0]
        self._forget(key, turn)
        if key in self._waiting:
            self._waiting.move_to_end(key)
        if not turn.done():  # else who waited was cancelled this very moment, and takes no place
            self._count(key, 1)
            turn.set_result(None)
        return True

    def _is_free(self, key: Hashable) -> bool:
        own = self._taken.get(key, 0)
        if self._total < self._most:
            return own < self._each
        return self._total < self._most + self._spare and not own and len(self._taken) == 1

    def _count(self, key: Hashable, number: int) -> None:
        self._total += number
        if self._total:
            self._quiet.clear()
        else:
            self._quiet.set()
        left = self._taken.get(key, 0) + number
        if left:
            self._taken[key] = left
        else:
            self._taken.pop(key, None)

    def _forget(self, key: Hashable, turn: asyncio.Future[None]) -> None:
        line = self._waiting.get(key)
        if line is not None and turn in line:
            line.remove(turn)
            if not line:
                del self._waiting[key]
