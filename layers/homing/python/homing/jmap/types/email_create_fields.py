"""Header properties of an email that is to be created (RFC 8621 §4.1.2, §4.1.3, §4.6), as header fields. Pure.

What a client may not say is noted as a fault of the property; what is left is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from homing.jmap.datatype import Object, SetError
from homing.jmap.types.email_render import HEADER, STRUCTURED, is_header_property
from homing.message.compose import (
    Field,
    InvalidField,
    addresses_field,
    date_field,
    groups_field,
    message_ids_field,
    raw_field,
    text_field,
    urls_field,
)

CONVENIENT: Final = {
    "from": ("From", "Addresses"),
    "sender": ("Sender", "Addresses"),
    "replyTo": ("Reply-To", "Addresses"),
    "to": ("To", "Addresses"),
    "cc": ("Cc", "Addresses"),
    "bcc": ("Bcc", "Addresses"),
    "subject": ("Subject", "Text"),
    "sentAt": ("Date", "Date"),
    "messageId": ("Message-ID", "MessageIds"),
    "inReplyTo": ("In-Reply-To", "MessageIds"),
    "references": ("References", "MessageIds"),
}
"""Properties with the header field and form that each stands for, in the order in which they are written."""

_ONCE: Final = frozenset({name.lower() for name, _ in CONVENIENT.values()} | {"mime-version"})
"""Fields that a message has once at most (RFC 5322 §3.6, RFC 2045 §4), besides those of a part."""
_LINE_BREAK: Final = re.compile(r"[\r\n\0]")
_FOLD: Final = re.compile(r"\r\n(?=[ \t])")


@dataclass(slots=True)
class Faults:
    """What is wrong with a creation, by the property that is to blame: its name or a path to it."""

    found: dict[str, str] = field(default_factory=dict)

    def add(self, property: str, description: str) -> None:
        """Note a fault; the first of a property counts."""
        self.found.setdefault(property, description)

    def to_error(self) -> SetError:
        """The SetError for all of them."""
        described = "; ".join(f"{name}: {text}" for name, text in self.found.items())
        return SetError("invalidProperties", described[:2_000], tuple(self.found))


def email_fields(given: Object, faults: Faults) -> list[Field]:
    """The header fields of the Email object itself, each property checked."""
    convenient = [(name, *CONVENIENT[name], given[name]) for name in CONVENIENT if name in given]
    further = list(_header_properties(given, faults, ""))
    for name, header, _, _ in further:
        if header.lower().startswith("content-"):
            faults.add(name, "fields that begin with Content- belong to a body part")
    return _fields([*convenient, *further], faults, "")


def part_fields(given: Object, faults: Faults, path: str) -> list[Field]:
    """The header fields that a body part at `path` has besides those that its other properties say."""
    return _fields(list(_header_properties(given, faults, path)), faults, path)


def _header_properties(given: Object, faults: Faults, path: str) -> Iterator[tuple[str, str, str, Any]]:
    """(property, header, form, value) of each `header:*`; with `:all` once for each value."""
    for name, value in given.items():
        match = HEADER.match(name)
        if match is None or not is_header_property(name):
            continue
        header, form = match[1], match[2] or "Raw"
        values = value if match[3] else [value]
        if not isinstance(values, list):
            faults.add(path + name, "with :all the value is an array")
            continue
        if len(values) > 1 and _is_single(header.lower()):
            faults.add(path + name, "there is only one field of this name")
        for one in values:
            yield name, header, form, one


def _is_single(header: str) -> bool:
    return header in _ONCE or header.startswith("content-")


def _fields(properties: Sequence[tuple[str, str, str, Any]], faults: Faults, path: str) -> list[Field]:
    fields: list[Field] = []
    owners: dict[str, str] = {}
    for name, header, form, value in properties:
        if owners.setdefault(header.lower(), name) != name:
            faults.add(path + name, f"{owners[header.lower()]} is the same header field")
        if value is None:
            continue
        if not _ACCEPTS[form](value):
            faults.add(path + name, f"a value of the form {form} is {_MEANS[form]}")
            continue
        try:
            fields += _write(header, form, value)
        except InvalidField as error:
            faults.add(path + name, str(error))
    return fields


def _write(header: str, form: str, value: Any) -> list[Field]:
    """An empty list is no field at all: RFC 5322 has no address list, id list or URL list without an item."""
    if form == "Raw":
        return [_raw(header, value)]
    return [_WRITERS[form](header, value)] if value or form == "Text" else []


def _raw(header: str, value: str) -> Field:
    """As it is. Unstructured text that is not ASCII is written as such text is."""
    if value.isascii() or header.lower() in STRUCTURED:
        return raw_field(header, value)
    unfolded = _FOLD.sub("", value)
    if _LINE_BREAK.search(unfolded):
        raise InvalidField("a line end that is not folding")
    return text_field(header, unfolded)


def is_line(value: Any) -> bool:
    """A text without line ends, which could not be kept."""
    return isinstance(value, str) and _LINE_BREAK.search(value) is None


def _is_address(value: Any) -> bool:
    if not isinstance(value, dict) or not value.keys() <= {"name", "email"}:
        return False
    return is_line(value.get("email")) and (value.get("name") is None or is_line(value["name"]))


def _is_addresses(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_address, value))


def _is_group(value: Any) -> bool:
    if not isinstance(value, dict) or not value.keys() <= {"name", "addresses"}:
        return False
    return _is_addresses(value.get("addresses")) and (value.get("name") is None or is_line(value["name"]))


def is_strings(value: Any) -> bool:
    """A list of strings."""
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


_ACCEPTS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "Raw": lambda value: isinstance(value, str),
    "Text": is_line,
    "Addresses": _is_addresses,
    "GroupedAddresses": lambda value: isinstance(value, list) and all(map(_is_group, value)),
    "MessageIds": is_strings,
    "Date": lambda value: isinstance(value, str),
    "URLs": is_strings,
}
_MEANS: Final[Mapping[str, str]] = {
    "Raw": "a String",
    "Text": "a String on one line",
    "Addresses": "EmailAddress[], without line ends",
    "GroupedAddresses": "EmailAddressGroup[], without line ends",
    "MessageIds": "String[]",
    "Date": "a Date",
    "URLs": "String[]",
}
_WRITERS: Final[Mapping[str, Callable[[str, Any], Field]]] = {
    "Text": text_field,
    "Addresses": addresses_field,
    "GroupedAddresses": groups_field,
    "MessageIds": message_ids_field,
    "Date": date_field,
    "URLs": urls_field,
}
