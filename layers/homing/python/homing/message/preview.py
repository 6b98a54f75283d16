"""The preview of a message: its first words as one line of plain text (RFC 8621 §4.1.4).

Reads a bounded prefix of a body. HTML is walked once with substring search, so that no nesting, unclosed
comment or tag can make it slow.
"""

from __future__ import annotations

import html as entities
import re
from typing import Final

from homing.message.bodies import decode_content
from homing.message.charsets import decode_charset
from homing.message.model import Part
from homing.message.structure import Bodies

MAX_PREVIEW: Final = 256
"""Characters of a preview (RFC 8621 §4.1.4)."""
_PLAIN_BYTES: Final = 4 * 1_024
_HTML_BYTES: Final = 64 * 1_024
_MAX_PARTS: Final = 5
_WINDOW: Final = 4_096
"""Characters of text from which a preview is made: much of a newsletter's beginning is white space."""
_ENOUGH: Final = 4 * MAX_PREVIEW

_SILENT: Final = frozenset({"style", "script", "title", "noscript", "template", "svg", "math", "xml"})
_INLINE: Final = frozenset(
    {
        "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font", "i", "ins",
        "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "tt", "u",
        "var", "wbr",
    }
)  # fmt: skip
_TAG_NAME: Final = re.compile(r"/?([a-zA-Z][a-zA-Z0-9:]*)")
_FILLER: Final = re.compile("[\\s\u00ad\u034f\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u2064\ufeff]+")
_CONTROL: Final = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_ENDLESS_NUMBER: Final = re.compile("&#[xX]?[0-9a-fA-F]{100,}+;?")
_QUOTE: Final = re.compile(r"^>.*$\n?", re.MULTILINE)
_SIGNATURE: Final = re.compile(r"^-- ?$", re.MULTILINE)


def preview_of(raw: bytes, bodies: Bodies) -> str:
    """At most `MAX_PREVIEW` characters of the first body part that says anything; "" if none does."""
    for part in (*bodies.text[:_MAX_PARTS], *bodies.html[:_MAX_PARTS]):
        if part.type == "text/plain":
            text = collapse(_unquoted(_read(raw, part, _PLAIN_BYTES)))
        elif part.type == "text/html":
            text = collapse(render_html_text(_read(raw, part, _HTML_BYTES), _ENOUGH))
        else:
            continue
        if text:
            return text
    return ""


def render_html_text(html: str, enough: int | None = None) -> str:
    """The text of an HTML document: tags, comments, styles and scripts gone, entities decoded.

    Elements that start a new line give a line break. Stops after about `enough` characters of text, if given.
    Meant for previews and search, not for display.
    """
    pieces: list[str] = []
    position = gathered = 0
    while (opened := html.find("<", position)) >= 0:
        text = html[position:opened]
        pieces.append(text)
        if enough is not None and not text.isspace():
            gathered += len(text)
            if gathered >= enough:
                return _unescape("".join(pieces))
        position = _skip_markup(html, opened, pieces)
    pieces.append(html[position:])
    return _unescape("".join(pieces))


def _unescape(text: str) -> str:
    """Entities decoded. `html.unescape` raises on numbers of thousands of digits, which are cut first."""
    return entities.unescape(_ENDLESS_NUMBER.sub("\ufffd", text))


def collapse(text: str) -> str:
    """`text` as one line of at most `MAX_PREVIEW` characters, runs of space and invisible filler made one."""
    text = " ".join(text[:_WINDOW].split())
    if not text.isprintable():
        text = _FILLER.sub(_space_or_nothing, _CONTROL.sub(" ", text)).strip()
    return text[:MAX_PREVIEW].strip()


def _space_or_nothing(run: re.Match[str]) -> str:
    filler = run[0]
    if " " in filler:
        return " "
    return filler if len(filler) == 1 else ""  # a single joiner is part of a word or an emoji


def _read(raw: bytes, part: Part, maximum: int) -> str:
    encoded = raw[part.body : min(part.end, part.body + maximum)]
    text = decode_charset(decode_content(encoded, part.encoding)[0], part.charset)[0]
    return text.rstrip("\ufffd") if part.end - part.body > maximum else text


def _unquoted(text: str) -> str:
    """Without quoted lines and signature, unless nothing else is there."""
    text = text.replace("\r\n", "\n")
    own = text
    if "\n>" in own or own.startswith(">"):
        own = _QUOTE.sub("", own)
    if "--" in own:
        own = _SIGNATURE.split(own, maxsplit=1)[0]
    return own if own and not own.isspace() else text


def _skip_markup(html: str, opened: int, pieces: list[str]) -> int:
    """The position after the markup at `opened`; what it means for the text goes to `pieces`."""
    if html.startswith("<!--", opened):
        return _after(html, "-->", opened + 4)
    if html.startswith(("<!", "<?"), opened):
        return _after(html, ">", opened + 2)
    tag = _TAG_NAME.match(html, opened + 1)
    if tag is None:
        pieces.append("&lt;")
        return opened + 1
    name = tag[1].lower()
    if name not in _INLINE:
        pieces.append("\n")
    closed = _after(html, ">", tag.end())
    if name in _SILENT and html[opened + 1] != "/":
        return _after_element(html, name, closed)
    return closed


def _after(html: str, mark: str, position: int) -> int:
    found = html.find(mark, position)
    return len(html) if found < 0 else found + len(mark)


def _after_element(html: str, name: str, position: int) -> int:
    end = re.compile(rf"</{re.escape(name)}[^>]*+>?", re.IGNORECASE).search(html, position)
    return len(html) if end is None else end.end()
