"""The demo: a site on this machine, real mail in over SMTP, read over JMAP by a client of somebody else's.

    make demo

Then the site is killed while mail is pouring in, started again, and every message that was acknowledged
is shown to be there exactly once.
"""

from __future__ import annotations

import argparse
import contextlib
import smtplib
import subprocess
import sys
import tempfile
import threading
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jmap.auth import BasicAuth
from jmap.client import JMAPClient

from bench.corpus import messages
from bench.site_process import PASSWORD, SiteProcess, add_user

ALICE = "alice@example.org"
SENDERS = 4
ROWS = 12
PAGE = 500
FLOOD = 1_500
BEFORE_THE_KILL = 400

Mail = tuple[str, str, bytes]


def main() -> int:
    """Run the whole story; 0 if everything that was claimed was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=240, help="messages to send before the table is shown")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="homing-demo-") as folder:
        data = Path(folder)
        say(f"A site in {data}, and a user {ALICE}.")
        add_user(data, ALICE)
        site = SiteProcess(data).start()
        try:
            acknowledged = send_and_read(site, arguments.messages)
            acknowledged += kill_while_mail_pours_in(site)
            ok = prove(site, acknowledged)
        finally:
            code = site.stop()
        say(f"The site stopped with exit code {code}.")
        return 0 if ok and code == 0 else 1


def send_and_read(site: SiteProcess, count: int) -> list[str]:
    """Send, show the inbox, mark a message read, and show that the change arrives."""
    mail = list(messages(count, seed=1, to=ALICE))
    started = time.monotonic()
    acknowledged: list[str] = []
    send_all(site, mail, acknowledged)
    seconds = time.monotonic() - started
    size = sum(len(raw) for _, _, raw in mail)
    if len(acknowledged) != count:
        raise SystemExit(f"only {len(acknowledged)} of {count} messages were acknowledged")
    say(f"Sent {len(acknowledged)} messages ({size / 1e6:.1f} MB) over SMTP in {seconds:.1f} s; all acknowledged.")
    with connect(site) as client:
        state, newest = show_inbox(client)
        mark_read(client, newest, state)
    return acknowledged


def show_inbox(client: JMAPClient) -> tuple[str, str]:
    """Print the newest rows of the inbox; return the Email state and the newest id."""
    with client.batch() as batch:
        boxes = batch.mail.mailbox.get(ids=None)
        found = batch.mail.email.query(
            filter={"inMailbox": "inbox"}, sort=[{"property": "receivedAt", "isAscending": False}], limit=ROWS
        )
        names = ["id", "threadId", "from", "subject", "receivedAt", "hasAttachment", "keywords", "size", "preview"]
        emails = batch.mail.email.get(ids=found.ref_ids(), properties=names)
    inbox = next(box for box in boxes.result.items if box.role == "inbox")
    counts = f"{inbox.total_emails} emails in {inbox.total_threads} threads, {inbox.unread_emails} unread"
    say(f"The inbox over JMAP: {counts}.")
    print()
    for email in emails.result.items:
        sender = email.from_[0].name or email.from_[0].email if email.from_ else ""
        clip = "@" if email.has_attachment else " "
        size, preview = f"{email.size:>8,}", fit(email.preview or "", 40)
        print("  " + " ".join((fit(sender, 22), clip, fit(email.subject or "", 34), size, preview)))
    print()
    return str(emails.result.state), str(emails.result.items[0].id)


def mark_read(client: JMAPClient, email: str, state: str) -> None:
    """Set `$seen`, and hear of it from Email/changes."""
    with client.batch() as batch:
        batch.mail.email.set(update={email: {"keywords/$seen": True}})
    with client.batch() as batch:
        changed = batch.mail.email.changes(since_state=state)
    updated = [str(id) for id in changed.result.updated]
    say(f"Marked {email} as read; Email/changes since {state} says updated: {updated}.")
    if updated != [email]:
        raise SystemExit("the change did not arrive")


def kill_while_mail_pours_in(site: SiteProcess) -> list[str]:
    """SIGKILL in the middle of a flood; then what was not acknowledged is sent again, as every MTA does."""
    mail = list(messages(FLOOD, seed=2, to=ALICE))
    acknowledged: list[str] = []
    flood = threading.Thread(target=send_all, args=(site, mail, acknowledged))
    flood.start()
    while flood.is_alive() and len(acknowledged) < BEFORE_THE_KILL:
        flood.join(0.01)
    site.kill()
    flood.join()
    say(f"Killed the process (SIGKILL) after {len(acknowledged)} more messages were acknowledged. Starting it again.")
    site.start()
    known = set(acknowledged)
    rest = [item for item in mail if item[0] not in known][:200]
    send_all(site, rest, acknowledged)
    again = len(acknowledged) - len(known)
    say(f"Sent {again} of those again that were not acknowledged, among them what was under way.")
    if not known or not rest or again != len(rest):
        raise SystemExit("the kill did not come in the middle, or the site did not take mail after it")
    return acknowledged


def prove(site: SiteProcess, acknowledged: list[str]) -> bool:
    """Every acknowledged message is there exactly once, and the ledger agrees with every row."""
    with connect(site) as client:
        stored = Counter(all_message_ids(client))
    missing = [id for id in acknowledged if stored[id.strip("<>")] == 0]
    doubled = [id for id, count in stored.items() if count > 1]
    say(
        f"Acknowledged {len(acknowledged)}, stored {stored.total()}: {len(missing)} missing, {len(doubled)} twice, "
        f"{stored.total() - len(acknowledged)} stored but never acknowledged."
    )
    say("homing verify:")
    command = [sys.executable, "-m", "homing.cli.main", "verify", "--data", str(site.data)]
    checked = subprocess.run(command, check=False)
    return not missing and not doubled and checked.returncode == 0


def all_message_ids(client: JMAPClient) -> Iterator[str]:
    """The Message-ID of every email in the account, a page at a time."""
    position = 0
    while True:
        with client.batch() as batch:
            found = batch.mail.email.query(position=position, limit=PAGE)
            emails = batch.mail.email.get(ids=found.ref_ids(), properties=["messageId"])
        for email in emails.result.items:
            yield from email.message_id or ()
        if len(found.result.ids) < PAGE:
            return
        position += PAGE


def send_all(site: SiteProcess, mail: list[Mail], acknowledged: list[str]) -> None:
    """Send over a few SMTP connections at once; note the Message-IDs that were acknowledged with 250."""

    def send(part: list[Mail]) -> None:
        with contextlib.suppress(OSError, smtplib.SMTPException), smtplib.SMTP(*site.smtp, timeout=30) as client:
            for id, sender, raw in part:
                client.sendmail(sender, [ALICE], raw)
                acknowledged.append(id)

    threads = [threading.Thread(target=send, args=(mail[start::SENDERS],)) for start in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def connect(site: SiteProcess) -> Any:
    """jmaplib on the site's session; it refuses plain HTTP unless told that this is loopback."""
    return JMAPClient.connect(f"{site.http}/.well-known/jmap", auth=BasicAuth(ALICE, PASSWORD))


def fit(text: str, width: int) -> str:
    """`text` cut or padded to a number of terminal columns (wide characters take two)."""
    out, columns = "", 0
    for char in " ".join(text.split()):
        columns_of = 0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if columns + columns_of > width:
            break
        out, columns = out + char, columns + columns_of
    return out + " " * (width - columns)


def say(text: str) -> None:
    """A line of the story."""
    print(f"* {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
