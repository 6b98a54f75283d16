"""The `Notifier` port: one HTTP POST to a push service that a client named (RFC 8620 §7.2, RFC 8030)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Notifier(Protocol):
    """Safe to call from several threads."""

    def check(self, url: str) -> str | None:
        """Why this URL can never be posted to (not https, not a public address, ...), or None."""
        ...

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Post and return the HTTP status. Follows no redirect, reads no more of the answer than a little.

        Raises:
            Temporary: ("pushUnreachable") there was no connection, so nothing was sent; ("pushUnanswered") no answer
                in time, so it may have been.
            Permanent: ("pushForbidden") the URL leads to where this site does not post (see `check`).
        """
        ...
