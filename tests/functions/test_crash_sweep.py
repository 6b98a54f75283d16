"""The ingest function stopped after each of its side effects in turn, and the queue delivers again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from homing.lambda_shell import use_site
from tests.doubles import Crashed, FaultPlan, FaultyBlobs, FaultyLandings, FaultyStore
from tests.functions.conftest import Home, created, queued
from tests.mail import message

EFFECTS_OF_TWO_MESSAGES = 5
"""Two blobs, one commit for both, two landings settled."""


def follow(home: Home, plan: FaultPlan) -> None:
    """Let the function work on the home's site until the plan stops it."""
    site = home.site
    store, blobs = FaultyStore(site.store, plan), FaultyBlobs(site.blobs, plan)
    use_site(replace(site, store=store, blobs=blobs, landings=FaultyLandings(site.landings, plan)))


@pytest.mark.parametrize("stop_after", range(EFFECTS_OF_TWO_MESSAGES))
def test_a_stop_after_any_side_effect_neither_loses_nor_doubles(home: Home, stop_after: int) -> None:
    names = [home.put(message(f"Message {number}")) for number in range(2)]
    event = queued(*(created(name) for name in names))
    follow(home, FaultPlan(stop_after))
    with pytest.raises(Crashed):
        home.ingest(event)
    use_site(home.site)

    assert home.ingest(event) == []
    assert home.ingest({"Records": event["Records"][::-1]}) == []

    assert sorted(email["subject"] for email in home.inbox()) == ["Message 0", "Message 1"]
    assert not any(home.has_landed(name) for name in names)


def test_two_messages_have_as_many_side_effects_as_the_sweep_stops_after(home: Home) -> None:
    event = queued(*(created(home.put(message(f"Message {number}"))) for number in range(2)))
    plan = FaultPlan()
    follow(home, plan)

    assert home.ingest(event) == []

    assert plan.effects == EFFECTS_OF_TWO_MESSAGES
