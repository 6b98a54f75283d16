"""The messages of JMAP over WebSocket (RFC 8887 §4.3), and where its door is. Values only; knows no connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from homing.errors import Problem
from homing.host.api_event import Event
from homing.host.http_wire import Scope
from homing.jmap.push.changes import Changed, state_change
from homing.jmap.request import URN
from homing.jmap.session import API_PATH

WEBSOCKET_PATH: Final = "/jmap/ws"

_KEPT: Final = frozenset({b"authorization", b"host", b"user-agent", b"x-forwarded-proto", b"x-forwarded-for"})
"""Headers of a handshake that say of each request who makes it, and how they reached us."""


class Envelope(msgspec.Struct, frozen=True, rename="camel"):
    """What is looked at of a client's message (RFC 8887 §4.3.2, §4.3.5); the function reads the rest."""

    type: str = msgspec.field(name="@type")
    id: str | None = None
    data_types: list[str] | None = None
    push_state: str | None = None


_decode: Final = msgspec.json.Decoder(Envelope).decode
_encode: Final = msgspec.json.Encoder().encode


def api_scope(scope: Scope) -> Scope:
    """The scope of a request to the API by whoever made a handshake."""
    kept = [(name, value) for name, value in scope["headers"] if name in _KEPT]
    headers = [*kept, (b"content-type", b"application/json")]
    scheme = {"wss": "https", "ws": "http"}[scope["scheme"]]
    path = API_PATH.encode()
    return {**scope, "method": "POST", "scheme": scheme, "raw_path": path, "query_string": b"", "headers": headers}


def websocket_url(base_url: str, event: Mapping[str, Any]) -> str:
    """Where the door is, for who sent the request of an event."""
    headers = event["headers"]
    origin = base_url or f"{headers['x-forwarded-proto']}://{event['requestContext']['domainName']}"
    return "ws" + origin.removeprefix("http") + WEBSOCKET_PATH


def is_lured(headers: Mapping[str, str], authority: str, base_url: str) -> bool:
    """Whether a handshake may be the work of a page of another site, to whose WebSockets a browser adds the password
    that its user once gave to ours (RFC 6455 §10.2). A token is added by nobody but its owner."""
    origin = urlsplit(headers.get("origin", "")).netloc.lower()
    ours = origin and origin in (authority.lower(), urlsplit(base_url).netloc.lower())
    is_token = headers.get("authorization", "").lower().startswith("bearer ")
    return "origin" in headers and not is_token and not ours


def with_door(event: Event, base_url: str) -> Event:
    """The event, which is altered, with the URL of the door, for the session to name."""
    event["stageVariables"] = {"websocketUrl": websocket_url(base_url, event)}
    return event


def render_answer(kind: str, id: str | None, body: bytes) -> str:
    """A JSON object of the function with what this protocol adds (RFC 8887 §4.3.3, §4.3.4), not decoded again."""
    added: dict[str, Any] = {"@type": kind}
    if id is not None or kind == "RequestError":
        added["requestId"] = id
    return (_encode(added)[:-1] + b"," + body[1:]).decode()


def render_error(problem: Problem, id: str | None) -> str:
    """A RequestError."""
    return render_answer("RequestError", id, _encode(problem.to_body()))


def render_change(changed: Changed, token: str) -> str:
    """A StateChange with its pushState (RFC 8887 §4.3.5.1)."""
    return _encode({**state_change(changed), "pushState": token}).decode()


def parse_envelope(raw: bytes) -> Envelope:
    """What a message is.

    Raises:
        Problem: not JSON, or nothing that a client sends.
    """
    try:
        return _decode(raw)
    except msgspec.ValidationError as error:
        raise Problem(URN + "notRequest", 400, f"not a message of RFC 8887: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(URN + "notJSON", 400, f"not I-JSON: {error}") from error
