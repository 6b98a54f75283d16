"""Calls the methods of a request one after the other (RFC 8620 §3.3 to §3.7)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from homing.errors import MethodError, Permanent, Temporary
from homing.jmap.context import Context
from homing.jmap.datatype import Property
from homing.jmap.references import Invocation, References
from homing.jmap.request import Request

log: Final = logging.getLogger("homing.jmap")

Method = Callable[[Context, dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Function:
    """A method that is none of the standard verbs of a data type, with what its arguments must be."""

    capability: str
    method: Method
    arguments: Mapping[str, Property]


def dispatch(context: Context, request: Request, methods: Mapping[str, tuple[str, Method]]) -> dict[str, Any]:
    """The Response object of a request, without its sessionState. `methods` gives, by name, the capability
    that must be used and the function. An error ends one call, never the request."""
    responses: list[Invocation] = []
    references = References(responses, context.site.config.limits.max_size_request)
    context.created.update(request.created_ids or {})
    context.using = request.using
    for invocation in request.method_calls:
        responses.append(_call(context, request.using, methods, invocation, references))
        while context.implied:
            name, arguments = context.implied.pop(0)
            responses.append(_run(context, methods[name][1], (name, arguments, invocation[2])))
    result: dict[str, Any] = {"methodResponses": responses}
    if request.created_ids is not None:
        result["createdIds"] = context.created
    return result


def _call(
    context: Context,
    using: list[str],
    methods: Mapping[str, tuple[str, Method]],
    invocation: Invocation,
    references: References,
) -> Invocation:
    name, arguments, call = invocation
    capability, method = methods.get(name, (None, None))
    if method is None or capability not in using:
        return "error", {"type": "unknownMethod"}, call
    try:
        resolved = references.resolve(arguments)
    except MethodError as error:
        return "error", error.to_arguments(), call
    return _run(context, method, (name, resolved, call))


def _run(context: Context, method: Method, invocation: Invocation) -> Invocation:
    """A response, or the error that ends this call alone."""
    name, arguments, call = invocation
    try:
        return name, method(context, arguments), call
    except MethodError as error:
        return "error", error.to_arguments(), call
    except Temporary as error:
        return "error", {"type": "serverUnavailable", "description": error.description}, call
    except Permanent as error:
        return "error", {"type": "serverFail", "description": error.description}, call
    except Exception:  # a method call is a shell of its own: what the calls before it did must still be told
        log.exception("a method call failed", extra={"method": name, "correlation": context.correlation})
        return "error", {"type": "serverFail", "description": "this is a fault of ours; it was logged"}, call
