"""The arguments of MAIL and RCPT: paths and parameters. Pure.

Strict where it matters (no control characters, brackets required, every parameter known), lenient where
mail in the field needs it: a space after the colon, dots anywhere in a local part, underscores in
domains, local parts longer than 64 octets (VERP, SRS). An address is handed on as it was written.

RFC 5321 §4.1.1.2, §4.1.1.3, §4.1.2, RFC 1870, RFC 6152, RFC 6531 §3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from homing.errors import Refused
from homing.host.smtp_replies import too_big

MAX_ADDRESS_BYTES: Final = 320
"""64 + "@" + 255: the parts' own limits of RFC 5321 §4.5.3.1, shared freely between them."""

_BEYOND_ASCII = "\u00a0-\U0010ffff"
_ATOM = rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~{_BEYOND_ASCII}-]+"
_QUOTED = rf'"(?:[ !#-\[\]-~{_BEYOND_ASCII}]|\\[ -~])*"'
_LABEL = rf"[A-Za-z0-9_{_BEYOND_ASCII}-]+"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*"
_LITERAL = r"\[[A-Za-z0-9.:-]+\]"
_ROUTE = rf"(?:@{_DOMAIN}(?:,@{_DOMAIN})*:)?"
_PATH: Final = re.compile(rf"<{_ROUTE}((?:{_ATOM}|{_QUOTED})@(?:{_DOMAIN}|{_LITERAL})|(?i:postmaster)|)>")
_PARAMETER: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^= ]+))?")
_HELO: Final = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")


@dataclass(frozen=True, slots=True)
class MailFrom:
    """An accepted MAIL command. `address` is "" for the null reverse-path."""

    address: str
    utf8: bool = False


def parse_helo(argument: str) -> str:
    """The name that the client gives itself, which ends up in the Received line.

    Raises:
        Refused: 501; empty or not a domain or address literal.
    """
    if not _HELO.fullmatch(argument):
        raise Refused(501, "5.5.4", "A domain name or an address literal is needed")
    return argument


def parse_mail(argument: str, max_message_bytes: int, *, extended: bool) -> MailFrom:
    """`FROM:<reverse-path> [parameters]`; parameters only after EHLO or LHLO.

    Raises:
        Refused: 501 for bad syntax, 552 for a declared size past the limit, 550 5.6.7 for an address
            beyond ASCII without SMTPUTF8, 555 for a parameter that was not offered.
    """
    address, parameters = _split("FROM:", argument, "5.1.7", extended=extended)
    if address.lower() == "postmaster":
        raise Refused(501, "5.1.7", "The sender needs a domain")
    _check_size(parameters.pop("SIZE", "0"), max_message_bytes)
    _check_body(parameters.pop("BODY", "7BIT"))
    utf8 = _check_flag(parameters, "SMTPUTF8")
    _check_unknown(parameters)
    if not utf8 and not address.isascii():
        raise Refused(550, "5.6.7", "An address beyond ASCII needs SMTPUTF8")
    return MailFrom(address, utf8)


def parse_rcpt(argument: str, *, utf8: bool, extended: bool) -> str:
    """The address of `TO:<forward-path>`; no parameters are offered.

    Raises:
        Refused: as `parse_mail`, with 553 5.6.7 for an address beyond ASCII (RFC 6531 §3.5).
    """
    address, parameters = _split("TO:", argument, "5.1.3", extended=extended)
    if not address:
        raise Refused(501, "5.1.3", "A recipient is needed")
    _check_unknown(parameters)
    if not utf8 and not address.isascii():
        raise Refused(553, "5.6.7", "An address beyond ASCII needs SMTPUTF8")
    return address


def _split(keyword: str, argument: str, enhanced: str, *, extended: bool) -> tuple[str, dict[str, str | None]]:
    if argument[: len(keyword)].upper() != keyword:
        raise Refused(501, "5.5.4", f"Syntax: {keyword}<address>")
    rest = argument[len(keyword) :].lstrip(" ")
    match = _PATH.match(rest)
    if match is None:
        raise Refused(501, enhanced, "Bad address syntax")
    if len(match[1].encode()) > MAX_ADDRESS_BYTES:
        raise Refused(501, enhanced, "Address too long")
    return match[1], _parameters(rest[match.end() :], extended=extended)


def _parameters(text: str, *, extended: bool) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    if not text:
        return found
    if not extended or not text.startswith(" "):
        raise Refused(501, "5.5.4", "Nothing may follow the address here")
    for word in text.split():
        match = _PARAMETER.fullmatch(word)
        if match is None or match[1].upper() in found:
            raise Refused(501, "5.5.4", "Bad parameter")
        found[match[1].upper()] = match[2]
    return found


def _check_size(value: str | None, maximum: int) -> None:
    if value is None or not re.fullmatch(r"[0-9]{1,20}", value):
        raise Refused(501, "5.5.4", "Syntax: SIZE=<octets>")
    if int(value) > maximum:
        raise too_big(maximum)


def _check_body(value: str | None) -> None:
    if value is None or value.upper() not in ("7BIT", "8BITMIME"):
        raise Refused(501, "5.5.4", "BODY is 7BIT or 8BITMIME")


def _check_flag(parameters: dict[str, str | None], name: str) -> bool:
    if name not in parameters:
        return False
    if parameters.pop(name) is not None:
        raise Refused(501, "5.5.4", f"{name} takes no value")
    return True


def _check_unknown(parameters: dict[str, str | None]) -> None:
    if parameters:
        raise Refused(555, "5.5.4", "Parameter not recognized")
