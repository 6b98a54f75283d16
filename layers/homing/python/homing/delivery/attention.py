"""Threads that their owner has muted or follows (RFC 9979 §7.2 and §7.6): what comes of new mail in them.

New mail of a muted thread is read already and lies in the archive instead of the inbox; it is not lost, and whatever
a script filed elsewhere stays there. New mail of a followed thread asks to be told of ($notify). A thread with both
is followed. The keywords themselves are for clients to set and to clear: they are not handed on to new mail, as a
client that ends the muting would then miss what came meanwhile.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from homing.delivery.arrival import Arrival
from homing.delivery.threads import find_threads
from homing.ledger import keys
from homing.ledger.transact import Draft

MUTED: Final = "$muted"
FOLLOWED: Final = "$followed"
NOTIFY: Final = "$notify"
SEEN: Final = "$seen"


def heed_thread(draft: Draft, arrival: Arrival) -> Arrival:
    """The arrival as the thread that it joins wants it. The threads should have been loaded."""
    threads = (draft.object("Thread", id) for id in find_threads(draft, arrival.message_ids))
    states = (state for thread in threads if thread is not None for state in thread["emails"].values())
    wishes = {keyword for state in states for keyword in state["keywords"] if keyword in (MUTED, FOLLOWED)}
    if FOLLOWED in wishes:
        return replace(arrival, keywords=arrival.keywords | {NOTIFY})
    if MUTED in wishes:
        mailboxes = tuple(_archive(draft) if id == keys.INBOX else id for id in arrival.mailbox_ids)
        return replace(arrival, keywords=arrival.keywords | {SEEN}, mailbox_ids=tuple(dict.fromkeys(mailboxes)))
    return arrival


def _archive(draft: Draft) -> str:
    mailboxes = draft.all_objects("Mailbox")
    return next((id for id, row in mailboxes.items() if row.get("role") == "archive"), keys.INBOX)
