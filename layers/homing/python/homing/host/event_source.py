"""The event source (RFC 8620 §7.3): tells a client over one long response which states have changed.

A `state` event carries a StateChange (§7.1); its id stands for all that the user sees, so a client that comes
back with `Last-Event-ID` hears at once of what it missed. Several commits while a client is slow to read
become one event. Who may listen is decided before; how it is written is in `jmap.push.event_stream`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Final
from weakref import WeakKeyDictionary

from homing.directory.credentials import Identity
from homing.errors import Problem
from homing.host.follower import LOOK_SECONDS, Follower, is_welcome, see
from homing.host.tailer import Tailer
from homing.host.threads import Threads
from homing.jmap.api import authenticate
from homing.jmap.catalogue import wanted_types
from homing.jmap.push.event_stream import Wish, ping_event, state_event
from homing.jmap.request import limit_problem
from homing.site import Site

MAX_PER_ACCOUNT: Final = 16


class EventSource:
    """The connected clients of this process. `look` is after how many seconds credentials are looked at again."""

    def __init__(self, site: Site, tailer: Tailer, calls: Threads, look: float = LOOK_SECONDS) -> None:
        self._site = site
        self._tailer = tailer
        self._calls = calls
        self._look = look
        self._open: WeakKeyDictionary[AsyncIterator[bytes], str] = WeakKeyDictionary()
        self._closed = asyncio.Event()

    def close(self) -> None:
        """Let every stream end; clients come back by themselves, with the position that they know."""
        self._closed.set()

    def open(self, identity: Identity, wish: Wish) -> AsyncIterator[bytes]:
        """The stream for one client, which ends when the wish says so, when the client's credentials are
        revoked, or when the host stops.

        Raises:
            Problem: `limit`, too many streams of one account.
        """
        if list(self._open.values()).count(identity.account) >= MAX_PER_ACCOUNT:
            raise limit_problem("maxConcurrentEventSources", MAX_PER_ACCOUNT)
        stream = self._stream(identity, wish)
        self._open[stream] = identity.account  # from now on, not from its first event on, and as long as it is held
        return stream

    async def _stream(self, identity: Identity, wish: Wish) -> AsyncIterator[bytes]:
        listener = Follower(self._site, identity, self._tailer, self._calls)
        try:
            await listener.open(wish.last)
            yield b": listening\n\n"
            with contextlib.suppress(Problem):  # what he listened to is closed to him now
                async for event in self._events(identity, listener, wish):
                    yield event
        finally:
            listener.close()

    async def _events(self, identity: Identity, listener: Follower, wish: Wish) -> AsyncIterator[bytes]:
        loop, types = asyncio.get_running_loop(), wanted_types(wish.types)
        last = looked = loop.time()
        while not self._closed.is_set():
            if loop.time() >= looked + self._look:
                if not await self._calls.run(is_welcome, self._site, identity):
                    return
                looked = loop.time()
            if changed := await listener.take(types):
                yield state_event(changed, listener.token)
                if wish.close_after_state:
                    return
                last = loop.time()
            elif wish.ping and loop.time() >= last + wish.ping:
                yield ping_event(wish.ping)
                last = loop.time()
            else:
                until = min(looked + self._look, last + wish.ping if wish.ping else looked + self._look)
                await listener.wait(self._closed, timeout=max(0.0, until - loop.time()))


def identify_listener(site: Site, headers: Mapping[str, str]) -> Identity:
    """Who wants to listen.

    Raises:
        Problem: 401, or 403 for a disabled account.
    """
    identity = authenticate(site, headers)
    see(site, identity)
    return identity
