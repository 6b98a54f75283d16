"""SearchSnippet (RFC 8621 §5): where in an email the words of a filter stand.

A snippet is made when it is asked for: subject from the record, the body from as much of the message's shown parts as
is looked through. Attachments are searched but never quoted. How words are found is `homing.search`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from homing.message import Part, arrange, as_text, decode_content, decode_text, parse_headers
from homing.ports.search import AnyOf
from homing.search.snippet import MAX_BODY, snippet
from homing.search.text import html_text

MAX_SNIPPETS: Final = 250
"""Emails of one call: each is read and cut into words."""
MAX_PART_BYTES: Final = 4 * MAX_BODY
"""Encoded bytes of one part that are looked through."""
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
    snippets = [_snippet(context, id, record, words, in_body=in_body) for id, record in records.items()]
    missing = [id for id in ids if id not in records]
    return {"accountId": arguments["accountId"], "list": snippets, "notFound": missing or None}


def _sought(filter: Object) -> Iterator[tuple[str, Any]]:
    """Conditions on text, but for those under a NOT: what must not be there is not shown."""
    if "operator" in filter:
        for one in filter["conditions"] if filter["operator"] != "NOT" else ():
            yield from _sought(one)
    else:
        yield from ((name, value) for name, value in filter.items() if name in TEXT_CONDITIONS)


def _snippet(context: Context, id: str, record: Object, words: AnyOf, *, in_body: bool) -> Object:
    subject, preview = None, None
    if words.parts:
        written = _subject(context, record)
        bodies = _bodies(context, record) if in_body else iter(("",))
        for body in bodies:
            subject, preview = snippet(words, written, body)
            if preview is not None:
                break
    return {"emailId": id, "subject": subject, "preview": preview}


def _subject(context: Context, record: Object) -> str:
    """The subject, from the message where the record keeps only a part of it."""
    if "subject" not in record.get("cut", ()):
        return str(record.get("subject") or "")
    headers = parse_headers(_read(context, record, 0, record["headerEnd"]))
    return next((as_text(one.value) for one in reversed(headers) if one.name.lower() == "subject"), "")


def _bodies(context: Context, record: Object) -> Iterator[str]:
    """What a reader sees of the message, as plain text; then as HTML says it, if that is said elsewhere."""
    bodies = arrange(Part.from_dict(record["structure"]))
    yield _texts(context, record, bodies.text)
    other = [part for part in bodies.html if part not in bodies.text]
    if other:
        yield _texts(context, record, other)


def _texts(context: Context, record: Object, parts: Sequence[Part]) -> str:
    texts: list[str] = []
    left = MAX_BODY
    for part in parts:
        if part.type.startswith("text/") and left > 0:
            encoded = _read(context, record, part.body, min(part.end, part.body + MAX_PART_BYTES))
            text = decode_text(decode_content(encoded, part.encoding)[0], part.charset)[0]
            texts.append(html_text(text) if part.type == "text/html" else text)
            left -= len(texts[-1])
    return "\n".join(texts)


def _read(context: Context, record: Object, start: int, end: int) -> bytes:
    context.count_fetched(end - start)
    return context.site.blobs.get(record["blob"], start, end - start) or b""


FUNCTIONS: Final = {"SearchSnippet/get": Function(MAIL, get, ARGUMENTS)}
