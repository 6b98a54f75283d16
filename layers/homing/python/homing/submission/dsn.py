"""Delivery status notifications (RFC 3464): what a sender is told of recipients that were not, or were, reached. Pure.

Who is told follows from the envelope's NOTIFY (RFC 3461 §4.1): of failures unless it says otherwise, of success only
if asked for. Nobody is told about a message with the null return path (RFC 5321 §4.5.5).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from homing.message import Message, as_text, decode_content, parse_headers
from homing.message.report import Report, compose_report, report_address
from homing.ports.transport import Recipient
from homing.submission.outcome import Outcome
from homing.submission.prepare import header_end, smtp_date

MAX_RETURNED: Final = 100_000
"""Bytes of a message that is returned whole (RET=FULL); of a larger one the header block."""
MAX_HEADERS: Final = 50_000
MAX_LISTED: Final = 50
"""Recipients that the text for people lists."""
MAX_GROUPS: Final = 1_000

_STATUS: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


@dataclass(frozen=True, slots=True)
class Notice:
    """One notification: on which recipients, of which message, from whom to whom.

    `envelope_id` is what the sender called the message (RFC 3461 §4.4). `at` and `arrived_at` are in ms.
    """

    id: str
    hostname: str
    to: str
    envelope_id: str
    at: int
    arrived_at: int
    outcomes: Sequence[tuple[Recipient, Outcome]]
    raw: bytes = field(repr=False)
    full: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """A received notification: the envelope id it names, the Message-ID of the returned message, and by address
    (action in lower case, diagnostic text)."""

    envelope_id: str | None
    message_id: str | None
    recipients: Mapping[str, tuple[str, str]]


def is_worth_telling(recipient: Recipient, outcome: Outcome) -> bool:
    """Whether the sender wants to hear of this."""
    wanted = (recipient.parameters.get("NOTIFY") or "FAILURE").upper().split(",")
    if outcome.is_failed:
        return "FAILURE" in wanted
    return outcome.reply.taken and outcome.local and "SUCCESS" in wanted


def compose_dsn(notice: Notice) -> bytes:
    """The notification; the same bytes for the same notice."""
    failed = any(outcome.is_failed for _, outcome in notice.outcomes)
    whole = notice.full and len(notice.raw) <= MAX_RETURNED
    report = Report(
        kind="delivery-status",
        sender={"name": "Mail Delivery System", "email": f"postmaster@{notice.hostname}"},
        to=[notice.to],
        subject="Your message could not be delivered" if failed else "Your message was delivered",
        message_id=f"{notice.id}@{notice.hostname}",
        at=notice.at,
        text=_text(notice),
        groups=[_about_message(notice), *(_about_recipient(notice, *pair) for pair in notice.outcomes)],
        original=notice.raw if whole else notice.raw[: min(header_end(notice.raw), MAX_HEADERS)],
        headers_only=not whole,
    )
    return compose_report(report)


def parse_dsn(message: Message) -> DeliveryReport | None:
    """The notification that a message is, or None if it is none."""
    leaves = [part for part in message.root.walk() if not part.parts]
    status = next((one for one in leaves if one.type in ("message/delivery-status", _GLOBAL)), None)
    if status is None:
        return None
    content = decode_content(message.raw[status.body : status.end], status.encoding)[0]
    groups = [_fields(block) for block in _GROUP_END.split(content.lstrip(b"\r\n"))[:MAX_GROUPS] if block.strip()]
    returned = next((one for one in leaves if one.type in ("text/rfc822-headers", "message/rfc822")), None)
    message_id = None
    if returned is not None:
        block = decode_content(message.raw[returned.body : returned.end], returned.encoding)[0]
        message_id = _fields(block[: header_end(block)]).get("message-id")
    recipients = {
        _address(group["final-recipient"]): (group.get("action", "").lower(), group.get("diagnostic-code", ""))
        for group in groups[1:]
        if "final-recipient" in group
    }
    return DeliveryReport((groups or [{}])[0].get("original-envelope-id"), message_id, recipients)


_GLOBAL: Final = "message/global-delivery-status"
_GROUP_END: Final = re.compile(rb"(?:\r?\n){2,}")


def _fields(block: bytes) -> dict[str, str]:
    return {one.name.lower(): as_text(one.value) for one in reversed(parse_headers(block))}


def _address(typed: str) -> str:
    return typed.partition(";")[2].strip() or typed.strip()


def _about_message(notice: Notice) -> list[tuple[str, str]]:
    return [
        ("Original-Envelope-Id", notice.envelope_id),
        ("Reporting-MTA", f"dns; {notice.hostname}"),
        ("Arrival-Date", smtp_date(notice.arrived_at)),
    ]


def _about_recipient(notice: Notice, recipient: Recipient, outcome: Outcome) -> list[tuple[str, str]]:
    fields = (
        [] if "ORCPT" not in recipient.parameters else [("Original-Recipient", recipient.parameters["ORCPT"] or "")]
    )
    enhanced = outcome.reply.enhanced
    status = "4.4.7" if outcome.expired else enhanced if _STATUS.fullmatch(enhanced) else _plain(outcome)
    return [
        *fields,
        ("Final-Recipient", report_address(recipient.address)),
        ("Action", "failed" if outcome.is_failed else "delivered"),
        ("Status", status),
        ("Diagnostic-Code", f"smtp; {outcome.reply.to_line()}"),
        ("Last-Attempt-Date", smtp_date(notice.at)),
    ]


def _plain(outcome: Outcome) -> str:
    """A status that says no more than the class of the reply (RFC 3463 §2)."""
    return f"{outcome.reply.code // 100}.0.0"


def _text(notice: Notice) -> str:
    lines = ["This is the mail system at " + notice.hostname + ".", ""]
    for failed, words in ((True, "Your message could not be delivered to:"), (False, "Your message was delivered to:")):
        chosen = [pair for pair in notice.outcomes if pair[1].is_failed == failed]
        if not chosen:
            continue
        lines += [words, ""]
        for recipient, outcome in chosen[:MAX_LISTED]:
            late = " (given up after several days)" if outcome.expired else ""
            lines += [f"  {recipient.address}{late}", f"    {outcome.reply.to_line()}"]
        if len(chosen) > MAX_LISTED:
            lines.append(f"  and {len(chosen) - MAX_LISTED} more")
        lines.append("")
    return "\n".join(lines)
