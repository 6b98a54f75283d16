"""What is stored of a message once and for ever: the values that lists, threads and body views need.

`describe` gives a JSON object with JMAP's names (RFC 8621 §4.1), properties that are null left out: a field that is
there but empty is "" or [] (RFC 8621 §4.1.2).
It is a pure function of the bytes, carries nothing that I-JSON (RFC 7493) forbids, and stays below
`MAX_RECORD` whatever the message holds. What was cut for that is named in "cut" with the number of items (or,
for the subject, characters) left out; the whole value can always be read from the header block in the blob.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from homing.message.addresses import Address
from homing.message.message import Message

MAX_RECORD: Final = 250_000
"""Bytes of the record as compact UTF-8 JSON. Most of it is left to the structure (see `scan.MAX_PART_TEXT`)."""
MAX_KEPT_ADDRESSES: Final = 200
"""Addresses kept of one field."""
MAX_ADDRESS_BYTES: Final = 32 * 1_024
"""Bytes of names and addresses, all fields together; fields are served in the order of `_ADDRESS_FIELDS`."""
MAX_ID_BYTES: Final = 16 * 1_024
"""Bytes of message ids, all fields together."""
MAX_KEPT_IDS: Final = 100
MAX_SUBJECT: Final = 2_000
MAX_CODES: Final = 20

_ADDRESS_FIELDS: Final = (
    ("from", "from_"),
    ("sender", "sender"),
    ("replyTo", "reply_to"),
    ("to", "to"),
    ("cc", "cc"),
    ("bcc", "bcc"),
)


def describe(message: Message) -> dict[str, Any]:
    """The record of a message.

    Keys: size, headerEnd (bytes of the top header block with its blank line), messageId, inReplyTo,
    references, from, sender, replyTo, to, cc, bcc, subject, sentAt, preview, hasAttachment (always there),
    structure (`Part.to_dict`), defects (codes, each once, sorted), cut (see the module).
    An address without a name has no "name". Of many references the first and the latest are kept.
    """
    cut: dict[str, int] = {}
    record: dict[str, Any] = {
        "size": message.size,
        "headerEnd": message.root.body,
        "hasAttachment": message.has_attachment,
        "structure": message.root.to_dict(),
    }
    _add_ids(record, message, cut)
    _add_addresses(record, message, cut)
    if message.subject is not None:
        record["subject"] = message.subject[:MAX_SUBJECT]
        if len(message.subject) > MAX_SUBJECT:
            cut["subject"] = len(message.subject) - MAX_SUBJECT
    if message.sent_at:
        record["sentAt"] = message.sent_at
    if message.preview:
        record["preview"] = message.preview
    if message.defects:
        record["defects"] = sorted({defect.code for defect in message.defects})[:MAX_CODES]
    if cut:
        record["cut"] = cut
    return record


def _add_ids(record: dict[str, Any], message: Message, cut: dict[str, int]) -> None:
    left = MAX_ID_BYTES
    for name, ids in (
        ("messageId", message.message_id),
        ("inReplyTo", message.in_reply_to),
        ("references", message.references),
    ):
        if not ids:
            continue
        kept, left = _fit_ids(ids, left)
        if kept:
            record[name] = kept
        if len(kept) < len(ids):
            cut[name] = len(ids) - len(kept)


def _fit_ids(ids: list[str], left: int) -> tuple[list[str], int]:
    """The first id and as many of the last as fit: the root and the nearest ancestors make the thread."""
    kept: list[str] = []
    for id in (ids[0], *reversed(ids[1:])):
        cost = _cost(id)
        if cost > left or len(kept) >= MAX_KEPT_IDS:
            break
        kept.append(id)
        left -= cost
    return kept[:1] + kept[:0:-1], left


def _add_addresses(record: dict[str, Any], message: Message, cut: dict[str, int]) -> None:
    left = MAX_ADDRESS_BYTES
    for name, attribute in _ADDRESS_FIELDS:
        addresses: list[Address] | None = getattr(message, attribute)
        if addresses is None:
            continue
        kept: list[Address] = []
        for address in addresses[:MAX_KEPT_ADDRESSES]:
            left -= _cost(address["email"] or "") + _cost(address["name"] or "")
            if left < 0:
                break
            kept.append(_compact(address))
        if kept or not addresses:
            record[name] = kept
        if len(kept) < len(addresses):
            cut[name] = len(addresses) - len(kept)


def _compact(address: Address) -> Address:
    return address if address["name"] else {"email": address["email"]}


def _cost(text: str) -> int:
    return len(msgspec.json.encode(text)) + 24  # the keys, quotes and commas around it
