"""Only the configuration reads the environment, and nothing in the package is left for later."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from .sources import modules, name_of, tree_of

NAMES = {"environ", "environb", "getenv", "putenv", "getenvb"}
LEFT_FOR_LATER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|raise NotImplementedError")


def reads_environment(path: Path) -> list[int]:
    """Lines that use `os.environ` and its like, however it was imported."""
    lines = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Attribute) and node.attr in NAMES:
            lines.append(node.lineno)
        if isinstance(node, ast.ImportFrom) and node.module == "os" and NAMES & {name.name for name in node.names}:
            lines.append(node.lineno)
    return lines


def test_only_the_configuration_reads_the_environment() -> None:
    readers = {name_of(path) for path in modules() if reads_environment(path)}

    assert readers == {"layers/homing/python/homing/config.py"}


def test_nothing_is_left_for_later() -> None:
    found = [
        f"{name_of(path)}:{number}"
        for path in modules()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if LEFT_FOR_LATER.search(line)
    ]

    assert found == []
