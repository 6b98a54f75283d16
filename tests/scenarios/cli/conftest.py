"""An empty folder, and one with a site in which Ann lives."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.cli.command import Commands


@pytest.fixture
def homing(tmp_path: Path) -> Commands:
    """Commands on a folder that does not exist yet."""
    return Commands(tmp_path / "site")


@pytest.fixture
def ann(homing: Commands) -> Commands:
    """Commands on a site in which ann@example.org lives."""
    homing.add_user("ann@example.org", "--name", "Ann")
    return homing
