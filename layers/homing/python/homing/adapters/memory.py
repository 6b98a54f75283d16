"""Landed mail in the hands of this process: for a host that files it before it tells the client 250."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from homing.errors import Refused
from homing.ports.landings import Envelope, Landed


class MemoryLandings:
    """A dict of what has landed and is not yet filed. Nothing in it has been acknowledged to anybody,
    so nothing is lost with the process. `collect` hands the replies to the client that waits."""

    def __init__(self) -> None:
        self._landed: dict[str, Landed] = {}
        self._replies: dict[str, Sequence[Refused | None]] = {}
        self._numbers: Iterator[int] = itertools.count(1)

    def land(self, envelope: Envelope, raw: bytes, source: str = "") -> str:
        """Keep a message until it is settled; `source` as in `Landed`, by default this landing alone."""
        name = f"landing/{next(self._numbers)}"
        self._landed[name] = Landed(source or f"memory:{envelope.received_at}:{id(self)}:{name}", envelope, raw)
        return name

    def get(self, name: str) -> Landed | None:
        """The landed message, or None."""
        return self._landed.get(name)

    def settle(self, name: str, replies: Sequence[Refused | None]) -> None:
        """Keep the replies for `collect`."""
        if self._landed.pop(name, None) is not None:
            self._replies[name] = tuple(replies)

    def collect(self, name: str) -> Sequence[Refused | None] | None:
        """The replies of a settled message, once; None if it was not settled, and then it is forgotten."""
        self._landed.pop(name, None)
        return self._replies.pop(name, None)
