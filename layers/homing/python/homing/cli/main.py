"""`homing`: the one command. Each noun is a module of this room, listed in `NOUNS`.

A noun module has `register(subparsers)`, which adds its parser and names the function to run with
`set_defaults(run=...)`; that function takes the parsed arguments and returns the exit code. What is
wrong with the request or the site comes as a `HomingError` and is told in one plain line, with exit
code 1; anything else is a fault of ours and shows its traceback.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final

from homing import __version__
from homing.errors import HomingError

NOUNS: Final = ("serve", "user", "token", "mail", "verify", "replay", "task", "search")
"""Modules `homing.cli.<noun>`, in the order in which `--help` lists them."""

_EXAMPLES: Final = """\
examples:
  homing user add --data ./site ann@example.org     make a user; asks for a password
  homing serve --data ./site                        start the site on this machine
  homing mail import --data ./site ~/Maildir --to ann@example.org
                                                    bring old mail in
  homing verify --data ./site                       check every row against the ledger

`homing COMMAND --help` tells more about each.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code: 0, 1 (it failed) or 2 (not understood, from argparse)."""
    try:
        parsed = _parser().parse_args(arguments)
        code: int = parsed.run(parsed)
        sys.stdout.flush()
    except HomingError as error:
        print(f"homing: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read our output has gone; the last flush must not complain either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="homing",
        description="E-mail for an organisation that does not want to run mail servers.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"homing {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for noun in NOUNS:
        importlib.import_module(f"homing.cli.{noun}").register(subparsers)
    return parser


if __name__ == "__main__":
    sys.exit(main())
