"""Time and chance, so that tests can fix both."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Wall-clock time."""

    def now(self) -> int:
        """Milliseconds since 1970-01-01T00:00:00Z."""
        ...


class Ids(Protocol):
    """A source of unpredictable bytes for identifiers and secrets."""

    def random(self, size: int) -> bytes:
        """`size` random bytes, fit for secrets."""
        ...
