"""The demo, as a new user runs it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_demo_shows_what_it_promises() -> None:
    command = [sys.executable, "-m", "bench.demo"]

    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "0 missing, 0 twice" in ended.stdout
    assert "all is sound" in ended.stdout
