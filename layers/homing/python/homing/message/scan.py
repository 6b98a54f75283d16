"""The offset scanner: raw bytes to headers and parts as byte ranges, in one pass per nesting level.

Copies no body and decodes none. Bodies are crossed by substring search only, so cost follows the number
of lines that look like boundaries, not the number of lines. Accepts any bytes, never raises, and works
within the limits below; what is beyond a limit is left out and recorded as a defect.
RFC 5322 §2.1-2.2 and §4.5, RFC 2045 §5.2, RFC 2046 §5.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from homing.message.bodies import UNKNOWN_ENCODING, normalise_encoding
from homing.message.charsets import clean, decode_unlabelled
from homing.message.encoded_words import decode_words
from homing.message.model import Defect, Header, Part
from homing.message.parameters import Parameters, parse_value

MAX_DEPTH: Final = 50
"""Levels of multipart; a multipart below is a leaf of type application/octet-stream."""
MAX_PARTS: Final = 1_000
"""Parts of a message, leaves and multiparts together."""
MAX_HEADER_BYTES: Final = 1_048_576
"""Bytes of one header block that are read."""
MAX_HEADERS: Final = 2_000
"""Fields of one header block that are read."""
MAX_CANDIDATES: Final = 100_000
"""Lines that begin like a boundary and are looked at, in all multiparts together."""
MAX_PASSES: Final = 10
"""How often, on average, a byte may be searched: each level of nesting is one pass over what it holds."""
FREE_PASSES: Final = 1_048_576
"""Bytes of searching that are allowed to any message, so that a small one may be nested as deep as it likes."""
MAX_DEFECTS: Final = 100
"""Defects that are kept."""
MAX_PART_TEXT: Final = 64 * 1_024
"""Bytes of type, name, charset, Content-ID, language and location, over all parts of a message."""
MAX_NAME: Final = 255
MAX_LOCATION: Final = 1_024
MAX_LANGUAGES: Final = 16

_FIELD: Final = re.compile(rb"([!-9;-~]++)[ \t]*+:(.*+(?:\n[ \t].*+)*+)\n?")
_SKIPPED_LINE: Final = re.compile(rb">?From .*+(?:\n[ \t].*+)*+\n?|[ \t]++[^\r\n \t].*+\n?|:.*+\n?")
_BLANK: Final = re.compile(rb"\r?\n")
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+'%*`{|}~-]{1,64}/[a-z0-9!#$&^_.+'%*`{|}~-]{1,80}")
_DELIMITER_REST: Final = re.compile(rb"(--)?[ \t]*+(?:\r?\n|\r?\Z)")
_COMMENT: Final = re.compile(rb"\([^()]*+\)")
_MIME_FIELDS: Final = frozenset(
    {
        b"content-type",
        b"content-transfer-encoding",
        b"content-disposition",
        b"content-id",
        b"content-language",
        b"content-location",
    }
)

MimeFields = dict[bytes, bytes]


@dataclass(slots=True)
class _Scan:
    """What the parts of one message share while it is being scanned."""

    raw: bytes
    defects: list[Defect] = field(default_factory=list)
    parts: int = 0
    leaves: int = 0
    text: int = 0
    candidates: int = 0
    searched: int = 0

    def defect(self, code: str, offset: int) -> None:
        if len(self.defects) < MAX_DEFECTS:
            self.defects.append(Defect(code, offset))

    def is_full(self) -> bool:
        """No further part fits, by number or by what the parts have to say of themselves."""
        return self.parts >= MAX_PARTS or self.text >= MAX_PART_TEXT


def scan(raw: bytes) -> tuple[tuple[Header, ...], Part, tuple[Defect, ...]]:
    """(top-level headers in wire order, the root part, defects in the order they were met)."""
    state = _Scan(raw)
    headers, body = scan_headers(raw, 0, len(raw), state)
    root = _build_part(state, _mime_fields(headers), (0, body, len(raw)), 0, "text/plain")
    return tuple(headers), root, tuple(state.defects)


def scan_headers(raw: bytes, start: int, end: int, state: _Scan | None = None) -> tuple[list[Header], int]:
    """The fields from `start` on, and the offset of the body that follows them (at most `end`)."""
    state = state or _Scan(raw)
    headers: list[Header] = []
    limit = min(end, start + MAX_HEADER_BYTES)
    position = start
    match_field = _FIELD.match
    while True:
        match = match_field(raw, position, limit)
        if match is not None:
            name, value = match.groups()
            if value[-1:] == b"\r":
                value = value[:-1]
            following = match.end()
            if len(headers) < MAX_HEADERS:
                headers.append(Header(name.decode("ascii"), value, position, following))
            else:
                return headers, _skip_block(state, "too-many-headers", position, end)
            position = following
            continue
        if position >= limit:
            break
        blank = _BLANK.match(raw, position, limit)
        if blank is not None:
            return headers, blank.end()
        skipped = _SKIPPED_LINE.match(raw, position, limit)
        if skipped is None:
            state.defect("missing-header-body-separator", position)
            return headers, position
        state.defect("malformed-header", position)
        position = skipped.end()
    if limit < end:
        return headers, _skip_block(state, "header-block-too-large", position, end)
    return headers, position


def _skip_block(state: _Scan, code: str, position: int, end: int) -> int:
    """Where the body begins after a header block that was not read to its end."""
    state.defect(code, position)
    position = max(position - 1, 0)
    found = [at + len(blank) for blank in (b"\n\r\n", b"\n\n") if (at := state.raw.find(blank, position, end)) >= 0]
    return min(found, default=end)


def _mime_fields(headers: list[Header]) -> MimeFields:
    """What describes a part; the first field of a name counts."""
    mime: MimeFields = {}
    for header in headers:
        name = header.name
        if name[:1] in "cC":  # as all of them begin: few other names need to be looked up
            key = name.lower().encode()
            if key in _MIME_FIELDS:
                mime.setdefault(key, header.value)
    return mime


def _build_part(state: _Scan, mime: MimeFields, span: tuple[int, int, int], depth: int, implied_type: str) -> Part:
    start, body, end = span
    state.parts += 1
    content_type = mime.get(b"content-type")
    media_type, parameters = _read_type(state, content_type, start, implied_type)
    if media_type.startswith("multipart/"):
        state.searched += end - body
        if depth >= MAX_DEPTH or state.searched > MAX_PASSES * len(state.raw) + FREE_PASSES:
            state.defect("nesting-too-deep", start)
            media_type = "application/octet-stream"
        else:
            described = _describe(state, mime, media_type, parameters)
            children = _build_children(state, media_type, parameters, (body, end), depth)
            if children:
                return Part(None, media_type, start, body, end, "7bit", *described, parts=children, raw=state.raw)
            media_type = "text/plain"
    return _build_leaf(state, mime, span, media_type, parameters)


def _read_type(state: _Scan, content_type: bytes | None, start: int, implied_type: str) -> tuple[str, Parameters]:
    if content_type is None:
        return implied_type, {}
    media_type, parameters = parse_value(content_type)
    if _MEDIA_TYPE.fullmatch(media_type) is None:
        state.defect("malformed-content-type", start)
        media_type = "text/plain"
    return media_type, parameters


def _build_leaf(
    state: _Scan, mime: MimeFields, span: tuple[int, int, int], media_type: str, parameters: Parameters
) -> Part:
    start, body, end = span
    state.leaves += 1
    encoding = _read_encoding(state, mime, start)
    described = _describe(state, mime, media_type, parameters)
    return Part(str(state.leaves), media_type, start, body, end, encoding, *described, raw=state.raw)


class _Described(NamedTuple):
    """What a part says of itself besides type and encoding, in the order of `Part`."""

    charset: str | None
    name: str | None
    disposition: str | None
    cid: str | None
    language: tuple[str, ...] | None
    location: str | None


def _describe(state: _Scan, mime: MimeFields, media_type: str, parameters: Parameters) -> _Described:
    charset = _printable(parameters.get("charset", ""))[:60] or ("us-ascii" if media_type.startswith("text/") else None)
    disposition, filename = None, parameters.get("name")
    if b"content-disposition" in mime:
        kind, attributes = parse_value(mime[b"content-disposition"])
        disposition = None if "=" in kind else _printable(kind)[:60] or None
        filename = attributes.get("filename") or filename
    described = _Described(
        charset=charset,
        name=_cut_name(filename) or None if filename else None,
        disposition=disposition,
        cid=_read_cid(mime.get(b"content-id")),
        language=_read_language(mime.get(b"content-language")),
        location=_read_text(mime.get(b"content-location"), MAX_LOCATION),
    )
    state.text += _text_size(media_type, described)
    return described


def _text_size(media_type: str, described: _Described) -> int:
    """Upper bound of the JSON bytes of a part's strings, so that hostile names cannot swell the record."""
    size = 0 if media_type in ("text/plain", "text/html") else len(media_type)
    for text in (*described[:4], described.location, *(described.language or ())):
        if text:
            size += len(text) + text.count('"') + text.count("\\") if text.isascii() else 4 * len(text)
    return size


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(c for c in text if c.isprintable())


