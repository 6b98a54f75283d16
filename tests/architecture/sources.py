"""Every Python module of the package and of the functions, parsed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers" / "homing" / "python" / "homing"


def modules() -> Iterator[Path]:
    for folder in (PACKAGE, ROOT / "functions"):
        yield from sorted(folder.rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())
