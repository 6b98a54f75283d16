"""Timing: samples, percentiles, and tables that name what they are measured against."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that at least `share` of all do not exceed."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def timed(work: Callable[[], object], repeats: int, *, warmup: int = 5) -> list[float]:
    """Seconds of each of `repeats` calls."""
    for _ in range(warmup):
        work()
    samples = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        samples.append(time.perf_counter() - start)
    return samples


def row(name: str, samples: Sequence[float], baseline: float | None = None) -> str:
    """A line with p50 and p95 in ms, and the median's ratio to a baseline's."""
    p50, p95 = statistics.median(samples), percentile(samples, 0.95)
    ratio = f"{p50 / baseline:7.1f} x" if baseline else ""
    return f"  {name:<44} p50 {p50 * 1e3:8.2f} ms   p95 {p95 * 1e3:8.2f} ms {ratio}"


def memory_mb(pid: int) -> float:
    """Memory of a process's own in MB: resident, without the pages of files, of which SQLite maps up to a GiB."""
    resident, shared = map(int, Path(f"/proc/{pid}/statm").read_text().split()[1:3])
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fsync_baseline(folder: Path, size: int, repeats: int = 200) -> float:
    """Median seconds to append `size` bytes to a file and make them durable: what no server can beat."""
    content = os.urandom(size)
    path = folder / "baseline"
    with path.open("ab", buffering=0) as file:

        def work() -> None:
            file.write(content)
            os.fsync(file.fileno())

        samples = timed(work, repeats)
    path.unlink()
    return statistics.median(samples)
