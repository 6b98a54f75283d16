"""The text of a message that can be looked for: headers, bodies without markup, what is attached.

Works on the stored record of an email (its structure with byte ranges) and a function that reads ranges of the raw
message, so that a large message is never held whole. Everything is bounded; what is over is left out. Documents of
foreign formats are only named here, as `Foreign`: reading them is the business of `attachments`.
RFC 8621 §4.4.1: text conditions, and what of HTML counts as text.
"""

from __future__ import annotations

import html as entities
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from homing.message import (
    Group,
    Header,
    Part,
    arrange,
    as_grouped_addresses,
    as_text,
    decode_content,
    decode_text,
    parse,
    parse_headers,
    render_html_text,
)

Read = Callable[[int, int], bytes]
"""The bytes of the raw message from a start to an end offset; fewer at the end of the message."""

MAX_PART_BYTES: Final = 2 * 1_024 * 1_024
"""Encoded bytes read of one text part."""
MAX_CHARACTERS: Final = 1_000_000
"""Characters of text of one message."""
MAX_HEADER_BYTES: Final = 256 * 1_024
MAX_VALUE_BYTES: Final = 16 * 1_024
"""Bytes read of one header field."""
MAX_FOREIGN_BYTES: Final = 24 * 1_024 * 1_024
"""Encoded bytes of an attached document; a larger one is not read."""
MAX_FOREIGN: Final = 8
"""Attached documents of one message that are read."""
MAX_DEPTH: Final = 3
"""Messages within messages."""

_MEDIA_TYPES: Final = {
    "application/pdf": "pdf",
    "application/x-pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
}
_ADDRESS_HEADERS: Final = frozenset({"from", "sender", "reply-to", "to", "cc", "bcc"})
_UNSPECIFIC: Final = frozenset({"application/octet-stream", "application/zip", "application/download"})
_MESSAGES: Final = frozenset({"message/rfc822", "message/global"})
_SPOKEN: Final = re.compile(r"""\s(?:alt|title)\s*=\s*(?:"([^"<>]{1,2000})"|'([^'<>]{1,2000})')""", re.IGNORECASE)
"""Attributes that are shown to people (RFC 8621 §4.4.1)."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """An attached document: its kind (`pdf`, `docx`), where it stands in the message, how it is encoded."""

    kind: str
    start: int
    end: int
    encoding: str
    content: bytes | None = field(default=None, repr=False)

    def read(self, read: Read) -> bytes:
        """The document's own bytes."""
        return (
            self.content if self.content is not None else decode_content(read(self.start, self.end), self.encoding)[0]
        )


@dataclass(frozen=True, slots=True)
class Texts:
    """`body` are the texts that a reader of the message sees, in order; `attached` names and texts of attachments."""

    headers: Sequence[Header]
    body: list[str] = field(default_factory=list)
    attached: list[str] = field(default_factory=list)
    foreign: list[Foreign] = field(default_factory=list)

    def header(self, name: str) -> str:
        """The decoded values of all header fields of a name (lower case), a line each."""
        return "\n".join(header_text(name, one.value) for one in self.headers if one.name.lower() == name)


def read_texts(record: dict[str, Any], read: Read) -> Texts:
    """The texts of a stored email (`describe` made the record)."""
    block = read(0, min(record["headerEnd"], MAX_HEADER_BYTES))
    reading = _Reading(Texts(parse_headers(block)))
    reading.message(Part.from_dict(record["structure"]), read, depth=0)
    return reading.texts


def header_text(name: str, value: bytes) -> str:
    """The value of a header field (its name in lower case) as text, encoded words decoded (RFC 8621 §4.4.1).

    Of addresses what clients show: their names, groups and addresses, without comments and quotes.
    """
    value = value[:MAX_VALUE_BYTES]
    if name not in _ADDRESS_HEADERS:
        return as_text(value)
    groups = as_grouped_addresses(value)
    return " ".join(word for group in groups for word in _words_of(group))


def _words_of(group: Group) -> Iterator[str]:
    yield group["name"] or ""
    for address in group["addresses"]:
        yield address["name"] or ""
        yield address["email"]


def html_text(html: str) -> str:
    """What a reader of HTML sees, and then what stands in `alt` and `title`."""
    spoken = (entities.unescape(match[1] or match[2]) for match in _SPOKEN.finditer(html))
    return "\n".join([render_html_text(html), *spoken])


class _Reading:
    """Walks the parts of a message and of those within it, until enough is read."""

    def __init__(self, texts: Texts) -> None:
        self.texts = texts
        self._left = MAX_CHARACTERS

    def message(self, root: Part, read: Read, *, depth: int) -> None:
        bodies = arrange(root)
        shown = {id(part) for part in (*bodies.text, *bodies.html)} if not depth else set()
        for part in root.walk():
            if not part.parts and self._left > 0:
                self._leaf(part, read, depth, self.texts.body if id(part) in shown else self.texts.attached)

    def _leaf(self, part: Part, read: Read, depth: int, into: list[str]) -> None:
        if part.name:
            self._add(self.texts.attached, part.name)
        if part.type in _MESSAGES:
            if depth < MAX_DEPTH:
                self._enclosed(_content(part, read, MAX_FOREIGN_BYTES), depth + 1)
        elif part.type.startswith(("text/", "message/")):
            text = decode_text(_content(part, read, MAX_PART_BYTES), part.charset)[0]
            self._add(into, html_text(text) if part.type == "text/html" else text)
        else:
            self._foreign(part, read, depth)

    def _enclosed(self, raw: bytes, depth: int) -> None:
        message = parse(raw)
        for name in ("from", "to", "cc", "subject"):
            for header in message.headers_named(name):
                self._add(self.texts.attached, header_text(name, header.value))
        self.message(message.root, lambda start, end: raw[start:end], depth=depth)

    def _foreign(self, part: Part, read: Read, depth: int) -> None:
        kind = _kind_of(part)
        if kind is None or part.end - part.body > MAX_FOREIGN_BYTES or len(self.texts.foreign) >= MAX_FOREIGN:
            return
        content = _content(part, read, MAX_FOREIGN_BYTES) if depth else None
        self.texts.foreign.append(Foreign(kind, part.body, part.end, part.encoding, content))

    def _add(self, into: list[str], text: str) -> None:
        if text:
            into.append(text[: self._left])
            self._left -= len(text)


def _content(part: Part, read: Read, maximum: int) -> bytes:
    return decode_content(read(part.body, min(part.end, part.body + maximum)), part.encoding)[0]


def _kind_of(part: Part) -> str | None:
    if part.type in _MEDIA_TYPES:
        return _MEDIA_TYPES[part.type]
    suffix = (part.name or "").lower().rpartition(".")[2]
    return suffix if part.type in _UNSPECIFIC and suffix in ("pdf", "docx") else None
