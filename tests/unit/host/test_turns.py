"""Who goes next where only a few may go at once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from homing.host.turns import Turns


class Line:
    """Who has taken a place, in order, and who still waits."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.taken: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def ask(self, *keys: str) -> None:
        """Each asks once, in this order."""
        for key in keys:
            self.tasks.append(asyncio.ensure_future(self._take(key)))
            await settled()

    async def _take(self, key: str) -> None:
        await self.turns.take(key)
        self.taken.append(key)

    async def give(self, key: str) -> None:
        self.turns.give(key)
        await settled()


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 20))


def test_as_many_as_there_are_places_go_at_once() -> None:
    async def scenario() -> None:
        line = Line(Turns(2))
        await line.ask("a", "b", "c")
        assert line.taken == ["a", "b"]
        await line.give("a")
        assert line.taken == ["a", "b", "c"]

    run(scenario())


def test_who_asks_often_waits_for_itself() -> None:
    async def scenario() -> None:
        line = Line(Turns(1))
        await line.ask("a", "a", "a", "b", "c", "b")
        for key in ("a", "a", "b", "c", "a", "b"):
            assert line.taken[-1] == key, line.taken
            await line.give(key)
        assert line.turns.waiting == 0

    run(scenario())


def test_one_key_has_no_more_places_than_each_may() -> None:
    async def scenario() -> None:
        line = Line(Turns(3, each=1))
        await line.ask("a", "a", "b")
        assert line.taken == ["a", "b"]
        await line.give("a")
        assert line.taken == ["a", "b", "a"]

    run(scenario())


def test_the_spare_place_is_for_another_when_one_has_taken_all() -> None:
    async def scenario() -> None:
        line = Line(Turns(2, spare=1))
        await line.ask("a", "a", "a", "b", "c")
        assert line.taken == ["a", "a", "b"]
        await line.give("a")  # two are taken still, by two keys
        assert line.taken == ["a", "a", "b"]
        await line.give("a")
        assert line.taken == ["a", "a", "b", "a"]
        await line.give("b")
        assert line.taken == ["a", "a", "b", "a", "c"]

    run(scenario())


def test_who_leaves_while_waiting_takes_no_place() -> None:
    async def scenario() -> None:
        line = Line(Turns(1))
        await line.ask("a", "b", "c")
        line.tasks[1].cancel()
        await settled()
        await line.give("a")
        assert line.taken == ["a", "c"]
        await line.give("c")
        await line.ask("d")
        assert line.taken[-1] == "d"

    run(scenario())


def test_who_leaves_in_the_moment_its_turn_comes_gives_the_place_on() -> None:
    async def scenario() -> None:
        line = Line(Turns(1))
        await line.ask("a", "b", "c")
        line.turns.give("a")
        line.tasks[1].cancel()
        await settled()
        assert line.taken == ["a", "c"]

    run(scenario())


def test_who_is_cancelled_as_a_place_becomes_free_takes_it_from_nobody() -> None:
    async def conversation() -> None:
        turns = Turns(1)
        await turns.take("a")
        gone, next_one = (asyncio.create_task(turns.take(key)) for key in "bc")
        await asyncio.sleep(0)

        gone.cancel()
        turns.give("a")  # before the one that is cancelled has run
        await asyncio.wait_for(next_one, 20)
        turns.give("c")
        await asyncio.wait_for(turns.take("d"), 20)
        turns.give("d")

        assert (gone.cancelled(), turns.waiting) == (True, 0)

    asyncio.run(conversation())
