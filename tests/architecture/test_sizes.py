"""Nothing grows until nobody reads it: functions to 60 lines, modules to 500, handlers to 30."""

from __future__ import annotations

import ast

from .sources import ROOT, modules, name_of, tree_of

MAX_FUNCTION_LINES = 60
MAX_MODULE_LINES = 500
MAX_HANDLER_LINES = 30


def test_no_function_is_longer_than_60_lines() -> None:
    long = [
        f"{name_of(path)}:{node.lineno} {node.name}"
        for path in modules()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION_LINES
    ]

    assert long == []


def test_no_module_is_longer_than_500_lines() -> None:
    long = [name_of(path) for path in modules() if len(path.read_text().splitlines()) > MAX_MODULE_LINES]

    assert long == []


def test_no_handler_is_longer_than_30_lines() -> None:
    handlers = (ROOT / "functions").glob("*/handler.py")

    assert [name_of(path) for path in handlers if _code_lines(path.read_text()) > MAX_HANDLER_LINES] == []


def test_every_module_with_code_says_what_it_is_for() -> None:
    silent = [name_of(path) for path in modules() if path.read_text().strip() and not ast.get_docstring(tree_of(path))]

    assert silent == []


def _code_lines(text: str) -> int:
    """Lines of functions in a handler; its docstring and imports are free."""
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    return sum((node.end_lineno or 0) - node.lineno + 1 for node in functions)
