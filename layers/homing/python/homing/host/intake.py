"""What the SMTP and LMTP listeners ask of the rest of the house, and the limits they keep.

The listeners know the wire: lines, verbs, sizes, time. They do not know who lives here, where mail is
kept or what a message means; they ask an `Intake`, and they say 250 only after it has said "stored".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from homing.errors import Refused
from homing.ports.landings import Envelope

MIB: Final = 1024 * 1024


class Intake(Protocol):
    """Who takes mail in. Both methods run on the listener's event loop and must not block it.

    An exception of any other kind than `Refused` is answered `451 4.3.0`, so that the client tries
    again, and is logged.
    """

    async def check_recipient(self, address: str) -> Refused | None:
        """May mail for `address` be given to us? None is yes; a refusal becomes the reply to RCPT.

        `address` is as the client wrote it (case, quotes, UTF-8), without angle brackets and source
        route. It has a domain, except for the bare "postmaster" (in any case; RFC 5321 §4.5.1).
        """
        ...

    async def deliver(self, envelope: Envelope, trace: bytes, message: bytes) -> Sequence[Refused | None]:
        """Store the message for each of `envelope.rcpt_to`; one answer for each of them, in their order.

        None says that it is durable for this recipient. `message` is what the client sent, byte for byte,
        so that its hash tells a retransmission; `trace` are the header lines of this hop (Return-Path and
        Received, RFC 5321 §4.4) that belong before it. Recipients are distinct and were all accepted by
        `check_recipient`. A client that gets no 250, or loses the connection before it, sends the same
        message again: delivering twice must have the effect of once.
        """
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one listener. Sizes in bytes, times in seconds.

    `max_message_bytes` counts as RFC 1870 does: without the stuffed dots. Of a message past it,
    `max_discarded_bytes` more are read and thrown away, so that the client learns why, before the
    connection is closed. The messages that are being sent over all connections are kept up to `max_held_bytes`
    together. `max_line` bounds a command with its CRLF, `max_text_line` a line of a message
    (RFC 5321 §4.5.3.1.6 asks to take 1,000 and advises to take any). After `max_errors` bad commands the
    connection is closed. `command_timeout` is the time for one command, `data_timeout` the longest
    pause within a message (RFC 5321 §4.5.3.2).
    """

    max_message_bytes: int = 40 * MIB
    max_discarded_bytes: int = 160 * MIB
    max_held_bytes: int = 256 * MIB
    max_recipients: int = 1_000
    max_line: int = 2_048
    max_text_line: int = 40 * MIB
    max_errors: int = 20
    max_connections: int = 256
    command_timeout: float = 300.0
    data_timeout: float = 180.0
