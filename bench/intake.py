"""Intake over LMTP: messages per second until they are visible over JMAP.

    python -m bench.intake [--messages 2000]

Each figure is the median of several runs; beside it the server's CPU time for a message, and the ratio to
writing the same bytes to a file with an fsync for each message, on the same disk in the same run.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.corpus import messages
from bench.measure import cpu_seconds, fsync_baseline, rss_mb
from bench.site_process import PASSWORD, SiteProcess, add_user
from bench.wire import JmapClient, LmtpClient

USER = "bench@example.org"
RUNS = 3
Mail = tuple[str, str, bytes]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000, help="messages of each run of one size")
    parser.add_argument("--mixed", type=int, default=5_000, help="messages of the mixed corpus")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="homing-bench-") as folder:
        run(Path(folder), arguments.messages, arguments.mixed)


def run(folder: Path, count: int, mixed: int) -> None:
    """Measure on a fresh site in `folder`."""
    add_user(folder, USER)
    site = SiteProcess(folder).start()
    print("Intake over LMTP, one recipient, until visible over JMAP")
    try:
        for name, size, number in (("10 kB", 10_000, count), ("100 kB", 100_000, count // 4), ("mixed", 0, mixed)):
            _series(folder, site, name, size, number)
        assert site.process is not None
        print(f"  memory of the process afterwards: {rss_mb(site.process.pid):.0f} MB")
    finally:
        site.stop()


def _series(folder: Path, site: SiteProcess, name: str, size: int, count: int) -> None:
    seeds = iter(range(1, 1_000))
    sample = [raw for _, _, raw in messages(50, size=size, to=USER)]
    floor = 1 / fsync_baseline(folder, int(statistics.mean(map(len, sample))))
    for connections in (1, 4, 16):
        runs = RUNS if size else 1
        rates, cpu = [], []
        for _ in range(runs):
            rate, seconds = _once(site, list(messages(count, seed=next(seeds) + size, size=size, to=USER)), connections)
            rates.append(rate)
            cpu.append(seconds / count)
        median = statistics.median(rates)
        print(
            f"  {name:<7} {connections:>2} connections {median:8.0f} messages/s   "
            f"{statistics.median(cpu) * 1e3:5.2f} ms CPU a message   {median / floor:5.2f} of bare fsynced writes",
            flush=True,
        )


def _once(site: SiteProcess, mail: Sequence[Mail], connections: int) -> tuple[float, float]:
    """(messages/s, CPU seconds of the server) from the first byte until the last message is counted by JMAP."""
    assert site.process is not None
    jmap = JmapClient(site.http, USER, PASSWORD)
    before = _total(jmap)
    cpu, start = cpu_seconds(site.process.pid), time.perf_counter()
    _spread(connections, mail, lambda part: _deliver(site, part))
    while _total(jmap) < before + len(mail):
        pass
    seconds = time.perf_counter() - start
    jmap.close()
    return len(mail) / seconds, cpu_seconds(site.process.pid) - cpu


def _spread(workers: int, mail: Sequence[Mail], work: Callable[[Sequence[Mail]], None]) -> None:
    threads = [threading.Thread(target=work, args=(mail[start::workers],)) for start in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _deliver(site: SiteProcess, part: Sequence[Mail]) -> None:
    client = LmtpClient(site.lmtp)
    for _, sender, raw in part:
        client.deliver(sender, USER, raw)
    client.close()


def _total(jmap: JmapClient) -> int:
    total: int = jmap.call("Email/query", limit=0, calculateTotal=True)["total"]
    return total


if __name__ == "__main__":
    main()
