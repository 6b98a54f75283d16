"""An Email object made of a record and its raw message (RFC 8621 §4.1): the one way in which emails are rendered.

Common header values and the structure come from the record (`message.describe`), so that most properties need no
look at the message; a header that the record does not hold costs one read of the header block, a body value one of
its part. Never sees where the record is from.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from homing.errors import MethodError
from homing.jmap.context import Context
from homing.jmap.datatype import Object
from homing.message import (
    Bodies,
    Header,
    Part,
    arrange,
    as_addresses,
    as_date,
    as_grouped_addresses,
    as_message_ids,
    as_raw,
    as_text,
    as_urls,
    decode_content,
    decode_text,
    parse_headers,
)
from homing.message.bodies import UNKNOWN_ENCODING, normalise_encoding

HEADER: Final = re.compile(r"header:([\x21-\x39\x3b-\x7e]+?)(?::as([A-Za-z]+))?(:all)?\Z")
FORMS: Final[dict[str, Callable[[bytes], Any]]] = {
    "Raw": as_raw,
    "Text": as_text,
    "Addresses": as_addresses,
    "GroupedAddresses": as_grouped_addresses,
    "MessageIds": as_message_ids,
    "Date": as_date,
    "URLs": as_urls,
}
_STRUCTURED: Final = {
    "Addresses": "from sender reply-to to cc bcc resent-from resent-sender resent-reply-to resent-to resent-cc "
    "resent-bcc",
    "MessageIds": "message-id in-reply-to references resent-message-id",
    "Date": "date resent-date",
    "URLs": "list-help list-unsubscribe list-subscribe list-post list-owner list-archive",
    "Text": "subject comments keywords",
    "Raw": "received return-path",
}
_ALLOWED: Final = {header: form for form, headers in _STRUCTURED.items() for header in headers.split()}
"""Headers of RFC 5322 and RFC 2369 by the one form besides Raw that RFC 8621 §4.1.2 allows for each."""

STRUCTURED: Final = frozenset(header for header, form in _ALLOWED.items() if form != "Text")
"""Headers whose values have a syntax of their own."""

_CONVENIENCE: Final[dict[str, tuple[str, Callable[[bytes], Any]]]] = {
    "messageId": ("message-id", as_message_ids),
    "inReplyTo": ("in-reply-to", as_message_ids),
    "references": ("references", as_message_ids),
    "sender": ("sender", as_addresses),
    "from": ("from", as_addresses),
    "to": ("to", as_addresses),
    "cc": ("cc", as_addresses),
    "bcc": ("bcc", as_addresses),
    "replyTo": ("reply-to", as_addresses),
    "subject": ("subject", as_text),
    "sentAt": ("date", as_date),
}
_ADDRESSES: Final = frozenset({"sender", "from", "to", "cc", "bcc", "replyTo"})
METADATA: Final = frozenset({"id", "blobId", "threadId", "mailboxIds", "keywords", "receivedAt"})
"""What an email has by being in an account (RFC 8621 §4.1.1)."""
DEFAULT_BODY_PROPERTIES: Final = "partId blobId size name type charset disposition cid language location".split()
"""RFC 8621 §4.2."""
_PART: Final = frozenset({*DEFAULT_BODY_PROPERTIES, "subParts", "headers"})


def is_header_property(name: str) -> bool:
    """Whether `name` is a `header:*` property in a form that this header may have (RFC 8621 §4.1.3)."""
    match = HEADER.match(name)
    if match is None:
        return False
    header, form = match[1].lower(), match[2] or "Raw"
    if form not in FORMS:
        return False
    allowed = _ALLOWED.get(header)
    return form == "Raw" or allowed is None or form == allowed or (form, allowed) == ("GroupedAddresses", "Addresses")


@dataclass(frozen=True, slots=True)
class Options:
    """Arguments of `Email/get` and `Email/parse` that say how bodies are rendered."""

    body_properties: Sequence[str]
    text: bool
    html: bool
    every: bool
    maximum: int

    @classmethod
    def of(cls, arguments: Object) -> Options:
        """From checked arguments; those that are missing have their defaults.

        Raises:
            MethodError: `invalidArguments`, a body property that there is not.
        """
        given = arguments.get("bodyProperties")
        body = DEFAULT_BODY_PROPERTIES if given is None else list(dict.fromkeys(given))
        for name in body:
            if name not in _PART and not is_header_property(name):
                raise MethodError(
                    "invalidArguments", f"a body part has no property {name!r}", arguments=["bodyProperties"]
                )
        return cls(
            body,
            arguments.get("fetchTextBodyValues", False),
            arguments.get("fetchHTMLBodyValues", False),
            arguments.get("fetchAllBodyValues", False),
            arguments.get("maxBodyValueBytes", 0),
        )


class Rendering(ABC):
    """One email while its properties are rendered. Where it is from, a subclass knows."""

    def __init__(self, context: Context, record: Object, options: Options) -> None:
        self.context = context
        self.record = record
        self.options = options
        self._part_headers: dict[int, Sequence[Header]] = {}

    @abstractmethod
    def read(self, start: int, end: int) -> bytes:
        """Octets of the raw message."""

    @abstractmethod
    def metadata(self, name: str) -> Any:
        """A property that is not the message's own, of `METADATA`."""

    @abstractmethod
    def part_blob(self, part: Part) -> str:
        """The blobId of a leaf."""

    def render(self, properties: Sequence[str]) -> Object:
        """The Email object with these properties.

        Raises:
            MethodError: `requestTooLarge`; `invalidArguments` for a property that there is not.
        """
        return {name: self._property(name) for name in properties}

    def _property(self, name: str) -> Any:
        if name in _CONVENIENCE:
            return self._convenience(name)
        if name in METADATA:
            return self.metadata(name)
        if name in _RENDER:
            return _RENDER[name](self)
        return self._header_form(self.headers, name)

    def _convenience(self, name: str) -> Any:
        """From the record, unless it keeps only a part of the value."""
        if name in self.record.get("cut", ()):
            header, form = _CONVENIENCE[name]
            return next((form(one.value) for one in reversed(self.headers) if one.name.lower() == header), None)
        value = self.record.get(name)
        if value is not None and name in _ADDRESSES:
            return [{"name": item.get("name"), "email": item["email"]} for item in value]
        return value

    @cached_property
    def headers(self) -> Sequence[Header]:
        """The top header block, read from the blob."""
        return parse_headers(self.read(0, self.record["headerEnd"]))

    @cached_property
    def root(self) -> Part:
        return Part.from_dict(self.record["structure"])

    @cached_property
    def bodies(self) -> Bodies:
        return arrange(self.root)

    def part(self, part: Part, properties: Sequence[str]) -> Object:
        """An EmailBodyPart (RFC 8621 §4.1.4)."""
        return {name: self._part_property(part, name, properties) for name in properties}

    def _part_property(self, part: Part, name: str, properties: Sequence[str]) -> Any:
        if name == "subParts":
            return None if part.part_id is not None else [self.part(one, properties) for one in part.parts]
        if name == "blobId":
            return None if part.part_id is None else self.part_blob(part)
        if name in _PART_FIELDS:
            value = getattr(part, _PART_FIELDS[name])
            return list(value) if isinstance(value, tuple) else value
        headers = self.part_headers(part)
        return self.all_headers(headers) if name == "headers" else self._header_form(headers, name)

    def part_headers(self, part: Part) -> Sequence[Header]:
        """A part's header block, read once however many of its fields are asked for."""
        if part is self.root:
            return self.headers
        if part.start not in self._part_headers:
            self._part_headers[part.start] = parse_headers(self.read(part.start, part.body))
        return self._part_headers[part.start]

    def all_headers(self, headers: Sequence[Header]) -> list[Object]:
        """The `headers` property of an email or a part."""
        self.context.count_fetched(sum(len(header.name) + len(header.value) for header in headers))
        return [{"name": header.name, "value": as_raw(header.value)} for header in headers]

    def _header_form(self, headers: Sequence[Header], name: str) -> Any:
        """`header:NAME[:asFORM][:all]`: the last instance, or all of them (RFC 8621 §4.1.3).

        One block is read once, but may be asked for under as many names as a request holds: so each costs.
        """
        match = HEADER.match(name)
        if match is None:
            raise MethodError("invalidArguments", f"no such property: {name!r}")
        wanted = match[1].lower()
        found = [header.value for header in headers if header.name.lower() == wanted]
        self.context.count_fetched(len(name) + len(headers) + sum(map(len, found)))
        form = FORMS[match[2] or "Raw"]
        if match[3]:
            return [form(value) for value in found]
        return form(found[-1]) if found else None

    def parts(self, parts: Sequence[Part]) -> list[Object]:
        return [self.part(part, self.options.body_properties) for part in parts]

    def structure(self) -> Object:
        """`bodyStructure`: the whole tree, so with `subParts` where they are (RFC 8621 §4.1.4)."""
        return self._branch(self.root)

    def _branch(self, part: Part) -> Object:
        rendered = self.part(part, [name for name in self.options.body_properties if name != "subParts"])
        if part.part_id is None:
            rendered["subParts"] = [self._branch(one) for one in part.parts]
        elif "subParts" in self.options.body_properties:
            rendered["subParts"] = None
        return rendered

    def body_values(self) -> Object:
        options = self.options
        chosen = [*(self.bodies.text if options.text else ()), *(self.bodies.html if options.html else ())]
        if options.every:
            chosen = [part for part in self.root.walk() if not part.parts]
        return {part.part_id: self._value(part) for part in chosen if part.type.startswith("text/") and part.part_id}

    def _value(self, part: Part) -> Object:
        content, broken = decode_content(self.read(part.body, part.end), part.encoding)
        text, unclear = decode_text(content, part.charset)
        cut = _truncate(text, self.options.maximum, html=part.type == "text/html")
        self.context.count_fetched(len(cut))
        problem = broken or unclear or self._is_encoding_unknown(part)
        return {"value": cut, "isEncodingProblem": problem, "isTruncated": len(cut) < len(text)}

    def _is_encoding_unknown(self, part: Part) -> bool:
        """The structure has only encodings that are known; where one was not, the part's own header says it."""
        if UNKNOWN_ENCODING not in self.record.get("defects", ()):
            return False
        named = self._header_form(self.part_headers(part), "header:Content-Transfer-Encoding")
        return named is not None and normalise_encoding(named.encode(errors="replace")) is None


