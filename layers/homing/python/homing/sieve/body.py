"""The strings that a body test looks at (RFC 5173 §5): raw, by content type, or as text.

Transfer encoding and charset are undone by `homing.message`; HTML gives up its markup for `:text`. Text has
CRLF line ends, as the body had and strings of scripts have. Messages within the message are looked into.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from homing.message import Message, Part, decode_content, decode_text, parse, render_html_text
from homing.sieve.limits import MAX_ENCLOSED

_HTML: Final = frozenset({"text/html", "application/xhtml+xml"})
_ENCLOSED: Final = frozenset({"message/rfc822", "message/global"})
_DECODE_COST: Final = 4
_HTML_COST: Final = 64
"""How much dearer than looking at an octet these are."""
_MAX_HTML: Final = 1_048_576
"""Characters of an HTML part that are read without their markup; RFC 5173 §5.3 asks for a best effort."""

Charge = Callable[[int], None]


def has_body(message: Message) -> bool:
    """Whether an empty line follows the header, be it the last one."""
    head = message.raw[: message.root.body]
    return message.root.body < len(message.raw) or head in (b"\n", b"\r\n") or head.endswith((b"\n\n", b"\n\r\n"))


class Body:
    """The body of a message as tests ask for it; whatever they ask, each part is decoded once.

    `charge` hears of the work, and may raise to end it. A message without a body has no strings at all.
    """

    def __init__(self, message: Message, charge: Charge) -> None:
        self._message = message
        self._charge = charge
        self._found: list[_Found] | None = None

    def raw(self) -> list[bytes]:
        """`:raw`: the body as it is, MIME structure and all."""
        message = self._message
        return [message.raw[message.root.body :]] if has_body(message) else []

    def content(self, types: Sequence[str]) -> list[bytes]:
        """`:content`: each part of these types, decoded; of containers what lies around their parts."""
        wanted = [one.lower() for one in types]
        found = (each for each in self._parts() if any(_is_of_type(each.part.type, one) for one in wanted))
        return [content for each in found for content in each.contents(self._charge)]

    def text(self) -> list[bytes]:
        """`:text`: the text of each part that has one, without markup."""
        return [each.plain(self._charge) for each in self._parts() if each.has_text()]

    def _parts(self) -> list[_Found]:
        if self._found is None:
            self._found = list(_walk(self._message, self._charge, 0)) if has_body(self._message) else []
        return self._found


class _Found:
    """A part, with the message that it is a part of, and what was made of it."""

    def __init__(self, message: Message, part: Part) -> None:
        self.message = message
        self.part = part
        self.enclosed: Message | None = None
        self._decoded: bytes | None = None
        self._texts: dict[bool, bytes] = {}

    def has_text(self) -> bool:
        return not self.part.parts and (self.part.type.startswith("text/") or self.part.type in _HTML)

    def decoded(self, charge: Charge) -> bytes:
        """The part without its transfer encoding."""
        if self._decoded is None:
            charge((self.part.end - self.part.body) * _DECODE_COST)
            self._decoded = decode_content(self.message.raw[self.part.body : self.part.end], self.part.encoding)[0]
        return self._decoded

    def contents(self, charge: Charge) -> list[bytes]:
        """What `:content` compares of the part."""
        if self.part.parts:
            return _around(self.message, self.part)
        if self.enclosed is not None:
            return [_head(self.enclosed)]
        return [self._text(charge, plain=False)] if self.part.type.startswith("text/") else [self.decoded(charge)]

    def plain(self, charge: Charge) -> bytes:
        """The text of the part without markup."""
        return self._text(charge, plain=self.part.type in _HTML)

    def _text(self, charge: Charge, *, plain: bool) -> bytes:
        if plain not in self._texts:
            content = self.decoded(charge)
            charge(len(content) * _DECODE_COST)
            text = decode_text(content, self.part.charset)[0]
            if plain:
                text = text[:_MAX_HTML]
                charge(len(text) * _HTML_COST)
                text = render_html_text(text)
            self._texts[plain] = text.replace("\n", "\r\n").encode("utf-8", "replace")
        return self._texts[plain]


def _is_of_type(media_type: str, wanted: str) -> bool:
    """RFC 5173 §5.2: "" is any type, `text` any subtype, `text/plain` itself; other slashes match nothing."""
    if "/" in wanted:
        return wanted == media_type
    return not wanted or media_type.partition("/")[0] == wanted


def _walk(message: Message, charge: Charge, depth: int) -> Iterator[_Found]:
    for part in message.root.walk():
        found = _Found(message, part)
        yield found
        if part.type in _ENCLOSED:
            found.enclosed = parse(found.decoded(charge))
            if depth < MAX_ENCLOSED:
                yield from _walk(found.enclosed, charge, depth + 1)


def _head(message: Message) -> bytes:
    """The header of a message, without the empty line after it."""
    head = message.raw[: message.root.body]
    for line_end in (b"\r\n", b"\n"):
        if head.endswith(b"\n" + line_end):
            return head[: -len(line_end)]
    return head


def _around(message: Message, part: Part) -> list[bytes]:
    """Prologue and epilogue of a multipart; the line end before a boundary belongs to the boundary."""
    raw = message.raw
    first = max(raw.rfind(b"\n", part.body, max(part.parts[0].start - 1, part.body)) + 1, part.body)
    prologue = raw[part.body : first].removesuffix(b"\n").removesuffix(b"\r")
    boundary = raw.find(b"--", part.parts[-1].end, part.end)
    line_end = raw.find(b"\n", boundary, part.end) if boundary >= 0 else -1
    epilogue = raw[line_end + 1 : part.end] if line_end >= 0 else b""
    return [prologue, epilogue]
