"""PatchObject (RFC 8620 §5.3): paths into an object, and the values they get. Pure."""

from __future__ import annotations

from itertools import pairwise

from homing.jmap.datatype import Object
from homing.jmap.pointer import BAD_ESCAPE, parts_of


class InvalidPatch(ValueError):
    """The patch breaks a rule of RFC 8620 §5.3; the text says which."""


def apply_patch(target: Object, patch: Object) -> Object:
    """`target` with `patch` applied; neither is altered.

    A null removes a member (at the top level the caller gives the default instead).

    Raises:
        InvalidPatch: no JSON Pointer, a path through something that is missing or no object, or one path a
            prefix of another.
    """
    paths = {path: _parts(path) for path in patch}
    _check_prefixes(list(paths.values()))
    result = dict(target)
    for path, value in patch.items():
        parts = paths[path]
        parent = _descend(result, parts[:-1], path)
        if value is None and len(parts) > 1:
            parent.pop(parts[-1], None)
        else:
            parent[parts[-1]] = value
    return result


def _parts(path: str) -> list[str]:
    """An implicit leading `/` makes the path a JSON Pointer (RFC 6901)."""
    parts = parts_of(path)
    if parts is None:
        raise InvalidPatch(f"{path}: {BAD_ESCAPE}")
    return parts


def _descend(target: Object, parts: list[str], path: str) -> Object:
    """The object that the last part belongs to; objects on the way are copied before they are altered."""
    for part in parts:
        inner = target.get(part)
        if not isinstance(inner, dict):
            raise InvalidPatch(f"{path}: {part!r} is not an object that exists")
        target[part] = dict(inner)
        target = target[part]
    return target


def _check_prefixes(paths: list[list[str]]) -> None:
    ordered = sorted(paths)
    for shorter, longer in pairwise(ordered):
        if longer[: len(shorter)] == shorter:
            raise InvalidPatch(f"{'/'.join(shorter)} is a prefix of {'/'.join(longer)}")
