"""SearchSnippet (RFC 8621 §5): where in an email the words of a filter stand.

A snippet is made when it is asked for, by `search_snippet_text`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from homing.errors import MethodError
from homing.jmap.capabilities import MAIL
from homing.jmap.context import Context
from homing.jmap.datatype import Object, Property
from homing.jmap.dispatch import Function
from homing.jmap.kinds import ID, ID_OR_REFERENCE, OBJECT, list_of, nullable
from homing.jmap.methods.arguments import check_arguments
from homing.jmap.methods.query import check_filter
from homing.jmap.types.email_query_filter import parse_filter
from homing.jmap.types.email_query_text import TEXT_CONDITIONS, text_expression
from homing.jmap.types.email_querying import QUERYING
from homing.ports.search import AnyOf

MAX_SNIPPETS: Final = 250
"""Emails of one call: each is read and cut into words."""
BODY_CONDITIONS: Final = frozenset({"text", "body"})

ARGUMENTS: Final = {
    "accountId": Property(ID),
    "filter": Property(nullable(OBJECT), default=None),
    "emailIds": Property(list_of(ID_OR_REFERENCE)),
}


def get(context: Context, given: Object) -> Object:
    """A snippet of each email that exists (RFC 8621 §5.1)."""
    arguments = check_arguments(given, ARGUMENTS)
    filter = arguments["filter"]
    if filter is not None:
        check_filter(filter, QUERYING.conditions)
        parse_filter(filter)  # refuses what no query would be asked
    ids = list(dict.fromkeys(map(context.resolve, arguments["emailIds"])))
    if len(ids) > MAX_SNIPPETS:
        raise MethodError("requestTooLarge", f"at most {MAX_SNIPPETS} snippets at once")
    sought = list(_sought(filter or {}))
    words = AnyOf(tuple(text_expression(name, value) for name, value in sought))
    in_body = any(name in BODY_CONDITIONS for name, _ in sought)
    view = context.view(arguments["accountId"])
    records = view.objects("Email", ids)
    from homing.jmap.types.search_snippet_text import snippets_of  # noqa: PLC0415  # words, for those who look for some

    snippets = list(snippets_of(context, records, words, in_body=in_body and bool(words.parts)))
    missing = [id for id in ids if id not in records]
    return {"accountId": arguments["accountId"], "list": snippets, "notFound": missing or None}


def _sought(filter: Object) -> Iterator[tuple[str, Any]]:
    """Conditions on text, but for those under a NOT: what must not be there is not shown."""
    if "operator" in filter:
        for one in filter["conditions"] if filter["operator"] != "NOT" else ():
            yield from _sought(one)
    else:
        yield from ((name, value) for name, value in filter.items() if name in TEXT_CONDITIONS)


FUNCTIONS: Final = {"SearchSnippet/get": Function(MAIL, get, ARGUMENTS)}
