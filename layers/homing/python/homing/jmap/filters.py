"""FilterOperators (RFC 8620 §5.5) over any kind of FilterCondition. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Conditions = Mapping[str, Callable[[Any, Any], bool]]
"""By the name of each condition whether an object meets it: (object, value of the condition)."""


def matches(filter: Mapping[str, Any] | None, one: object, conditions: Conditions) -> bool:
    """Whether a checked filter lets an object through, whose type has these conditions. No filter lets all through."""
    if filter is None:
        return True
    if "operator" not in filter:
        return all(conditions[name](one, value) for name, value in filter.items())
    results = (matches(inner, one, conditions) for inner in filter["conditions"])
    match filter["operator"]:
        case "AND":
            return all(results)
        case "OR":
            return any(results)
        case _:
            return not any(results)
