"""Where a command gets a password from. Never from its arguments: everybody on the machine can read those."""

from __future__ import annotations

import argparse
import getpass
import secrets
import sys
from pathlib import Path
from typing import Final

from homing.errors import Permanent

GENERATED_BYTES: Final = 15
"""20 characters, 120 bits."""


def add_password_options(parser: argparse.ArgumentParser) -> None:
    """Let a command take a password from a file or stdin, or make one."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--password-file", type=Path, metavar="FILE", help="read the password from the first line of FILE"
    )
    group.add_argument("--password-stdin", action="store_true", help="read the password from the first line of stdin")
    group.add_argument("--generate-password", action="store_true", help="make a password and print it, once")


def given_password(arguments: argparse.Namespace) -> str:
    """The password that the options name, or "" if they name none.

    Raises:
        Permanent: the file cannot be read, or there is no password in it.
    """
    if arguments.generate_password:
        return secrets.token_urlsafe(GENERATED_BYTES)
    if arguments.password_stdin:
        return _first_line(sys.stdin.readline(), "stdin")
    if arguments.password_file is None:
        return ""
    try:
        text = arguments.password_file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise Permanent("noPassword", f"cannot read {arguments.password_file}: {reason}") from error
    return _first_line(text, str(arguments.password_file))


def ask_password() -> str:
    """The password that a person types, twice.

    Raises:
        Permanent: nobody is there to ask, he ends the input (Ctrl-D), or the two differ.
    """
    if not sys.stdin.isatty():
        raise Permanent(
            "noPassword", "give a password with --password-file or --password-stdin, or use --generate-password"
        )
    try:
        password = getpass.getpass("Password: ")
        again = getpass.getpass("Again: ")
    except EOFError as error:
        raise Permanent("noPassword", "no password was typed; nothing was changed") from error
    if again != password:
        raise Permanent("noPassword", "the two passwords differ")
    return password


def _first_line(text: str, where: str) -> str:
    line = text.split("\n", 1)[0].removesuffix("\r")
    if not line:
        raise Permanent("noPassword", f"there is no password in the first line of {where}")
    return line