def _truncate(text: str, maximum: int, *, html: bool) -> str:
    """At most `maximum` bytes (0: all), not within a character nor, in HTML, within a tag (RFC 8621 §4.2)."""
    encoded = text.encode(errors="replace")
    if not maximum or len(encoded) <= maximum:
        return text
    cut = encoded[:maximum].decode(errors="ignore")
    opened = cut.rfind("<")
    return cut[:opened] if html and opened > cut.rfind(">") else cut


_PART_FIELDS: Final = {
    "partId": "part_id",
    "size": "size",
    "name": "name",
    "type": "type",
    "charset": "charset",
    "disposition": "disposition",
    "cid": "cid",
    "language": "language",
    "location": "location",
}

_RENDER: Final[dict[str, Callable[[Rendering], Any]]] = {
    "size": lambda email: email.record["size"],
    "hasAttachment": lambda email: email.record["hasAttachment"],
    "preview": lambda email: email.record.get("preview", ""),
    "headers": lambda email: email.all_headers(email.headers),
    "bodyStructure": lambda email: email.structure(),
    "bodyValues": lambda email: email.body_values(),
    "textBody": lambda email: email.parts(email.bodies.text),
    "htmlBody": lambda email: email.parts(email.bodies.html),
    "attachments": lambda email: email.parts(email.bodies.attachments),
}
