"""Reports about mail: `multipart/report` with its three parts (RFC 6522). Pure.

Delivery status (RFC 3464) and disposition notifications (RFC 8098) differ only in what their second part says.
All that is put in is made safe here: no value can end its line or leave ASCII.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from homing.message.addresses import Address
from homing.message.compose import (
    Entity,
    Field,
    addresses_field,
    compose,
    is_message_id,
    message_ids_field,
    multipart,
    raw_field,
    text_field,
    text_part,
)

Fields = Sequence[tuple[str, str]]

MAX_LINE: Final = 900
"""Characters of one field of the machine's part; a line of mail has 998 at most (RFC 5322 §2.1.1)."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a report is made of. `kind` is the second part's type after `message/` (`delivery-status`); `groups` are
    its fields, an empty line between two groups. `original` is the third part: the message that is reported on, or
    (`headers_only`) its header block. Ids are without brackets, `at` is in ms."""

    kind: str
    sender: Address
    to: Sequence[str]
    subject: str
    message_id: str
    at: int
    text: str
    groups: Sequence[Fields]
    original: bytes | None = field(default=None, repr=False)
    headers_only: bool = True
    answers: str | None = None


def compose_report(report: Report) -> bytes:
    """The message. It says of itself that no person wrote it (RFC 3834 §5), so that nothing answers it."""
    fields = [
        addresses_field("From", [report.sender]),
        addresses_field("To", [{"name": None, "email": one} for one in report.to]),
        text_field("Subject", report.subject),
        *_answering(report.answers),
        raw_field("Auto-Submitted", " auto-replied"),
    ]
    parts = [text_part(report.text), Entity(f"message/{report.kind}", _groups(report.groups))]
    if report.original is not None:
        type = "text/rfc822-headers" if report.headers_only else "message/rfc822"
        parts.append(Entity(type, report.original))
    root = multipart("report", *parts, report_type=report.kind)
    return compose(fields, root, message_id=report.message_id, at=report.at)


def report_address(address: str) -> str:
    """An address with its type, as both kinds of report name recipients (RFC 3464 §2.1.2, RFC 6533 §3)."""
    if address.isascii():
        return f"rfc822; {address}"
    return "utf-8; " + "".join(c if " " < c <= "~" and c not in "\\+=" else f"\\x{{{ord(c):X}}}" for c in address)


def _answering(id: str | None) -> list[Field]:
    if id is None or not is_message_id(id):
        return []
    return [message_ids_field(name, [id]) for name in ("In-Reply-To", "References")]


def _groups(groups: Sequence[Fields]) -> bytes:
    return b"\r\n".join(b"".join(_line(name, value) for name, value in group) for group in groups)


def _line(name: str, value: str) -> bytes:
    printable = "".join(c if c.isprintable() else " " for c in value)
    return b"%b: %b\r\n" % (name.encode("ascii"), printable.encode("ascii", "replace")[:MAX_LINE])
