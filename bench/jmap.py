"""JMAP over HTTP at mailboxes of several sizes: what a person waits for.

    python -m bench.jmap [--sizes 1000 10000 100000]

Latency at one connection, requests/s at 1 and 8, memory; each beside `GET /healthz` on the same
connection, which is what HTTP itself costs here.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

from bench.corpus import messages
from bench.measure import memory_mb, row, timed
from bench.site_process import PASSWORD, SiteProcess, add_user
from bench.wire import JmapClient
from homing.bootstrap import local_site
from homing.config import Config
from homing.delivery.arrival import arrival_of
from homing.delivery.file import file
from homing.directory.accounts import find_user
from homing.ledger.entry import Actor
from homing.ports.landings import Envelope, Landed

USER = "bench@example.org"
PAGE = 50
LIST = "id threadId mailboxIds keywords from to subject receivedAt size hasAttachment preview".split()
REPEATS = 200
CHANGES = 100
THROUGHPUT_SECONDS = 2.0


def main() -> None:
    """Print a table for each size, and the ratio of the largest to the smallest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    run(parser.parse_args().sizes)


def run(sizes: list[int]) -> None:
    """Measure each size on a site of its own."""
    medians = {}
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="homing-bench-") as folder:
            medians[size] = _one_size(Path(folder), size)
    if len(sizes) > 1:
        small, large = medians[sizes[0]], medians[sizes[-1]]
        print(f"\nRatio of the medians, {sizes[-1]:,} to {sizes[0]:,} emails")
        for name in small:
            print(f"  {name:<44} {large[name] / small[name]:5.2f}")


def fill(folder: Path, size: int) -> None:
    """Deliver `size` generated messages, in this process and without waiting for the disk."""
    site = local_site(Config(data=folder), durable=False)
    account = find_user(site, USER).account
    actor = Actor("bench", "bench")
    group = []
    for number, (id, sender, raw) in enumerate(messages(size, seed=3, to=USER, size=800)):
        envelope = Envelope(sender, (USER,), received_at=1_790_000_000_000 + number * 60_000)
        group.append((Landed(id, envelope, raw), raw))
        if len(group) == 49 or number == size - 1:
            digests = site.blobs.put_many([raw for _, raw in group])
            arrivals = [arrival_of(landed, digest, 0) for (landed, _), digest in zip(group, digests, strict=True)]
            file(site, actor, account, arrivals)
            group = []


def _one_size(folder: Path, size: int) -> dict[str, float]:
    add_user(folder, USER)
    started = time.perf_counter()
    fill(folder, size)
    print(f"\n{size:,} emails in the inbox (filled in {time.perf_counter() - started:.0f} s)", flush=True)
    site = SiteProcess(folder).start()
    try:
        return _measure(site)
    finally:
        site.stop()


def _measure(site: SiteProcess) -> dict[str, float]:
    client = JmapClient(site.http, USER, PASSWORD)
    health = timed(lambda: client.get("/healthz"), REPEATS)
    floor = statistics.median(health)
    print(row("GET /healthz (baseline)", health))
    inbox = _inbox_request(client)
    ids = client.call("Email/query", filter={"inMailbox": "inbox"}, limit=PAGE)["ids"]
    opened = cycle(_open_request(client, id) for id in ids)
    flags = _flag_requests(client, ids)
    samples = {
        "inbox view (query 50 + get 50)": timed(lambda: client.send(inbox), REPEATS),
        "open one message": timed(lambda: client.send(next(opened)), REPEATS),
        "set one flag": timed(lambda: client.send(next(flags)), REPEATS),
        "Email/changes after 100 changes": _changes(client, ids),
    }
    for name, values in samples.items():
        print(row(name, values, floor))
    rates: dict[str, Callable[[], Iterator[bytes]]] = {
        "inbox view": lambda: cycle([inbox]),
        "open": lambda: cycle([_open_request(client, ids[0])]),
        "changes": lambda: cycle([_changes_request(client, ids)]),
        "flag": lambda: _flag_requests(client, ids),
    }
    for connections in (1, 8):
        found = (f"{name} {_throughput(site, make(), connections):,.0f}" for name, make in rates.items())
        print(f"  requests/s at {connections} connections: " + ", ".join(found))
    assert site.process is not None
    print(f"  memory of the process: {memory_mb(site.process.pid):.0f} MB")
    return {name: statistics.median(values) for name, values in samples.items()}


def _inbox_request(client: JmapClient) -> bytes:
    sort = [{"property": "receivedAt", "isAscending": False}]
    query = {"filter": {"inMailbox": "inbox"}, "sort": sort, "limit": PAGE, "calculateTotal": True}
    reference = {"resultOf": "0", "name": "Email/query", "path": "/ids"}
    return client.prepare(("Email/query", query, "0"), ("Email/get", {"#ids": reference, "properties": LIST}, "1"))


def _open_request(client: JmapClient, email: str) -> bytes:
    return client.prepare(("Email/get", {"ids": [email], "fetchTextBodyValues": True}, "0"))


def _flag_requests(client: JmapClient, ids: list[str]) -> cycle[bytes]:
    updates = [{email: {"keywords/$flagged": value}} for value in (True, None) for email in ids]
    return cycle([client.prepare(("Email/set", {"update": update}, "0")) for update in updates])


def _changes_request(client: JmapClient, ids: list[str]) -> bytes:
    """Make a hundred changes, and ask for them."""
    state = _state(client)
    for number in range(CHANGES):
        email = ids[number % len(ids)]
        client.call("Email/set", update={email: {"keywords/$seen": True if number < len(ids) else None}})
    return client.prepare(("Email/changes", {"sinceState": state}, "0"))


def _changes(client: JmapClient, ids: list[str]) -> list[float]:
    request = _changes_request(client, ids)
    return timed(lambda: client.send(request), REPEATS)


def _state(client: JmapClient) -> str:
    return str(client.call("Email/get", ids=[])["state"])


def _throughput(site: SiteProcess, requests: Iterator[bytes], connections: int) -> float:
    """Requests/s with each connection asking again as soon as it is answered."""
    counts = [0] * connections
    stop = time.perf_counter() + THROUGHPUT_SECONDS

    def work(number: int) -> None:
        client = JmapClient(site.http, USER, PASSWORD)
        while time.perf_counter() < stop:
            client.send(next(requests))
            counts[number] += 1
        client.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / THROUGHPUT_SECONDS


if __name__ == "__main__":
    main()
