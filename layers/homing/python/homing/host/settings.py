"""How one process host is set up, and where it then listens. Values only: the command line shows them
without loading the host."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to listen (port 0: a free one) and with how much. `grace` is in seconds, for each step of the end.

    Few threads are the best, for the work is mostly Python's and only one thread runs that at a time: a
    second ingest thread makes each message dearer by a third, four threads for calls each inbox by a third
    when eight clients ask at once. The second one for calls is for whoever comes while a password is hashed;
    a third runs when both have been taken by one account. `heavy` is the number of side processes for heavy
    requests (0: they run in the threads like any other), and `home` says which home they are to build.

    `poll` is after how many seconds to look for tasks that other processes have put, `round` after how many to look
    at every account for what they have written and is not indexed.

    With a certificate and its key (PEM files) HTTP is HTTPS, and SMTP offers STARTTLS.
    """

    listen: str = "127.0.0.1"
    http_port: int = 8080
    smtp_port: int = 2525
    lmtp_port: int = 2424
    calls: int = 2
    heavy: int = 1
    home: str = "local"
    streams: int = 16
    ingest: int = 1
    poll: float = 1.0
    round: float = 600.0
    connections: int = 4_096
    grace: float = 20.0
    tls_certificate: Path | None = None
    tls_key: Path | None = None


AT_A_DISTANCE: Final[dict[str, Any]] = {"calls": 4, "ingest": 2, "poll": 10.0, "round": 3_600.0}
"""For a store that is reached by a network and paid by the request: threads wait for it as long as they work, eight
partitions of tasks are asked each time, and two requests are made for each account of a round."""


def settings_for(home: str, **given: Any) -> Settings:
    """The settings that suit a home, but for those that are given."""
    return Settings(**{"home": home, **(AT_A_DISTANCE if home == "aws" else {}), **given})


@dataclass(frozen=True, slots=True)
class Addresses:
    """What the process listens on, each as (host, port)."""

    http: tuple[str, int]
    smtp: tuple[str, int]
    lmtp: tuple[str, int]
    secure: bool = False

    def to_line(self) -> str:
        """For people and programs: `ready http=http://127.0.0.1:8080 smtp=127.0.0.1:2525 lmtp=...`."""
        scheme = "https" if self.secure else "http"
        return f"ready http={scheme}://{_joined(self.http)} smtp={_joined(self.smtp)} lmtp={_joined(self.lmtp)}"


def _joined(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
