"""What a small request waits while somebody else asks for very much.

    python -m bench.fairness [--size 4000]

A heavy client asks again and again for 16 calls of 500 emails, in a process of its own, so that only the
site is shared. Beside it a small client, of the same user and of another one, views its inbox, reads a
message and sets a flag. Each figure stands beside that of the same client alone, and beside a program that
only counts, which is what another busy process costs on this machine whatever it does. The aim is a p95
that at most doubles.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from multiprocessing.synchronize import Event
from pathlib import Path

from bench.corpus import messages
from bench.jmap import LIST
from bench.measure import memory_mb, percentile, timed
from bench.site_process import PASSWORD, SiteProcess, add_user
from bench.wire import JmapClient
from homing.bootstrap import local_site
from homing.config import Config
from homing.delivery.arrival import arrival_of
from homing.delivery.file import file
from homing.directory.accounts import find_user
from homing.ledger.entry import Actor
from homing.ports.landings import Envelope, Landed
from homing.search.index import catch_up

HEAVY, OTHER = "heavy@example.org", "other@example.org"
CALLS, OBJECTS, PAGE, REPEATS = 16, 500, 50, 400
SETTLE_SECONDS = 3.0
"""For the heavy client's first request, which may start something, to be on its way."""


def main() -> None:
    """Print what each small request takes alone and beside the heavy one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=4_000, help="emails in each of the two inboxes")
    run(parser.parse_args().size)


def run(size: int) -> None:
    """Measure on a site of its own."""
    with tempfile.TemporaryDirectory(prefix="homing-bench-") as folder:
        for user in (HEAVY, OTHER):
            add_user(Path(folder), user)
            _fill(Path(folder), user, size)
        site = SiteProcess(Path(folder)).start()
        try:
            _measure(site)
        finally:
            site.stop()


def _fill(folder: Path, user: str, size: int) -> None:
    site = local_site(Config(data=folder), durable=False)
    account, group = find_user(site, user).account, []
    for number, (id, sender, raw) in enumerate(messages(size, seed=3, to=user, size=800)):
        envelope = Envelope(sender, (user,), received_at=1_790_000_000_000 + number * 60_000)
        group.append(arrival_of(Landed(id, envelope, raw), site.blobs.put_many([raw])[0], 0))
        if len(group) == 49 or number == size - 1:
            file(site, Actor("bench", "bench"), account, group)
            group = []
    while not catch_up(site, account, limit=1_000):  # now, and not while it is measured
        pass


def _measure(site: SiteProcess) -> None:
    requests = _requests(site)
    alone = {name: timed(work, REPEATS) for name, work in requests.items()}
    with subprocess.Popen([sys.executable, "-c", "import os; os.nice(5)\nwhile True: pass"]) as counting:
        busy = {name: timed(work, REPEATS) for name, work in requests.items()}
        counting.kill()
    with _heavy_client(site) as count:
        beside = {name: timed(work, REPEATS) for name, work in requests.items()}
    print(f"{CALLS} calls of {OBJECTS} emails, again and again: {count():.2f} requests/s")
    for name, samples in alone.items():
        print(_row(name, samples, busy[name], beside[name]), flush=True)
    assert site.process is not None
    print(f"  memory of the process that listens: {memory_mb(site.process.pid):.0f} MB")


def _requests(site: SiteProcess) -> dict[str, Callable[[], bytes]]:
    made: dict[str, Callable[[], bytes]] = {}
    for whose, user in (("another user's", OTHER), ("the same user's", HEAVY)):
        client = JmapClient(site.http, user, PASSWORD)
        ids = client.call("Email/query", filter={"inMailbox": "inbox"}, limit=PAGE)["ids"]
        flags = cycle({email: {"keywords/$flagged": value}} for value in (True, None) for email in ids)
        reference = {"resultOf": "0", "name": "Email/query", "path": "/ids"}
        query = {"filter": {"inMailbox": "inbox"}, "limit": PAGE}
        inbox = client.prepare(("Email/query", query, "0"), ("Email/get", {"#ids": reference, "properties": LIST}, "1"))
        one = client.prepare(("Email/get", {"ids": ids[:1], "fetchTextBodyValues": True}, "0"))
        made[f"{whose} inbox view"] = lambda client=client, inbox=inbox: client.send(inbox)  # type: ignore[misc]
        made[f"{whose} open message"] = lambda client=client, one=one: client.send(one)  # type: ignore[misc]
        made[f"{whose} flag"] = lambda client=client, flags=flags: client.send(  # type: ignore[misc]
            client.prepare(("Email/set", {"update": next(flags)}, "0"))
        )
    return made


@contextmanager
def _heavy_client(site: SiteProcess) -> Iterator[Callable[[], float]]:
    """Yields what gives, once the context has ended, the requests/s that were answered."""
    process = multiprocessing.get_context("spawn")
    stop, answered = process.Event(), process.Value("i", 0)
    client = process.Process(target=_ask_for_much, args=(site.http, stop, answered))
    client.start()
    time.sleep(SETTLE_SECONDS)
    began, first = time.monotonic(), answered.value
    rate: list[float] = []
    try:
        yield lambda: rate[0]
        rate.append((answered.value - first) / (time.monotonic() - began))
    finally:
        stop.set()
        client.join()


def _ask_for_much(origin: str, stop: Event, answered: object) -> None:
    os.nice(10)  # it would be on another machine
    client = JmapClient(origin, HEAVY, PASSWORD)
    ids = client.call("Email/query", filter={"inMailbox": "inbox"}, limit=1_000_000)["ids"]
    calls = []
    for number in range(CALLS):
        start = number * OBJECTS % len(ids)
        calls.append(("Email/get", {"ids": (ids[start:] + ids)[:OBJECTS], "properties": LIST}, str(number)))
    request = client.prepare(*calls)
    while not stop.is_set():
        client.send(request)
        answered.value += 1  # type: ignore[attr-defined]  # a number that both processes see


def _row(name: str, alone: list[float], busy: list[float], beside: list[float]) -> str:
    first, floor, then = (percentile(samples, 0.95) * 1e3 for samples in (alone, busy, beside))
    medians = f"p50 {statistics.median(alone) * 1e3:5.2f} -> {statistics.median(beside) * 1e3:5.2f} ms"
    ratios = f"{then / first:5.1f} x (beside a program that counts: {floor / first:3.1f} x)"
    return f"  {name:<30} {medians}   p95 {first:5.2f} -> {then:5.2f} ms {ratios}"


if __name__ == "__main__":
    main()
