"""What a check of the site found, as lines or as JSON, and the exit code that follows."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from homing.cli.output import print_json, printable
from homing.directory.accounts import find_user
from homing.ledger import keys
from homing.ledger.verify import Finding
from homing.move.verify import Looked, ledgers_of
from homing.site import Site


class Findings:
    """Findings as they come: each is printed at once, or kept for the JSON."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._is_json = bool(arguments.json)
        self._kept: list[dict[str, Any]] = []
        self._count = 0

    def tell(self, findings: Iterable[Finding]) -> None:
        """Print each."""
        for finding in findings:
            self._count += 1
            if self._is_json:
                place = {"partition": finding.partition, "key": finding.key}
                self._kept.append({**place, "what": finding.what, "seq": finding.seq})
            else:
                print(printable(str(finding)), flush=True)

    def conclude(self, looked: Looked) -> int:
        """Say what was looked at; return the exit code."""
        if self._is_json:
            counts = {"ledgers": looked.ledgers, "entries": looked.entries}
            counts |= {"emails": looked.emails, "blobs": looked.blobs}
            print_json({"isSound": not self._count, **counts, "findings": self._kept})
        else:
            counted = f"{looked.ledgers:,} ledgers, {looked.entries:,} entries"
            if looked.emails:
                counted += f", {looked.emails:,} emails, {looked.blobs:,} blobs"
            print(f"{counted}: {f'{self._count:,} findings' if self._count else 'all is sound'}")
        return 1 if self._count else 0


def add_account_option(parser: argparse.ArgumentParser) -> None:
    """Let a check take `--account`."""
    parser.add_argument("--account", metavar="ADDRESS", help="only this user's account")


def chosen_ledgers(arguments: argparse.Namespace, site: Site) -> list[str]:
    """The partitions to check: those of the whole site, or one account.

    Raises:
        Permanent: no such user.
    """
    return [find_user(site, arguments.account).account] if arguments.account else ledgers_of(site.store)


def count_entries(site: Site, partitions: Iterable[str]) -> int:
    """How many entries these ledgers have together: a head's revision is its position."""
    heads = site.store.get_many([(partition, keys.HEAD) for partition in partitions])
    return sum(row.revision for row in heads.values())
