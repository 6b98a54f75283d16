"""Envelopes: from a message's own header block, and as a client gives them. Pure.

An Envelope is RFC 8621 §7's object: `{"mailFrom": Address, "rcptTo": [Address]}` with Address
`{"email": str, "parameters": {name: str | None} | None}`. Knows nothing of who may send as whom.
RFC 5321 §4.1.2, RFC 3461 §4, RFC 4865 §4, RFC 8621 §7.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from homing.directory.addresses import normalize_domain, parse_address
from homing.message import Header, as_addresses, parse_headers

Object = dict[str, Any]
Parameters = Mapping[str, str | None]

MAX_ADDRESS_BYTES: Final = 320
"""64 + "@" + 255 (RFC 5321 §4.5.3.1), shared freely between the parts."""
MAX_ENVELOPE_BYTES: Final = 90_000
"""Of all addresses with their parameters: the record, its queue entry and their history each hold them once."""
MAX_VALUE: Final = 500
"""Characters of a parameter's value (RFC 3461 §5.4)."""
MAX_FAULTS: Final = 100
"""Recipients that a refusal names."""

_SOUND: Final = re.compile(rb"(?:[!-9;-~]++[ \t]*+:[^\0\r\n]*+(?:\r?\n[ \t][^\0\r\n]*+)*+(?:\r?\n|\Z))*+(?:\r?\n)?")
"""Fields with their folded lines, and nothing else. A bare CR is a line end to some who read it (RFC 5321 §2.3.8)."""
_FIELD_NAME: Final = re.compile(rb"^[!-~]", re.MULTILINE)
# Classes that reach beyond ASCII say what is not in them: 5 ms less to compile than one that ends at U+10FFFF.
_ATOM: Final = r'[^\x00-\x20"(),:;<>@\[\\\]\x7f-\x9f]+'
_QUOTED: Final = r'"(?:[^\x00-\x1f"\\\x7f-\x9f]|\\[ -~])*"'
_MAILBOX: Final = re.compile(rf"(?:{_ATOM}|{_QUOTED})@(\[[A-Za-z0-9.:-]+\]|[^\[\]@\s]+)")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,40}")
_HOLD_UNTIL: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)")
_DIGITS: Final = re.compile(r"[0-9]{1,20}")
_HOLD_FOR: Final = re.compile(r"[0-9]{1,9}")
_NOTIFY: Final = re.compile(r"NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY))*", re.IGNORECASE)
_ENVID: Final = re.compile(r"[ -~]{1,100}")
_ORCPT: Final = re.compile(r"[A-Za-z0-9-]+;[^\x00-\x20\x7f-\x9f]+")

_MAIL_PARAMETERS: Final[Mapping[str, Callable[[str | None], bool]]] = {
    "SIZE": lambda value: value is not None and _DIGITS.fullmatch(value) is not None,
    "BODY": lambda value: value is not None and value.upper() in ("7BIT", "8BITMIME"),
    "SMTPUTF8": lambda value: value is None,
    "RET": lambda value: value is not None and value.upper() in ("FULL", "HDRS"),
    "ENVID": lambda value: value is not None and _ENVID.fullmatch(value) is not None,
    "HOLDFOR": lambda value: value is not None and _HOLD_FOR.fullmatch(value) is not None,
    "HOLDUNTIL": lambda value: value is not None and _HOLD_UNTIL.fullmatch(value) is not None,
}
_RCPT_PARAMETERS: Final[Mapping[str, Callable[[str | None], bool]]] = {
    "NOTIFY": lambda value: value is not None and _NOTIFY.fullmatch(value) is not None,
    "ORCPT": lambda value: value is not None and _ORCPT.fullmatch(value) is not None,
}
EXTENSIONS: Final = {"SIZE": (), "8BITMIME": (), "SMTPUTF8": (), "DSN": ()}
"""SMTP extensions whose parameters a client may use, without their arguments; FUTURERELEASE comes on top."""


