"""A JMAP request: from bytes to method calls, or the problem that RFC 8620 §3.6.1 words."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any, Final

import msgspec

from homing.config import Limits
from homing.errors import Problem
from homing.ids import is_id

URN: Final = "urn:ietf:params:jmap:error:"
_NONCHARACTER: Final = re.compile(
    rb"\xef\xb7[\x90-\xaf]|\xef\xbf[\xbe\xbf]|[\xf0-\xf4][\x8f\x9f\xaf\xbf]\xbf[\xbe\xbf]"
)
"""In UTF-8: U+FDD0 to U+FDEF, and the last two code points of each plane."""
MAX_DEPTH: Final = 100
"""Arrays and objects within each other. Whatever walks or encodes a request's values relies on it."""


class Request(msgspec.Struct, frozen=True, rename="camel"):
    """The Request object (RFC 8620 §3.3)."""

    using: list[str]
    method_calls: list[tuple[str, dict[str, Any], str]]
    created_ids: dict[str, str] | None = None


_decode: Final = msgspec.json.Decoder(Request).decode
_decode_any: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode


def parse_request(body: bytes, limits: Limits, capabilities: Collection[str]) -> Request:
    """The request in `body`.

    Raises:
        Problem: notJSON, notRequest, limit or unknownCapability.
    """
    if len(body) > limits.max_size_request:
        raise limit_problem("maxSizeRequest", limits.max_size_request)
    request = _read(body)
    unknown = [capability for capability in request.using if capability not in capabilities]
    if unknown:
        raise Problem(URN + "unknownCapability", 400, f"unknown capability: {unknown[0]!r}")
    if len(request.method_calls) > limits.max_calls_in_request:
        raise limit_problem("maxCallsInRequest", limits.max_calls_in_request)
    return request


def limit_problem(limit: str, value: int) -> Problem:
    """A limit of the session was exceeded; `limit` is its name there."""
    return Problem(URN + "limit", 400, f"{limit} is {value}", limit=limit)


def has_noncharacter(octets: bytes) -> bool:
    """Whether UTF-8 has a code point in it that I-JSON forbids (RFC 7493 §2.1). Each that is one has one of the
    three pairs of octets, which are found much faster."""
    suspicious = b"\xef\xb7" in octets or b"\xbf\xbe" in octets or b"\xbf\xbf" in octets
    return suspicious and _NONCHARACTER.search(octets) is not None


def _read(body: bytes) -> Request:
    try:
        request = _decode(body)
    except msgspec.ValidationError as error:
        _check_json(body)
        raise Problem(URN + "notRequest", 400, f"not a Request object: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _not_json(error) from error
    _check_json(body)
    if not all(is_id(text) for pair in (request.created_ids or {}).items() for text in pair):
        raise Problem(URN + "notRequest", 400, "createdIds maps ids to ids")
    return request


def _check_json(body: bytes) -> None:
    """I-JSON (RFC 7493) is more than what a decoder minds: no member twice, no noncharacter, no endless depth."""
    try:
        value = _decode_any(body)
        json.loads(body, object_pairs_hook=_check_members)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise _not_json(error) from error
    if has_noncharacter(_encode(value) if b"\\u" in body else body):
        raise _not_json("a string has a code point that is no character")
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _members(outer)]
        if not level:
            return
    raise _not_json(f"nested deeper than {MAX_DEPTH}")


def _check_members(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("an object has two members of one name")


def _members(value: Any) -> Collection[Any]:
    """What is in an array or an object that may itself hold more."""
    inner = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    return [one for one in inner if isinstance(one, (list, dict))]


def _not_json(reason: object) -> Problem:
    return Problem(URN + "notJSON", 400, f"not I-JSON: {reason}")
