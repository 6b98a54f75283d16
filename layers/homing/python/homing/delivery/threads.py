"""Threads (RFC 8621 §3): which one a message joins, and what happens when it ties two together.

`threadId` never changes, so to merge two threads is to destroy the emails of the smaller one and create
them again, with new ids, in the larger. A thread that is full takes no more; the next message begins a
new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from homing.ids import CHANCE_BYTES, email_id, time_id
from homing.ledger import keys
from homing.ledger.entry import Actor
from homing.ledger.tasks import Task
from homing.ledger.transact import Draft, Transaction, transact
from homing.site import Site

MERGE_TASK: Final = "merge-threads"
MERGE_EMAILS: Final = 5
"""Emails that one commit moves: each costs up to ten rows, and a batch has a hundred."""

Body = dict[str, Any]


def join_thread(site: Site, transaction: Transaction, draft: Draft, message_ids: Sequence[str]) -> str:
    """The thread for a message with these hashes: an old one, merged if there are several, or a new id.

    The rows `x/msgid` of the hashes and the threads they name should have been loaded.
    """
    found = find_threads(draft, message_ids)
    threads = {id: thread for id in found if (thread := draft.object("Thread", id)) is not None}
    maximum = site.config.limits.max_thread_emails
    open_threads = {id: thread for id, thread in threads.items() if len(thread["emails"]) < maximum}
    if not open_threads:
        return new_thread_id(site)
    into = max(open_threads, key=lambda id: (len(open_threads[id]["emails"]), id))
    room = maximum - len(open_threads[into]["emails"]) - 1
    for id in sorted(open_threads.keys() - {into}):
        size = len(open_threads[id]["emails"])
        if size <= room:
            room -= size
            _merge_now_or_later(site, transaction, draft, id, into)
    return into


def find_threads(draft: Draft, message_ids: Sequence[str]) -> list[str]:
    """Ids of the threads that the hashes name."""
    rows = (draft.body(keys.message_id_key(hash)) for hash in message_ids)
    return list(dict.fromkeys(row["thread"] for row in rows if row is not None))


def add_email(draft: Draft, thread: str, email: str, state: Body, message_ids: Sequence[str]) -> None:
    """Put an email (already created) into a thread, which is created if it is not there."""
    addition: Body = {"emails": {email: state}, "messageIds": dict.fromkeys(message_ids, True)}
    if draft.object("Thread", thread) is None:
        draft.create("Thread", thread, addition)
    else:
        draft.update("Thread", thread, addition)


def new_thread_id(site: Site) -> str:
    """An id for a thread that begins now."""
    return time_id("t", site.clock.now(), site.ids.random(CHANCE_BYTES))


def new_email_id(site: Site, thread: str) -> str:
    """An id for an email in that thread."""
    return email_id(thread, site.clock.now(), site.ids.random(CHANCE_BYTES))


def merge_threads(site: Site, actor: Actor, task: Task) -> None:
    """The task that moves a long thread into another, a few emails a commit. Idempotent."""

    def decide(transaction: Transaction) -> bool:
        draft = transaction.draft(task.partition)
        threads = draft.objects("Thread", (task.arguments["from"], task.arguments["into"]))
        if len(threads) < 2:
            return True
        return _move_emails(site, draft, task.arguments["from"], task.arguments["into"], MERGE_EMAILS)

    while not transact(site, actor, decide):
        pass


def _merge_now_or_later(site: Site, transaction: Transaction, draft: Draft, thread: str, into: str) -> None:
    """A short thread is moved in this very commit; a long one by a task."""
    body = draft.object("Thread", thread) or {}
    if len(body["emails"]) <= MERGE_EMAILS:
        _move_emails(site, draft, thread, into, MERGE_EMAILS)
        return
    now = site.clock.now()
    arguments = {"from": thread, "into": into}
    id = time_id("k", now, site.ids.random(CHANCE_BYTES))
    transaction.put_task(Task(id, MERGE_TASK, draft.partition, now, arguments))


def _move_emails(site: Site, draft: Draft, thread: str, into: str, maximum: int) -> bool:
    """Move up to `maximum` emails, the oldest first; return whether the thread is empty now."""
    source = draft.object("Thread", thread) or {}
    emails: dict[str, Body] = source["emails"]
    moving = sorted(emails, key=lambda id: (emails[id]["receivedAt"], id))[:maximum]
    draft.load([keys.object_key(type, id) for id in moving for type in ("Email", "Provenance")])
    arrived: dict[str, Body] = {}
    for id in moving:
        new = new_email_id(site, into)
        arrived[new] = emails[id]
        for type in ("Email", "Provenance"):
            if (body := draft.object(type, id)) is not None:
                draft.create(type, new, body)
    last = len(moving) == len(emails)
    draft.update("Thread", into, {"emails": arrived, "messageIds": source["messageIds"] if last else {}})
    draft.update("Thread", thread, {"emails": dict.fromkeys(moving)})
    for id in moving:
        destroy_record(draft, id)
    return last


def destroy_record(draft: Draft, email: str) -> None:
    """Remove an email's record and its provenance; its thread must have let go of it before."""
    draft.destroy("Email", email)
    if draft.object("Provenance", email) is not None:
        draft.destroy("Provenance", email)
