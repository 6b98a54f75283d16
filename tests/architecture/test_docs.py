"""The pages that people read first name every command and every setting, and their links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from homing.cli.main import NOUNS

from .sources import PACKAGE, ROOT

README = (ROOT / "README.md").read_text()
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    ROOT / "localstack" / "README.md",
    ROOT / "events" / "README.md",
]


@pytest.mark.parametrize("noun", NOUNS)
def test_the_readme_names_every_command(noun: str) -> None:
    assert re.search(rf"`(homing )?{noun}\b", README)


def test_the_readme_names_every_setting_and_no_other() -> None:
    settings = set(re.findall(r"HOMING_[A-Z_]+", (PACKAGE / "config.py").read_text()))

    assert settings
    assert set(re.findall(r"HOMING_[A-Z_]+", README)) == settings


def test_the_commands_of_the_readme_are_targets_of_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert {"demo", "test"} <= set(re.findall(r"(?:^|`)make ([a-z]+)", README, re.MULTILINE)) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []
