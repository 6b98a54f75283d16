"""`homing search`: the index of words."""

from __future__ import annotations

import argparse

from homing.cli.findings import add_account_option, chosen_ledgers
from homing.cli.output import add_json_option, example, print_json
from homing.cli.progress import Progress
from homing.cli.site_folder import add_site_options, open_site
from homing.ledger import keys
from homing.ledger.rows import head_of
from homing.search.index import rebuild


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the noun."""
    noun = subparsers.add_parser("search", help="the index of words", **example("homing search rebuild"))
    verbs = noun.add_subparsers(title="verbs", metavar="VERB", required=True)
    anew = verbs.add_parser(
        "rebuild",
        help="make the index anew from the ledger and the messages",
        description="Forget the index of words and make it anew. The site may be in use: meanwhile a search finds what "
        "is indexed so far, or asks to try again.",
        **example("homing search rebuild\nhoming search rebuild --account ann@example.org"),
    )
    add_account_option(anew)
    add_site_options(anew)
    add_json_option(anew)
    anew.set_defaults(run=_rebuild)


def _rebuild(arguments: argparse.Namespace) -> int:
    site = open_site(arguments)
    accounts = [partition for partition in chosen_ledgers(arguments, site) if keys.is_account(partition)]
    heads = site.store.get_many([(account, keys.HEAD) for account in accounts])
    emails = {account: head_of(heads.get((account, keys.HEAD))).emails for account in accounts}
    progress, done = Progress("emails", sum(emails.values())), 0
    for account in accounts:
        rebuild(site, account)
        done += emails[account]
        progress.update(done, done)
    progress.finish()
    if arguments.json:
        print_json({"accounts": len(accounts), "emails": done})
    else:
        print(f"{done:,} emails of {len(accounts):,} accounts are indexed")
    return 0
