"""The event source (RFC 8620 §7.3): tells a client over one long response which states have changed.

A `state` event carries a StateChange (§7.1); its id is the account's position, so a client that comes
back with `Last-Event-ID` hears at once of what it missed. Several commits while a client is slow to read
become one event. Knows accounts and states; who may listen is decided before.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs
from weakref import WeakKeyDictionary

import msgspec

from homing.directory.credentials import Identity
from homing.errors import HomingError, MethodError, Problem
from homing.host.tailer import Subscription, Tailer
from homing.host.threads import Threads
from homing.jmap.api import TYPES, authenticate
from homing.jmap.context import Context
from homing.jmap.request import limit_problem
from homing.ledger.rows import Head
from homing.site import Site

SHORTEST_PING: Final = 5
LONGEST_PING: Final = 900
"""Seconds. RFC 8620 §7.3: the shortest may be at most 30, the longest at least 300."""
DEFAULT_PING: Final = 300
MAX_PER_ACCOUNT: Final = 16
POLL_SECONDS: Final = 1.0
LONGEST_STREAM: Final = 3_600.0
"""Seconds after which a client must come back and sign in anew: a password may have been changed meanwhile."""

PUSHED: Final = frozenset(type.name for type in TYPES if type.has_changes)
"""Types whose states are told."""

_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client asks for: its types, whether one event is enough, seconds between pings (0: none),
    and the position that it knows already."""

    types: frozenset[str]
    close_after_state: bool = False
    ping: int = 0
    known: int | None = None


def parse_wish(query: str, headers: Mapping[str, str]) -> Wish:
    """The wish in a request.

    Raises:
        Problem: 400, for arguments that are not those of RFC 8620 §7.3.
    """
    given = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
    types, close, ping = given.get("types", "*"), given.get("closeafter", "no"), given.get("ping", str(DEFAULT_PING))
    if close not in ("state", "no"):
        raise Problem("about:blank", 400, "closeafter is state or no")
    if not (ping.isascii() and ping.isdecimal() and len(ping) < 10):
        raise Problem("about:blank", 400, "ping is a number of seconds")
    wanted = PUSHED if types == "*" else PUSHED & set(types.split(","))
    last = headers.get("last-event-id", "")
    known = int(last) if last.isascii() and last.isdecimal() and len(last) < 16 else None
    seconds = min(max(int(ping), SHORTEST_PING), LONGEST_PING) if int(ping) else 0
    return Wish(wanted, close == "state", seconds, known)


class EventSource:
    """The connected clients of this process."""

    def __init__(self, tailer: Tailer, calls: Threads) -> None:
        self._tailer = tailer
        self._calls = calls
        self._open: WeakKeyDictionary[AsyncIterator[bytes], str] = WeakKeyDictionary()
        self._closed = asyncio.Event()

    def close(self) -> None:
        """Let every stream end; clients come back by themselves, with the position that they know."""
        self._closed.set()

    def open(self, identity: Identity, wish: Wish) -> AsyncIterator[bytes]:
        """The stream for one client, which ends when the wish says so or when the host stops.

        Raises:
            Problem: `limit`, too many streams of one account.
        """
        if list(self._open.values()).count(identity.account) >= MAX_PER_ACCOUNT:
            raise limit_problem("maxConcurrentEventSources", MAX_PER_ACCOUNT)
        stream = self._stream(identity.account, wish)
        self._open[stream] = identity.account  # from now on, not from its first event on, and as long as it is held
        return stream

    async def poll(self) -> None:
        """Look for commits of other processes, for ever."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if accounts := self._tailer.accounts:
                with contextlib.suppress(HomingError):  # the store is busy: next time
                    self._tailer.advance(await self._calls.run(self._tailer.read, accounts))

    async def _stream(self, account: str, wish: Wish) -> AsyncIterator[bytes]:
        subscription = self._tailer.subscribe(account)
        try:
            # subscribed first, read then: no commit can fall between the two
            self._tailer.advance(await self._calls.run(self._tailer.read, [account]))
            now = subscription.head.seq
            told = now if wish.known is None else wish.known if wish.known <= now else 0
            yield b": listening\n\n"
            async for event in self._events(subscription, wish, told):
                yield event
        finally:
            self._tailer.unsubscribe(subscription)

    async def _events(self, subscription: Subscription, wish: Wish, told: int) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        end, last = loop.time() + LONGEST_STREAM, loop.time()
        while not self._closed.is_set() and loop.time() < end:
            subscription.moved.clear()
            head = subscription.head
            changed, told = states_since(head, told, wish.types), head.seq
            if changed:
                yield state_event(subscription.account, head, changed)
                if wish.close_after_state:
                    return
                last = loop.time()
            elif wish.ping and loop.time() >= last + wish.ping:
                yield ping_event(wish.ping)
                last = loop.time()
            else:
                await self._wait(subscription, (min(end, last + wish.ping) if wish.ping else end) - loop.time())

    async def _wait(self, subscription: Subscription, seconds: float) -> None:
        """Until the account moves or the host stops, at most `seconds`."""
        waits = {asyncio.ensure_future(subscription.moved.wait()), asyncio.ensure_future(self._closed.wait())}
        try:
            await asyncio.wait(waits, timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def identify_listener(site: Site, headers: Mapping[str, str]) -> Identity:
    """Who wants to listen.

    Raises:
        Problem: 401, or 403 for a disabled account.
    """
    identity = authenticate(site, headers)
    try:
        Context(site, identity, "").view(identity.account)
    except MethodError as error:
        raise Problem("about:blank", 403, error.description or error.type) from error
    return identity


def states_since(head: Head, seq: int, types: frozenset[str]) -> dict[str, str]:
    """The states of the wanted types that have moved since a position."""
    return {type: head.state(type) for type in sorted(types) if head.states.get(type, 0) > seq}


def state_event(account: str, head: Head, changed: Mapping[str, str]) -> bytes:
    """A StateChange as an event."""
    body: dict[str, Any] = {"@type": "StateChange", "changed": {account: changed}}
    return b"event: state\nid: %d\ndata: %s\n\n" % (head.seq, _encode(body))


def ping_event(seconds: int) -> bytes:
    """It has no id: nothing has changed."""
    return b"event: ping\ndata: %s\n\n" % _encode({"interval": seconds})
