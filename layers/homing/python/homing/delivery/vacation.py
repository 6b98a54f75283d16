"""The vacation response (RFC 8621 §8): an answer to who writes while the owner is away, without a script.

Acts as the vacation action does: never to programs, lists or strangers to the message (RFC 3834, RFC 5230 §4.5-4.6),
and once a week to a sender, unless the response has become another one meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from homing.ledger.entry import encode_body
from homing.ledger.rows import Body
from homing.message import render_html_text
from homing.message.compose import Entity, html_part, structure, text_part
from homing.sieve.engine import Mail, reply_subject, withhold_reply

ANSWERED_SECONDS: Final = 7 * 24 * 3_600
"""RFC 5230 §4.1: the usual period."""
DEFAULT_TEXT: Final = "I am away at the moment and may not read your message for some time.\n"


@dataclass(frozen=True, slots=True)
class Response:
    """The answer to one message. `tracking_id` is the same for answers of which one is enough."""

    subject: str
    body: Entity
    tracking_id: str


def respond(response: Body, mail: Mail, own: Collection[str], received_at: int) -> Response | str:
    """The answer to a message that came at `received_at` (ms), or why there is none.

    `response` is the stored VacationResponse, `own` are the owner's addresses.
    """
    if not _is_in_force(response, received_at):
        return "the vacation response is not in force"
    if reason := withhold_reply(mail, own):
        return reason
    text: str | None = response.get("textBody")
    html: str | None = response.get("htmlBody")
    if text is None:
        text = DEFAULT_TEXT if html is None else render_html_text(html)
    body = structure(text_part(text), None if html is None else html_part(html))
    said = {name: response.get(name) for name in ("fromDate", "subject", "textBody", "htmlBody")}
    told = hashlib.sha256(encode_body([said, mail.mail_from.lower()])).hexdigest()
    return Response(reply_subject(mail.message, response.get("subject")), body, told)


def _is_in_force(response: Body, at: int) -> bool:
    begin, end = response.get("fromDate"), response.get("toDate")
    if not response.get("isEnabled"):
        return False
    return (begin is None or _ms(begin) <= at) and (end is None or at < _ms(end))


def _ms(date: str) -> int:
    """A UTCDate (RFC 8620 §1.4) in ms since 1970."""
    return int(datetime.fromisoformat(date).timestamp() * 1_000)
