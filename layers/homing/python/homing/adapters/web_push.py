"""The `Notifier` port over HTTP/1.1: one POST on a connection of its own, to a service that a client named.

The client chooses the URL, so nothing about it is trusted (RFC 8620 §8.6): only https, only addresses of the
public internet, and the connection goes to the very address that was looked at, so that a name which changes
its mind in between gains nothing. Of the answer only the status is read, from at most `MAX_ANSWER` bytes, and
everything together has a deadline. Never sees what it carries. RFC 8030 §5, RFC 9112.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from urllib.parse import SplitResult, urlsplit

from homing.errors import Permanent, Temporary

POST_SECONDS: Final = 10.0
"""For connecting, sending and the status together; a name is looked up before."""
MAX_URL: Final = 2_000
MAX_ANSWER: Final = 16 * 1024
MAX_ADDRESSES: Final = 3
"""Of one name that are tried."""

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_NEVER: Final = tuple(
    map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "64:ff9b:1::/48", "3fff::/20"))
)
"""Not public either, though releases of Python say so (RFC 6890, RFC 7526, RFC 8215, RFC 9637); one is public by its
number, and inside a large cloud that cloud's own."""
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+\Z")
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r?\n")
_HEAD_END: Final = re.compile(rb"\r?\n\r?\n")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a URL leads: `authority` and `path` as they go into the request."""

    secure: bool
    host: str
    port: int
    authority: str
    path: str


class HttpNotifier:
    """Posts to push services. `allow_private` is for closed networks and tests: then private addresses are posted
    to as well, and those that are private by their name without TLS, too. `seconds` is the deadline of a post."""

    def __init__(self, *, allow_private: bool = False, seconds: float = POST_SECONDS) -> None:
        self._allow_private = allow_private
        self._seconds = seconds

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    def check(self, url: str) -> str | None:
        """Why this URL can never be posted to, or None. What a name leads to is for `post` to find out."""
        try:
            target = self._target(url)
        except ValueError as error:
            return str(error)
        literal = _literal(target.host)
        if literal is not None and not self._may_reach(literal):
            return "the URL leads to an address that is not public"
        return None

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Post and return the status.

        Raises:
            Temporary: ("pushUnreachable") nothing was sent, for there was no connection; ("pushUnanswered") no
                answer in time, or none that is HTTP.
            Permanent: ("pushForbidden") as `check`, or the name leads to an address that is not public.
        """
        try:
            target = self._target(url)
        except ValueError as error:
            raise Permanent("pushForbidden", str(error)) from error
        deadline = time.monotonic() + self._seconds
        with self._connect(target, self._addresses(target), deadline) as connection:
            try:
                _allow(connection, deadline)
                connection.sendall(_request(target, headers, body))
                return _status(connection, deadline)
            except OSError as error:
                raise Temporary("pushUnanswered", "the push service did not answer", reason=str(error)) from error

    def _target(self, url: str) -> _Target:
        """The parts of a URL that may be posted to.

        Raises:
            ValueError: it may not; in words for the client.
        """
        if len(url) > MAX_URL or not _VISIBLE.match(url):
            raise ValueError(f"a push URL is at most {MAX_URL} visible characters of ASCII")
        parts = urlsplit(url)
        may_be_plain = self._allow_private and parts.scheme == "http" and _is_local(parts.hostname or "")
        if parts.scheme != "https" and not may_be_plain:
            raise ValueError("a push URL begins with https://")
        if not parts.hostname or "@" in parts.netloc:
            raise ValueError("a push URL names a host and no user")
        return _target_of(parts, parts.hostname)

    def _addresses(self, target: _Target) -> Sequence[_Address]:
        """What the host's name leads to, all of it public: a name that leads both ways is not to be trusted."""
        try:
            found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise Temporary("pushUnreachable", "the host of the push URL is not found", reason=str(error)) from error
        addresses = list(dict.fromkeys(ipaddress.ip_address(str(info[4][0])) for info in found))
        if not addresses or not all(map(self._may_reach, addresses)):
            raise Permanent("pushForbidden", "the host of the push URL is at an address that is not public")
        return addresses[:MAX_ADDRESSES]

    def _may_reach(self, address: _Address) -> bool:
        return self._allow_private or is_public(address)

    def _connect(self, target: _Target, addresses: Sequence[_Address], deadline: float) -> socket.socket:
        reason = ""
        for address in addresses:
            try:
                connection = socket.create_connection((str(address), target.port), timeout=_left(deadline))
            except OSError as error:
                reason = str(error)
                continue
            try:
                return self._secured(connection, target, deadline) if target.secure else connection
            except (OSError, ValueError) as error:
                connection.close()
                reason = str(error)
        raise Temporary("pushUnreachable", "the push service cannot be reached", reason=reason)

    def _secured(self, connection: socket.socket, target: _Target, deadline: float) -> socket.socket:
        _allow(connection, deadline)
        return self._tls.wrap_socket(connection, server_hostname=target.host)


def is_public(address: _Address) -> bool:
    """Whether an address is one of the public internet, also behind the forms in which IPv6 carries IPv4."""
    if isinstance(address, ipaddress.IPv6Address):
        carried = address.ipv4_mapped
        if address in _NAT64:
            carried = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if carried is not None:
            return is_public(carried)
        if address.sixtofour is not None or address.teredo is not None or address.is_site_local:
            return False
    if any(address in network for network in _NEVER):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _target_of(parts: SplitResult, host: str) -> _Target:
    secure = parts.scheme == "https"
    usual = 443 if secure else 80
    port = parts.port or usual
    named = f"[{host}]" if ":" in host else host
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _Target(secure, host, port, named if port == usual else f"{named}:{port}", path)


def _literal(host: str) -> _Address | None:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host)
    return None


def _is_local(host: str) -> bool:
    """Whether a host is one of a closed network by its name alone: a private address, or a name without a domain."""
    literal = _literal(host)
    return "." not in host if literal is None else not is_public(literal)


def _request(target: _Target, headers: Mapping[str, str], body: bytes) -> bytes:
    fixed = {"host": target.authority, "content-length": str(len(body)), "connection": "close"}
    lines = [f"POST {target.path} HTTP/1.1", *(f"{name}: {value}" for name, value in {**headers, **fixed}.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _status(connection: socket.socket, deadline: float) -> int:
    """The status of the final answer; what comes before it (RFC 9110 §15.2) is skipped."""
    received = b""
    while len(received) < MAX_ANSWER:
        line = _STATUS.match(received)
        if line is not None and int(line[1]) >= 200:
            return int(line[1])
        end = _HEAD_END.search(received)
        if line is not None and end is not None:
            received = received[end.end() :]
            continue
        _allow(connection, deadline)
        piece = connection.recv(4_096)
        if not piece:
            break
        received += piece
    raise Temporary("pushUnanswered", "the push service did not answer with HTTP")


def _allow(connection: socket.socket, deadline: float) -> None:
    connection.settimeout(_left(deadline))


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the push service was too slow")
    return left
