"""What parsing yields: a message, its headers and its parts, as ranges of the raw bytes.

Nothing here copies a body. What has to be decoded is decoded when it is asked for and then kept. A part can
be written to a small JSON object and read back without the message, which is how it is stored (RFC 8621 §4.1.4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from homing.message.bodies import IDENTITY, decoded_size


class Header(NamedTuple):
    """One header field as it stands in the message (a named tuple: thirty of them are made for each mail).

    `name` is spelled as on the wire; `value` is all after the colon, folding included, without the final
    line end; `raw[start:end]` is the whole field with its line end.
    """

    name: str
    value: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Defect:
    """Something in the message that is against the rules: a stable code and the byte offset where it was seen."""

    code: str
    offset: int


@dataclass(frozen=True, slots=True)
class Part:
    """A MIME part (RFC 8621 §4.1.4, EmailBodyPart), or a whole message seen as one.

    `start`, `body`, `end` are byte offsets in the message: of the header block, of the body, and past the
    body (the line end before a boundary belongs to the boundary). `part_id` is None, and `parts` not empty,
    for multipart/* only. `encoding` is one of `bodies.ENCODINGS`.
    """

    part_id: str | None
    type: str
    start: int
    body: int
    end: int
    encoding: str = "7bit"
    charset: str | None = None
    name: str | None = None
    disposition: str | None = None
    cid: str | None = None
    language: tuple[str, ...] | None = None
    location: str | None = None
    parts: tuple[Part, ...] = ()
    raw: bytes | None = field(default=None, repr=False, compare=False)
    known_size: int | None = field(default=None, repr=False, compare=False)

    @property
    def size(self) -> int:
        """Octets of the body after transfer decoding; reading it twice decodes once."""
        if self.known_size is not None:
            return self.known_size
        size = self.end - self.body
        if self.raw is not None and self.encoding not in IDENTITY and not self.parts:
            size = decoded_size(self.raw[self.body : self.end], self.encoding)
        object.__setattr__(self, "known_size", size)
        return size

    def walk(self) -> Iterator[Part]:
        """This part and all below it, depth first, in the order of the message."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: short keys, defaults left out, decoded size included. See `from_dict`."""
        record: dict[str, Any] = {"at": [self.start, self.body, self.end]}
        if self.part_id is not None:
            record["i"] = self.part_id
        for key, value, default in (
            ("t", self.type, "text/plain"),
            ("e", self.encoding, "7bit"),
            ("c", self.charset, _implied_charset(self.type)),
            ("n", self.name, None),
            ("d", self.disposition, None),
            ("cid", self.cid, None),
            ("loc", self.location, None),
        ):
            if value != default:
                record[key] = value
        if self.language:
            record["lang"] = list(self.language)
        if self.size != self.end - self.body:
            record["z"] = self.size
        if self.parts:
            record["p"] = [part.to_dict() for part in self.parts]
        return record

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Part:
        """The part that `to_dict` wrote; equal to the parsed one, its size known without the message."""
        start, body, end = record["at"]
        media_type = record.get("t", "text/plain")
        language = record.get("lang")
        return cls(
            part_id=record.get("i"),
            type=media_type,
            start=start,
            body=body,
            end=end,
            encoding=record.get("e", "7bit"),
            charset=record.get("c", _implied_charset(media_type)),
            name=record.get("n"),
            disposition=record.get("d"),
            cid=record.get("cid"),
            language=tuple(language) if language else None,
            location=record.get("loc"),
            parts=tuple(cls.from_dict(part) for part in record.get("p", ())),
            known_size=record.get("z", end - body),
        )


def _implied_charset(media_type: str) -> str | None:
    return "us-ascii" if media_type.startswith("text/") else None
