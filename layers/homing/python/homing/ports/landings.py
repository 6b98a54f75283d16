"""The `Landings` port: raw mail at the door, with its envelope, before delivery has looked at it.

On AWS a landing is an S3 object (the relay's envelope lies in its metadata); on one machine it is in
the hands of the host until it is filed, and the client is told 250 only then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from homing.errors import Refused


@dataclass(frozen=True, slots=True)
class Envelope:
    """The SMTP envelope (RFC 5321 §2.3.1) and what the door saw of the client.

    `mail_from` is "" for the null reverse-path. `received_at` is a Unix time in milliseconds.
    """

    mail_from: str
    rcpt_to: tuple[str, ...]
    protocol: str = "smtp"
    helo: str = ""
    client_address: str = ""
    received_at: int = 0
    tls: bool = False


@dataclass(frozen=True, slots=True)
class Landed:
    """A landed message. `source` names this landing for ever: the same landing that is announced
    twice (a redelivered event) has the same `source`, and so is filed once."""

    source: str
    envelope: Envelope
    raw: bytes = field(repr=False)


class Landings(Protocol):
    """Where landed mail waits. All methods are safe to call from several threads."""

    def land(self, envelope: Envelope, raw: bytes) -> str:
        """Keep a message; return the name by which the landing event refers to it."""
        ...

    def get(self, name: str) -> Landed | None:
        """The landed message, or None if it is not there (any more)."""
        ...

    def settle(self, name: str, replies: Sequence[Refused | None]) -> None:
        """Note what became of the message, a reply for each recipient of its envelope (None: filed).

        If all were filed it is forgotten; what was refused is kept or told to whoever still waits.
        Harmless if there is no such message.
        """
        ...
