"""Imports run downward through the rooms; vendors stay behind their walls (contracts in pyproject.toml)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_import_contracts_are_kept() -> None:
    linter = Path(sys.executable).with_name("lint-imports")

    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("function", "unneeded"),
    [
        ("ingest", {"homing.jmap.api", "argon2", "boto3", "mailparser"}),
        ("task", {"homing.jmap.api", "argon2", "boto3", "mailparser"}),
        ("jmap", {"boto3", "mailparser"}),
    ],
)
def test_a_function_imports_nothing_that_its_path_does_not_need(function: str, unneeded: set[str]) -> None:
    code = f"import sys, functions.{function}.handler; print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert unneeded & set(done.stdout.split()) == set()
