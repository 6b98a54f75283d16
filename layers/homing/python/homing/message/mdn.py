"""Message disposition notifications (RFC 8098): read from a message, and written. Pure.

Knows nothing of accounts: which email a notification is about, and whether it may be sent, is decided elsewhere.
Words that RFC 8098 writes in any case come out in lower case (RFC 9007 §2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from homing.message.bodies import decode_content
from homing.message.charsets import decode_text
from homing.message.header_forms import as_addresses, as_text
from homing.message.message import Message, parse_headers
from homing.message.model import Part

NOTIFICATION: Final = "message/disposition-notification"
ACTION_MODES: Final = ("manual-action", "automatic-action")
SENDING_MODES: Final = ("mdn-sent-manually", "mdn-sent-automatically")
TYPES: Final = ("deleted", "dispatched", "displayed", "processed")
FIELDS: Final = frozenset(
    "reporting-ua mdn-gateway original-recipient final-recipient original-message-id disposition error".split()
)
MAX_EXTENSIONS: Final = 50
MAX_TEXT_BYTES: Final = 256 * 1_024
"""Bytes of the text for people that are read."""

_DISPOSITION: Final = re.compile(r"\s*([a-z-]+)\s*/\s*([a-z-]+)\s*;\s*([a-z-]+)\s*(?:/.*)?", re.IGNORECASE | re.DOTALL)
_SPELLED: Final = {"mdn-sent-manually": "MDN-sent-manually", "mdn-sent-automatically": "MDN-sent-automatically"}


@dataclass(frozen=True, slots=True)
class Disposition:
    """What was done with a message, by whom, and who sent word of it; words of `TYPES` and the two modes."""

    action_mode: str
    sending_mode: str
    type: str


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification. Recipients are with their type (`rfc822; ann@example.org`), the message id as in its field,
    with angle brackets. None where the field is missing."""

    disposition: Disposition
    subject: str | None = None
    text: str | None = None
    reporting_ua: str | None = None
    gateway: str | None = None
    original_recipient: str | None = None
    final_recipient: str | None = None
    original_message_id: str | None = None
    errors: tuple[str, ...] = ()
    extensions: Mapping[str, str] = field(default_factory=dict)
    includes_original: bool = False


def parse_notification(message: Message) -> Notification | None:
    """The notification that a message is, or None if it is none."""
    leaves = [part for part in message.root.walk() if not part.parts]
    part = next((one for one in leaves if one.type == NOTIFICATION), None)
    if part is None:
        return None
    fields = parse_headers(decode_content(message.raw[part.body : part.end], part.encoding)[0])
    known = {one.name.lower(): as_text(one.value) for one in reversed(fields)}
    disposition = parse_disposition(known.get("disposition", ""))
    if disposition is None:
        return None
    others = [one for one in fields if one.name.lower() not in FIELDS][:MAX_EXTENSIONS]
    return Notification(
        disposition,
        subject=message.subject,
        text=_text_of(message, leaves),
        reporting_ua=known.get("reporting-ua"),
        gateway=known.get("mdn-gateway"),
        original_recipient=known.get("original-recipient"),
        final_recipient=known.get("final-recipient"),
        original_message_id=known.get("original-message-id"),
        errors=tuple(as_text(one.value) for one in fields if one.name.lower() == "error"),
        extensions={one.name: as_text(one.value) for one in others},
        includes_original=leaves[-1].type == "message/rfc822" and leaves[-1] is not part,
    )


def parse_disposition(text: str) -> Disposition | None:
    """The value of a Disposition field, or None if it is none that there is (RFC 8098 §3.2.6)."""
    match = _DISPOSITION.fullmatch(text)
    if match is None:
        return None
    action, sending, type = (word.lower() for word in match.groups())
    if action not in ACTION_MODES or sending not in SENDING_MODES or type not in TYPES:
        return None
    return Disposition(action, sending, type)


def notify_addresses(message_headers: bytes) -> list[str]:
    """Where the sender of a message wants notifications (RFC 8098 §2.1): the addresses of its
    Disposition-Notification-To, [] if there is no such field, or more than one."""
    found = [one for one in parse_headers(message_headers) if one.name.lower() == "disposition-notification-to"]
    if len(found) != 1:
        return []
    return list(dict.fromkeys(one["email"] for one in as_addresses(found[0].value) if one["email"]))


@dataclass(frozen=True, slots=True)
class Letter:
    """What a notification needs besides to be a message: from whom and to whom, under which id, when (ms), and the
    message that it is about, if that is to be returned."""

    sender: dict[str, str | None]
    to: Sequence[str]
    message_id: str
    at: int
    original: bytes | None = field(default=None, repr=False)


def compose_notification(notification: Notification, letter: Letter) -> bytes:
    """The notification as a message (RFC 8098 §3)."""
    from homing.message.report import Report, compose_report  # noqa: PLC0415  # readers have no use for writing

    disposition = notification.disposition
    modes = f"{disposition.action_mode}/{_SPELLED[disposition.sending_mode]}"
    named = (
        ("Reporting-UA", notification.reporting_ua),
        ("Original-Recipient", notification.original_recipient),
        ("Final-Recipient", notification.final_recipient),
        ("Original-Message-ID", notification.original_message_id),
        ("Disposition", f"{modes}; {disposition.type}"),
    )
    fields = [(name, value) for name, value in named if value is not None]
    report = Report(
        kind="disposition-notification",
        sender=letter.sender,
        to=letter.to,
        subject=notification.subject or f"{disposition.type.capitalize()}: your message",
        message_id=letter.message_id,
        at=letter.at,
        text=notification.text or _DEFAULT_TEXT[disposition.type],
        groups=[[*fields, *notification.extensions.items()]],
        original=letter.original,
        headers_only=False,
        answers=None if notification.original_message_id is None else notification.original_message_id.strip(" <>"),
    )
    return compose_report(report)


_DEFAULT_TEXT: Final = {
    "deleted": "Your message was deleted; whether it was read before is not known.",
    "dispatched": "Your message was forwarded to someone else.",
    "displayed": "Your message was displayed. That does not mean that it was read or understood.",
    "processed": "Your message was processed without being displayed.",
}


def _text_of(message: Message, leaves: Sequence[Part]) -> str | None:
    part = next((one for one in leaves if one.type == "text/plain"), None)
    if part is None:
        return None
    end = min(part.end, part.body + MAX_TEXT_BYTES)
    return decode_text(decode_content(message.raw[part.body : end], part.encoding)[0], part.charset)[0]
