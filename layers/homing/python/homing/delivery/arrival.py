"""An `Arrival`: a message as it will be filed, derived from its bytes. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any, Final

from homing.ledger.keys import INBOX, delivery_key, message_id_hash, object_key
from homing.message import Message, as_date, base_subject, describe, parse
from homing.message.charsets import clean
from homing.message.dates import milliseconds_of
from homing.message.provenance import provenance
from homing.ports.landings import Landed

OWN_IDS: Final = 2
FIRST_REFERENCES: Final = 1
LAST_REFERENCES: Final = 8
"""Of a long References header the first id and the last eight: enough to meet the thread from either end."""
ENVELOPE_CHARACTERS: Final = 1_000
"""Of each text that the client gave."""

DELIVERY: Final = "Delivery"
IMPORT: Final = "Import"
"""Mail is imported again months later, too, and must not come twice: an object of the account, that stays."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """What filters look at: the message and its envelope. `rcpt_to` is the address that brought it to the account, ""
    for mail that is filed as it is, whatever the account's filters say."""

    message: Message
    mail_from: str
    protocol: str
    rcpt_to: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message on its way into accounts.

    `delivery` is the same for every redelivery of one landing, "" for what cannot come twice; `record` is the Email
    as it is stored; `message_ids` are the hashes by which threads are found (RFC 8621 §3). It is filed in
    `mailbox_ids` with `keywords` (in lower case). `marker` is the type that remembers the delivery: `DELIVERY` for a
    while, `IMPORT` for ever. `incoming` is there for mail that came in an envelope.
    """

    delivery: str
    record: dict[str, Any]
    provenance: dict[str, Any]
    received_at: int
    message_ids: tuple[str, ...]
    mailbox_ids: tuple[str, ...] = (INBOX,)
    keywords: frozenset[str] = frozenset()
    marker: str = DELIVERY
    incoming: Incoming | None = field(default=None, repr=False, compare=False)

    @property
    def digest(self) -> str:
        """The SHA-256 of the raw message."""
        digest: str = self.record["blob"]
        return digest

    @property
    def marker_key(self) -> str:
        """Where the account remembers that this was filed."""
        return marker_key(self.marker, self.delivery)


def arrival_of(landed: Landed, digest: str, now: int) -> Arrival:
    """Parse a landed message that is stored as `digest`. Never raises: what cannot be parsed arrives all the same."""
    message = parse(landed.raw)
    record, message_ids = record_of(message, digest)
    envelope = landed.envelope
    seen = {
        "mailFrom": _kept(envelope.mail_from),
        "protocol": _kept(envelope.protocol),
        "helo": _kept(envelope.helo),
        "clientAddress": _kept(envelope.client_address),
        "tls": envelope.tls,
    }
    return Arrival(
        delivery=delivery_of(landed.source),
        record=record,
        provenance={**provenance(message), "envelope": seen},
        received_at=envelope.received_at or now,
        message_ids=message_ids,
        incoming=Incoming(message, envelope.mail_from, envelope.protocol),
    )


def addressed(arrival: Arrival, rcpt_to: str) -> Arrival:
    """The arrival as it comes to one account, by that address."""
    incoming = arrival.incoming
    return arrival if incoming is None else replace(arrival, incoming=replace(incoming, rcpt_to=rcpt_to))


def record_of(message: Message, digest: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A message as it is stored, and the hashes by which threads are found."""
    subject = base_subject(message.subject or "")
    record = {**describe(message), "blob": digest, "baseSubject": subject[:255]}
    return record, thread_hashes(record, subject)


def last_hop(message: Message) -> int | None:
    """When the last relay received the message (ms since 1970): its most recent Received field (RFC 5321 §4.4)."""
    newest = next(iter(message.headers_named("received")), None)
    date = None if newest is None else as_date(newest.value.rpartition(b";")[2])
    return None if date is None else milliseconds_of(date)


def delivery_of(source: str) -> str:
    """The name of a delivery, from the `source` of its landing: 32 characters."""
    return hashlib.sha256(source.encode(errors="surrogatepass")).hexdigest()[:32]


def marker_key(marker: str, delivery: str) -> str:
    """The key of the row that says: this delivery was filed."""
    return delivery_key(delivery) if marker == DELIVERY else object_key(marker, delivery)


def thread_hashes(record: dict[str, Any], subject: str) -> tuple[str, ...]:
    """Hashes of the message ids that tie a message to a thread, its own first.

    Subjects are the same without regard to case (RFC 5256 §2.1) and white space (RFC 8621 §3).
    """
    subject = "".join(subject.split()).casefold()
    references = record.get("references") or []
    ids = [
        *(record.get("messageId") or [])[:OWN_IDS],
        *(record.get("inReplyTo") or [])[:OWN_IDS],
        *references[:FIRST_REFERENCES],
        *references[FIRST_REFERENCES:][-LAST_REFERENCES:],
    ]
    return tuple(dict.fromkeys(message_id_hash(id, subject) for id in ids))


def _kept(text: str) -> str:
    """What a client said, as it can be stored: a command may hold any bytes."""
    return clean(text[:ENVELOPE_CHARACTERS])
