"""`Foo/queryChanges` (RFC 8620 §5.6): what a client splices out of the results it has, and into them.

Whatever may have left or moved is told as removed, and told as added again with its new index if it is in the
results now; the RFC allows extra ids among the removed. The results are walked only as far as the last of those.
"""

from __future__ import annotations

from typing import Any, Final

from homing.errors import MethodError
from homing.jmap.context import Context, Opened
from homing.jmap.datatype import Altered, DataType, Found, Object, Property
from homing.jmap.kinds import BOOLEAN, ID, OBJECT, STRING, UNSIGNED_INT, list_of, nullable
from homing.jmap.methods.arguments import check_arguments
from homing.jmap.methods.query import check_query

ARGUMENTS: Final = {
    "accountId": Property(ID),
    "filter": Property(nullable(OBJECT), default=None),
    "sort": Property(nullable(list_of(OBJECT)), default=None),
    "sinceQueryState": Property(STRING),
    "maxChanges": Property(nullable(UNSIGNED_INT), default=None),
    "upToId": Property(nullable(ID), default=None),
    "calculateTotal": Property(BOOLEAN, default=False),
}
WHOLE: Final = {"position": 0, "anchor": None, "anchorOffset": 0, "limit": None}
"""The page that a search for every result asks for."""


def query_changes(type: DataType, context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """The ids that left the results and those that came, with their places."""
    querying = type.querying
    if querying is None:
        raise MethodError("unknownMethod")
    arguments = check_arguments(given, {**ARGUMENTS, **querying.arguments})
    sort = check_query(arguments, querying)
    arguments |= WHOLE
    view = context.view(arguments["accountId"], querying.prefetch(arguments))
    since, state = arguments["sinceQueryState"], type.state_of(view)
    altered = (querying.altered or _all_changed(type))(context, view, arguments, sort, since)
    response: Object = {
        "accountId": arguments["accountId"],
        "oldQueryState": since,
        "newQueryState": state,
        "removed": sorted(altered.gone),
        "added": [],
    }
    if altered.back or arguments["calculateTotal"]:
        found = querying.find(context, view, arguments["filter"], sort, arguments)
        response |= _compared(found, altered, counts=arguments["calculateTotal"])
    maximum = arguments["maxChanges"]
    if maximum is not None and len(response["removed"]) + len(response["added"]) > maximum:
        raise MethodError("tooManyChanges")
    return response


def _all_changed(type: DataType) -> Any:
    def altered(_context: Context, view: Opened, _arguments: Object, _sort: object, since: str) -> Altered:
        changes = type.changes_since(view, since)
        updated = [] if changes.only_counted else changes.updated
        return Altered([*updated, *changes.destroyed], [*changes.created, *updated])

    return altered


def _compared(found: Found, altered: Altered, *, counts: bool) -> Object:
    """The indices of what is back; with a total if it is asked for. Without, the walk ends with the last of them."""
    back, key = frozenset(altered.back), altered.key
    pending = set(back if altered.pending is None else altered.pending)
    walk_all = counts and found.total is None
    added: list[Object] = []
    length = 0
    for index, id in enumerate(found.ids if pending or walk_all else ()):
        if id in back:
            added.append({"id": id, "index": index})
        pending.discard(id if key is None else key(id))
        if not pending and not walk_all:
            break
        length = index + 1
    answer: Object = {"added": added}
    if counts:
        answer["total"] = length if found.total is None else found.total()
    return answer
