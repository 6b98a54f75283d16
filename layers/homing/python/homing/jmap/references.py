"""References to results of earlier calls (RFC 8620 §3.7). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from homing.errors import MethodError

Invocation = tuple[str, dict[str, Any], str]


def resolve_references(arguments: dict[str, Any], responses: Sequence[Invocation]) -> dict[str, Any]:
    """The arguments with each `#name` replaced by `name` and the value it refers to.

    Raises:
        MethodError: `invalidArguments` if an argument is given twice, `invalidResultReference` if the
            reference leads nowhere.
    """
    if not any(name.startswith("#") for name in arguments):
        return arguments
    resolved: dict[str, Any] = {}
    for name, value in arguments.items():
        if not name.startswith("#"):
            resolved[name] = value
            continue
        if name[1:] in arguments:
            raise MethodError("invalidArguments", f"{name[1:]} is given both by value and by reference")
        resolved[name[1:]] = _resolve(value, responses)
    return resolved


def _resolve(reference: Any, responses: Sequence[Invocation]) -> Any:
    match reference:
        case {"resultOf": str(call), "name": str(name), "path": str(path)}:
            pass
        case _:
            raise MethodError("invalidResultReference", "a ResultReference has resultOf, name and path")
    response = next((response for response in responses if response[2] == call), None)
    if response is None or response[0] != name:
        raise MethodError("invalidResultReference", f"no response {name} to call {call}")
    return evaluate_pointer(response[1], path)


def evaluate_pointer(value: Any, path: str) -> Any:
    """A JSON Pointer (RFC 6901) with `*` for every item of an array, whose array results are flattened.

    Raises:
        MethodError: `invalidResultReference`.
    """
    if path and not path.startswith("/"):
        raise MethodError("invalidResultReference", "the path must begin with /")
    return _walk(value, [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]])


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
    if isinstance(value, list) and (part == "0" or (part.isdecimal() and part[0] != "0")) and int(part) < len(value):
        return _walk(value[int(part)], rest)
    raise MethodError("invalidResultReference", f"the path leads nowhere at {part!r}")
