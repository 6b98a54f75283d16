"""The `Transport` port: hand a message to the next hop and hear what became of each recipient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Recipient:
    """An address of the envelope with its ESMTP parameters (RFC 5321 §4.1.1.3), e.g. `{"NOTIFY": "NEVER"}`."""

    address: str
    parameters: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way out. `mail_from` is "" for the null reverse-path."""

    mail_from: str
    recipients: tuple[Recipient, ...]
    raw: bytes = field(repr=False)
    parameters: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the next hop said of one recipient (RFC 5321 §4.2): basic code, enhanced code (RFC 3463) and text."""

    code: int
    enhanced: str
    text: str

    @property
    def taken(self) -> bool:
        """The next hop has the message now and answers for it."""
        return self.code < 400

    @property
    def final(self) -> bool:
        """Trying again is of no use."""
        return self.code < 400 or self.code >= 500

    def to_line(self) -> str:
        """The reply as one line of SMTP, e.g. `550 5.1.1 No such user here`."""
        return f"{self.code} {self.enhanced} {self.text}".replace("  ", " ").rstrip()


class Transport(Protocol):
    """Safe to call from several threads."""

    def send(self, outgoing: Outgoing) -> Sequence[Reply]:
        """Offer a message to the next hop; one reply for each recipient, in order.

        Never raises for what the other side does or fails to do: no connection is a 4xx reply (RFC 3463: 4.4.1)
        for all. A reply of the 2xx class means that the next hop took it for this recipient, and that it must
        not be offered again.
        """
        ...
