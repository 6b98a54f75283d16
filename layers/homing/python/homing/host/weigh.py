"""What a request to the API will cost, told from its body alone. Pure; it runs nothing and reads nothing.

The unit is an email with the properties of a list, some 30 µs of one core. Where the body does not say how
many objects there will be (no limit, all ids) it is a guess: `Weight.shape` is there to remember what a
guess was worth. RFC 8620 §3.3, §3.7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from homing.config import Limits

HEAVY: Final = 200
"""From here on a request is heavy: about 6 ms in which nobody else's Python would run."""
LARGE_BYTES: Final = 64 * 1024
"""A body beyond this is heavy unseen: only to read it takes as long."""

_UNLIMITED: Final = 15
"""Ids of a query without a limit, or of changes without a maximum: as in a small mailbox, where a detour would
only cost. In a large one it is found out, once."""
_ALL: Final = 25
"""Objects of a `/get` of all ids: mailboxes, identities and their like; of emails these are too many to ask for."""
_IN_THREAD: Final = 3
_FROM_RAW: Final = 10
"""Times as much if the message itself is read."""
_WRITTEN: Final = 4
_FOUND: Final = 0.1
_OTHER: Final = 1

_RAW_ARGUMENTS: Final = frozenset({"fetchTextBodyValues", "fetchHTMLBodyValues", "fetchAllBodyValues"})
_RAW_METHODS: Final = frozenset({"Email/import", "Email/parse", "SearchSnippet/get", "MDN/parse", "Email/copy"})
_READING: Final = frozenset({"get", "changes", "query", "queryChanges", "parse", "echo", "lookup", "validate"})

_Call = tuple[str, dict[str, Any], str]


class _Body(msgspec.Struct, rename="camel"):
    method_calls: list[_Call]


_decode: Final = msgspec.json.Decoder(_Body).decode


@dataclass(frozen=True, slots=True)
class Weight:
    """`objects` is the cost. `shape` names methods and arguments, without their values; "" if not looked at."""

    objects: float
    shape: str = ""

    @property
    def heavy(self) -> bool:
        """Too much to be done among others."""
        return self.objects >= HEAVY


def weigh(body: bytes, limits: Limits) -> Weight:
    """The weight of a request. One that is not understood weighs nothing: it is quickly refused."""
    if len(body) > LARGE_BYTES:
        return Weight(HEAVY)
    try:
        calls = _decode(body).method_calls
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Weight(0)
    found: dict[str, float] = {}
    total = 0.0
    for name, arguments, id in calls[: limits.max_calls_in_request]:
        count = min(_count(name, arguments, found), limits.max_objects_in_get)
        found[id] = max(count, found.get(id, 0))
        total += count * _each(name, arguments)
    return Weight(total, _shape(calls))


def may_be_given_up(body: bytes) -> bool:
    """Whether a request, of any size, changes nothing that anybody would miss: it can be given up at any moment."""
    try:
        return all(name.rpartition("/")[2] in _READING for name, _, _ in _decode(body).method_calls)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return True


def _shape(calls: list[_Call]) -> str:
    return ";".join(f"{name}:{','.join(arguments)}" for name, arguments, _ in calls)


def _count(name: str, arguments: Mapping[str, Any], found: Mapping[str, float]) -> float:
    """How many objects a call has to do with."""
    verb = name.rpartition("/")[2]
    if verb == "query":
        return _number(arguments.get("limit"), _UNLIMITED)
    if verb in ("changes", "queryChanges"):
        return _number(arguments.get("maxChanges"), _UNLIMITED)
    if verb == "get":
        return _wanted(arguments, found)
    return sum(len(value) for value in arguments.values() if isinstance(value, (dict, list))) or 1


def _wanted(arguments: Mapping[str, Any], found: Mapping[str, float]) -> float:
    lists = [value for argument, value in arguments.items() if argument in ("ids", "emailIds", "blobIds")]
    for value in lists:
        if isinstance(value, list):
            return len(value)
    reference = arguments.get("#ids") or arguments.get("#emailIds")
    if isinstance(reference, dict) and isinstance(reference.get("resultOf"), str):
        several = _IN_THREAD if reference.get("name") == "Thread/get" else 1
        return found.get(reference["resultOf"], 0) * several
    return _ALL


def _each(name: str, arguments: Mapping[str, Any]) -> float:
    """What one object costs."""
    verb = name.rpartition("/")[2]
    if name in _RAW_METHODS:
        return _FROM_RAW
    if verb in ("query", "changes", "queryChanges"):
        return _FOUND
    if verb in ("set", "copy"):
        return _WRITTEN
    return _FROM_RAW if name == "Email/get" and _reads_raw(arguments) else _OTHER


def _reads_raw(arguments: Mapping[str, Any]) -> bool:
    properties = arguments.get("properties")
    if any(arguments.get(name) is True for name in _RAW_ARGUMENTS):
        return True
    return isinstance(properties, list) and any(
        isinstance(name, str) and name.startswith(("header:", "headers", "bodyValues")) for name in properties
    )


def _number(value: Any, otherwise: float) -> float:
    return value if isinstance(value, int) and value >= 0 else otherwise
