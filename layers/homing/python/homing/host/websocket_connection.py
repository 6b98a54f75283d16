"""A WebSocket connection as the HTTP server carries it: uvicorn's, with bounds and an orderly end.

uvicorn waits for ever for a client that does not read, and at its own end hangs up on what is being answered.
Knows bytes and time, nothing of what is said. RFC 6455.
"""

from __future__ import annotations

import time
from typing import Any, ClassVar, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

PING_SECONDS: Final = 30.0
PONG_SECONDS: Final = 30.0
"""After which a client that does not answer a ping is taken to be gone."""


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """One connection. Times are of the monotonic clock; None: not waiting for that."""

    unread_seconds: ClassVar[float] = 60.0

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._unread_since: float | None = None

    def pause_writing(self) -> None:
        """The client does not read."""
        super().pause_writing()
        self._unread_since = time.monotonic()

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        self._unread_since = None

    def keepalive_timeout(self) -> None:
        """It did not answer a ping: whatever still waits for it will not be read."""
        super().keepalive_timeout()
        self.transport.abort()

    def shutdown(self) -> None:
        """The server ends. Whoever serves the connection knows, and closes it when the last answer is sent."""
        if self.close_sent or not self.handshake_complete:
            super().shutdown()

    def hang_up_if_stuck(self, now: float) -> None:
        """End the connection if the client has been too slow."""
        if self._unread_since is not None and now - self._unread_since > self.unread_seconds:
            self.transport.abort()
