"""How one process host is set up, and where it then listens. Values only: the command line shows them
without loading the host."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to listen (port 0: a free one) and with how much. `grace` is in seconds, for each step of the end.

    Few threads are the best, for the work is mostly Python's and only one thread runs that at a time: a
    second ingest thread makes each message dearer by a third, four threads for calls each inbox by a third
    when eight clients ask at once. The second one for calls is for whoever comes while a password is hashed.
    """

    listen: str = "127.0.0.1"
    http_port: int = 8080
    smtp_port: int = 2525
    lmtp_port: int = 2424
    calls: int = 2
    streams: int = 16
    ingest: int = 1
    connections: int = 4_096
    grace: float = 20.0


@dataclass(frozen=True, slots=True)
class Addresses:
    """What the process listens on, each as (host, port)."""

    http: tuple[str, int]
    smtp: tuple[str, int]
    lmtp: tuple[str, int]

    def to_line(self) -> str:
        """For people and programs: `ready http=http://127.0.0.1:8080 smtp=127.0.0.1:2525 lmtp=...`."""
        return f"ready http=http://{_joined(self.http)} smtp={_joined(self.smtp)} lmtp={_joined(self.lmtp)}"


def _joined(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
