"""`--home` and `--data`: which site a command works on, and who works on it."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Final

from homing.bootstrap import aws_home, has_local_site, local_site
from homing.config import HOMES, Config, config_from_environment
from homing.errors import Permanent
from homing.ledger.entry import Actor
from homing.site import Site

ACTOR: Final = Actor("administrator", "cli")
"""As whom the ledger knows whoever works on a site by commands."""


def add_site_options(parser: argparse.ArgumentParser) -> None:
    """Let a command take `--data` and `--home`."""
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="the folder of the site (default: $HOMING_DATA, or ./data)"
    )
    parser.add_argument(
        "--home",
        choices=HOMES,
        help="where the site lies: in a folder, or on AWS in $HOMING_TABLE, $HOMING_BUCKET and $HOMING_SEARCH_URL "
        "(default: $HOMING_HOME, or local)",
    )


def config_of(arguments: argparse.Namespace) -> Config:
    """The configuration of the site that a command names.

    Raises:
        Permanent: ("badConfig") a setting makes no sense, or a folder is named of a site on AWS.
    """
    config = config_from_environment()
    config = config if arguments.home is None else replace(config, home=arguments.home)
    if arguments.data is None:
        return config
    if config.home != "local":
        raise Permanent("badConfig", f"--data is for a site in a folder, and this one is at home on {config.home}")
    return replace(config, data=arguments.data)


def open_site(arguments: argparse.Namespace) -> Site:
    """The site that a command works on.

    Raises:
        Permanent: ("noSite", "noTable", "noBucket") it is not there.
    """
    config = config_of(arguments)
    if config.home == "local" and not has_local_site(config):
        raise Permanent(
            "noSite",
            f"there is no site in {config.data}; name its folder with --data, "
            "or make one with `homing user add` or `homing serve`",
        )
    return _opened(config)


def open_or_make_site(arguments: argparse.Namespace) -> Site:
    """The same, made if there is none in the folder; table and bucket of one on AWS must be there."""
    return _opened(config_of(arguments))


def _opened(config: Config) -> Site:
    return aws_home(config).site if config.home == "aws" else local_site(config)
