"""The door of JMAP: an HTTP request, whoever carried it here, becomes an answer or a `Problem`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qs, quote, unquote

from homing.directory.credentials import Identity, authenticate_password, authenticate_token
from homing.errors import MethodError, Permanent, Problem, Temporary
from homing.jmap import blob
from homing.jmap.capabilities import CORE
from homing.jmap.catalogue import FUNCTIONS, TYPES
from homing.jmap.context import Context
from homing.jmap.datatype import DataType
from homing.jmap.dispatch import Function, Method, dispatch
from homing.jmap.http import Request, Response, busy, encode
from homing.jmap.methods.changes import changes
from homing.jmap.methods.get import get
from homing.jmap.methods.query import query
from homing.jmap.methods.query_changes import query_changes
from homing.jmap.methods.set import set_
from homing.jmap.push.event_stream import answer_at_once
from homing.jmap.push.vapid import application_server_key
from homing.jmap.request import limit_problem, parse_request
from homing.jmap.session import API_PATH, CAPABILITIES, DOWNLOAD_PATH, EVENTS_PATH, SESSION_PATH, UPLOAD_PATH, session
from homing.site import Site

WELL_KNOWN: Final = "/.well-known/jmap"
JSON: Final = "application/json; charset=utf-8"
MAX_CREDENTIALS: Final = 1_000
"""Characters of an Authorization header's credentials: more than any that we give out or could accept."""


def methods_of(types: Iterable[DataType], functions: Mapping[str, Function]) -> dict[str, tuple[str, Method]]:
    """Every method by name, with the capability it belongs to."""
    methods: dict[str, tuple[str, Method]] = {"Core/echo": (CORE, lambda _context, arguments: arguments)}
    methods |= {name: (one.capability, one.method) for name, one in functions.items()}
    for type in types:
        verbs: dict[str, Callable[..., dict[str, Any]] | None] = {
            "get": get,
            "changes": changes if type.has_changes else None,
            "set": set_ if type.setting else None,
            "query": query if type.querying else None,
            "queryChanges": query_changes if type.querying else None,
        }
        for verb, function in verbs.items():
            if function is not None:
                methods[f"{type.name}/{verb}"] = (type.capability, partial(function, type))
    own_only = {urn for urn, capability in CAPABILITIES.items() if not capability.shared}
    return {
        name: (urn, partial(_only_own, method) if urn in own_only else method)
        for name, (urn, method) in methods.items()
    }


def _only_own(method: Method, context: Context, arguments: dict[str, Any]) -> dict[str, Any]:
    """A method of a capability that accounts of others do not have (RFC 8620 §3.6.2)."""
    if arguments.get("accountId") in list(context.own.get("shared", ())):
        raise MethodError("accountNotSupportedByMethod")
    return method(context, arguments)


METHODS: Final = methods_of(TYPES, FUNCTIONS)


def handle(site: Site, request: Request) -> Response:
    """Answer a request; every path is for users only.

    Raises:
        Problem: for the shell to render with `http.render_problem`.
    """
    route = _route(request)
    try:
        return route(Context(site, authenticate(site, request.headers), request.correlation), request)
    except Temporary as error:
        raise busy() from error
    except MethodError as error:  # outside a method call: the account is not one of the caller's
        status = 403 if error.type in ("forbidden", "accountReadOnly") else 404
        raise Problem("about:blank", status, error.description or error.type) from error


def authenticate(site: Site, headers: Mapping[str, str]) -> Identity:
    """Who is asking, by Basic (RFC 7617) or Bearer (RFC 6750).

    Raises:
        Problem: 401.
    """
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    identity = None
    if len(credentials) > MAX_CREDENTIALS:
        raise Problem("about:blank", 401, "these credentials are too long to be any of ours")
    if scheme.lower() == "bearer":
        identity = authenticate_token(site.store, credentials.strip())
    elif scheme.lower() == "basic":
        login, password = _basic(credentials)
        identity = authenticate_password(site.store, login, password)
    if identity is None:
        raise Problem("about:blank", 401, "sign in with a password (Basic) or a token (Bearer)")
    return identity


