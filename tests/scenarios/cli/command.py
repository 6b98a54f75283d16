"""The command line as a person uses it: a process, its exit code and what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PASSWORD: Final = "correct horse"
COMMAND: Final = (sys.executable, "-m", "homing.cli.main")
PATIENCE: Final = 120
"""Seconds after which a command that does not end has failed."""


@dataclass(frozen=True)
class Said:
    """The outcome of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Commands:
    """Commands on one folder."""

    data: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "HOMING_DATA": str(self.data), "COLUMNS": "100"}

    def run(self, *arguments: str | Path, stdin: str = "") -> Said:
        """Run `homing` with the arguments."""
        done = subprocess.run(
            [*COMMAND, *map(str, arguments)],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def succeed(self, *arguments: str | Path, stdin: str = "") -> Said:
        """Run a command that has to succeed."""
        said = self.run(*arguments, stdin=stdin)
        assert said.code == 0, said
        assert "Traceback" not in said.err
        return said

    def fail(self, *arguments: str | Path, stdin: str = "", code: int = 1) -> str:
        """Run a command that has to fail with a plain message; return that."""
        said = self.run(*arguments, stdin=stdin)
        assert (said.code, said.out) == (code, ""), said
        assert "Traceback" not in said.err
        return said.err

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start a command, its stderr to be read."""
        return subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def add_user(self, address: str, *options: str) -> dict[str, Any]:
        """Make a user with `PASSWORD`."""
        found: dict[str, Any] = self.succeed(
            "user", "add", address, "--password-stdin", "--json", *options, stdin=PASSWORD + "\n"
        ).json
        return found
