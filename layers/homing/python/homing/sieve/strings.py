"""Strings of a script as templates: encoded characters decoded, references to variables found.

Values are octets all through the engine, as RFC 5228 §2.7.2 has them: `?` matches one octet, and a script may
hold any octet. RFC 5228 §2.4.2.4 (encoded-character), RFC 5229 §3 (variables).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from homing.sieve.errors import Place, SieveError
from homing.sieve.limits import MAX_MATCHES, MAX_NAME

_BLANK: Final = rb"[ \t\r\n]"
_ENCODED: Final = re.compile(
    rb"\$\{(?:"
    rb"hex:(%(blank)s*+[0-9a-f]{1,2}+(?:%(blank)s++[0-9a-f]{1,2}+)*+)"
    rb"|unicode:(%(blank)s*+[0-9a-f]++(?:%(blank)s++[0-9a-f]++)*+)"
    rb")%(blank)s*+\}" % {b"blank": _BLANK},
    re.IGNORECASE,
)
_IDENTIFIER: Final = rb"[A-Za-z_][A-Za-z0-9_]*+"
_REFERENCE: Final = re.compile(
    rb"\$\{((?:%(word)s\.(?:(?:[0-9]++|%(word)s)\.)*+)?+)([0-9]++|%(word)s)\}" % {b"word": _IDENTIFIER}
)
_NAME: Final = re.compile(_IDENTIFIER)
_MAX_HEX: Final = 6


@dataclass(frozen=True, slots=True)
class Template:
    """A string whose variables are put in when it is used.

    `parts` are octets, names of variables (str, lower case) and numbers of match variables (int);
    `source` is the string before that.
    """

    source: bytes
    parts: tuple[bytes | str | int, ...]

    @property
    def constant(self) -> bytes | None:
        """The value, if there is nothing to put in (RFC 5229 §3)."""
        if not self.parts:
            return b""
        first = self.parts[0]
        return first if len(self.parts) == 1 and isinstance(first, bytes) else None

    def expand(self, variables: Mapping[str, bytes], matches: Sequence[bytes]) -> bytes:
        """The string with the values that variables have now; those that are not set are empty."""
        return b"".join(self._value(part, variables, matches) for part in self.parts)

    @staticmethod
    def _value(part: bytes | str | int, variables: Mapping[str, bytes], matches: Sequence[bytes]) -> bytes:
        if isinstance(part, bytes):
            return part
        if isinstance(part, str):
            return variables.get(part, b"")
        return matches[part] if part < len(matches) else b""


def read_template(text: str, place: Place, *, encoded: bool, variables: bool) -> Template:
    """The template that a string is, with those of the two extensions that the script requires."""
    source = text.encode()
    if encoded and b"${" in source:
        source = _ENCODED.sub(lambda match: _decode(match, place), source)
    if not variables or b"${" not in source:
        return Template(source, (source,) if source else ())
    return Template(source, _read_parts(source, place))


def read_name(name: bytes) -> str | None:
    """The name of a variable that can be set, in lower case, or None if that is none (RFC 5229 §4)."""
    if _NAME.fullmatch(name) is None or len(name) > MAX_NAME:
        return None
    return name.decode("ascii").lower()


def _decode(match: re.Match[bytes], place: Place) -> bytes:
    octets, characters = match.groups()
    if octets is not None:
        return bytes(int(pair, 16) for pair in octets.split())
    return b"".join(_character(digits, place) for digits in characters.split())


def _character(digits: bytes, place: Place) -> bytes:
    digits = digits.lstrip(b"0") or b"0"
    number = int(digits, 16) if len(digits) <= _MAX_HEX else 0x110000
    if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
        raise SieveError(*place, "This string names a character that Unicode does not have.")
    return chr(number).encode()


def _read_parts(source: bytes, place: Place) -> tuple[bytes | str | int, ...]:
    parts: list[bytes | str | int] = []
    position = 0
    for match in _REFERENCE.finditer(source):
        if match.start() > position:
            parts.append(source[position : match.start()])
        parts.append(_read_reference(match, place))
        position = match.end()
    if position < len(source):
        parts.append(source[position:])
    return tuple(parts)


def _read_reference(match: re.Match[bytes], place: Place) -> str | int:
    namespace, name = match[1].decode("ascii"), match[2].decode("ascii")
    if namespace:
        raise SieveError(*place, f'There are no variables of the kind "{namespace}".')
    if not name[0].isdigit():
        return name.lower()
    digits = name.lstrip("0") or "0"
    if len(digits) > len(str(MAX_MATCHES)) or int(digits) > MAX_MATCHES:
        raise SieveError(*place, f"Match variables go up to ${{{MAX_MATCHES}}}.")
    return int(digits)
