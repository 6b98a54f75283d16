"""What a blob is made of in `Blob/upload` (RFC 9404 §4.1): texts, base64, and ranges of other blobs.

Nothing is guessed: what cannot be taken exactly as it is given makes the whole creation fail.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from homing.ids import blob_id
from homing.jmap.blob import Content, find_content
from homing.jmap.context import Context
from homing.jmap.datatype import Object, SetError
from homing.jmap.kinds import ID_OR_REFERENCE, UNSIGNED_INT
from homing.ledger.view import View

MAX_DATA_SOURCES: Final = 100
DEFAULT_TYPE: Final = "application/octet-stream"
_TEXT: Final = "data:asText"
_BASE64: Final = "data:asBase64"
_KINDS: Final = (_TEXT, _BASE64, "blobId")
_RANGE: Final = ("offset", "length")


@dataclass(frozen=True, slots=True)
class Range:
    """Octets of another blob; a length of None goes to its end."""

    blob: str
    offset: int
    length: int | None


@dataclass(frozen=True, slots=True)
class Upload:
    """A checked UploadObject."""

    sources: tuple[bytes | Range, ...]
    type: str | None


def parse_upload(given: Object) -> Upload | SetError:
    """An UploadObject, or what is wrong with it."""
    sources, type = given.get("data"), given.get("type")
    unknown = given.keys() - {"data", "type"}
    if unknown:
        return _invalid(f"an UploadObject has no {min(unknown)!r}", *sorted(unknown))
    if not isinstance(sources, list) or not all(isinstance(one, dict) for one in sources):
        return _invalid("data must be DataSourceObject[]", "data")
    if type is not None and not isinstance(type, str):
        return _invalid("type must be String|null", "type")
    if len(sources) > MAX_DATA_SOURCES:
        return _invalid(f"maxDataSources is {MAX_DATA_SOURCES}", "data")
    parsed = [_source(one) for one in sources]
    wrong = next((one for one in parsed if isinstance(one, SetError)), None)
    return wrong or Upload(tuple(one for one in parsed if not isinstance(one, SetError)), type)


def in_order_of_need(uploads: Mapping[str, Upload | SetError]) -> list[str]:
    """Creation ids, those that others of the call are made of first; what is made of itself comes last."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for key, one in uploads.items():
        sorter.add(key, *_needed(one, uploads))
    with suppress(CycleError):  # all but the circle is still sorted
        sorter.prepare()
    order: list[str] = []
    while ready := sorter.get_ready():
        order += ready
        sorter.done(*ready)
    return list(dict.fromkeys([*order, *uploads]))


@dataclass(slots=True)
class Composition:
    """Makes the blobs of one call; they are stored as they are made, and readable once `digests` are kept."""

    context: Context
    view: View
    digests: list[str] = field(default_factory=list)
    _made: dict[str, Content] = field(default_factory=dict)
    _found: dict[str, Content | None] = field(default_factory=dict)

    def make(self, key: str, upload: Upload) -> Object | SetError:
        """Store one blob; what the response says of it.

        Raises:
            MethodError: `requestTooLarge`, more octets than one request may bring together.
        """
        parts: list[bytes | tuple[Content, int, int]] = []
        for source in upload.sources:
            part = source if isinstance(source, bytes) else self._range(source)
            if isinstance(part, SetError):
                return part
            parts.append(part)
        size = sum(len(part) if isinstance(part, bytes) else part[2] for part in parts)
        maximum = self.context.site.config.limits.max_size_upload
        if size > maximum:
            return SetError("tooLarge", f"maxSizeBlobSet is {maximum}")
        self.context.count_fetched(size)
        digest, _ = self.context.site.blobs.put_stream(_pieces(parts))
        self.digests.append(digest)
        self._made[key] = Content(size, digest, self.context.site.blobs)
        return {"id": blob_id(digest), "blobId": blob_id(digest), "type": upload.type or DEFAULT_TYPE, "size": size}

    def _range(self, source: Range) -> tuple[Content, int, int] | SetError:
        content = self._content(source.blob)
        if content is None:
            return SetError("blobNotFound", extra={"notFound": [source.blob]})
        length = content.size - source.offset if source.length is None else source.length
        if length < 0 or source.offset + length > content.size:
            return _invalid(f"{source.blob} has {content.size} octets only", "data")
        return content, source.offset, length

    def _content(self, blob: str) -> Content | None:
        """Each blob once: of a part many ranges may be taken."""
        if blob.startswith("#") and blob[1:] in self._made:
            return self._made[blob[1:]]
        if blob not in self._found:
            self._found[blob] = find_content(self.context, self.view, self.context.resolve(blob))
        return self._found[blob]


def _pieces(parts: Sequence[bytes | tuple[Content, int, int]]) -> Iterator[bytes]:
    for part in parts:
        if isinstance(part, bytes):
            yield part
        else:
            content, start, length = part
            yield from content.pieces(start, length)


def _needed(upload: Upload | SetError, uploads: Mapping[str, Any]) -> Iterator[str]:
    for source in upload.sources if isinstance(upload, Upload) else ():
        if isinstance(source, Range) and source.blob.startswith("#") and source.blob[1:] in uploads:
            yield source.blob[1:]


def _source(given: Object) -> bytes | Range | SetError:
    present = [name for name in _KINDS if given.get(name) is not None]
    unknown = given.keys() - {*_KINDS, *_RANGE}
    if len(present) != 1 or unknown:
        return _invalid(f"a DataSourceObject has one of {', '.join(_KINDS)}", "data")
    kind = present[0]
    value = given[kind]
    limits = [given.get(name) for name in _RANGE]
    if kind == "blobId":
        if not ID_OR_REFERENCE.accepts(value) or not all(one is None or UNSIGNED_INT.accepts(one) for one in limits):
            return _invalid("a range has a blobId, offset and length", "data")
        return Range(value, limits[0] or 0, limits[1])
    if not isinstance(value, str) or limits != [None, None]:
        return _invalid(f"{kind} is a String, without offset and length", "data")
    return _octets(kind, value)


def _octets(kind: str, value: str) -> bytes | SetError:
    try:
        return value.encode() if kind == _TEXT else base64.b64decode(value, validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        return _invalid(f"{kind} holds what is none", "data")


def _invalid(description: str, *properties: str) -> SetError:
    return SetError("invalidProperties", description, properties)
