"""Threads (RFC 8621 §3): which one a message joins, and what happens when it ties several together.

`threadId` never changes, so to merge two threads is to destroy the emails of the smaller one and create
them again, with new ids, in the larger. A thread that is full takes no more; the next message begins a
new one. A message id leads to one thread only: who takes an id over takes it from the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from homing.ids import CHANCE_BYTES, email_id
from homing.ledger import keys
from homing.ledger.entry import Actor, encode_body
from homing.ledger.rows import Body
from homing.ledger.tasks import Task
from homing.ledger.transact import Draft, Transaction, transact
from homing.site import Site

MERGE_TASK: Final = "merge-threads"
MERGE_EMAILS: Final = 5
"""Emails that one commit moves at most."""
IDS_PER_EMAIL: Final = 10
"""A thread is full, too, when it holds this many message ids for each email that it may hold."""
THREAD_BYTES: Final = 300_000
"""And when its row has this size, of 400 KB: its emails may have many keywords."""


@dataclass(frozen=True, slots=True)
class _Room:
    """What moving emails may add to a commit: rows of a batch's hundred, bytes of the entry's 400 KB. Of a thread:
    emails for rows."""

    rows: int
    bytes: int

    def less(self, cost: _Room) -> _Room:
        return _Room(self.rows - cost.rows, self.bytes - cost.bytes)

    def holds(self, cost: _Room) -> bool:
        return cost.rows <= self.rows and cost.bytes <= self.bytes


_ROOM_OF_ARRIVAL: Final = _Room(48, 60_000)
"""Beside an arrival, which may itself take half a batch and most of an entry."""
_ROOM_OF_TASK: Final = _Room(80, 60_000)


def join_thread(site: Site, transaction: Transaction, draft: Draft, message_ids: Sequence[str]) -> str:
    """The thread for a message with these hashes: an old one, merged if there are several, or a new id.

    The rows `x/msgid` of the hashes and the threads they name should have been loaded.
    """
    found = find_threads(draft, message_ids)
    maximum = site.config.limits.max_thread_emails
    threads = {id: thread for id in found if (thread := draft.object("Thread", id)) is not None}
    threads = {id: thread for id, thread in threads.items() if _is_open(thread, maximum)}
    if not threads:
        return _new_thread_id(site, draft)
    into = max(threads, key=lambda id: _weight(threads, id))
    left = _Room(maximum - len(threads[into]["emails"]) - 1, THREAD_BYTES - _size(threads[into]))
    room = _ROOM_OF_ARRIVAL
    for id in sorted(threads.keys() - {into}):
        size = _Room(len(threads[id]["emails"]), _size(threads[id]))
        if left.holds(size):
            left = left.less(size)
            room = _merge_now_or_later(site, transaction, draft, (id, into), room)
    return into


def find_threads(draft: Draft, message_ids: Sequence[str]) -> list[str]:
    """Ids of the threads that the hashes name."""
    rows = (draft.body(keys.message_id_key(hash)) for hash in message_ids)
    return list(dict.fromkeys(row["thread"] for row in rows if row is not None))


def add_email(draft: Draft, thread: str, email: str, state: Body, message_ids: Sequence[str]) -> None:
    """Put an email (already created) into a thread, which is created if it is not there."""
    rows = ((hash, draft.body(keys.message_id_key(hash))) for hash in message_ids)
    elsewhere = {hash: row["thread"] for hash, row in rows if row is not None and row["thread"] != thread}
    addition: Body = {"emails": {email: state}, "messageIds": dict.fromkeys(message_ids, True)}
    if draft.object("Thread", thread) is None:
        draft.create("Thread", thread, addition)
    else:
        draft.update("Thread", thread, addition)
    for other in sorted(set(elsewhere.values())):
        taken = [hash for hash, owner in elsewhere.items() if owner == other]
        draft.update("Thread", other, {"messageIds": dict.fromkeys(taken)})


def new_email_id(site: Site, draft: Draft, thread: str) -> str:
    """An id for an email, with its provenance, that is about to be created in that thread."""
    id = email_id(thread, site.clock.now(), site.ids.random(CHANCE_BYTES))
    draft.expect_absent("Email", id)
    draft.expect_absent("Provenance", id)
    return id


def merge_threads(site: Site, actor: Actor, task: Task) -> None:
    """The task that merges two long threads, a few emails a commit. Idempotent.

    The smaller one goes, whichever that is by now: two tasks that met the same threads in turn would
    otherwise carry the same emails to and fro.
    """

    def decide(transaction: Transaction) -> bool:
        draft = transaction.draft(task.partition)
        threads = draft.objects("Thread", (task.arguments["from"], task.arguments["into"]))
        emails = sum(len(thread["emails"]) for thread in threads.values())
        size = sum(map(_size, threads.values()))
        if len(threads) < 2 or emails > site.config.limits.max_thread_emails or size > THREAD_BYTES:
            return True
        thread, into = sorted(threads, key=lambda id: _weight(threads, id))
        hashes, moving, _ = _portion(draft, threads[thread], _ROOM_OF_TASK)
        _move(site, draft, (thread, into), hashes, moving)
        return len(moving) == len(threads[thread]["emails"])

    while not transact(site, actor, decide):
        pass


def destroy_record(draft: Draft, email: str) -> None:
    """Remove an email's record and its provenance; its thread must have let go of it before."""
    draft.destroy("Email", email)
    if draft.object("Provenance", email) is not None:
        draft.destroy("Provenance", email)