class InvalidEnvelope(ValueError):
    """The envelope cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Addressing:
    """Whom a message is from and to, as its header block has it.

    `written_by`, `senders` and `resent_by` are the addresses of From, Sender and Resent-From. `faults` names the
    properties of the Email by which its sender cannot be told (RFC 8621 §7, mailFrom). `is_sound`: every reader finds
    the same fields in the block, be it as lenient as it likes.
    """

    written_by: tuple[str, ...]
    return_path: str
    recipients: tuple[str, ...]
    faults: tuple[str, ...]
    senders: tuple[str, ...] = ()
    resent_by: tuple[str, ...] = ()
    is_sound: bool = True

    @property
    def authors(self) -> tuple[str, ...]:
        """Who answers for this sending: the addresses of Resent-From if there is one, of From otherwise."""
        return self.resent_by or self.written_by

    @property
    def own_addresses(self) -> tuple[str, ...]:
        """The addresses of which it matters whose they are."""
        return (*self.written_by, *self.senders, *self.resent_by)


def read_addressing(block: bytes) -> Addressing:
    """What a header block says of sender and recipients."""
    headers = parse_headers(block)
    fields = {name: [_emails(one) for one in headers if one.name.lower() == name] for name in ("from", "sender")}
    faults = [name for name, found in fields.items() if len(found) > 1]
    senders = [email for found in fields["sender"] for email in found]
    authors = [email for found in fields["from"] for email in found]
    if len(senders) > 1:
        faults.append("sender")
    if not authors or (len(authors) > 1 and not senders):
        faults.append("from")
    resent = [email for one in headers if one.name.lower() == "resent-from" for email in _emails(one)]
    recipients = [email for one in headers if one.name.lower() in ("to", "cc", "bcc") for email in _emails(one)]
    path = (senders or authors or [""])[0]
    return Addressing(
        tuple(authors),
        path,
        _deduplicated(recipients),
        tuple(dict.fromkeys(faults)),
        tuple(senders),
        tuple(resent),
        is_sound=_SOUND.fullmatch(block) is not None and len(_FIELD_NAME.findall(block)) == len(headers),
    )


def derive(addressing: Addressing, identity: str, *, allowed: bool) -> Object:
    """The Envelope for a client that gave none; `allowed`: the sender of the message may be the return path."""
    mail_from = addressing.return_path if allowed and addressing.return_path else identity
    recipients = [{"email": email, "parameters": None} for email in addressing.recipients]
    return {"mailFrom": {"email": mail_from, "parameters": None}, "rcptTo": recipients}


def is_mailbox(text: str) -> bool:
    """Whether `text` is a Mailbox of RFC 5321 §4.1.2 (with RFC 6531's letters)."""
    match = _MAILBOX.fullmatch(text)
    if match is None or len(text.encode(errors="replace")) > MAX_ADDRESS_BYTES:
        return False
    return match[1].startswith("[") or normalize_domain(match[1]) is not None


def is_envelope(value: Any) -> bool:
    """Whether a JSON value has the shape of an Envelope; its addresses may be any text."""
    if not isinstance(value, dict) or value.keys() != {"mailFrom", "rcptTo"}:
        return False
    recipients = value["rcptTo"]
    return _is_address(value["mailFrom"]) and isinstance(recipients, list) and all(map(_is_address, recipients))


def check_parameters(envelope: Object) -> None:
    """Refuse parameters that were not offered, or whose values make no sense.

    Raises:
        InvalidEnvelope: names the parameter.
    """
    _check(envelope["mailFrom"], _MAIL_PARAMETERS)
    for address in envelope["rcptTo"]:
        _check(address, _RCPT_PARAMETERS)


def invalid_recipients(envelope: Object) -> list[str]:
    """The recipients that no mail can be sent to, at most `MAX_FAULTS` of them."""
    found = (address["email"] for address in envelope["rcptTo"] if not is_mailbox(address["email"]))
    return [email for email, _ in zip(found, range(MAX_FAULTS), strict=False)]


def most_recipients(envelope: Object, maximum: int) -> int:
    """How many of the recipients could be sent to at once: all of them, or fewer."""
    size = 0
    for number, address in enumerate(envelope["rcptTo"]):
        size += len(address["email"].encode(errors="replace")) + 16
        size += sum(len(name) + len(value or "") + 8 for name, value in parameters_of(address).items())
        if size > MAX_ENVELOPE_BYTES or number >= maximum:
            return number
    return len(envelope["rcptTo"])


def release_at(envelope: Object, now: int, longest: int) -> int | None:
    """When FUTURERELEASE has the message go (ms); None if it is not asked for, `now` if that moment is past.

    `longest` is the site's limit in seconds.

    Raises:
        InvalidEnvelope: both parameters at once, no such moment, or beyond the limit.
    """
    parameters = parameters_of(envelope["mailFrom"])
    hold_for, hold_until = parameters.get("HOLDFOR"), parameters.get("HOLDUNTIL")
    if hold_for is None and hold_until is None:
        return None
    if hold_for is not None and hold_until is not None:
        raise InvalidEnvelope("HOLDFOR and HOLDUNTIL exclude each other (RFC 4865 §4)")
    at = now + int(hold_for) * 1_000 if hold_for is not None else _moment(hold_until or "")
    if at > now + longest * 1_000:
        raise InvalidEnvelope(f"a message is held for {longest} seconds at most")
    return max(at, now)


def parameters_of(address: Object) -> dict[str, str | None]:
    """The parameters of an Address, names in upper case."""
    return {name.upper(): value for name, value in (address.get("parameters") or {}).items()}


def same_address(email: str) -> str:
    """What two spellings of one address have in common."""
    return str(parse_address(email) or email)


def _moment(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text.upper()).timestamp() * 1_000)
    except (ValueError, OverflowError) as error:
        raise InvalidEnvelope("HOLDUNTIL is not a date-time (RFC 3339)") from error


def _is_address(value: Any) -> bool:
    if not isinstance(value, dict) or not {"email"} <= value.keys() <= {"email", "parameters"}:
        return False
    parameters = value.get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        return False
    values = (parameters or {}).values()
    return isinstance(value["email"], str) and all(one is None or isinstance(one, str) for one in values)


def _check(address: Object, known: Mapping[str, Callable[[str | None], bool]]) -> None:
    parameters = address.get("parameters") or {}
    if len(parameters_of(address)) < len(parameters):
        raise InvalidEnvelope("a parameter is given twice")
    for name, value in parameters_of(address).items():
        if not _NAME.fullmatch(name) or name not in known:
            raise InvalidEnvelope(f"unknown parameter: {name[:40]!r}")
        if len(value or "") > MAX_VALUE or not known[name](value):
            raise InvalidEnvelope(f"{name} cannot have this value")


def _emails(header: Header) -> list[str]:
    return [address["email"] for address in as_addresses(header.value) if address["email"]]


def _deduplicated(emails: Sequence[str]) -> tuple[str, ...]:
    return tuple(_first_of_each(emails))


def _first_of_each(emails: Sequence[str]) -> Iterator[str]:
    seen: set[str] = set()
    for email in emails:
        if (key := same_address(email)) not in seen:
            seen.add(key)
            yield email
