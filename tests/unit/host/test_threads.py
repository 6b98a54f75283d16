"""Synchronous work for an event loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from homing.host.threads import Threads


def test_a_result_and_an_error_come_back() -> None:
    async def scenario() -> None:
        threads = Threads(2, "test")
        assert await threads.run(divmod, 7, 2) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            await threads.run(divmod, 7, 0)
        assert await asyncio.to_thread(threads.close, 20)

    asyncio.run(scenario())


def test_no_more_runs_at_once_than_there_are_threads() -> None:
    together, gate = [0], threading.Semaphore(0)
    most: list[int] = []

    def work() -> None:
        together[0] += 1
        most.append(together[0])
        gate.acquire()
        together[0] -= 1

    async def scenario() -> None:
        threads = Threads(2, "test")
        waiting = [asyncio.ensure_future(threads.run(work)) for _ in range(5)]
        await asyncio.sleep(0)
        for _ in range(5):
            gate.release()
        await asyncio.gather(*waiting)

    asyncio.run(scenario())
    assert len(most) == 5
    assert max(most) <= 2


def test_a_call_that_is_given_up_before_it_runs_is_not_run() -> None:
    entered, leave = threading.Event(), threading.Event()
    ran: list[str] = []

    def hold() -> None:
        entered.set()
        leave.wait(20)

    async def scenario() -> None:
        threads = Threads(1, "test")
        held = asyncio.ensure_future(threads.run(hold))
        await asyncio.to_thread(entered.wait, 20)
        given_up = asyncio.ensure_future(threads.run(ran.append, "given up"))
        kept = asyncio.ensure_future(threads.run(ran.append, "kept"))
        await asyncio.sleep(0)
        given_up.cancel()
        leave.set()
        await asyncio.gather(held, kept)

    asyncio.run(scenario())
    assert ran == ["kept"]
