"""Capability URNs (RFC 8620 §2), and how it is declared what the Session says of one; the table of all is in `session`.

A capability belongs to the server (`server`), to each account (`account`), or to both; None means that the
Session does not name it there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from homing.config import Config

Object = dict[str, Any]

CORE: Final = "urn:ietf:params:jmap:core"
MAIL: Final = "urn:ietf:params:jmap:mail"
SUBMISSION: Final = "urn:ietf:params:jmap:submission"
VACATION: Final = "urn:ietf:params:jmap:vacationresponse"
BLOB: Final = "urn:ietf:params:jmap:blob"
QUOTA: Final = "urn:ietf:params:jmap:quota"
MDN: Final = "urn:ietf:params:jmap:mdn"
SIEVE: Final = "urn:ietf:params:jmap:sieve"
WEBSOCKET: Final = "urn:ietf:params:jmap:websocket"
VAPID: Final = "urn:ietf:params:jmap:webpush-vapid"


def _nothing(_config: Config) -> Object:
    return {}


@dataclass(frozen=True, slots=True)
class Capability:
    """`shared` says that it is there in accounts of others, too, which the user was given a part in."""

    server: Callable[[Config], Object] | None = _nothing
    account: Callable[[Config], Object] | None = None
    shared: bool = True


def core(config: Config) -> Object:
    """RFC 8620 §2."""
    limits = config.limits
    return {
        "maxSizeUpload": limits.max_size_upload,
        "maxConcurrentUpload": limits.max_concurrent_upload,
        "maxSizeRequest": limits.max_size_request,
        "maxConcurrentRequests": limits.max_concurrent_requests,
        "maxCallsInRequest": limits.max_calls_in_request,
        "maxObjectsInGet": limits.max_objects_in_get,
        "maxObjectsInSet": limits.max_objects_in_set,
        "collationAlgorithms": ["i;ascii-casemap", "i;unicode-casemap"],
    }
