"""An HTTP request and its answer as values, whoever carries them: a function or a listener.

Apart from `api`, which answers, so that a function that speaks no JMAP does not load it. RFC 7807.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from homing.errors import Problem

PROBLEM_JSON: Final = "application/problem+json"

encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request. Header names are lower-case; `origin` is scheme and authority as the client sees
    them; `body` may be an iterable of pieces for an upload; `websocket` is the URL of the WebSocket door, if there
    is one."""

    method: str
    path: str
    headers: Mapping[str, str]
    origin: str
    query: str = ""
    body: bytes | Iterable[bytes] = b""
    correlation: str = ""
    websocket: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response; `body` is bytes or pieces."""

    status: int
    body: bytes | Iterable[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def busy() -> Problem:
    """What a `Temporary` becomes."""
    return Problem("about:blank", 503, "the server is busy; try again")


def fault() -> Problem:
    """What an error that nobody foresaw becomes; whoever answers so has logged it."""
    return Problem("about:blank", 500, "this is a fault of ours; it was logged")


def render_problem(problem: Problem) -> Response:
    """The response that a problem becomes."""
    headers = {"content-type": PROBLEM_JSON, "cache-control": "no-store"}
    if problem.status == 401:
        headers["www-authenticate"] = 'Basic realm="Homing", charset="UTF-8", Bearer realm="Homing"'
    if problem.status == 405:
        headers["allow"] = problem.fields["allow"]
    return Response(problem.status, encode(problem.to_body()), headers)
