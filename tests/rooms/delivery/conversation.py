"""Mail that is awkward to file: what the crash sweeps deliver."""

from __future__ import annotations

from homing.ports.landings import Landed
from tests.mail import landed, message


def landings() -> list[Landed]:
    """A conversation that comes in the wrong order, a copy, a stranger, and two addresses of one person."""
    middle = message("Re: Plan", message_id="2@x", references=["0@x"])
    late = message("Re: Plan", message_id="3@x", references=["1@x"])
    joint = message("Re: Plan", message_id="1@x", references=["0@x"])
    raws = [
        (middle, ("ann@example.org", "bob@example.org")),
        (late, ("ann@example.org",)),
        (message("Something else", message_id="9@x"), ("bob@example.org", "nobody@example.org")),
        (joint, ("ann@example.org", "annie@example.org", "bob@example.org")),
        (middle, ("ann@example.org",)),
    ]
    return [
        landed(raw, *recipients, source=f"s{number}", received_at=1_795_000_000_000 + number)
        for number, (raw, recipients) in enumerate(raws)
    ]