def _basic(credentials: str) -> tuple[str, str]:
    try:
        login, _, password = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise Problem("about:blank", 401, "the Basic credentials are not base64 of UTF-8") from error
    return login, password


def _route(request: Request) -> Callable[[Context, Request], Response]:
    for path, (verb, answer) in _ROUTES.items():
        if request.path == path or (path.endswith("/") and request.path.startswith(path)):
            if request.method != verb:
                raise Problem("about:blank", 405, f"{request.method} is not for this path", allow=verb)
            return answer
    raise Problem("about:blank", 404, "there is nothing here")


def _session(context: Context, request: Request) -> Response:
    body = _session_of(context, request)
    return Response(200, encode(body), {"content-type": JSON, "cache-control": "no-cache, no-store, must-revalidate"})


def _session_of(context: Context, request: Request) -> dict[str, Any]:
    site, vapid = context.site, application_server_key(context.site)
    return session(site.config, context.identity, context.own, request.origin, vapid=vapid, websocket=request.websocket)


def _session_state(context: Context, request: Request) -> str:
    """Where the settings cannot be read now, each call has said so; then the state sends the client to the session."""
    try:
        return str(_session_of(context, request)["state"])
    except (MethodError, Temporary, Permanent):
        return "unknown"


def _api(context: Context, request: Request) -> Response:
    limits = context.site.config.limits
    type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if type != "application/json":
        raise Problem("urn:ietf:params:jmap:error:notJSON", 400, "the content type must be application/json")
    parsed = parse_request(_whole(request.body, limits.max_size_request), limits, CAPABILITIES)
    answer = dispatch(context, parsed, METHODS)
    answer["sessionState"] = _session_state(context, request)
    return Response(200, encode(answer), {"content-type": JSON, "cache-control": "no-store"})


def _whole(body: bytes | Iterable[bytes], maximum: int) -> bytes:
    if isinstance(body, bytes):
        return body
    collected = bytearray()
    for piece in body:
        collected += piece
        if len(collected) > maximum:
            raise limit_problem("maxSizeRequest", maximum)
    return bytes(collected)


def _upload(context: Context, request: Request) -> Response:
    account = request.path.removeprefix(UPLOAD_PATH).rstrip("/")
    limits = context.site.config.limits
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limits.max_size_upload:
        raise limit_problem("maxSizeUpload", limits.max_size_upload)
    pieces = [request.body] if isinstance(request.body, bytes) else request.body
    type = request.headers.get("content-type") or "application/octet-stream"
    return Response(201, encode(blob.upload(context, account, pieces, type)), {"content-type": JSON})


def _download(context: Context, request: Request) -> Response:
    parts = request.path.removeprefix(DOWNLOAD_PATH).split("/", 2)
    found = blob.download(context, parts[0], parts[1]) if len(parts) == 3 else None
    if found is None:
        raise Problem("about:blank", 404, "this account has no such blob")
    type = parse_qs(request.query.replace("+", "%2B")).get("type", ["application/octet-stream"])[0]
    return Response(200, found.pieces, _download_headers(unquote(parts[2]), type, found.size))


def _download_headers(name: str, type: str, size: int) -> dict[str, str]:
    """RFC 8620 §6.2. Never shown in place by a browser: mail is not to be trusted."""
    safe = type if type.isascii() and type.isprintable() and "/" in type else "application/octet-stream"
    return {
        "content-type": safe,
        "content-length": str(size),
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='', errors='replace')}",
        "cache-control": "private, immutable, max-age=31536000",
        "content-security-policy": "sandbox; default-src 'none'",
        "x-content-type-options": "nosniff",
    }


_ROUTES: Final[Mapping[str, tuple[str, Callable[[Context, Request], Response]]]] = {
    WELL_KNOWN: ("GET", _session),
    SESSION_PATH: ("GET", _session),
    API_PATH: ("POST", _api),
    UPLOAD_PATH: ("POST", _upload),
    DOWNLOAD_PATH: ("GET", _download),
    EVENTS_PATH: ("GET", answer_at_once),
}
"""Each path with the one method that it takes; one that ends with / stands for all below it."""
