"""What commands say: tables for people, JSON for machines. Results go to stdout, everything else to stderr."""

from __future__ import annotations

import argparse
import sys
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB")


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Let a command take `--json`."""
    parser.add_argument("--json", action="store_true", help="print the result as JSON, for programs")


def example(text: str) -> dict[str, Any]:
    """Arguments of a parser whose help ends with examples, one a line."""
    lines = "".join(f"  {line}\n" for line in text.splitlines())
    return {"epilog": f"example:\n{lines}", "formatter_class": argparse.RawDescriptionHelpFormatter}


def print_json(value: Any) -> None:
    """A value as JSON with line breaks."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as they need to be. Control characters are shown, not obeyed: mail may hold any."""
    table = [[printable(cell) for cell in row] for row in (header, *rows)]
    widths = [max(_width(row[column]) for row in table) for column in range(len(header))]
    for row in table:
        cells = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def say(text: str) -> None:
    """A line to the person, beside the result."""
    print(text, file=sys.stderr)


def printable(text: str) -> str:
    """Text that moves no cursor and rings no bell."""
    return "".join(c if unicodedata.category(c) not in ("Cc", "Cs") else f"\\x{ord(c):02x}" for c in text)


def size_text(size: int) -> str:
    """A size as people read it: "1.4 GB"."""
    amount, unit = float(size), 0
    while amount >= 999.5 and unit < len(UNITS) - 1:
        amount, unit = amount / 1_000, unit + 1
    return f"{size} B" if unit == 0 else f"{amount:.3g} {UNITS[unit]}"


def time_text(at: int) -> str:
    """A time in ms since 1970 as RFC 3339 in UTC."""
    return datetime.fromtimestamp(at / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _width(text: str) -> int:
    """Columns of a terminal that the text takes (Unicode TR 11)."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
