"""Checks a call's arguments against their declaration. Everything else is `invalidArguments`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homing.errors import MethodError
from homing.jmap.datatype import NO_DEFAULT, Property


def check_arguments(given: Mapping[str, Any], declared: Mapping[str, Property]) -> dict[str, Any]:
    """The arguments with their defaults.

    Raises:
        MethodError: `invalidArguments`, naming the argument that is missing, unknown or of a wrong kind.
    """
    for name, value in given.items():
        if name not in declared:
            raise MethodError("invalidArguments", f"unknown argument: {name!r}", arguments=[name])
        if not declared[name].kind.accepts(value):
            kind = declared[name].kind.name
            raise MethodError("invalidArguments", f"{name} must be {kind}", arguments=[name])
    missing = [name for name, argument in declared.items() if argument.default is NO_DEFAULT and name not in given]
    if missing:
        raise MethodError("invalidArguments", f"missing argument: {missing[0]}", arguments=missing)
    return {name: given.get(name, argument.default) for name, argument in declared.items()}
