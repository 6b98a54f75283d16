"""Rows that follow from other rows: list rows, thread look-up, counters, who may read a blob.

Pure functions over one Email's record and one Thread's object. A Thread is

    {"emails": {<email id>: {"mailboxIds": {<mailbox>: <IMAP uid>}, "keywords": {<keyword>: true},
                             "receivedAt": <ms>}},
     "messageIds": {<hash>: true}}

the one place where an email's changing state lives, so that counters of threads are exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from homing.ledger.keys import TRASH
from homing.ledger.rows import Body

UNCOUNTED: Final = frozenset({"$seen", "$draft"})
"""Keywords that keep an email out of a mailbox's unread count (RFC 8621 §2, unreadEmails)."""
SORT_TEXT: Final = 64
"""Characters of an address or a subject that a list row keeps for sorting."""


class Counts(NamedTuple):
    """The four counters of a Mailbox (RFC 8621 §2)."""

    total_emails: int = 0
    unread_emails: int = 0
    total_threads: int = 0
    unread_threads: int = 0

    def plus(self, other: Counts, sign: int = 1) -> Counts:
        """The sum, or the difference."""
        return Counts(*(mine + sign * theirs for mine, theirs in zip(self, other, strict=True)))


NO_COUNTS: Final = Counts()


def is_unread(state: Body) -> bool:
    """Neither seen nor a draft."""
    return UNCOUNTED.isdisjoint(state["keywords"])


def count_thread(thread: Body | None) -> dict[str, Counts]:
    """What one thread adds to the counters of each mailbox it is in.

    A thread is unread in a mailbox if any of its emails is, wherever that one lies; except that emails
    only in the trash do not count elsewhere, nor others in the trash (RFC 8621 §2, unreadThreads).
    """
    emails = thread["emails"].values() if thread else ()
    unread = [state["mailboxIds"] for state in emails if is_unread(state)]
    elsewhere = any(mailbox != TRASH for mailboxes in unread for mailbox in mailboxes)
    in_trash = any(TRASH in mailboxes for mailboxes in unread)
    counts: dict[str, Counts] = {}
    for state in emails:
        step = Counts(1, int(is_unread(state)), 0, 0)
        for mailbox in state["mailboxIds"]:
            start = Counts(0, 0, 1, int(in_trash if mailbox == TRASH else elsewhere))
            counts[mailbox] = counts.get(mailbox, start).plus(step)
    return counts


def count_changes(before: Body | None, after: Body | None) -> dict[str, Counts]:
    """The difference that a changed thread makes to each mailbox; mailboxes without one are left out."""
    old, new = count_thread(before), count_thread(after)
    changes = {m: new.get(m, NO_COUNTS).plus(old.get(m, NO_COUNTS), -1) for m in old.keys() | new.keys()}
    return {mailbox: change for mailbox, change in sorted(changes.items()) if change != NO_COUNTS}


def list_row(email: Body, state: Body) -> Body:
    """What filters and sorts of `Email/query` need (RFC 8621 §4.4), from the record and the state."""
    return {
        "size": email["size"],
        "hasAttachment": email.get("hasAttachment", False),
        "sentAt": email.get("sentAt", ""),
        "from": _sort_address(email.get("from")),
        "to": _sort_address(email.get("to")),
        "subject": email.get("baseSubject", "")[:SORT_TEXT],
        "keywords": state["keywords"],
        "mailboxIds": dict.fromkeys(state["mailboxIds"], True),
    }


def changed_emails(before: Body | None, after: Body | None) -> list[str]:
    """Ids of the emails whose state differs between two versions of a thread, in order."""
    old: Mapping[str, Body] = before["emails"] if before else {}
    new: Mapping[str, Body] = after["emails"] if after else {}
    return sorted(id for id in old.keys() | new.keys() if old.get(id) != new.get(id))


def _sort_address(addresses: list[Body] | None) -> str:
    """RFC 8621 §4.4.2: the name of the first address, or the address itself."""
    if not addresses:
        return ""
    first = addresses[0]
    return str(first.get("name") or first.get("email") or "")[:SORT_TEXT]
