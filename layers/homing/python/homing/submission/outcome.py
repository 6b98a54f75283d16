"""What became of a recipient, as the EmailSubmission tells it (RFC 8621 §7, DeliveryStatus). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from homing.errors import Refused
from homing.message.charsets import clean
from homing.ports.transport import Reply

Object = dict[str, Any]

MIN_REPLY: Final = 80
MAX_REPLY: Final = 500
REPLIES_BYTES: Final = 100_000
"""Characters of one reply that are kept: the more recipients, the fewer, as all must fit into one row."""

QUEUED: Final[Object] = {"smtpReply": "250 2.0.0 Queued", "delivered": "queued", "displayed": "unknown"}
DELIVERED: Final = Reply(250, "2.1.5", "Delivered")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt did for one recipient. `local`: the mail store was reached, not a next hop.
    `expired`: the reply was one that asks for another attempt, but there is none."""

    reply: Reply
    local: bool
    expired: bool = False

    @property
    def is_deferred(self) -> bool:
        """There will be another attempt."""
        return not self.reply.final and not self.expired

    @property
    def is_failed(self) -> bool:
        """The recipient does not get the message."""
        return not self.reply.taken and not self.is_deferred

    @property
    def delivered(self) -> str:
        """The word of RFC 8621 §7."""
        if self.is_deferred:
            return "queued"
        if self.is_failed:
            return "no"
        return "yes" if self.local else "unknown"


def reply_of(refusal: Refused | None) -> Reply:
    """What filing said of a recipient of this site."""
    return DELIVERED if refusal is None else Reply(refusal.code, refusal.enhanced, refusal.text)


def status_of(outcome: Outcome, recipients: int) -> Object:
    """The DeliveryStatus of one of so many recipients."""
    line = shorten(outcome.reply.to_line(), recipients)
    return {"smtpReply": line, "delivered": outcome.delivered, "displayed": "unknown"}


def shorten(reply: str, recipients: int) -> str:
    """A reply on one line, as long as can be kept of each of so many."""
    longest = max(MIN_REPLY, min(MAX_REPLY, REPLIES_BYTES // max(recipients, 1)))
    return clean(" ".join(reply.split()))[:longest]


def statuses_of(outcomes: Mapping[str, Outcome], recipients: int) -> Object:
    """DeliveryStatus by address."""
    return {address: status_of(outcome, recipients) for address, outcome in outcomes.items()}
