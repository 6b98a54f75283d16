"""`file`: put arrivals into one account, in as few commits as their rows allow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from homing.delivery.arrival import Arrival
from homing.delivery.attention import heed_thread
from homing.delivery.outbox import report_task
from homing.delivery.recipients import account_refusal
from homing.delivery.threads import add_email, find_threads, join_thread, new_email_id
from homing.errors import LimitExceeded, Refused
from homing.ledger import keys
from homing.ledger.entry import Actor
from homing.ledger.transact import Draft, Transaction, transact
from homing.site import Site

ARRIVALS_PER_COMMIT: Final = 7
"""An arrival writes about twelve rows, and a batch has a hundred; more are halved until they fit."""

REPORT_TYPE: Final = "multipart/report"


def file(site: Site, actor: Actor, account: str, arrivals: Sequence[Arrival]) -> list[Refused | None]:
    """File each arrival in its mailboxes of the account, exactly once; a reply for each (None: it is there).

    Raises:
        Temporary: the store cannot take it now. What was filed before is known when it is tried again.
    """
    replies: list[Refused | None] = []
    for start in range(0, len(arrivals), ARRIVALS_PER_COMMIT):
        replies += _file_or_halve(site, actor, account, arrivals[start : start + ARRIVALS_PER_COMMIT])
    return replies


def _file_or_halve(site: Site, actor: Actor, account: str, arrivals: Sequence[Arrival]) -> list[Refused | None]:
    def decide(transaction: Transaction) -> list[Refused | None]:
        return _decide(site, transaction, account, arrivals)

    try:
        return transact(site, actor, decide)
    except LimitExceeded:
        if len(arrivals) == 1:
            raise
        half = len(arrivals) // 2
        first = _file_or_halve(site, actor, account, arrivals[:half])
        return first + _file_or_halve(site, actor, account, arrivals[half:])


def _decide(site: Site, transaction: Transaction, account: str, arrivals: Sequence[Arrival]) -> list[Refused | None]:
    draft = transaction.draft(account, rows_needed(arrivals))
    load_threads(draft, arrivals)
    return [_file_once(site, transaction, draft, arrival) for arrival in arrivals]


def rows_needed(arrivals: Iterable[Arrival]) -> list[str]:
    """Every row that filing reads, known before the first read: one call of the store. Then `load_threads`."""
    rows = [keys.object_key("Account", keys.SELF), keys.object_key("Mailbox", keys.INBOX)]
    for arrival in arrivals:
        rows += [arrival.marker_key] if arrival.delivery else []
        rows += [keys.blob_key(arrival.digest)]
        rows += [keys.object_key("Mailbox", id) for id in arrival.mailbox_ids]
        rows += [keys.message_id_key(hash) for hash in arrival.message_ids]
    return rows


def load_threads(draft: Draft, arrivals: Iterable[Arrival]) -> None:
    """The threads that arrivals may join: a second call of the store, if there are any."""
    threads = [id for arrival in arrivals for id in find_threads(draft, arrival.message_ids)]
    draft.load(keys.object_key("Thread", id) for id in threads)


def file_one(site: Site, transaction: Transaction, draft: Draft, arrival: Arrival) -> str | Refused:
    """Note one arrival in a draft of its account; the email's id, or why the account cannot have it.

    The one place where an email comes to be, whoever brings it. `rows_needed` and the threads that `find_threads`
    names should have been loaded. That it was not filed before is for the caller to know.
    """
    if (refusal := account_refusal(draft, arrival.record["size"], draft.bytes_added)) is not None:
        return refusal
    thread = join_thread(site, transaction, draft, arrival.message_ids)
    email = new_email_id(site, draft, thread)
    keywords = dict.fromkeys(sorted(arrival.keywords), True)
    state = {
        "mailboxIds": _uids(draft, arrival),
        "keywords": keywords,
        "receivedAt": keys.clamp_ms(arrival.received_at),
    }
    if arrival.delivery:
        draft.create(arrival.marker, arrival.delivery, {"email": email})
    draft.create("Email", email, arrival.record)
    draft.create("Provenance", email, arrival.provenance)
    add_email(draft, thread, email, state, arrival.message_ids)
    return email


def _file_once(site: Site, transaction: Transaction, draft: Draft, arrival: Arrival) -> Refused | None:
    if arrival.delivery and draft.body(arrival.marker_key) is not None:
        return None
    incoming = arrival.incoming
    judged = _judge(site, transaction, draft, arrival)
    if not isinstance(judged, Arrival):
        return judged
    filed = file_one(site, transaction, draft, judged)
    if isinstance(filed, Refused):
        return filed
    if incoming is not None and incoming.rcpt_to and incoming.message.root.type == REPORT_TYPE:
        transaction.put_task(report_task(site, draft.partition, judged.digest, transaction.now))
    return None


def _judge(site: Site, transaction: Transaction, draft: Draft, arrival: Arrival) -> Arrival | Refused | None:
    """The arrival as its recipient's filters and threads want it; None if it is not to be filed. Mail that no
    envelope brought passes."""
    if arrival.incoming is None or not arrival.incoming.rcpt_to:
        return arrival
    settings = draft.object("Account", keys.SELF) or {}
    if "activeScript" in settings or "vacation" in settings:
        from homing.delivery.sieve import judge  # noqa: PLC0415  # the engine, for the accounts that have a use for it

        judged = judge(site, transaction, draft, arrival)
        if not isinstance(judged, Arrival):
            return judged
        arrival = judged
    return heed_thread(draft, arrival)


def _uids(draft: Draft, arrival: Arrival) -> dict[str, int]:
    """The next IMAP uid of each mailbox; the inbox takes what was meant for mailboxes that are gone."""
    rows = {id: draft.object("Mailbox", id) for id in arrival.mailbox_ids}
    there = {id: row for id, row in rows.items() if row is not None}
    there = there or {keys.INBOX: draft.object("Mailbox", keys.INBOX) or {}}
    return {id: row["uidNext"] for id, row in there.items()}
