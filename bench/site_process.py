"""A site in a process of its own, started and stopped by demo and benchmarks."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

READY_SECONDS = 30.0
PASSWORD = "correct horse battery"  # a password of demo and benchmarks


@dataclass
class SiteProcess:
    """`homing serve` on a folder, listening on free ports of the loopback interface.

    An `environment` whose HOMING_HOME is not "local" names another site; then the folder holds the log alone.
    """

    data: Path
    environment: Mapping[str, str] | None = None
    http: str = ""
    smtp: tuple[str, int] = ("", 0)
    lmtp: tuple[str, int] = ("", 0)
    process: subprocess.Popen[str] | None = None
    log: list[str] = field(default_factory=list)

    def start(self) -> SiteProcess:
        """Start and wait for the line that names the ports."""
        command = [sys.executable, "-m", "homing.cli.main", "serve", *_data_option(self.data, self.environment)]
        command += ["--http-port", "0", "--smtp-port", "0", "--lmtp-port", "0"]
        log = (self.data / "serve.log").open("a")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=self.environment)
        assert self.process.stdout is not None
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            readable, _, _ = select.select([self.process.stdout], [], [], 0.5)
            line = self.process.stdout.readline() if readable else ""
            if match := re.search(r"ready http=(\S+) smtp=(\S+):(\d+) lmtp=(\S+):(\d+)", line):
                self.http = match[1].rstrip("/")
                self.smtp, self.lmtp = (match[2], int(match[3])), (match[4], int(match[5]))
                return self
            if self.process.poll() is not None:
                break
        self.kill()
        raise SystemExit(f"the site did not start; see {self.data / 'serve.log'}")

    def kill(self) -> None:
        """SIGKILL: no farewell."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        """SIGTERM, and wait; the exit code."""
        if self.process is None:
            return 0
        self.process.terminate()
        return self.process.wait(timeout=30)


def add_user(data: Path, address: str, environment: Mapping[str, str] | None = None) -> None:
    """Make a user by the command line."""
    run_command(data, "user", "add", address, "--password-stdin", environment=environment, stdin=PASSWORD + "\n")


def run_command(data: Path, *words: str, environment: Mapping[str, str] | None = None, stdin: str = "") -> None:
    """Run a `homing` command on the site that `SiteProcess` serves."""
    full = [sys.executable, "-m", "homing.cli.main", *words, *_data_option(data, environment)]
    subprocess.run(full, input=stdin, text=True, check=True, stdout=subprocess.DEVNULL, env=environment)


def _data_option(data: Path, environment: Mapping[str, str] | None) -> list[str]:
    home = (os.environ if environment is None else environment).get("HOMING_HOME", "local")
    return ["--data", str(data)] if home == "local" else []
