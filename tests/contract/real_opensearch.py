"""A real OpenSearch for the contract suite: `make opensearch`. Needs Java 11 or newer and Maven; else it says so.

Maven fetches the server's own jars and a runner that starts them without the distribution (`opensearch.xml`
beside this file). It listens on loopback, keeps its data in a temporary folder, and ends with the tests.
"""

# ruff: noqa: T201  # a command: it tells what it does
from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread, Timer
from typing import IO

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
JARS = ROOT / ".cache" / "opensearch"
MAIN = "org.codelibs.opensearch.runner.OpenSearchRunner"
START_SECONDS = 120
CONFIGURATION = """\
cluster.name: homing-tests
network.host: 127.0.0.1
discovery.type: single-node
cluster.routing.allocation.disk.threshold_enabled: false
"""


def main() -> int:
    """Fetch, start, test, stop. Where there is nothing to start, say what is missing: that is no failure."""
    missing = _missing()
    if missing:
        print(f"skipped: no real OpenSearch here: {missing}")
        return 0
    with tempfile.TemporaryDirectory(prefix="homing-opensearch-") as folder, _started(Path(folder)) as url:
        with urllib.request.urlopen(url, timeout=START_SECONDS) as answer:  # noqa: S310
            print(f"OpenSearch {json.load(answer)['version']['number']} at {url}", flush=True)
        command = [sys.executable, "-m", "pytest", "-n0", "-m", "opensearch", str(HERE), *sys.argv[1:]]
        return subprocess.run(
            command, cwd=ROOT, env={**os.environ, "HOMING_TEST_OPENSEARCH_URL": url}, check=False
        ).returncode


def _missing() -> str:
    java, maven = shutil.which("java"), shutil.which("mvn")
    if not java or not maven:
        return "it needs java and mvn (Debian: openjdk-17-jre-headless, maven)"
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', told)
    if not version or int(version[1]) < 11:
        return f"it needs Java 11 or newer, not {told.partition(chr(10))[0]!r}"
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={JARS}"]
    done = subprocess.run(
        [maven, "-B", "-q", "-f", str(HERE / "opensearch.xml"), *goal], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else f"its jars cannot be had\n{done.stdout[-2_000:]}"


@contextmanager
def _started(folder: Path) -> Iterator[str]:
    configuration = folder / "node_1" / "config"
    configuration.mkdir(parents=True)
    (configuration / "opensearch.yml").write_text(CONFIGURATION)
    command = ["java", "-Xms512m", "-Xmx512m", "-cp", f"{JARS}/*", MAIN, "-basePath", str(folder), "-numOfNode", "1"]
    with subprocess.Popen(
        [*command, "-printOnFailure"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as node:
        overdue = Timer(START_SECONDS, node.kill)
        overdue.start()
        try:
            assert node.stdout is not None
            url = _address(node.stdout)
            overdue.cancel()
            Thread(target=lambda: deque(node.stdout or (), maxlen=0), daemon=True).start()
            yield url
        finally:
            overdue.cancel()
            node.terminate()
            node.wait(START_SECONDS)


def _address(log: IO[str]) -> str:
    """Where the node listens, once its log says that it has started; the runner chooses the port."""
    lines, port = [], ""
    for line in log:
        lines.append(line)
        if found := re.match(r"HTTP Port:\s+(\d+)", line):
            port = found[1]
        if re.search(r"Node\s*\] started$", line.rstrip()):
            return f"http://127.0.0.1:{port}"
    raise SystemExit("OpenSearch did not start:\n" + "".join(lines[-40:]))


if __name__ == "__main__":
    raise SystemExit(main())
