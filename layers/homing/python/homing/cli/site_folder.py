"""`--data DIR`: the folder of the local site that a command works on."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Final

from homing.bootstrap import has_local_site, local_site
from homing.config import Config, config_from_environment
from homing.errors import Permanent
from homing.ledger.entry import Actor
from homing.site import Site

ACTOR: Final = Actor("administrator", "cli")
"""As whom the ledger knows whoever works on the folder."""


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """Let a command take `--data`."""
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="the folder of the site (default: $HOMING_DATA, or ./data)"
    )


def open_site(arguments: argparse.Namespace) -> Site:
    """The site in the folder.

    Raises:
        Permanent: ("noSite") there is none.
    """
    config = _config(arguments)
    if not has_local_site(config):
        raise Permanent(
            "noSite",
            f"there is no site in {config.data}; name its folder with --data, "
            "or make one with `homing user add` or `homing serve`",
        )
    return local_site(config)


def open_or_make_site(arguments: argparse.Namespace) -> Site:
    """The site in the folder, made if there is none."""
    return local_site(_config(arguments))


def _config(arguments: argparse.Namespace) -> Config:
    config = config_from_environment()
    return config if arguments.data is None else replace(config, data=arguments.data)
