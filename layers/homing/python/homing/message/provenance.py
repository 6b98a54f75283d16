"""The way a message took, as its headers tell it: relays, sending address, anomalies.

Read once, at delivery, by mail-parser, which is strong at the many dialects of Received lines. It is shown
the fields that tell of origin and way, and no body: the defects of the MIME structure are found by `scan`,
and a body cut short would only make up new ones. So its cost is that of some ten fields, whatever the size.
What it says is kept for analysts and filters; nothing of how mail is shown depends on it.
RFC 5321 §4.4 (trace information), RFC 5322 §3.6.
"""

from __future__ import annotations

import ipaddress
import logging
from functools import cache
from types import ModuleType
from typing import Any, Final, cast

import msgspec

from homing.message.charsets import clean
from homing.message.header_forms import as_date
from homing.message.message import Message

MAX_FIELD: Final = 4 * 1_024
"""A longer field is left out: it is not one that a relay wrote."""
MAX_FIELDS: Final = 60
MAX_HOPS: Final = 12
"""Received fields that are looked at. Of more, those nearest to us: they can be trusted, and tell the peer."""
MAX_ANOMALIES: Final = 20
MAX_VALUE: Final = 120
"""Characters of one value."""
MAX_RECORD: Final = 8 * 1_024
"""Bytes of the record as compact UTF-8 JSON; the oldest hops are left out until it fits."""

_FIELDS: Final = frozenset({"received", "date", "from", "sender", "reply-to", "message-id", "x-mailer", "user-agent"})
_HOP_FIELDS: Final = ("from", "by", "with", "id", "for")


def provenance(message: Message) -> dict[str, Any]:
    """The provenance record, JSON-serialisable, at most `MAX_RECORD` bytes, the same for the same bytes.

    Keys, each left out when empty: hops (oldest first: from, by, with, id, for, at as RFC 3339, delay in
    seconds since the hop before), hopsLeftOut, senderAddress (the public IP address that the newest Received
    field names as its peer), anomalies (mail-parser's categories, sorted), details (its
    words), mailer. A message on which mail-parser fails gives {"error": "<name of the exception>"}.
    """
    try:
        record = _record(_mail_parser().parse_from_bytes(_excerpt(message)))
        record |= _hops_left_out(message)
    # mail-parser raises whatever its dialects run into (AttributeError, ValueError, RecursionError, its own
    # errors); analysis must never keep a message from being delivered, so each becomes part of the record.
    except Exception as error:
        return {"error": type(error).__name__}
    return _fitted(record)


@cache
def _mail_parser() -> ModuleType:
    """mail-parser, imported on first use: only delivery has to pay the 40 ms."""
    import mailparser  # noqa: PLC0415

    logging.getLogger("mailparser").setLevel(logging.CRITICAL)  # it logs its findings line by line
    return cast(ModuleType, mailparser)


def _excerpt(message: Message) -> bytes:
    """A header block of the fields that matter, in wire order. Only the newest Received fields are in it."""
    kept: list[bytes] = []
    hops = 0
    for header in message.headers:
        name = header.name.lower()
        if name not in _FIELDS or header.end - header.start > MAX_FIELD or len(kept) >= MAX_FIELDS:
            continue
        if name == "received":
            hops += 1
            if hops > MAX_HOPS:
                continue
        kept.append(b"%b:%b" % (header.name.encode("ascii"), header.value))
    return b"\r\n".join([*kept, b"", b""])


def _record(parsed: Any) -> dict[str, Any]:
    record: dict[str, Any] = {
        "hops": [hop for hop in map(_hop, parsed.received) if hop],
        "senderAddress": _sender_address(parsed),
        "anomalies": sorted(_text(category) for category in parsed.defects_categories)[:MAX_ANOMALIES],
        "details": _details(parsed.defects),
        "mailer": _text(parsed.message.get("x-mailer") or parsed.message.get("user-agent") or ""),
    }
    return {name: value for name, value in record.items() if value}


def _hops_left_out(message: Message) -> dict[str, int]:
    more = len(message.headers_named("received")) - MAX_HOPS
    return {"hopsLeftOut": more} if more > 0 else {}


def _hop(hop: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {name: _text(hop[name]) for name in _HOP_FIELDS if hop.get(name)}
    at = as_date(str(hop.get("date", "")).encode("utf-8", "replace"))  # mail-parser takes unknown zones for UTC
    if at:
        kept["at"] = at
    delay = hop.get("delay")
    if isinstance(delay, int | float) and delay:
        kept["delay"] = int(delay)
    return kept


def _sender_address(parsed: Any) -> str | None:
    """The peer of the newest Received field, which our own side wrote, if it is a public address."""
    newest = parsed.message.get("received")
    by = parsed.received[-1].get("by", "") if newest and parsed.received else ""
    host = str(by).split(" ", 1)[0]
    found = parsed.get_server_ipaddress(host) if host else None
    try:
        return str(ipaddress.ip_address(found)) if found else None
    except ValueError:
        return None


def _details(defects: list[dict[str, list[str]]]) -> list[str]:
    words = [_text(word) for defect in defects for part in defect.values() for word in part]
    return list(dict.fromkeys(words))[:MAX_ANOMALIES]


def _text(value: Any) -> str:
    return clean(" ".join(str(value).split()))[:MAX_VALUE]


def _fitted(record: dict[str, Any]) -> dict[str, Any]:
    while len(msgspec.json.encode(record)) > MAX_RECORD:
        if record.get("hops"):
            record["hops"] = record["hops"][1:]
            record["hopsLeftOut"] = record.get("hopsLeftOut", 0) + 1
        elif record.get("details"):
            record["details"] = record["details"][:-1]
        else:
            return {"error": "recordTooLarge"}
    return record
