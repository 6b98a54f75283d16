"""Which parts are the text of a message, which the HTML, which are attachments (RFC 8621 §4.1.4).

Works on a tree of parts alone, parsed or read back from the store.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from homing.message.model import Part

_MEDIA = ("image/", "audio/", "video/")


@dataclass(frozen=True, slots=True)
class Bodies:
    """`textBody`, `htmlBody` and `attachments` of RFC 8621 §4.1.4; a part may stand in several lists."""

    text: list[Part] = field(default_factory=list)
    html: list[Part] = field(default_factory=list)
    attachments: list[Part] = field(default_factory=list)


def arrange(root: Part) -> Bodies:
    """Sort the leaves of `root` by the algorithm that RFC 8621 §4.1.4 suggests."""
    bodies = Bodies()
    _sort(bodies, (root,), "mixed", in_alternative=False, text=bodies.text, html=bodies.html)
    return bodies


def has_attachment(bodies: Bodies) -> bool:
    """RFC 8621 §4.1.4, `hasAttachment`: some attachment is not marked as inline."""
    return any(part.disposition != "inline" for part in bodies.attachments)


def _sort(
    bodies: Bodies,
    parts: tuple[Part, ...],
    kind: str,
    *,
    in_alternative: bool,
    text: list[Part] | None,
    html: list[Part] | None,
) -> None:
    text_length = len(text) if text is not None else -1
    html_length = len(html) if html is not None else -1
    for index, part in enumerate(parts):
        if part.type.startswith("multipart/"):
            below = part.type.partition("/")[2]
            inside = in_alternative or below == "alternative"
            _sort(bodies, part.parts, below, in_alternative=inside, text=text, html=html)
        elif not _is_body(part, kind, index):
            bodies.attachments.append(part)
        elif kind == "alternative":
            _choose(bodies, part, text, html)
        else:
            if in_alternative and part.type == "text/plain":
                html = None
            elif in_alternative and part.type == "text/html":
                text = None
            _show(bodies, part, text, html)
    if kind == "alternative" and text is not None and html is not None:
        _lend(text, text_length, html, html_length)


def _is_body(part: Part, kind: str, index: int) -> bool:
    is_media = part.type.startswith(_MEDIA)
    if part.disposition == "attachment" or not (is_media or part.type in ("text/plain", "text/html")):
        return False
    return index == 0 or (kind != "related" and (is_media or not part.name))


def _choose(bodies: Bodies, part: Part, text: list[Part] | None, html: list[Part] | None) -> None:
    """A direct child of multipart/alternative is one rendering. The RFC's sketch presumes both lists here;
    where an enclosing level has ruled one out, the part is an attachment, so that it is not lost."""
    wanted = {"text/plain": text, "text/html": html}.get(part.type)
    (bodies.attachments if wanted is None else wanted).append(part)


def _show(bodies: Bodies, part: Part, text: list[Part] | None, html: list[Part] | None) -> None:
    if text is not None:
        text.append(part)
    if html is not None:
        html.append(part)
    if (text is None or html is None) and part.type.startswith(_MEDIA):
        bodies.attachments.append(part)


def _lend(text: list[Part], text_length: int, html: list[Part], html_length: int) -> None:
    """An alternative with one rendering only serves both lists with it."""
    if len(text) == text_length and len(html) != html_length:
        text.extend(html[html_length:])
    elif len(html) == html_length and len(text) != text_length:
        html.extend(text[text_length:])
