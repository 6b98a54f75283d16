"""The trace lines that this hop puts before a message: Return-Path and Received. Pure.

RFC 5321 §4.4 (form), §7.6 (a recipient is named only when there is one), RFC 3848 and RFC 6531 §4.3
(the `with` keyword).
"""

from __future__ import annotations

import time
from typing import Final

from homing.ports.landings import Envelope

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def render_trace(envelope: Envelope, *, hostname: str, received_id: str, keyword: str) -> bytes:
    """Both header fields, each line ended by CRLF. UTF-8 if an address is (RFC 6532)."""
    only = f"\r\n\tfor <{envelope.rcpt_to[0]}>" if len(envelope.rcpt_to) == 1 else ""
    return (
        f"Return-Path: <{envelope.mail_from}>\r\n"
        f"Received: from {envelope.helo}{_tcp_info(envelope.client_address)}\r\n"
        f"\tby {hostname} with {keyword} id {received_id}{only};\r\n"
        f"\t{format_date(envelope.received_at)}\r\n"
    ).encode()


def with_keyword(kind: str, *, extended: bool, tls: bool, utf8: bool) -> str:
    """The protocol as the registry of "Mail Transmission Types" names it."""
    if kind == "smtp" and not extended:
        return "SMTP"
    base = "LMTP" if kind == "lmtp" else "SMTP" if utf8 else "ESMTP"
    return f"{'UTF8' if utf8 else ''}{base}{'S' if tls else ''}"


def format_date(milliseconds: int) -> str:
    """An RFC 5322 date-time in UTC, whatever the locale is."""
    at = time.gmtime(milliseconds // 1000)
    return (
        f"{_DAYS[at.tm_wday]}, {at.tm_mday:02} {_MONTHS[at.tm_mon - 1]} {at.tm_year}"
        f" {at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02} +0000"
    )


def _tcp_info(client_address: str) -> str:
    if not client_address:
        return ""
    return f" ([IPv6:{client_address}])" if ":" in client_address else f" ([{client_address}])"
