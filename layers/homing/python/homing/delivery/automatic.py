"""Mail that an arrival makes the site send: answers, refusals, and the message itself sent on.

Everything is composed from the arrival alone, so that a commit that is tried again makes the same bytes. What goes out
is a blob and a task "transmit" in the commit that files the arrival; `homing.submission` does the sending.
RFC 3834 (answers by programs), RFC 5228 §4.2 (redirect), RFC 5230 §5, RFC 5429 §2, RFC 5321 §4.4.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from homing.delivery.arrival import Arrival, Incoming
from homing.delivery.outbox import keep_blob, transmit_task
from homing.ledger import keys
from homing.ledger.rows import Body
from homing.ledger.transact import Draft, Transaction
from homing.message import Address, Message, as_addresses, as_text, parse_headers
from homing.message.charsets import clean
from homing.message.compose import (
    Entity,
    Field,
    addresses_field,
    compose,
    is_message_id,
    message_ids_field,
    new_message_id,
    raw_field,
    text_field,
)
from homing.message.compose_fields import now_field
from homing.message.mdn import Disposition, Letter, Notification, compose_notification
from homing.message.report import Report, compose_report, report_address
from homing.site import Site

MAX_REFERENCES: Final = 20
SENT_ON_BY: Final = "X-Homing-Redirected-By"
"""Who has sent a message on before: it is not done twice, or two accounts could send it to and fro."""
MAX_SENT_ON: Final = 4
"""Times that a message is sent on: a few accounts that each send on to all others would make millions of one."""

_CONTENT: Final = re.compile(r"content-[a-z-]+", re.IGNORECASE)
_RETURNED_HEADERS: Final = 50_000


class Outbox:
    """What one arrival makes its recipient's account send."""

    def __init__(
        self, site: Site, transaction: Transaction, draft: Draft, arrival: Arrival, incoming: Incoming
    ) -> None:
        self._site = site
        self._transaction = transaction
        self._draft = draft
        self._arrival = arrival
        self._incoming = incoming
        self._settings: Body = draft.object("Account", keys.SELF) or {}

    @property
    def can_answer(self) -> bool:
        """Whether there is a return path that can be written to (RFC 5321 §4.5.5)."""
        address = self._incoming.mail_from
        return bool(address) and clean(address) == address and len(address) <= 320 and "@" in address

    @property
    def was_sent_on(self) -> bool:
        """Whether this account has sent the message on before, or too many others have."""
        fields = list(self._incoming.message.headers_named(SENT_ON_BY))
        return len(fields) >= MAX_SENT_ON or any(as_text(field.value) == self._settings["login"] for field in fields)

    def send_on(self, addresses: Sequence[str]) -> None:
        """The message as it is to other addresses, with a trace of its way; failures go to who sent it."""
        message, hostname = self._incoming.message, self._site.config.hostname
        received = f" by {hostname} (sent on for its recipient)\r\n\tid {self._arrival.delivery};\r\n\t"
        date = now_field("Date", self._arrival.received_at).value.decode("ascii").strip()
        fields = [Field("Received", f"{received}{date}".encode("ascii", "replace"))]
        fields.append(text_field(SENT_ON_BY, self._settings["login"]))
        pieces = [*(field.render() for field in fields), *_without_return_path(message)]
        sender = self._incoming.mail_from if self.can_answer else ""
        self._send(b"".join(pieces), sender, addresses)

    def answer(self, subject: str, body: Entity, sender: str = "") -> None:
        """An answer in the owner's name, `sender` being the text of its From field if it is not the usual one."""
        self._send(
            compose(self._answer_fields(subject, sender), body, message_id=self._message_id("answer"), at=self._at()),
            "",
            [self._incoming.mail_from],
        )

    def answer_mime(self, subject: str, entity: str, sender: str = "") -> None:
        """As `answer`, with an entity that has a header of its own, of which what describes content counts."""
        head, _, body = entity.replace("\r\n", "\n").replace("\n", "\r\n").partition("\r\n\r\n")
        if entity.startswith(("\r\n", "\n")):  # no header at all
            head, body = "", entity.lstrip("\r\n")
        described = [
            Field(field.name, field.value)
            for field in parse_headers(f"{head}\r\n".encode())
            if _CONTENT.fullmatch(field.name)
        ]
        fields = [
            now_field("Date", self._at()),
            message_ids_field("Message-ID", [self._message_id("answer")]),
            raw_field("MIME-Version", " 1.0"),
            *self._answer_fields(subject, sender),
            *described,
        ]
        raw = b"".join([*(field.render() for field in fields), b"\r\n", body.encode("utf-8", "replace")])
        self._send(raw, "", [self._incoming.mail_from])

    def refuse(self, reason: str, *, as_delivery_status: bool) -> None:
        """Word to the sender that the message was not taken (RFC 5429 §2.1.1, §2.2.1)."""
        compose_it = self._delivery_status if as_delivery_status else self._disposition
        self._send(compose_it(reason), "", [self._incoming.mail_from])

    def _delivery_status(self, reason: str) -> bytes:
        message, hostname = self._incoming.message, self._site.config.hostname
        recipient = [
            ("Final-Recipient", report_address(self._incoming.rcpt_to)),
            ("Action", "failed"),
            ("Status", "5.7.1"),
        ]
        report = Report(
            kind="delivery-status",
            sender={"name": "Mail Delivery System", "email": f"postmaster@{hostname}"},
            to=[self._incoming.mail_from],
            subject="Your message was refused",
            message_id=self._message_id("refusal"),
            at=self._at(),
            text=f"Your message to {self._incoming.rcpt_to} was refused:\n\n{reason}\n",
            groups=[[("Reporting-MTA", f"dns; {hostname}")], recipient],
            original=message.raw[: min(message.root.body, _RETURNED_HEADERS)],
            answers=self._original_id(),
        )
        return compose_report(report)

    def _disposition(self, reason: str) -> bytes:
        original = self._original_id()
        notification = Notification(
            Disposition("automatic-action", "mdn-sent-automatically", "deleted"),
            subject="Your message was refused",
            text=f"Your message to {self._incoming.rcpt_to} was refused:\n\n{reason}\n",
            reporting_ua=f"{self._site.config.hostname}; Homing",
            final_recipient=report_address(self._incoming.rcpt_to),
            original_message_id=None if original is None else f"<{original}>",
        )
        letter = Letter(self._owner(), [self._incoming.mail_from], self._message_id("refusal"), self._at())
        return compose_notification(notification, letter)

    def _answer_fields(self, subject: str, sender: str) -> list[Field]:
        authors = as_addresses(sender.encode()) if sender else [self._owner()]
        return [
            addresses_field("From", authors),
            addresses_field("To", [{"name": None, "email": self._incoming.mail_from}]),
            text_field("Subject", subject),
            *self._references(),
            raw_field("Auto-Submitted", " auto-replied (vacation)"),
            raw_field("X-Auto-Response-Suppress", " All"),
        ]

    def _references(self) -> list[Field]:
        """RFC 5322 §3.6.4."""
        original = self._original_id()
        if original is None:
            return []
        message = self._incoming.message
        before = [id for id in message.references or message.in_reply_to or [] if is_message_id(id) and id != original]
        kept = [*before[:1], *before[1:][-MAX_REFERENCES:]]
        return [message_ids_field("In-Reply-To", [original]), message_ids_field("References", [*kept, original])]

    def _original_id(self) -> str | None:
        ids = self._incoming.message.message_id or []
        return next((id for id in ids if is_message_id(id)), None)

    def _owner(self) -> Address:
        return {"name": self._settings.get("name"), "email": self._incoming.rcpt_to}

    def _message_id(self, kind: str) -> str:
        """The same for the same arrival, and another for each recipient of it."""
        named = f"{self._arrival.delivery} {self._draft.partition} {kind}"
        return new_message_id(hashlib.sha256(named.encode()).digest()[:16], self._site.config.hostname)

    def _at(self) -> int:
        return self._arrival.received_at

    def _send(self, raw: bytes, mail_from: str, recipients: Sequence[str]) -> None:
        digest = self._site.blobs.put(raw)
        now = self._transaction.now
        keep_blob(self._draft, digest, now)
        task = transmit_task(self._site, self._draft.partition, digest, recipients, now, mail_from=mail_from)
        self._transaction.put_task(task)


def _without_return_path(message: Message) -> list[bytes]:
    """The message without the return path of its last journey (RFC 5321 §4.4)."""
    pieces, start = [], 0
    for field in message.headers_named("return-path"):
        pieces.append(message.raw[start : field.start])
        start = field.end
    return [*pieces, message.raw[start:]]