def _new_thread_id(site: Site, draft: Draft) -> str:
    id = site.new_id("t")
    draft.expect_absent("Thread", id)
    return id


def _is_open(thread: Body, maximum: int) -> bool:
    has_places = len(thread["emails"]) < maximum and len(thread["messageIds"]) < maximum * IDS_PER_EMAIL
    return has_places and _size(thread) < THREAD_BYTES


def _size(thread: Body) -> int:
    return len(encode_body(thread))


def _weight(threads: Mapping[str, Body], id: str) -> tuple[int, str]:
    """The larger thread stays; of equals, the newer."""
    return len(threads[id]["emails"]), id


def _merge_now_or_later(
    site: Site, transaction: Transaction, draft: Draft, pair: tuple[str, str], room: _Room
) -> _Room:
    """A thread that fits into this very commit is moved; a longer one by a task. Return the room that is left."""
    thread, into = pair
    body = draft.object("Thread", thread) or {}
    hashes, moving, left = _portion(draft, body, room)
    if len(moving) == len(body["emails"]) and left.holds(_Room(0, 0)):
        _move(site, draft, pair, hashes, moving)
        return left
    arguments = {"from": thread, "into": into}
    transaction.put_task(Task(site.new_id("k"), MERGE_TASK, draft.partition, site.clock.now(), arguments))
    return room


def _portion(draft: Draft, thread: Body, room: _Room) -> tuple[list[str], list[str], _Room]:
    """Message ids and emails, the oldest first, that fit into `room`, and what is left of it.

    Message ids go before any email, as a thread without emails has none. One email always goes: then
    `left` may be less than nothing.
    """
    hashes = sorted(thread["messageIds"])[: room.rows]
    left = room.less(_Room(len(hashes), 0))
    if len(hashes) < len(thread["messageIds"]):
        return hashes, [], left
    emails: dict[str, Body] = thread["emails"]
    oldest = sorted(emails, key=lambda id: (emails[id]["receivedAt"], id))[:MERGE_EMAILS]
    draft.load([keys.object_key(type, id) for id in oldest for type in ("Email", "Provenance")])
    moving: list[str] = []
    for id in oldest:
        cost = _cost(draft, id, emails[id])
        if moving and not left.holds(cost):
            break
        left = left.less(cost)
        moving.append(id)
    return hashes, moving, left


def _cost(draft: Draft, email: str, state: Body) -> _Room:
    """Two records and their successors, the blob's row, and for each list a row that goes, one that comes
    and the mailbox."""
    bodies = (draft.object(type, email) for type in ("Email", "Provenance"))
    size = sum(len(encode_body(body)) for body in bodies if body is not None)
    return _Room(5 + 3 * (len(state["mailboxIds"]) + 1), size + len(encode_body(state)))


def _move(site: Site, draft: Draft, pair: tuple[str, str], hashes: Sequence[str], moving: Sequence[str]) -> None:
    """Move message ids and emails of one thread into another."""
    thread, into = pair
    states = {id: (draft.object("Thread", thread) or {})["emails"][id] for id in moving}
    arrived: dict[str, Body] = {}
    for id in moving:
        new = new_email_id(site, draft, into)
        arrived[new] = states[id]
        for type in ("Email", "Provenance"):
            if (body := draft.object(type, id)) is not None:
                draft.create(type, new, body)
    draft.update("Thread", into, {"emails": arrived, "messageIds": dict.fromkeys(hashes, True)})
    draft.update("Thread", thread, {"emails": dict.fromkeys(moving), "messageIds": dict.fromkeys(hashes)})
    for id in moving:
        destroy_record(draft, id)
