"""`Foo/changes` (RFC 8620 §5.2): the ledger read from a position on."""

from __future__ import annotations

from typing import Any, Final

from homing.jmap.context import Context
from homing.jmap.datatype import DataType, Property
from homing.jmap.kinds import ID, POSITIVE_INT, STRING, nullable
from homing.jmap.methods.arguments import check_arguments

ARGUMENTS: Final = {
    "accountId": Property(ID),
    "sinceState": Property(STRING),
    "maxChanges": Property(nullable(POSITIVE_INT), default=None),
}


def changes(type: DataType, context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """Ids created, updated and destroyed since a state."""
    arguments = check_arguments(given, ARGUMENTS)
    view = context.view(arguments["accountId"])
    found = type.changes_since(view, arguments["sinceState"], arguments["maxChanges"])
    response = {
        "accountId": arguments["accountId"],
        "oldState": found.old_state,
        "newState": found.new_state,
        "hasMoreChanges": found.has_more,
        "created": found.created,
        "updated": found.updated,
        "destroyed": found.destroyed,
    }
    if type.counters:  # RFC 8621 §2.2
        response["updatedProperties"] = list(type.counters) if found.only_counted else None
    return response
