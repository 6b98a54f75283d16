"""Intake over LMTP: messages per second until they are visible over JMAP.

    python -m bench.intake [--messages 2000] [--corpus FOLDER]

The mixed messages are generated, or read from a folder of raw mail. Figures of one size are the median of
several runs, those of the mixed messages of one; beside them how long a client waits for its 250, the
server's CPU time for a message, and the ratio to writing the same bytes to a file with an fsync for each
message, on the same disk in the same run.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.corpus import messages
from bench.measure import cpu_seconds, fsync_baseline, memory_mb, percentile
from bench.site_process import PASSWORD, SiteProcess, add_user
from bench.wire import JmapClient, LmtpClient

USER = "bench@example.org"
RUNS = 3
Mail = tuple[str, str, bytes]


@dataclass(frozen=True, slots=True)
class Run:
    """Messages/s, the server's CPU seconds for a message, and what each client waited (s)."""

    rate: float
    cpu: float
    waits: Sequence[float]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000, help="messages of each run of one size")
    parser.add_argument("--mixed", type=int, default=5_000, help="messages of the mixed corpus")
    parser.add_argument("--corpus", type=Path, help="a folder of raw mail to take the mixed messages from")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="homing-bench-") as folder:
        run(Path(folder), arguments.messages, arguments.mixed, arguments.corpus)


def run(folder: Path, count: int, mixed: int, corpus: Path | None) -> None:
    """Measure on a fresh site in `folder`."""
    add_user(folder, USER)
    site = SiteProcess(folder).start()
    print("Intake over LMTP, one recipient, until visible over JMAP")
    seeds = itertools.count(1)
    makers: dict[str, tuple[int, Callable[[], list[Mail]]]] = {
        "10 kB": (RUNS, lambda: list(messages(count, seed=next(seeds), size=10_000, to=USER))),
        "100 kB": (RUNS, lambda: list(messages(count // 4, seed=next(seeds), size=100_000, to=USER))),
        "mixed": (1, lambda: _mixed(mixed, next(seeds), corpus)),
    }
    try:
        for name, (runs, make) in makers.items():
            floor = 1 / fsync_baseline(folder, int(statistics.mean(len(raw) for _, _, raw in make())))
            for connections in (1, 4, 16):
                print(
                    _line(name, connections, [_once(site, make(), connections) for _ in range(runs)], floor), flush=True
                )
        assert site.process is not None
        print(f"  memory of the process afterwards: {memory_mb(site.process.pid):.0f} MB")
    finally:
        site.stop()


def _mixed(count: int, run: int, corpus: Path | None) -> list[Mail]:
    """Generated messages, or those of a folder; these with a header of the run, for the same message is filed once."""
    if corpus is None:
        return list(messages(count, seed=run, to=USER))
    files = sorted(path for path in corpus.rglob("*") if path.suffix in (".txt", ".eml", ""))
    raws = [b"\r\n".join(path.read_bytes().splitlines()) + b"\r\n" for path in files if path.is_file()][:count]
    return [("", "bench@example.net", b"X-Bench: %d.%d\r\n%b" % (run, number, raw)) for number, raw in enumerate(raws)]


def _line(name: str, connections: int, runs: Sequence[Run], floor: float) -> str:
    rate = statistics.median(run.rate for run in runs)
    cpu = statistics.median(run.cpu for run in runs)
    waits = [wait for run in runs for wait in run.waits]
    return (
        f"  {name:<7} {connections:>2} connections {rate:8.0f} messages/s   p50 {percentile(waits, 0.5) * 1e3:6.2f} "
        f"p95 {percentile(waits, 0.95) * 1e3:6.2f} ms   {cpu * 1e3:5.2f} ms CPU   {rate / floor:5.2f} of fsynced writes"
    )


def _once(site: SiteProcess, mail: Sequence[Mail], connections: int) -> Run:
    """From the first byte until the last message is counted by JMAP."""
    assert site.process is not None
    jmap = JmapClient(site.http, USER, PASSWORD)
    before = _total(jmap)
    waits: list[float] = []
    cpu, start = cpu_seconds(site.process.pid), time.perf_counter()
    _spread(connections, mail, lambda part: _deliver(site, part, waits))
    while _total(jmap) < before + len(mail):
        pass
    seconds = time.perf_counter() - start
    jmap.close()
    return Run(len(mail) / seconds, (cpu_seconds(site.process.pid) - cpu) / len(mail), waits)


def _spread(workers: int, mail: Sequence[Mail], work: Callable[[Sequence[Mail]], None]) -> None:
    threads = [threading.Thread(target=work, args=(mail[start::workers],)) for start in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _deliver(site: SiteProcess, part: Sequence[Mail], waits: list[float]) -> None:
    client = LmtpClient(site.lmtp)
    for _, sender, raw in part:
        start = time.perf_counter()
        client.deliver(sender, USER, raw)
        waits.append(time.perf_counter() - start)
    client.close()


def _total(jmap: JmapClient) -> int:
    total: int = jmap.call("Email/query", limit=0, calculateTotal=True)["total"]
    return total


if __name__ == "__main__":
    main()
