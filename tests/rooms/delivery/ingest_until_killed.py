"""A process that files mail as fast as it can and says what it has filed. It is killed, never ended.

python -m tests.rooms.delivery.ingest_until_killed DATA FIRST
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from homing.bootstrap import local_site
from homing.config import Config
from homing.delivery.accept import accept
from homing.ports.landings import Landed
from tests.conftest import FakeClock
from tests.mail import landed, message

BATCH = 3
LARGE = 1_500_000


def landing(number: int) -> Landed:
    """The same for the same number; every seventh is stored in several pieces."""
    attachments = [("large.bin", number.to_bytes(4) * (LARGE // 4))] if number % 7 == 3 else []
    raw = message(
        f"Re: Conversation {number % 11}",
        message_id=f"{number}@x",
        references=[f"{number - 11}@x"],
        attachments=attachments,
    )
    one = landed(raw, "ann@example.org", source=f"smtp:{number}")
    return replace(one, envelope=replace(one.envelope, received_at=1_795_000_000_000 + number))


def main(data: str, first: int) -> None:
    site = replace(local_site(Config(data=Path(data))), clock=FakeClock())  # what is there must not have expired
    number = first
    while True:
        batch = [landing(number + place) for place in range(BATCH)]
        if accept(site, batch) != [[None]] * BATCH:
            sys.exit("refused")
        sys.stdout.write("".join(f"{number + place}\n" for place in range(BATCH)))
        sys.stdout.flush()
        number += BATCH


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
