"""`homing verify`: is everything here as it was written?"""

from __future__ import annotations

import argparse

from homing.bootstrap import scratch_store
from homing.cli.findings import Findings, add_account_option, chosen_ledgers, count_entries
from homing.cli.output import add_json_option, example
from homing.cli.progress import Progress
from homing.cli.site_folder import add_site_options, open_site
from homing.move.verify import Looked, verify_blobs, verify_ledgers


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the noun."""
    parser = subparsers.add_parser(
        "verify",
        help="check every row against the ledger and every message against its hash",
        description="Check the hash chain of every ledger, replay it and compare every row, and read every message "
        "that an email names. Prints what is wrong, one finding a line; exit code 1 if there is anything. The site "
        "may be in use.",
        **example("homing verify\nhoming verify --account ann@example.org --fast"),
    )
    add_account_option(parser)
    parser.add_argument("--fast", action="store_true", help="do not read the messages, only see that they are there")
    add_site_options(parser)
    add_json_option(parser)
    parser.set_defaults(run=_verify)


def _verify(arguments: argparse.Namespace) -> int:
    site = open_site(arguments)
    partitions = chosen_ledgers(arguments, site)
    findings, looked = Findings(arguments), Looked()
    progress = Progress("entries", count_entries(site, partitions))
    findings.tell(
        verify_ledgers(site, partitions, scratch_store, looked, lambda at: progress.update(at.entries, at.entries))
    )
    progress.finish()
    progress = Progress("emails", 0)
    findings.tell(
        verify_blobs(site, partitions, looked, lambda at: progress.update(at.emails, 0), hashing=not arguments.fast)
    )
    progress.finish()
    return findings.conclude(looked)
