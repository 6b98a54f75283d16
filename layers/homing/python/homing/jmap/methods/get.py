"""`Foo/get` (RFC 8620 §5.1)."""

from __future__ import annotations

from typing import Any, Final

from homing.errors import MethodError
from homing.jmap.context import Context
from homing.jmap.datatype import DataType, Property
from homing.jmap.kinds import ID, ID_OR_REFERENCE, STRING, list_of, nullable
from homing.jmap.methods.arguments import check_arguments

ARGUMENTS: Final = {
    "accountId": Property(ID),
    "ids": Property(nullable(list_of(ID_OR_REFERENCE)), default=None),
    "properties": Property(nullable(list_of(STRING)), default=None),
}


def get(type: DataType, context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """The objects asked for, with the properties asked for and always the id."""
    arguments = check_arguments(given, {**ARGUMENTS, **type.get_arguments})
    view = context.view(arguments["accountId"])
    properties = _properties(type, arguments["properties"])
    asked = arguments["ids"]
    ids = None if asked is None else list(dict.fromkeys(map(context.resolve, asked)))
    context.check_got(len(ids or ()))
    state = type.state_of(view)
    found = {item["id"]: item for item in type.load(context, view, ids, properties, arguments)}
    context.check_got(len(found))
    return {
        "accountId": arguments["accountId"],
        "state": state,
        "list": list(found.values()),
        "notFound": [id for id in ids or () if id not in found],
    }


def _properties(type: DataType, asked: list[str] | None) -> list[str]:
    if asked is None:
        return list(type.default_properties or type.properties)
    for name in asked:
        if name not in type.properties and not type.accepts_property(name):
            raise MethodError("invalidArguments", f"{type.name} has no property {name!r}", arguments=["properties"])
    return list(dict.fromkeys(["id", *asked]))
