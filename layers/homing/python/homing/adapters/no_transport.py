"""The `Transport` port of a site that has no way out: it was told no next hop."""

from __future__ import annotations

from collections.abc import Sequence

from homing.ports.transport import Outgoing, Reply


class NoTransport:
    """Refuses every recipient for good (RFC 3463 §3.5: 5.4.4, unable to route)."""

    def send(self, outgoing: Outgoing) -> Sequence[Reply]:
        """Refuse each."""
        refusal = Reply(550, "5.4.4", "This site sends no mail to others: no next hop is set (HOMING_NEXT_HOP)")
        return [refusal] * len(outgoing.recipients)