def _cut_name(name: str) -> str:
    """A file name of bounded length that keeps its extension."""
    name = _printable(name)
    if len(name) <= MAX_NAME:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension) > 20:
        return name[:MAX_NAME]
    return f"{stem[: MAX_NAME - 1 - len(extension)]}.{extension}"


def _read_encoding(state: _Scan, mime: MimeFields, start: int) -> str:
    value = mime.get(b"content-transfer-encoding")
    if value is None:
        return "7bit"
    encoding = normalise_encoding(value)
    if encoding is None:
        state.defect(UNKNOWN_ENCODING, start)
        return "binary"
    return encoding


def _read_text(value: bytes | None, maximum: int) -> str | None:
    if value is None:
        return None
    text = decode_unlabelled(_COMMENT.sub(b"", value[: 4 * maximum]))
    text = clean(decode_words("".join(text.split()))[:maximum])
    return _printable(text) or None


def _read_cid(value: bytes | None) -> str | None:
    text = _read_text(value, MAX_NAME)
    if text is None:
        return None
    if "<" in text:
        text = text.partition("<")[2]
    return text.partition(">")[0] or None


def _read_language(value: bytes | None) -> tuple[str, ...] | None:
    text = _read_text(value, MAX_NAME)
    if text is None:
        return None
    return tuple(tag[:35] for tag in text.split(",") if tag)[:MAX_LANGUAGES] or None


