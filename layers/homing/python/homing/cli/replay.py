"""`homing replay --check`: do the entries of the ledgers give every row again?"""

from __future__ import annotations

import argparse

from homing.bootstrap import scratch_store
from homing.cli.findings import Findings, add_account_option, chosen_ledgers, count_entries
from homing.cli.output import add_json_option, example
from homing.cli.progress import Progress
from homing.cli.site_folder import add_site_options, open_site
from homing.move.verify import Looked, replay_ledgers


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the noun."""
    parser = subparsers.add_parser(
        "replay",
        help="replay every ledger and compare",
        description="Apply every entry of every ledger to an empty store and compare all rows with those of the site, "
        "byte for byte. The site is only read, and may be in use. Exit code 1 if there is a difference.",
        **example("homing replay --check"),
    )
    parser.add_argument("--check", action="store_true", required=True, help="compare, and change nothing")
    add_account_option(parser)
    add_site_options(parser)
    add_json_option(parser)
    parser.set_defaults(run=_check)


def _check(arguments: argparse.Namespace) -> int:
    site = open_site(arguments)
    partitions = chosen_ledgers(arguments, site)
    findings, looked = Findings(arguments), Looked()
    progress = Progress("entries", count_entries(site, partitions))
    findings.tell(
        replay_ledgers(site, partitions, scratch_store, looked, lambda at: progress.update(at.entries, at.entries))
    )
    progress.finish()
    return findings.conclude(looked)
