"""When a message is offered again (RFC 5321 §4.5.4.1)."""

from __future__ import annotations

from itertools import pairwise

from homing.delivery.outbox import KEPT_SECONDS
from homing.ledger.tasks import MAX_ATTEMPTS
from homing.submission.schedule import GIVE_UP_MS, MINUTE_MS, next_attempt


def every_attempt() -> list[int]:
    """When each is made of a message that is due at 0 and never taken."""
    made, at = [0], 0
    while (again := next_attempt(len(made), 0, at)) is not None:
        at = again
        made.append(at)
    return made


def test_pauses_grow_and_end_after_five_days() -> None:
    made = every_attempt()
    pauses = [later - earlier for earlier, later in pairwise(made)]

    assert pauses == sorted(pauses)
    assert pauses[0] == MINUTE_MS
    assert GIVE_UP_MS - 4 * 60 * MINUTE_MS < made[-1] <= GIVE_UP_MS
    assert len(made) > MAX_ATTEMPTS


def test_the_message_is_kept_for_longer_than_it_is_tried() -> None:
    assert KEPT_SECONDS * 1_000 > GIVE_UP_MS + 24 * 3_600_000