def _build_children(
    state: _Scan, media_type: str, parameters: Parameters, span: tuple[int, int], depth: int
) -> tuple[Part, ...]:
    boundary = parameters.get("boundary", "")
    if not boundary:
        state.defect("missing-boundary", span[0])
        return ()
    implied_type = "message/rfc822" if media_type == "multipart/digest" else "text/plain"
    children: list[Part] = []
    for start, end in _split(state, b"--" + boundary.encode("utf-8", "replace"), span):
        if state.is_full():
            state.defect("too-many-parts", start)
            break
        headers, body = scan_headers(state.raw, start, end, state)
        children.append(_build_part(state, _mime_fields(headers), (start, body, end), depth + 1, implied_type))
    if not children:
        state.defect("missing-start-boundary", span[0])
    return tuple(children)


def _split(state: _Scan, delimiter: bytes, span: tuple[int, int]) -> list[tuple[int, int]]:
    """The ranges between the delimiter lines of one multipart (RFC 2046 §5.1.1)."""
    ranges: list[tuple[int, int]] = []
    raw, (position, limit) = state.raw, span
    start = -1
    while True:
        line, after, closes = _next_delimiter(state, delimiter, position, limit, span[0])
        if line < 0:
            if start >= 0:
                state.defect("missing-close-boundary", limit)
                ranges.append((start, limit))
            return ranges
        if start >= 0 and (line > start or closes):  # two delimiter lines in a row are one
            ranges.append((start, _before_line_end(raw, start, line)))
            if state.parts + len(ranges) > MAX_PARTS:
                return ranges  # one more than fits, which `_build_children` reports
        if closes:
            return ranges
        start = position = after


def _next_delimiter(state: _Scan, delimiter: bytes, position: int, limit: int, first: int) -> tuple[int, int, bool]:
    """(start of the delimiter line or -1, offset after it, whether it closes the multipart)."""
    raw = state.raw
    while state.candidates < MAX_CANDIDATES:
        state.candidates += 1
        if position == first and raw.startswith(delimiter, position, limit):
            line = position
        else:
            line = raw.find(b"\n" + delimiter, max(position - 1, first), limit) + 1
            if line == 0:
                return -1, limit, False
        rest = _DELIMITER_REST.match(raw, line + len(delimiter), limit)
        if rest is not None:
            return line, rest.end(), rest[1] is not None
        position = line + len(delimiter)
    state.defect("too-many-boundaries", position)
    return -1, limit, False


def _before_line_end(raw: bytes, start: int, line: int) -> int:
    end = line - 1
    if end > start and raw[end - 1] == 0x0D:
        end -= 1
    return max(start, end)
