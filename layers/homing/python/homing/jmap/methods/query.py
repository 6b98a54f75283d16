"""`Foo/query` (RFC 8620 §5.5): filter, sort, and the page that was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from homing.errors import MethodError
from homing.jmap.context import Context
from homing.jmap.datatype import DataType, Found, Property, Querying
from homing.jmap.kinds import BOOLEAN, ID, INT, OBJECT, STRING, UNSIGNED_INT, list_of, nullable
from homing.jmap.methods.arguments import check_arguments

ARGUMENTS: Final = {
    "accountId": Property(ID),
    "filter": Property(nullable(OBJECT), default=None),
    "sort": Property(nullable(list_of(OBJECT)), default=None),
    "position": Property(INT, default=0),
    "anchor": Property(nullable(ID), default=None),
    "anchorOffset": Property(INT, default=0),
    "limit": Property(nullable(UNSIGNED_INT), default=None),
    "calculateTotal": Property(BOOLEAN, default=False),
}
MAX_PAGE: Final = 5_000
MAX_FILTER_DEPTH: Final = 16
MAX_CONDITIONS: Final = 256
MAX_COMPARATORS: Final = 16


def query(type: DataType, context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """The ids that match, in order, from a position or an anchor on."""
    querying = type.querying
    if querying is None:
        raise MethodError("unknownMethod")
    arguments = check_arguments(given, {**ARGUMENTS, **querying.arguments})
    sort = check_query(arguments, querying)
    view = context.view(arguments["accountId"], querying.prefetch(arguments))
    state = type.state_of(view)
    found = querying.find(context, view, arguments["filter"], sort, arguments)
    response = {
        "accountId": arguments["accountId"],
        "queryState": state,
        "canCalculateChanges": True,
        **_page(found, arguments),
    }
    limit = arguments["limit"]
    if limit is None or limit > MAX_PAGE:
        response["limit"] = MAX_PAGE
    return response


def check_query(arguments: Mapping[str, Any], querying: Querying) -> list[dict[str, Any]]:
    """Check filter and sort before anything is read; return the comparators with their defaults.

    Raises:
        MethodError: as `check_filter`, and `unsupportedSort`.
    """
    if arguments["filter"] is not None:
        check_filter(arguments["filter"], querying.conditions)
    return _comparators(arguments["sort"] or (), querying)


def check_filter(filter: Any, conditions: Mapping[str, Any]) -> None:
    """Check a filter's form before anything is read.

    Raises:
        MethodError: `unsupportedFilter` for an unknown condition, `invalidArguments` for anything else.
    """
    counted = _check_filter(filter, conditions, 1)
    if counted > MAX_CONDITIONS:
        raise MethodError("unsupportedFilter", f"more than {MAX_CONDITIONS} conditions")


def _check_filter(filter: Any, conditions: Mapping[str, Any], depth: int) -> int:
    if not isinstance(filter, dict):
        raise MethodError("invalidArguments", "a filter is an object", arguments=["filter"])
    if depth > MAX_FILTER_DEPTH:
        raise MethodError("unsupportedFilter", f"nested deeper than {MAX_FILTER_DEPTH}")
    if "operator" in filter:
        inner = filter.get("conditions")
        if filter["operator"] not in ("AND", "OR", "NOT") or not isinstance(inner, list) or len(filter) != 2:
            raise MethodError("invalidArguments", "a FilterOperator has operator and conditions", arguments=["filter"])
        return 1 + sum(_check_filter(one, conditions, depth + 1) for one in inner)  # an empty one costs time, too
    for name, value in filter.items():
        if name not in conditions:
            raise MethodError("unsupportedFilter", f"unknown condition: {name!r}")
        if not conditions[name].accepts(value):
            raise MethodError("invalidArguments", f"{name} must be {conditions[name].name}", arguments=["filter"])
    return 1


def _comparators(given: Sequence[dict[str, Any]], querying: Querying) -> list[dict[str, Any]]:
    if len(given) > MAX_COMPARATORS:
        raise MethodError("unsupportedSort", f"more than {MAX_COMPARATORS} comparators")
    return [_comparator(item, querying) for item in given]


def _comparator(given: dict[str, Any], querying: Querying) -> dict[str, Any]:
    """A Comparator with its defaults. Members that mean nothing here are ignored: there are clients that send such."""
    name = given.get("property")
    if not isinstance(name, str):
        raise MethodError("invalidArguments", "a Comparator has a property", arguments=["sort"])
    if name not in querying.sorts:
        raise MethodError("unsupportedSort", f"cannot sort by {name!r}")
    declared = {
        "property": Property(STRING),
        "isAscending": Property(BOOLEAN, default=True),
        "collation": Property(nullable(STRING), default=None),
        **{key: Property(kind) for key, kind in querying.sorts[name].items()},
    }
    comparator = check_arguments({name: value for name, value in given.items() if name in declared}, declared)
    if comparator["collation"] not in (None, "", "i;ascii-casemap", "i;unicode-casemap"):
        raise MethodError("unsupportedSort", f"unknown collation {comparator['collation']!r}")
    return comparator


def _page(found: Found, arguments: dict[str, Any]) -> dict[str, Any]:
    limit = min(MAX_PAGE if arguments["limit"] is None else arguments["limit"], MAX_PAGE)
    position = arguments["position"]
    counts = arguments["calculateTotal"] and found.total is None
    ids: Iterable[str] = found.ids
    if arguments["anchor"] is not None or position < 0 or counts:
        ids = list(found.ids)
        position = _position(ids, arguments)
    page = {"position": position, "ids": list(islice(ids, position, position + limit))}
    if arguments["calculateTotal"]:
        page["total"] = found.total() if found.total is not None else len(list(ids))
    return page


def _position(ids: list[str], arguments: dict[str, Any]) -> int:
    anchor, position = arguments["anchor"], arguments["position"]
    if anchor is not None:
        if anchor not in ids:
            raise MethodError("anchorNotFound")
        position = ids.index(anchor) + arguments["anchorOffset"]
        return max(int(position), 0)
    return max(len(ids) + int(position), 0) if position < 0 else int(position)
