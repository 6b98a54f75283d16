"""A JMAP request: from bytes to method calls, or the problem that RFC 8620 §3.6.1 words."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import msgspec

from homing.config import Limits
from homing.errors import Problem

URN: Final = "urn:ietf:params:jmap:error:"


class Request(msgspec.Struct, frozen=True, rename="camel"):
    """The Request object (RFC 8620 §3.3)."""

    using: list[str]
    method_calls: list[tuple[str, dict[str, Any], str]]
    created_ids: dict[str, str] | None = None


_decode: Final = msgspec.json.Decoder(Request).decode


def parse_request(body: bytes, limits: Limits, capabilities: Collection[str]) -> Request:
    """The request in `body`.

    Raises:
        Problem: notJSON, notRequest, limit or unknownCapability.
    """
    if len(body) > limits.max_size_request:
        raise limit_problem("maxSizeRequest", limits.max_size_request)
    try:
        request = _decode(body)
    except msgspec.ValidationError as error:
        raise Problem(URN + "notRequest", 400, f"not a Request object: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(URN + "notJSON", 400, f"not I-JSON: {error}") from error
    unknown = [capability for capability in request.using if capability not in capabilities]
    if unknown:
        raise Problem(URN + "unknownCapability", 400, f"unknown capability: {unknown[0]!r}")
    if len(request.method_calls) > limits.max_calls_in_request:
        raise limit_problem("maxCallsInRequest", limits.max_calls_in_request)
    return request


def limit_problem(limit: str, value: int) -> Problem:
    """A limit of the session was exceeded; `limit` is its name there."""
    return Problem(URN + "limit", 400, f"{limit} is {value}", limit=limit)
