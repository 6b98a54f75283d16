"""The event source (RFC 8620 §7.3): what a client asks for, and the events as they are written.

Where a response cannot stay open (a function), it is answered at once with what has changed since the last
event that the client saw, and with when to come back: to the client an event source that is often interrupted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

import msgspec

from homing.errors import Problem
from homing.jmap.catalogue import wanted_types
from homing.jmap.context import Context
from homing.jmap.http import Request, Response
from homing.jmap.push.accounts import visible_accounts
from homing.jmap.push.changes import Changed, changed_since, known_positions, parse_token, render_token, state_change

SHORTEST_PING: Final = 5
LONGEST_PING: Final = 900
"""Seconds. RFC 8620 §7.3: the shortest may be at most 30, the longest at least 300."""
DEFAULT_PING: Final = 300
COME_BACK_MS: Final = 30_000
HEADERS: Final = {"content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no"}

_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client asks for: its types (None: all), whether one event is enough, seconds between pings (0: none),
    and the id of the last event that it saw."""

    types: frozenset[str] | None = None
    close_after_state: bool = False
    ping: int = 0
    last: str | None = None


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
    wanted = None if types == "*" else frozenset(types.split(","))
    seconds = min(max(int(ping), SHORTEST_PING), LONGEST_PING) if int(ping) else 0
    return Wish(wanted, close == "state", seconds, headers.get("last-event-id"))


def state_event(changed: Changed, token: str) -> bytes:
    """A StateChange as an event, whose id stands for all that the user sees."""
    return b"event: state\nid: %s\ndata: %s\n\n" % (token.encode(), _encode(state_change(changed)))


def ping_event(seconds: int) -> bytes:
    """It has no id: nothing has changed."""
    return b"event: ping\ndata: %s\n\n" % _encode({"interval": seconds})


def answer_at_once(context: Context, request: Request) -> Response:
    """What has changed since the client was last here, and the id to come back with.

    Raises:
        Problem: as `parse_wish`.
        MethodError: the account is disabled.
    """
    wish, own = parse_wish(request.query, request.headers), context.identity.account
    heads = {account: context.view(account).head for account in visible_accounts(context)}
    token = render_token(own, heads)
    body = b"retry: %d\nid: %s\n\n" % (COME_BACK_MS, token.encode())
    known = parse_token(own, wish.last)
    if known is not None:
        changed = changed_since(heads, known_positions(heads, known), wanted_types(wish.types))
        body += state_event(changed, token) if changed else b""
    return Response(200, body, HEADERS)
