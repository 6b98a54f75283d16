"""How a request to the API is run: a light one in a thread, a heavy one in a side process; in turn between accounts.

Both run `functions/jmap`. Two requests at a time run in threads, and a third if both are one account's, so
that nobody waits long for somebody else's. Whose turn it is goes by the account that the credentials were
last seen to belong to: whether they are good is found out anew by the function, each time.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from functions.jmap.handler import handler
from homing.host.api_event import Event, content_of, with_body
from homing.host.heavy import Answered, Heavy
from homing.host.http_wire import wire_headers
from homing.host.threads import Threads
from homing.host.turns import Turns
from homing.host.weigh import Weight, weigh
from homing.jmap.api import authenticate
from homing.jmap.session import API_PATH
from homing.site import Site

STRANGERS: Final = ""
"""The key of all whose credentials were not seen yet: they share their turns."""
REMEMBERED: Final = 10_000
COURTESY_SECONDS: Final = 0.01
"""For how long a piece of a large answer lets light requests go first: 25 MB/s are left to it at least."""
SLOW_SECONDS: Final = 0.02
"""Of processor time."""


@dataclass(frozen=True, slots=True)
class Whole:
    """An answer at hand."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Memory(OrderedDict[Any, Any]):
    """Keeps the `REMEMBERED` newest."""

    def note(self, key: object, value: object) -> None:
        """Keep it, as the newest."""
        self[key] = value
        self.move_to_end(key)
        if len(self) > REMEMBERED:
            self.popitem(last=False)


class ApiCalls:
    """The API of one host. There are more `threads` than run `together`; belongs to the event loop."""

    def __init__(
        self, site: Site, threads: Threads, heavy: Heavy | None, together: int, *, slow: float = SLOW_SECONDS
    ) -> None:
        """`together` run at once; what took longer than `slow` seconds is heavy when it comes again."""
        self._site = site
        self._slow_seconds = slow
        self._threads = threads
        self._heavy = heavy
        self._turns = Turns(together, spare=1)
        self._accounts = Memory()
        self._slow = Memory()
        self._key = secrets.token_bytes(16)

    @asynccontextmanager
    async def answer(
        self, event: Event, body: bytes, departure: Callable[[], Awaitable[object]]
    ) -> AsyncIterator[Whole | Answered]:
        """The function's answer to `event`, which is without its body. `departure` ends when the client goes.

        Raises:
            Problem: 401; `limit` for too many heavy requests at once.
            Temporary: a heavy request could not be run.
            Gone: so has the client, before its request was done.
        """
        account = await self.account_of(event["headers"])
        weight = self._weigh(event, body)
        if self._heavy is None or not account or not (weight.heavy or (account, weight.shape) in self._slow):
            yield await self._light(account, with_body(event, body), weight)
            return
        gone = asyncio.ensure_future(departure())
        try:
            async with self._heavy.answer(account, event, body, gone) as answered:
                gone.cancel()  # from now on sending tells
                yield replace(answered, give_way=partial(self._turns.quiet, COURTESY_SECONDS))
        finally:
            gone.cancel()

    async def account_of(self, headers: Mapping[str, str]) -> str:
        """The account that these credentials belong to; `STRANGERS` without any.

        Raises:
            Problem: 401, they are nobody's.
        """
        credentials = headers.get("authorization")
        if credentials is None:
            return STRANGERS
        digest = hashlib.blake2b(credentials.encode(), key=self._key, digest_size=16).digest()
        known: str | None = self._accounts.get(digest)
        if known is None:
            identity = await self._in_turn(STRANGERS, authenticate, self._site, headers)
            known = identity.account
            self._accounts.note(digest, known)
        return known

    def _weigh(self, event: Event, body: bytes) -> Weight:
        if event["rawPath"] != API_PATH or self._heavy is None:
            return Weight(0)
        return weigh(body, self._site.config.limits)

    async def _light(self, account: str, event: Event, weight: Weight) -> Whole:
        answer, seconds = await self._in_turn(account, _timed, event)
        if seconds > self._slow_seconds and weight.shape:
            self._slow.note((account, weight.shape), None)
        return Whole(answer["statusCode"], wire_headers(answer["headers"]), content_of(answer))

    async def _in_turn(self, account: str, function: Callable[..., Any], *arguments: Any) -> Any:
        await self._turns.take(account)
        try:
            return await self._threads.run(function, *arguments)
        finally:
            self._turns.give(account)


def _timed(event: Event) -> tuple[Event, float]:
    """The function's answer, and the processor time that it took."""
    began = time.thread_time()
    answer = handler(event, None)
    return answer, time.thread_time() - began
