"""Email/parse (RFC 8621 §4.9): blobs as emails, without an account having them as such.

Rendered like stored emails. What takes time and memory is counted against the request's own bound, message by
message.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from homing.delivery.arrival import record_of
from homing.errors import MethodError
from homing.ids import parse_blob_id, part_blob_id
from homing.jmap.blob import find_content, keep
from homing.jmap.capabilities import MAIL
from homing.jmap.context import Context, Opened
from homing.jmap.datatype import Object, Property
from homing.jmap.dispatch import Function
from homing.jmap.kinds import ID, ID_OR_REFERENCE, STRING, list_of, nullable
from homing.jmap.methods.arguments import check_arguments
from homing.jmap.types.email import EMAIL
from homing.jmap.types.email_render import METADATA, Options, Rendering, is_header_property
from homing.message import Message, Part, parse
from homing.ports.blobs import digest_of

PARSE_ARGUMENTS: Final = {
    "accountId": Property(ID),
    "blobIds": Property(list_of(ID_OR_REFERENCE)),
    "properties": Property(nullable(list_of(STRING)), default=None),
    **EMAIL.get_arguments,
}
DEFAULT_PROPERTIES: Final = [
    name for name in EMAIL.default_properties or () if name not in METADATA and name != "size"
]  # RFC 8621 §4.9


def email_parse(context: Context, given: Object) -> Object:
    """The emails in blobs, by blobId; which blobs there are not, and which are no messages."""
    arguments = check_arguments(given, PARSE_ARGUMENTS)
    options, properties = Options.of(arguments), _properties(arguments["properties"])
    blobs = list(dict.fromkeys(map(context.resolve, arguments["blobIds"])))
    context.check_got(len(blobs))
    view = context.view(arguments["accountId"])
    parsed: Object = {}
    not_found: list[str] = []
    not_parsable: list[str] = []
    for blob in blobs:
        content = find_content(context, view, blob)
        if content is None:
            not_found.append(blob)
            continue
        context.count_fetched(content.size)
        message = parse(content.read(0, content.size))
        if message.headers:
            parsed[blob] = _Parsed(context, view, blob, message, options).render(properties)
        else:
            not_parsable.append(blob)
    return {
        "accountId": arguments["accountId"],
        "parsed": parsed or None,
        "notParsable": not_parsable or None,
        "notFound": not_found or None,
    }


def _properties(asked: list[str] | None) -> list[str]:
    for name in asked or ():
        if name not in EMAIL.properties and not is_header_property(name):
            raise MethodError("invalidArguments", f"Email has no property {name!r}", arguments=["properties"])
    return DEFAULT_PROPERTIES if asked is None else list(dict.fromkeys(asked))


class _Parsed(Rendering):
    """A message of which there is nothing but its bytes."""

    def __init__(self, context: Context, view: Opened, blob: str, message: Message, options: Options) -> None:
        super().__init__(context, record_of(message, "")[0], options)
        self.view = view
        self.blob = blob
        self.raw = message.raw

    def read(self, start: int, end: int) -> bytes:
        return self.raw[start:end]

    def metadata(self, name: str) -> Any:
        return self.blob if name == "blobId" else None

    def part_blob(self, part: Part) -> str:
        digest, offset = self._place
        return part_blob_id(digest, offset + part.body, part.end - part.body, part.encoding)

    @cached_property
    def _place(self) -> tuple[str, int]:
        """The blob that this message is a range of, and where it begins there.

        A message that was itself encoded for transfer is no range of anything: it is put by itself, for as long as an
        upload stays. In an account that may only be read its parts cannot be had.
        """
        digest, range = parse_blob_id(self.blob) or ("", None)
        if range is None:
            return digest, 0
        start, _, encoding = range
        if encoding == "binary":
            return digest, start
        if self.context.is_read_only(self.view.partition):
            return digest_of(self.raw), 0
        digest = self.context.site.blobs.put(self.raw)
        keep(self.context, self.view.partition, [digest])
        return digest, 0


FUNCTIONS: Final[Mapping[str, Function]] = {"Email/parse": Function(MAIL, email_parse, PARSE_ARGUMENTS)}
