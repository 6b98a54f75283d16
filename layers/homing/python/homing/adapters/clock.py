"""The machine's clock and its source of randomness."""

from __future__ import annotations

import secrets
import time


class SystemClock:
    """Wall-clock time of this machine."""

    def now(self) -> int:
        """Milliseconds since 1970-01-01T00:00:00Z."""
        return time.time_ns() // 1_000_000


class SystemIds:
    """The operating system's randomness."""

    def random(self, size: int) -> bytes:
        """`size` random bytes, fit for secrets."""
        return secrets.token_bytes(size)
