# ruff: noqa: N802 - aiosmtpd finds a verb by its name in capitals
"""LMTP: what differs from SMTP. LHLO instead of HELO and EHLO, and one reply for each recipient.

RFC 2033 §4.1, §4.2: after DATA or BDAT LAST there is one reply for each RCPT that was accepted, in the
order of the commands, also for a mailbox that was named twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from homing.errors import Refused
from homing.host.smtp_connection import Kind
from homing.host.smtp_replies import reply_line
from homing.host.smtp_session import Conversation


class LmtpConversation(Conversation):
    """The LMTP server's side of one connection."""

    kind: ClassVar[Kind] = "lmtp"
    service: ClassVar[str] = "LMTP"
    foreign_verbs: ClassVar[frozenset[str]] = Conversation.foreign_verbs | {"HELO", "EHLO"}

    async def smtp_LHLO(self, arg: str) -> None:
        """LHLO, RFC 2033 §4.1."""
        await self._greet(arg, extended=True)

    def _replies(self, outcomes: Sequence[Refused | None], stored: str) -> list[str]:
        return [stored if outcome is None else reply_line(outcome) for outcome in outcomes]
