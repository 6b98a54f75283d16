"""What the arguments of particular words must say, as far as that is known before the script runs.

Strings with variables are looked at again when they are used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set
from typing import Final, NoReturn

from homing.message import as_addresses
from homing.sieve.addresses import ADDRESS_HEADERS, read_recipient
from homing.sieve.errors import SieveError
from homing.sieve.limits import MAX_MAILBOX, MAX_NAME, MAX_VARIABLE, MAX_VARIABLES
from homing.sieve.moments import DATE_PARTS, read_zone
from homing.sieve.program import Call
from homing.sieve.strings import Template, read_name

ENVELOPE_PARTS: Final = ("from", "to", "auth")
_FLAG_COMMANDS: Final = ("setflag", "addflag", "removeflag")
_SPECIAL_USE: Final = re.compile(r'\\[^\x00-\x20\x7f-\U0010ffff(){%*"\\\]]{1,64}')
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_MIME_HEAD_END: Final = re.compile(rb"\A\r?\n|\n\r?\n")

_Sets = set[str]


def check_meaning(call: Call, enabled: Set[str], variables: _Sets) -> None:
    """Refuse what could never work. `variables` collects the names that the script sets."""
    check = _CHECKS.get(call.name)
    if check is not None:
        check(call)
    if call.name == "set" or (call.name in _FLAG_COMMANDS and len(call.arguments) > 1):
        _check_name(call, variables)
    if call.name in (*_FLAG_COMMANDS, "hasflag") and len(call.arguments) > 1 and "variables" not in enabled:
        _refuse(call, f'The first argument of "{call.name}" names a variable; that needs require "variables".')


def is_mailbox(name: bytes) -> bool:
    """Whether a mailbox could have that name: UTF-8 without control characters, not empty, not endless."""
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return bool(text.strip()) and len(text) <= MAX_MAILBOX and _CONTROL.search(text) is None


def is_special_use(attribute: bytes) -> bool:
    """Whether it is a special-use attribute: a backslash and an atom (RFC 6154 §6)."""
    return _SPECIAL_USE.fullmatch(attribute.decode("utf-8", "replace")) is not None


def read_senders(text: bytes) -> list[str] | None:
    """The addresses of a mailbox-list, for the From field of an answer; None if it is not one (RFC 5230 §4.3)."""
    entries = as_addresses(text)
    addresses = [read_recipient(entry["email"] or "") for entry in entries]
    return [address for address in addresses if address] if addresses and None not in addresses else None


def has_clean_head(entity: bytes) -> bool:
    """Whether the header of a MIME entity is ASCII (RFC 5230 §5)."""
    end = _MIME_HEAD_END.search(entity)
    return (entity[: end.start()] if end else entity).isascii()


def is_address_header(name: bytes) -> bool:
    """Whether the address test may look at a field (RFC 5228 §5.1)."""
    return _lower(name) in ADDRESS_HEADERS


def _lower(text: bytes) -> str:
    return text.decode("utf-8", "replace").lower()


def _is_envelope_part(text: bytes) -> bool:
    return _lower(text) in ENVELOPE_PARTS


def _is_date_part(text: bytes) -> bool:
    return _lower(text) in DATE_PARTS


def _is_zone(text: bytes) -> bool:
    return read_zone(_lower(text)) is not None


def _is_recipient(text: bytes) -> bool:
    return read_recipient(text.decode("utf-8", "replace")) is not None


def _is_senders(text: bytes) -> bool:
    return read_senders(text) is not None


def _refuse(call: Call, description: str) -> NoReturn:
    raise SieveError(*call.place, description)


def _require_each(call: Call, templates: tuple[Template, ...], holds: Callable[[bytes], bool], what: str) -> None:
    for template in templates:
        constant = template.constant
        if constant is not None and not holds(constant):
            _refuse(call, f'"{_shown(constant)}" is not {what}.')


def _shown(text: bytes) -> str:
    return text[:80].decode("utf-8", "replace").replace("\r\n", " ")


def _check_name(call: Call, variables: _Sets) -> None:
    constant = call.text(0).constant or b""
    name = read_name(constant)
    if name is None:
        _refuse(call, f'"{_shown(constant)}" is not the name of a variable: a word of at most {MAX_NAME} characters.')
    variables.add(name)
    if len(variables) > MAX_VARIABLES:
        _refuse(call, f"A script may set {MAX_VARIABLES} variables.")


def _check_set(call: Call) -> None:
    if len(call.text(1).constant or b"") > MAX_VARIABLE:
        _refuse(call, f"A variable holds at most {MAX_VARIABLE} octets.")


def _check_size(call: Call) -> None:
    if not call.tags:
        _refuse(call, '"size" needs ":over" or ":under".')


def _check_index(call: Call) -> None:
    if call.number(":index") == 0:
        _refuse(call, '":index" counts from 1.')
    if call.has(":last") and not call.has(":index"):
        _refuse(call, '":last" needs ":index".')


def _check_address(call: Call) -> None:
    _check_index(call)
    _require_each(call, call.texts(0), is_address_header, "a field with addresses")


def _check_envelope(call: Call) -> None:
    _require_each(call, call.texts(0), _is_envelope_part, 'a part of the envelope ("from" or "to")')


def _check_date(call: Call) -> None:
    _check_index(call)
    _check_zone(call)
    _check_date_part(call, 1)


def _check_currentdate(call: Call) -> None:
    _check_zone(call)
    _check_date_part(call, 0)


def _check_zone(call: Call) -> None:
    _require_each(call, call.strings(":zone"), _is_zone, 'a time zone such as "+0100"')


def _check_date_part(call: Call, index: int) -> None:
    _require_each(call, call.texts(index), _is_date_part, "a part of a date")


def _check_fileinto(call: Call) -> None:
    _require_each(call, call.texts(0), is_mailbox, "the name of a mailbox")
    _require_each(call, call.strings(":specialuse"), is_special_use, 'a special use such as "\\Junk"')


def _check_specialuse(call: Call) -> None:
    _require_each(call, call.texts(-1), is_special_use, 'a special use such as "\\Junk"')


def _check_redirect(call: Call) -> None:
    _require_each(call, call.texts(0), _is_recipient, "an address that mail can be sent to")


def _check_vacation(call: Call) -> None:
    _require_each(call, call.strings(":from"), _is_senders, "an address")
    reason = call.text(0).constant
    if call.has(":mime") and reason is not None and not has_clean_head(reason):
        _refuse(call, "The header of a MIME entity may hold ASCII characters only.")


_CHECKS: Final[Mapping[str, Callable[[Call], None]]] = {
    "address": _check_address,
    "currentdate": _check_currentdate,
    "date": _check_date,
    "envelope": _check_envelope,
    "fileinto": _check_fileinto,
    "header": _check_index,
    "redirect": _check_redirect,
    "set": _check_set,
    "size": _check_size,
    "specialuse_exists": _check_specialuse,
    "vacation": _check_vacation,
}
