"""`homing serve`: run a site on this machine."""

from __future__ import annotations

import argparse
import fcntl
import logging
import sys
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import IO, Final

from homing.bootstrap import local_home
from homing.cli.site_folder import add_data_option
from homing.config import Config, config_from_environment, parse_base_url
from homing.host.settings import Addresses, Settings

LOCK_FILE: Final = "serve.lock"

_DESCRIPTION: Final = """\
Serve a site: JMAP over HTTP for mail clients, SMTP for a relay that hands in mail, LMTP for a local
mail server. Runs until it gets SIGTERM or SIGINT, then ends in good order; it may also be killed at any
time, nothing that was acknowledged is lost. The site lies in the folder given by --data (made if it is
not there); other `homing` commands may work on it at the same time, and even a second `serve`.
"""

_EXAMPLES: Final = """\
examples:
  homing serve --data ./site
  homing serve --data /var/lib/homing --hostname mail.example.org --base-url https://mail.example.org
  homing serve --data ./site --http-port 0 --smtp-port 0 --lmtp-port 0     on any free ports

When everything listens, one line goes to standard output:
  ready http=http://127.0.0.1:8080 smtp=127.0.0.1:2525 lmtp=127.0.0.1:2424
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `serve`."""
    defaults = Settings()
    parser = subparsers.add_parser(
        "serve",
        help="run a site on this machine",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_data_option(parser)
    parser.add_argument("--listen", default=defaults.listen, metavar="ADDRESS", help="default: %(default)s")
    for name in ("http", "smtp", "lmtp"):
        default = getattr(defaults, f"{name}_port")
        parser.add_argument(
            f"--{name}-port", type=_port, default=default, metavar="PORT", help="default: %(default)s; 0: a free one"
        )
    parser.add_argument("--hostname", help="name of this mail server (default: $HOMING_HOSTNAME, or localhost)")
    parser.add_argument(
        "--base-url", metavar="URL", help="how clients reach HTTP, if through a proxy (default: $HOMING_BASE_URL)"
    )
    parser.add_argument("--verbose", action="store_true", help="log every request")
    parser.set_defaults(run=serve)


def serve(arguments: argparse.Namespace) -> int:
    """Run until a signal comes."""
    from homing.host.log import log_to_stderr  # noqa: PLC0415  # no other command waits for the host to load
    from homing.host.process import run  # noqa: PLC0415

    log_to_stderr(logging.DEBUG if arguments.verbose else logging.INFO)
    _warn_if_public(arguments.listen)
    config = _config(arguments)
    settings = Settings(arguments.listen, arguments.http_port, arguments.smtp_port, arguments.lmtp_port)
    home = local_home(config)
    lock = _take_note(config.data)
    try:
        run(home.site, home.landings, settings, _ready, home.sweep)
    finally:
        home.close()
        lock.close()
    return 0


def _take_note(data: Path) -> IO[bytes]:
    """Say so if another process serves this folder: it is safe, but seldom meant. The note lasts while it is open."""
    lock = (data / LOCK_FILE).open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        print(f"homing: note: another process serves {data} too", file=sys.stderr)
    return lock


def _config(arguments: argparse.Namespace) -> Config:
    given = {"data": arguments.data, "hostname": arguments.hostname, "base_url": arguments.base_url}
    config = replace(config_from_environment(), **{name: value for name, value in given.items() if value is not None})
    return replace(config, base_url=parse_base_url(config.base_url, "--base-url"))


def _ready(addresses: Addresses) -> None:
    print(addresses.to_line(), flush=True)


def _warn_if_public(listen: str) -> None:
    try:
        local = ip_address(listen).is_loopback
    except ValueError:
        local = listen == "localhost"
    if not local:
        print(
            f"homing: listening on {listen}: passwords and mail cross the network in clear text unless a proxy"
            " with TLS stands before HTTP, and LMTP takes mail from whoever reaches it",
            file=sys.stderr,
        )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) < 65_536):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)
