"""References to results of earlier calls (RFC 8620 §3.7). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from homing.errors import MethodError
from homing.jmap.pointer import BAD_ESCAPE, parts_of

Invocation = tuple[str, dict[str, Any], str]

_INDEX: Final = re.compile(r"(?:0|[1-9][0-9]{0,15})\Z")
_encode: Final = msgspec.json.Encoder().encode


class References:
    """The references of one request.

    All that they bring in together is at most `maximum` bytes of JSON: a small request could otherwise
    multiply one large result, and then the multiple, without end.
    """

    def __init__(self, responses: Sequence[Invocation], maximum: int) -> None:
        self._responses = responses
        self._left = maximum

    def resolve(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments with each `#name` replaced by `name` and the value it refers to.

        Raises:
            MethodError: `invalidArguments` if an argument is given twice, `invalidResultReference` if the
                reference leads nowhere, `requestTooLarge` if it brings in too much.
        """
        if not any(name.startswith("#") for name in arguments):
            return arguments
        twice = [name[1:] for name in arguments if name.startswith("#") and name[1:] in arguments]
        if twice:
            raise MethodError("invalidArguments", f"{twice[0]} is given both by value and by reference")
        return {
            name[1:] if name.startswith("#") else name: self._resolve(value) if name.startswith("#") else value
            for name, value in arguments.items()
        }

    def _resolve(self, reference: Any) -> Any:
        match reference:
            case {"resultOf": str(call), "name": str(name), "path": str(path)}:
                pass
            case _:
                raise _unresolved("a ResultReference has resultOf, name and path")
        response = next((response for response in self._responses if response[2] == call), None)
        if response is None or response[0] != name:
            raise _unresolved(f"no response {name} to call {call}")
        value = evaluate_pointer(response[1], path)
        self._left -= len(_encode(value))
        if self._left < 0:
            raise MethodError("requestTooLarge", "the references of this request bring in too much")
        return value


def evaluate_pointer(value: Any, path: str) -> Any:
    """A JSON Pointer (RFC 6901) with `*` for every item of an array, whose array results are flattened.

    Raises:
        MethodError: `invalidResultReference`.
    """
    if path and not path.startswith("/"):
        raise _unresolved("the path must begin with /")
    parts = parts_of(path)
    if parts is None:
        raise _unresolved(BAD_ESCAPE)
    return _walk(value, parts[1:])


def _walk(value: Any, parts: list[str]) -> Any:
    if not parts:
        return value
    part, rest = parts[0], parts[1:]
    if isinstance(value, dict) and part in value:
        return _walk(value[part], rest)
    if isinstance(value, list) and part == "*":
        found: list[Any] = []
        for item in value:
            result = _walk(item, rest)
            found.extend(result) if isinstance(result, list) else found.append(result)
        return found
    if isinstance(value, list) and _INDEX.match(part) and int(part) < len(value):
        return _walk(value[int(part)], rest)
    raise _unresolved(f"the path leads nowhere at {part!r}")


def _unresolved(description: str) -> MethodError:
    return MethodError("invalidResultReference", description)
