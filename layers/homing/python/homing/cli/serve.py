"""`homing serve`: run a site on this machine."""

from __future__ import annotations

import argparse
import fcntl
import logging
import sys
import threading
from contextlib import nullcontext
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import IO, Final

from homing.bootstrap import open_home
from homing.cli.site_folder import add_site_options, config_of
from homing.config import Config, parse_base_url
from homing.errors import HomingError
from homing.host.settings import Addresses, Settings, settings_for
from homing.site import Site

LOCK_FILE: Final = "serve.lock"
NOBODY: Final = "-"
"""An account that there is not."""

_DESCRIPTION: Final = """\
Serve a site: JMAP over HTTP for mail clients, SMTP for a relay that hands in mail, LMTP for a local
mail server. Runs until it gets SIGTERM or SIGINT, then ends in good order; it may also be killed at any
time, nothing that was acknowledged is lost. The site lies in the folder given by --data (made if it is
not there), or with --home aws on AWS, in the table, the bucket and the search index that the environment
names; other `homing` commands may work on it at the same time, and even a second `serve`.
"""

_EXAMPLES: Final = """\
examples:
  homing serve --data ./site
  homing serve --data /var/lib/homing --hostname mail.example.org --base-url https://mail.example.org
  homing serve --data ./site --listen 0.0.0.0 --http-port 443 --tls-certificate fullchain.pem --tls-key privkey.pem
  HOMING_TABLE=mail HOMING_BUCKET=example-mail homing serve --home aws
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
    add_site_options(parser)
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
    parser.add_argument(
        "--tls-certificate",
        type=Path,
        metavar="FILE",
        help="speak HTTPS, and offer STARTTLS, with this certificate chain (PEM; default: $HOMING_TLS_CERTIFICATE)",
    )
    parser.add_argument(
        "--tls-key", type=Path, metavar="FILE", help="its key, if in a file of its own (PEM; default: $HOMING_TLS_KEY)"
    )
    parser.add_argument("--verbose", action="store_true", help="log every request")
    parser.set_defaults(run=serve)


def serve(arguments: argparse.Namespace) -> int:
    """Run until a signal comes."""
    from homing.host.log import log_to_stderr  # noqa: PLC0415  # no other command waits for the host to load
    from homing.host.process import run  # noqa: PLC0415

    log_to_stderr(logging.DEBUG if arguments.verbose else logging.INFO)
    config = _config(arguments)
    _warn_if_public(arguments.listen, secure=config.tls_certificate is not None)
    settings = settings_for(
        config.home,
        listen=arguments.listen,
        http_port=arguments.http_port,
        smtp_port=arguments.smtp_port,
        lmtp_port=arguments.lmtp_port,
        tls_certificate=config.tls_certificate,
        tls_key=config.tls_key,
    )
    home = open_home(config)
    threading.Thread(target=_try_search, args=(home.site,), name="search", daemon=True).start()
    with _take_note(config.data) if config.home == "local" else nullcontext():
        try:
            run(home.site, home.landings, settings, _ready, home.sweep)
        finally:
            home.close()
    return 0


def _try_search(site: Site) -> None:
    """Say so if no text can be looked for. Mail comes in and is read all the same, so nothing waits for it."""
    try:
        site.search.position(NOBODY)
    except HomingError as error:
        print(f"homing: note: mail cannot be searched for text: {error}", file=sys.stderr)


def _take_note(data: Path) -> IO[bytes]:
    """Say so if another process serves this folder: it is safe, but seldom meant. The note lasts while it is open."""
    lock = (data / LOCK_FILE).open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        print(f"homing: note: another process serves {data} too", file=sys.stderr)
    return lock


def _config(arguments: argparse.Namespace) -> Config:
    given = {name: getattr(arguments, name) for name in ("hostname", "base_url", "tls_certificate", "tls_key")}
    config = replace(config_of(arguments), **{name: value for name, value in given.items() if value is not None})
    return replace(config, base_url=parse_base_url(config.base_url, "--base-url"))


def _ready(addresses: Addresses) -> None:
    print(addresses.to_line(), flush=True)


def _warn_if_public(listen: str, *, secure: bool) -> None:
    try:
        local = ip_address(listen).is_loopback
    except ValueError:
        local = listen == "localhost"
    clear = "" if secure else "passwords and mail cross the network in clear text unless a proxy with TLS stands"
    clear += "" if secure else " before HTTP, and "
    if not local:
        print(f"homing: listening on {listen}: {clear}LMTP takes mail from whoever reaches it", file=sys.stderr)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) < 65_536):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)
