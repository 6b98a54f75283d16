"""`homing verify`: is everything here as it was written?"""

from __future__ import annotations

import argparse

from homing.bootstrap import scratch_store
from homing.cli.findings import Findings, count_entries
from homing.cli.output import add_json_option, example
from homing.cli.progress import Progress
from homing.cli.site_folder import add_data_option, open_site
from homing.directory.accounts import find_user
from homing.move.verify import Looked, ledgers_of, verify_blobs, verify_ledgers


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
    parser.add_argument("--account", metavar="ADDRESS", help="only this user's account")
    parser.add_argument("--fast", action="store_true", help="do not read the messages, only see that they are there")
    add_data_option(parser)
    add_json_option(parser)
    parser.set_defaults(run=_verify)


def _verify(arguments: argparse.Namespace) -> int:
    site = open_site(arguments)
    partitions = [find_user(site, arguments.account).account] if arguments.account else ledgers_of(site.store)
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
