"""Raw messages for tests, and messages that have landed. Plain functions, also handed out as fixtures."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Sequence

from homing.ports.landings import Envelope, Landed

_numbers = itertools.count(1)


def message(
    subject: str | None = "Hello",
    *,
    message_id: str | None = None,
    references: Sequence[str] = (),
    in_reply_to: str | None = None,
    body: str = "Hello there.\r\n",
    attachments: Sequence[tuple[str, bytes]] = (),
    sender: str = "Bea Sender <bea@sender.example>",
    to: str = "ann@example.org",
    headers: Sequence[str] = (),
) -> bytes:
    """A raw message. Ids are given without angle brackets; `attachments` are (name, content)."""
    lines = [f"From: {sender}", f"To: {to}", "Date: Fri, 20 Nov 2026 10:00:00 +0000", *headers]
    if subject is not None:
        lines.append(f"Subject: {subject}")
    if message_id is not None:
        lines.append(f"Message-ID: <{message_id}>")
    if in_reply_to is not None:
        lines.append(f"In-Reply-To: <{in_reply_to}>")
    if references:
        lines.append("References: " + "\r\n ".join(f"<{id}>" for id in references))
    if not attachments:
        return "\r\n".join([*lines, "Content-Type: text/plain; charset=utf-8", "", body]).encode()
    head = "\r\n".join([*lines, "MIME-Version: 1.0", 'Content-Type: multipart/mixed; boundary="=b="', "", ""])
    text = f"--=b=\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n"
    parts = b"".join(_attachment(name, content) for name, content in attachments)
    return (head + text).encode() + parts + b"--=b=--\r\n"


def landed(
    raw: bytes,
    *recipients: str,
    source: str | None = None,
    mail_from: str = "bea@sender.example",
    received_at: int = 0,
    helo: str = "mail.sender.example",
) -> Landed:
    """A message at the door; each call is a landing of its own unless `source` says otherwise."""
    envelope = Envelope(mail_from, recipients or ("ann@example.org",), helo=helo, received_at=received_at)
    return Landed(source or f"test:{next(_numbers)}", envelope, raw)


def _attachment(name: str, content: bytes) -> bytes:
    head = (
        "--=b=\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
        f'Content-Disposition: attachment; filename="{name}"\r\n\r\n'
    )
    return head.encode() + base64.encodebytes(content).replace(b"\n", b"\r\n")
