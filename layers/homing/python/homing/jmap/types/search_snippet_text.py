"""The texts of stored emails in which `SearchSnippet/get` looks for words (RFC 8621 §5).

The subject comes from the record, the body from as much of the message's shown parts as is looked through.
Attachments are searched but never quoted. How words are found is `homing.search`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from homing.jmap.context import Context
from homing.jmap.datatype import Object
from homing.message import Part, arrange, as_text, decode_content, decode_text, parse_headers
from homing.ports.search import Expression
from homing.search.snippet import MAX_BODY, Snippets
from homing.search.text import html_text

MAX_PART_BYTES: Final = 4 * MAX_BODY
"""Encoded bytes of one part that are looked through."""


def snippets_of(
    context: Context, records: Mapping[str, Object], expression: Expression, *, in_body: bool
) -> Iterator[Object]:
    """The SearchSnippet of each record, by its id; bodies are read only if something is looked for `in_body`."""
    snippets = Snippets(expression)
    for id, record in records.items():
        written = _subject(context, record)
        subject, preview = None, None
        for body in _bodies(context, record) if in_body else ("",):
            subject, preview = snippets.of(written, body)
            if preview is not None:
                break
        yield {"emailId": id, "subject": subject, "preview": preview}


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
