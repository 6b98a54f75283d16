"""`homing mail`: mail that other programs kept, into an account."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from homing.cli.output import add_json_option, example, print_json, printable, say
from homing.cli.progress import Progress
from homing.cli.site_folder import add_site_options, open_site
from homing.directory.accounts import find_user
from homing.move.import_mail import Tally, import_mail
from homing.move.mail_source import open_source


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the noun."""
    noun = subparsers.add_parser(
        "mail", help="bring old mail in", **example("homing mail import ~/Maildir --to ann@example.org")
    )
    verbs = noun.add_subparsers(title="verbs", metavar="VERB", required=True)
    parser = verbs.add_parser(
        "import",
        help="import a message, an mbox, a Maildir or a folder of such files",
        description="Import mail into a user's account. PATH is a message, an mbox file, a Maildir (its folders "
        "become mailboxes, its flags keywords) or a folder with .eml and .mbox files. Run it again after an "
        "interruption, or when there is more: what is there does not come twice.",
        **example(
            "homing mail import ~/Maildir --to ann@example.org\n"
            "homing mail import old.mbox --to ann@example.org --mailbox Archive/2019"
        ),
    )
    parser.add_argument("path", type=Path, metavar="PATH", help="what to import; it is only read")
    parser.add_argument("--to", required=True, metavar="ADDRESS", help="the user whose account takes it")
    parser.add_argument(
        "--mailbox", default="", metavar="NAME", help="where to, made if missing; levels with / (default: the inbox)"
    )
    add_site_options(parser)
    add_json_option(parser)
    parser.set_defaults(run=_import)


def _import(arguments: argparse.Namespace) -> int:
    site = open_site(arguments)
    user = find_user(site, arguments.to)
    source = open_source(arguments.path, site.config.limits.max_message_bytes)
    progress = Progress("messages", source.total)
    started = time.monotonic()
    try:
        tally = import_mail(
            site,
            user,
            source.mails,
            mailbox=[level for level in arguments.mailbox.split("/") if level.strip()],
            progress=lambda tally: progress.update(tally.messages, tally.consumed),
        )
    finally:
        progress.finish()
    _told(arguments, source.kind, tally, time.monotonic() - started)
    return 1 if tally.failed else 0


def _told(arguments: argparse.Namespace, kind: str, tally: Tally, seconds: float) -> None:
    failures = [{"place": failure.place, "reason": failure.reason} for failure in tally.failures]
    if arguments.json:
        counts = {"imported": tally.imported, "alreadyThere": tally.already_there, "failed": tally.failed}
        print_json({"kind": kind, **counts, "failures": failures, "seconds": round(seconds, 3)})
        return
    for failure in tally.failures:
        say(printable(f"{failure.place}: {failure.reason}"))
    if tally.failed > len(tally.failures):
        say(f"and {tally.failed - len(tally.failures):,} more")
    rate = tally.messages / max(seconds, 1e-9)
    print(
        f"{tally.imported:,} imported, {tally.already_there:,} already there, {tally.failed:,} failed "
        f"({kind}, {seconds:.1f} s, {rate:,.0f}/s)"
    )
