"""The envelope of a landing (RFC 5321 §2.3.1) as S3 metadata: our own form, and a plain one of other relays.

Never sees a message nor a bucket.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from email.header import decode_header, make_header
from typing import Final

from homing.errors import Permanent
from homing.ports.landings import Envelope

_RECIPIENTS: Final = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^,"]|")+')
"""What stands between commas; a quoted local part may contain some (RFC 5321 §4.1.2)."""


def render_envelope(envelope: Envelope) -> str:
    """The envelope as one line of ASCII JSON, as HTTP headers carry it."""
    fields = {
        "mailFrom": envelope.mail_from,
        "rcptTo": envelope.rcpt_to,
        "protocol": envelope.protocol,
        "helo": envelope.helo,
        "clientAddress": envelope.client_address,
        "receivedAt": envelope.received_at,
        "tls": envelope.tls,
    }
    return json.dumps(fields, ensure_ascii=True, separators=(",", ":"))


def parse_envelope(text: str) -> Envelope:
    """The inverse of `render_envelope`.

    Raises:
        Permanent: "badEnvelope".
    """
    try:
        fields = json.loads(text)
        return Envelope(
            mail_from=str(fields["mailFrom"]),
            rcpt_to=tuple(map(str, fields["rcptTo"])),
            protocol=str(fields["protocol"]),
            helo=str(fields["helo"]),
            client_address=str(fields["clientAddress"]),
            received_at=int(fields["receivedAt"]),
            tls=fields["tls"] is True,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Permanent("badEnvelope", "a landing's envelope cannot be read", envelope=text[:500]) from error


def plain_envelope(metadata: Mapping[str, str], received_at: int) -> Envelope:
    """The envelope in `mail-from`, `rcpt-to`, `protocol`, `helo` and `client-address`, all optional."""
    fields = {name: _decoded(value) for name, value in metadata.items()}
    recipients = (_bare(recipient) for recipient in _RECIPIENTS.findall(fields.get("rcpt-to", "")))
    return Envelope(
        mail_from=_bare(fields.get("mail-from", "")),
        rcpt_to=tuple(recipient for recipient in recipients if recipient),
        protocol=fields.get("protocol", "smtp"),
        helo=fields.get("helo", ""),
        client_address=fields.get("client-address", ""),
        received_at=received_at,
    )


def _bare(path: str) -> str:
    return path.strip().removeprefix("<").removesuffix(">")


def _decoded(value: str) -> str:
    """S3 returns metadata that is not ASCII as encoded words (RFC 2047)."""
    return str(make_header(decode_header(value))) if "=?" in value else value
