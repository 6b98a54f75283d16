"""Landed mail in the hands of this process: for a host that files it before it tells the client 250."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator

from homing.ports.landings import Envelope, Landed


class MemoryLandings:
    """A dict of what has landed and is not yet filed. Nothing here has been acknowledged to anybody.

    `source` is made of the envelope's time and recipients and of the content, so that one landing
    announced twice is one, and two landings are two.
    """

    def __init__(self) -> None:
        self._landed: dict[str, Landed] = {}
        self._numbers: Iterator[int] = itertools.count()

    def land(self, envelope: Envelope, raw: bytes) -> str:
        """Keep a message until `remove`; return its name."""
        name = f"landing/{next(self._numbers)}"
        digest = hashlib.sha256(raw).hexdigest()
        self._landed[name] = Landed(f"memory:{envelope.received_at}:{name}:{digest}", envelope, raw)
        return name

    def get(self, name: str) -> Landed | None:
        """The landed message, or None."""
        return self._landed.get(name)

    def remove(self, name: str) -> None:
        """Forget it; harmless if there is none."""
        self._landed.pop(name, None)
