"""The body of an email that is to be created (RFC 8621 §4.1.4, §4.6): body parts become a tree of entities.

Every rule on the parts is checked here; what breaks one is noted with the path to it, such as
`bodyStructure/subParts/0/type`. How the content of a blob is got is for the caller to say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from homing.jmap.datatype import Object
from homing.jmap.types.email_create_fields import Faults, is_line, is_strings, part_fields
from homing.jmap.types.email_render import is_header_property
from homing.message.compose import Entity, Field, InvalidField, structure
from homing.message.parameters import parse_value

MAX_PARTS: Final = 900
"""Parts of an email: what reads messages takes a thousand."""
MAX_DEPTH: Final = 40

_OCTETS: Final = "application/octet-stream"
_LISTS: Final = {"textBody": "text/plain", "htmlBody": "text/html"}
_STRINGS: Final = ("partId", "blobId", "type", "charset", "disposition", "name", "cid", "location")
_PROPERTIES: Final = frozenset({*_STRINGS, "size", "language", "subParts"})
_FIELDS_OF: Final = {
    "content-type": ("type", "charset"),
    "content-disposition": ("disposition", "name"),
    "content-id": ("cid",),
    "content-language": ("language",),
    "content-location": ("location",),
}
"""Properties that represent a header field of a part, by the field."""


@dataclass(slots=True)
class Body:
    """A body while it is read: its texts by part id, and how the content of a blob is got.

    `fetch` gives the octets of a blobId, or None, having noted what is missing or too much.
    """

    faults: Faults
    fetch: Callable[[str], bytes | None]
    texts: dict[str, str] = field(default_factory=dict)
    parts: int = 0

    def read(self, given: Object) -> Entity | None:
        """The root of the tree, or None after a fault or for a blob that is not there."""
        self._read_texts(given.get("bodyValues"))
        if "bodyStructure" not in given:
            return self._read_lists(given)
        for name in (*_LISTS, "attachments"):
            if name in given:
                self.faults.add(name, "bodyStructure is given, which says it already")
        return self.part(given["bodyStructure"], "bodyStructure", 1)

    def _read_texts(self, values: Any) -> None:
        for id, value in values.items() if isinstance(values, dict) else ():
            path = f"bodyValues/{id}"
            if not isinstance(value, dict) or not isinstance(value.get("value"), str):
                self.faults.add(path, "an EmailBodyValue has a value")
                continue
            for name, flag in value.items():
                if name in ("isEncodingProblem", "isTruncated"):
                    if flag is not False:
                        self.faults.add(f"{path}/{name}", "must be false")
                elif name != "value":
                    self.faults.add(f"{path}/{name}", "there is no such property")
            self.texts[id] = value["value"]

    def _read_lists(self, given: Object) -> Entity | None:
        bodies: dict[str, Entity | None] = {}
        for name, type in _LISTS.items():
            parts = given.get(name)
            if parts is None:
                continue
            if not isinstance(parts, list) or len(parts) != 1:
                self.faults.add(name, "must be exactly one part")
                continue
            bodies[name] = self._body(parts[0], name, type)
        listed = given.get("attachments", [])
        if not isinstance(listed, list):
            self.faults.add("attachments", "must be EmailBodyPart[]")
            return None
        attachments = [self._attachment(one, f"attachments/{n}") for n, one in enumerate(listed)]
        found = [one for one in attachments if one is not None]
        if self.faults.found or None in bodies.values() or len(found) < len(attachments):
            return None
        return structure(bodies.get("textBody"), bodies.get("htmlBody"), found)

    def _body(self, given: Any, name: str, type: str) -> Entity | None:
        part = self.part(given, f"{name}/0", default=type)
        if part is not None and part.type.lower() != type:
            self.faults.add(f"{name}/0/type", f"must be {type}")
        return part

    def _attachment(self, given: Any, path: str) -> Entity | None:
        part = self.part(given, path)
        if part is not None and part.is_multipart:
            self.faults.add(f"{path}/subParts", "an attachment has no parts")
        return part

    def part(self, given: Any, path: str, depth: int = 1, *, default: str = "") -> Entity | None:
        """An EmailBodyPart as an entity, or None after a fault or for a blob that is not there. `default` is the type
        of one that does not say its own."""
        self.parts += 1
        if not isinstance(given, dict) or self.parts > MAX_PARTS or depth > MAX_DEPTH:
            self.faults.add(path, "not a body part, one of too many, or nested too deep")
            return None
        given = {name: value for name, value in given.items() if value is not None}
        before = len(self.faults.found)
        self._check_properties(given, path)
        fields = part_fields(given, self.faults, f"{path}/")
        self._check_fields(given, fields, path)
        if len(self.faults.found) > before:
            return None
        try:
            described = _describe(given, fields, default)
            if "subParts" in given:
                return self._branch(given, described, path, depth)
            return self._leaf(given, described, path)
        except InvalidField as error:
            self.faults.add(path, str(error))
            return None

    def _check_properties(self, given: Object, path: str) -> None:
        for name, value in given.items():
            if name not in _PROPERTIES and not is_header_property(name):
                self.faults.add(f"{path}/{name}", "a part cannot be given this")
            elif name in _STRINGS and not is_line(value):
                self.faults.add(f"{path}/{name}", "must be String|null, without line ends")
        if not is_strings(given.get("language", [])):
            self.faults.add(f"{path}/language", "must be String[]|null")

    def _check_fields(self, given: Object, fields: Sequence[Field], path: str) -> None:
        for one in fields:
            header = one.name.lower()
            if any(name in given for name in _FIELDS_OF.get(header, ())):
                self.faults.add(f"{path}/header:{one.name}", "another property of the part is the same header field")
            if header == "content-transfer-encoding":
                self.faults.add(f"{path}/header:{one.name}", "the server chooses the transfer encoding")

    def _branch(self, given: Object, described: Object, path: str, depth: int) -> Entity | None:
        for name in ("partId", "blobId", "size", "charset"):
            if name in given:
                self.faults.add(f"{path}/{name}", "a part with subParts has no content")
        subparts = given["subParts"]
        if not isinstance(subparts, list) or not subparts:
            self.faults.add(f"{path}/subParts", "must be at least one part")
            return None
        parts = [self.part(one, f"{path}/subParts/{n}", depth + 1) for n, one in enumerate(subparts)]
        found = tuple(one for one in parts if one is not None)
        return Entity(**described, parts=found) if len(found) == len(parts) else None

    def _leaf(self, given: Object, described: Object, path: str) -> Entity | None:
        if ("partId" in given) is ("blobId" in given):
            self.faults.add(f"{path}/partId", "a part without subParts has either a partId or a blobId")
            return None
        if "blobId" in given:
            content = self.fetch(given["blobId"])
            return None if content is None else Entity(**described, content=content)
        for name in ("charset", "size"):
            if name in given:
                self.faults.add(f"{path}/{name}", "is for the server to choose where a partId is given")
        if given["partId"] not in self.texts:
            self.faults.add(f"{path}/partId", "bodyValues has no such part")
            return None
        return Entity(**{**described, "charset": None}, content=self.texts[given["partId"]])


def _describe(given: Object, fields: Sequence[Field], default: str) -> Object:
    """The arguments of an `Entity` but for its content. A Content-Type that is given as a header field is taken apart,
    as the server has a charset or a boundary to put into it."""
    implied = "multipart/mixed" if "subParts" in given else "text/plain" if "partId" in given else _OCTETS
    said = {one.name.lower(): one for one in fields}.pop("content-type", None)
    type, parameters = (default or implied, {}) if said is None else parse_value(said.value)
    charset = parameters.pop("charset", None)
    parameters.pop("boundary", None)
    return {
        "type": given.get("type", type),
        "charset": given.get("charset", charset),
        "parameters": parameters,
        "disposition": given.get("disposition"),
        "name": given.get("name"),
        "cid": given.get("cid"),
        "language": tuple(given.get("language", ())),
        "location": given.get("location"),
        "fields": tuple(one for one in fields if one is not said),
    }
