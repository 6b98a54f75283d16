"""`compose`: header fields and a tree of parts become the bytes of a message, in ASCII with CRLF.

    compose([addresses_field("From", [...]), text_field("Subject", "Grüße")],
            multipart("mixed", text_part("Hello"), attachment(content, "image/png", "图.png")),
            message_id=new_message_id(chance, hostname), at=now)

Pure: time and chance are given. The same arguments make the same bytes. Only an attached message that is not ASCII
makes lines that are not. RFC 5322, RFC 2045, RFC 2046, RFC 2183, RFC 2231, RFC 2387, RFC 3282, RFC 2557.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from homing.message.compose_body import Encoded, encode_content
from homing.message.compose_fields import (
    Field,
    InvalidField,
    addresses_field,
    date_field,
    groups_field,
    is_message_id,
    message_ids_field,
    now_field,
    parameters_field,
    raw_field,
    text_field,
    urls_field,
    words_field,
)

__all__ = [
    "Entity",
    "Field",
    "InvalidField",
    "addresses_field",
    "attachment",
    "compose",
    "date_field",
    "groups_field",
    "html_part",
    "is_message_id",
    "message_ids_field",
    "multipart",
    "new_message_id",
    "raw_field",
    "structure",
    "text_field",
    "text_part",
    "urls_field",
]

_TYPE: Final = re.compile(r"([A-Za-z0-9!#$&^_.+'%*`{|}~-]{1,64})/([A-Za-z0-9!#$&^_.+'%*`{|}~-]{1,80})")
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,60}")
_LANGUAGE: Final = re.compile(r"[A-Za-z0-9-]{1,35}")
_CID: Final = re.compile(r"[!#-'*-;=?-\[\]-~]{1,255}")
_BOUNDARY_DIGITS: Final = 20
_EIGHT_BIT: Final = Field("Content-Transfer-Encoding", b" 8bit")


@dataclass(frozen=True, slots=True)
class Entity:
    """A MIME entity: a leaf with `content`, or a multipart with `parts`.

    Text that is given as `str` is sent in UTF-8; of bytes, `charset` is what they are in. `fields` are further
    header fields; one of them takes the place of the field of its name that would be made from the rest.

    Raises:
        InvalidField: a type, charset, disposition, cid, language or location that cannot be written, a
            Content-Transfer-Encoding, a multipart without parts or a leaf with them.
    """

    type: str = "text/plain"
    content: str | bytes = field(default=b"", repr=False)
    parts: tuple[Entity, ...] = ()
    charset: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    disposition: str | None = None
    name: str | None = None
    cid: str | None = None
    language: tuple[str, ...] = ()
    location: str | None = None
    fields: tuple[Field, ...] = ()

    def __post_init__(self) -> None:
        _check(_TYPE, self.type, "a media type is type/subtype")
        if self.is_multipart is not bool(self.parts):
            raise InvalidField("a multipart has parts, and nothing else has")
        for token in (self.charset, self.disposition, *self.parameters):
            _check(_TOKEN, token, "a charset, a disposition and a parameter's name are tokens")
        _check(_CID, self.cid, "a Content-ID is ASCII without space, brackets and quotes")
        for tag in self.language:
            _check(_LANGUAGE, tag, "a language tag is letters, digits and hyphens")
        if any(one.name.lower() == "content-transfer-encoding" for one in self.fields):
            raise InvalidField("Content-Transfer-Encoding is for the server to choose")
        self.own_fields()

    @property
    def is_multipart(self) -> bool:
        """Whether it is a multipart/*."""
        return self.type.lower().startswith("multipart/")

    def walk(self) -> Iterator[Entity]:
        """This entity and all below it, depth first."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def own_fields(self, boundary: str = "") -> list[Field]:
        """The header fields that describe it, but for the transfer encoding."""
        given = {one.name.lower() for one in self.fields}
        made = [self._content_type(boundary)]
        if self.disposition:
            name = {"filename": self.name} if self.name else {}
            made.append(parameters_field("Content-Disposition", self.disposition, name))
        if self.cid:
            made.append(message_ids_field("Content-ID", [self.cid]))
        if self.language:
            made.append(words_field("Content-Language", self.language))
        if self.location:
            made.append(words_field("Content-Location", [self.location]))
        return [*(one for one in made if one.name.lower() not in given), *self.fields]

    def _content_type(self, boundary: str) -> Field:
        parameters = {"charset": self.charset} if self.charset else {}
        if isinstance(self.content, str) and self.type.lower().startswith("text/"):
            parameters = {"charset": "utf-8"}
        parameters |= self.parameters
        if self.name and not self.disposition:
            parameters["name"] = self.name
        if boundary:
            parameters["boundary"] = boundary
        return parameters_field("Content-Type", self.type, parameters)


def text_part(text: str, type: str = "text/plain") -> Entity:
    """Text to be shown."""
    return Entity(type, text)


def html_part(html: str) -> Entity:
    """HTML to be shown."""
    return Entity("text/html", html)


def attachment(content: bytes, type: str = "application/octet-stream", name: str | None = None) -> Entity:
    """A file."""
    return Entity(type, content, disposition="attachment", name=name)


def multipart(subtype: str, *parts: Entity, **parameters: str) -> Entity:
    """Parts together. Parameters are written with `_` for `-`: `multipart("report", ..., report_type="...")`."""
    named = {name.replace("_", "-"): value for name, value in parameters.items()}
    return Entity(f"multipart/{subtype}", parts=parts, parameters=named)


def structure(text: Entity | None, html: Entity | None, attachments: Sequence[Entity] = ()) -> Entity:
    """The tree for a text, its HTML rendering and attachments (RFC 2046 §5.1.4, RFC 2387).

    What HTML shows by its cid belongs to it (multipart/related); all else follows in a multipart/mixed, and is marked
    as an attachment if it does not say what it is, since a picture or a text would else be part of the body.
    """
    shown: list[Entity] = []
    others: list[Entity] = []
    for one in attachments:
        if html and one.cid and one.disposition in (None, "inline"):
            shown.append(one)
        else:
            others.append(one if one.disposition else replace(one, disposition="attachment"))
    if html is not None and shown:
        html = multipart("related", html, *shown, type=html.type)
    bodies = [one for one in (text, html) if one is not None]
    body = bodies if len(bodies) < 2 else [multipart("alternative", *bodies)]
    if others:
        return multipart("mixed", *body, *others)
    return body[0] if body else text_part("")


def new_message_id(chance: bytes, hostname: str) -> str:
    """A Message-ID (RFC 5322 §3.6.4), without angle brackets, from at least 12 random bytes."""
    return f"{chance.hex()}@{hostname}"


def compose(fields: Sequence[Field], root: Entity, *, message_id: str, at: int) -> bytes:
    """The message. `message_id` and `at` (ms since 1970) are used where `fields` have no Message-ID or Date.

    Raises:
        InvalidField: `message_id` is none.
    """
    given = {one.name.lower() for one in (*fields, *root.fields)}
    missing = [now_field("Date", at), message_ids_field("Message-ID", [message_id]), Field("MIME-Version", b" 1.0")]
    header = [*(one for one in missing if one.name.lower() not in given), *fields]
    encoded = [encode_content(one.content, one.type.lower()) for one in root.walk() if not one.is_multipart]
    writing = _Writing(iter(encoded), _boundary(header, encoded))
    writing.write(header, root)
    return b"".join(writing.pieces)


class _Writing:
    """The pieces of a message while it is written."""

    def __init__(self, encoded: Iterator[Encoded], boundary: str) -> None:
        self.pieces: list[bytes] = []
        self._encoded = encoded
        self._boundary = boundary
        self._multiparts = 0

    def write(self, before: Sequence[Field], entity: Entity) -> bool:
        """Header and content; whether the content has octets that are not ASCII (RFC 2045 §6.4)."""
        if entity.is_multipart:
            return self._write_multipart(before, entity)
        content = next(self._encoded)
        encoding = Field("Content-Transfer-Encoding", f" {content.encoding}".encode())
        self._write_fields([*before, *entity.own_fields(), encoding])
        self.pieces += content.pieces
        return content.encoding == "8bit"

    def _write_multipart(self, before: Sequence[Field], entity: Entity) -> bool:
        boundary = f"{self._boundary}{self._multiparts:04x}"
        self._multiparts += 1
        header, self.pieces = self.pieces, []
        is_8bit = False
        for part in entity.parts:
            self.pieces.append(f"\r\n--{boundary}\r\n".encode())
            is_8bit |= self.write((), part)
        below = [*self.pieces, f"\r\n--{boundary}--\r\n".encode()]
        below[0] = below[0][2:]  # the blank line after the header is the line end before it
        self.pieces = header
        self._write_fields([*before, *entity.own_fields(boundary), *([_EIGHT_BIT] if is_8bit else [])])
        self.pieces += below
        return is_8bit

    def _write_fields(self, fields: Sequence[Field]) -> None:
        self.pieces += [*(one.render() for one in fields), b"\r\n"]


def _boundary(header: Sequence[Field], encoded: Sequence[Encoded]) -> str:
    """What all boundaries of the message begin with; of one length, so that none is the beginning of another."""
    seed = b"".join(one.render() for one in header)
    while True:
        seed = hashlib.sha256(seed).digest()
        boundary = f"=_{seed.hex()[:_BOUNDARY_DIGITS]}"
        if not any(boundary.encode() in piece for one in encoded if not one.is_safe for piece in one.pieces):
            return boundary


def _check(pattern: re.Pattern[str], text: str | None, otherwise: str) -> None:
    if text is not None and pattern.fullmatch(text) is None:
        raise InvalidField(otherwise)
