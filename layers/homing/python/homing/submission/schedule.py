"""When a message is offered again (RFC 5321 §4.5.4.1). Pure."""

from __future__ import annotations

from typing import Final

MINUTE_MS: Final = 60_000
GIVE_UP_MS: Final = 5 * 24 * 60 * MINUTE_MS
"""RFC 5321 §4.5.4.1: at least four to five days."""
_PAUSES: Final = (1, 5, 15, 30, 60, 120, 240)


def next_attempt(attempt: int, since: int, now: int) -> int | None:
    """When to try again after the n-th attempt (1 is the first) of what is due `since` (ms); None: never."""
    at = now + _PAUSES[min(attempt, len(_PAUSES)) - 1] * MINUTE_MS
    return at if at <= since + GIVE_UP_MS else None
