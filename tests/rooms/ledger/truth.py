"""What must be true of an account's rows, reckoned from its objects alone and without the ledger's own code."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from homing.ledger.changes import Changes, changes
from homing.ledger.entry import unseal
from homing.ledger.replay import replay
from homing.ledger.view import View
from homing.ports.store import Batch, Delete, Put, Row, Store

Body = dict[str, Any]
Objects = dict[str, dict[str, Body]]
JMAP_TYPES = ("Mailbox", "Email", "Thread")


def rows_of(store: Store, partition: str) -> dict[str, tuple[Body, int | None]]:
    return {row.key: (json.loads(row.body), row.expires) for row in store.scan(partition)}


def objects_of(rows: dict[str, tuple[Body, int | None]]) -> Objects:
    found: Objects = {}
    for key, (body, _) in rows.items():
        if key.startswith("o/"):
            _, type, id = key.split("/", 2)
            found.setdefault(type, {})[id] = body
    return found


def check_account(store: Store, partition: str, now: int) -> None:
    """Everything that follows from the objects is as it follows."""
    rows = rows_of(store, partition)
    objects = objects_of(rows)
    for type in JMAP_TYPES:
        objects.setdefault(type, {})
    states = {id: state for thread in objects["Thread"].values() for id, state in thread["emails"].items()}
    assert states.keys() == objects["Email"].keys()
    assert all(thread["emails"] for thread in objects["Thread"].values())
    assert all("t" + email[1:16] == id for id, thread in objects["Thread"].items() for email in thread["emails"])
    _check_mailboxes(objects, states)
    _check_lists(rows, objects, states)
    _check_message_ids(rows, objects)
    _check_blobs(rows, objects, store, partition, now)
    usage = rows["h"][0]["usage"]
    sizes = [email["size"] for email in objects["Email"].values()]
    assert usage == {"emails": len(sizes), "bytes": sum(sizes)}


def _unread(state: Body) -> bool:
    return not {"$seen", "$draft"} & set(state["keywords"])


def _check_mailboxes(objects: Objects, states: dict[str, Body]) -> None:
    """Counters by RFC 8621 §2; uids are unique and below the next one."""
    for mailbox, row in objects["Mailbox"].items():
        here = [state for state in states.values() if mailbox in state["mailboxIds"]]
        threads = [
            list(thread["emails"].values())
            for thread in objects["Thread"].values()
            if any(mailbox in state["mailboxIds"] for state in thread["emails"].values())
        ]
        unread_threads = 0
        for emails in threads:
            if mailbox == "trash":
                regarded = [state for state in emails if "trash" in state["mailboxIds"]]
            else:
                regarded = [state for state in emails if list(state["mailboxIds"]) != ["trash"]]
            unread_threads += any(_unread(state) for state in regarded)
        assert row["counts"] == [len(here), sum(map(_unread, here)), len(threads), unread_threads], mailbox
        uids = [state["mailboxIds"][mailbox] for state in here]
        assert len(set(uids)) == len(uids), mailbox
        assert row["uidNext"] > max(uids, default=0), mailbox
    named = {mailbox for state in states.values() for mailbox in state["mailboxIds"]}
    assert named <= objects["Mailbox"].keys()


def _check_lists(rows: dict[str, tuple[Body, int | None]], objects: Objects, states: dict[str, Body]) -> None:
    expected = {}
    for id, state in states.items():
        email = objects["Email"][id]
        sort = {name: (email.get(name) or [{}])[0] for name in ("from", "to")}
        body = {
            "size": email["size"],
            "hasAttachment": email["hasAttachment"],
            "sentAt": email.get("sentAt", ""),
            "subject": email["baseSubject"][:64],
            "keywords": state["keywords"],
            "mailboxIds": dict.fromkeys(state["mailboxIds"], True),
            **{name: (first.get("name") or first.get("email") or "")[:64] for name, first in sort.items()},
        }
        for mailbox in (*state["mailboxIds"], "*"):
            expected[f"x/list/{mailbox}/{state['receivedAt']:013d}/{id}"] = (body, None)
    assert {key: value for key, value in rows.items() if key.startswith("x/list/")} == expected


def _check_message_ids(rows: dict[str, tuple[Body, int | None]], objects: Objects) -> None:
    """Each message id leads to the one thread that holds it."""
    expected: dict[str, Body] = {}
    for id, thread in objects["Thread"].items():
        for hash in thread["messageIds"]:
            assert f"x/msgid/{hash}" not in expected, "two threads hold one message id"
            expected[f"x/msgid/{hash}"] = {"thread": id}
    assert {key: body for key, (body, _) in rows.items() if key.startswith("x/msgid/")} == expected


def _check_blobs(
    rows: dict[str, tuple[Body, int | None]], objects: Objects, store: Store, partition: str, now: int
) -> None:
    uses = Counter(email["blob"] for email in objects["Email"].values())
    uploads: dict[str, int] = {}
    for row in store.scan(partition, "g/", "g0"):
        for change in unseal(row.body)[0].changes:
            if change.type == "Upload" and change.create:
                uploads[change.id] = max(uploads.get(change.id, 0), change.create["expires"])
    blobs = {key.removeprefix("b/"): value for key, value in rows.items() if key.startswith("b/")}
    current = {blob for blob, expires in uploads.items() if expires * 1000 > now}
    assert uses.keys() | current <= blobs.keys()
    for blob, (body, expires) in blobs.items():
        assert body["uses"] == uses[blob]
        assert expires == (None if uses[blob] else uploads[blob])
        if blob in current:
            assert body["upload"] == uploads[blob]


@dataclass
class History(Store):
    """A store into which a partition is replayed, and which notes what each entry does to its objects."""

    store: Store
    objects: Objects = field(default_factory=dict)
    samples: dict[int, Objects] = field(default_factory=dict)
    every: int = 1

    def get(self, partition: str, key: str) -> Row | None:
        return self.store.get(partition, key)

    def get_many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
        return self.store.get_many(keys)

    def scan(self, *where: Any, **how: Any) -> Iterator[Row]:
        return self.store.scan(*where, **how)

    def partitions(self, prefix: str = "") -> Iterator[str]:
        return self.store.partitions(prefix)

    def commit(self, batch: Batch) -> None:
        """Compare the batch with what was there before, and both with what its entry says it touched."""
        entry, differing = None, []
        for operation in batch.operations:
            if isinstance(operation, Put) and operation.key.startswith("g/"):
                entry = unseal(operation.row.body)[0]
            if operation.key.startswith("o/"):
                body = json.loads(operation.row.body) if isinstance(operation, Put) else None
                _, type, id = operation.key.split("/", 2)
                differing.append((type, id, self.objects.get(type, {}).get(id), body))
            assert isinstance(operation, Put | Delete)
        assert entry is not None, "the tests keep an entry within a batch"
        expected = _touched(differing)
        told = {type: {how: set(getattr(t, how)) for how in _HOW} for type, t in entry.touched.items()}
        for type in JMAP_TYPES:
            mine, theirs = expected.get(type, _nothing()), told.get(type, _nothing())
            if type == "Mailbox":
                _allow_more(mine, theirs)
            assert mine == theirs, (entry.seq, type)
        for type, id, _, body in differing:
            if body is None:
                self.objects.get(type, {}).pop(id, None)
            else:
                self.objects.setdefault(type, {})[id] = body
        self.store.commit(batch)
        if entry.seq % self.every == 0:
            self.samples[entry.seq] = {type: dict(ids) for type, ids in self.objects.items()}


_HOW = ("created", "updated", "destroyed", "counted")


def _allow_more(mine: dict[str, set[str]], theirs: dict[str, set[str]]) -> None:
    """A mailbox renamed to the name it has is told as updated; one whose counters went up and down again
    within the entry (two threads became one) as counted."""
    mine["counted"] -= theirs["updated"]
    for how in ("updated", "counted"):
        assert mine[how] <= theirs[how]
        mine[how] = theirs[how]


def _nothing() -> dict[str, set[str]]:
    return {how: set() for how in _HOW}


def _touched(differing: list[tuple[str, str, Body | None, Body | None]]) -> dict[str, dict[str, set[str]]]:
    """What a client could notice, found by comparing objects before and after."""
    found: dict[str, dict[str, set[str]]] = {}
    before: dict[str, Body] = {}
    after: dict[str, Body] = {}
    for type, id, old, new in differing:
        notes = found.setdefault(type, _nothing())
        if old is None and new is not None:
            notes["created"].add(id)
        elif old is not None and new is None:
            notes["destroyed"].add(id)
        elif old is not None and new is not None and type == "Mailbox":
            if _named(old) != _named(new):
                notes["updated"].add(id)
            elif old["counts"] != new["counts"]:
                notes["counted"].add(id)
        elif old is not None and new is not None and type == "Thread" and old["emails"].keys() != new["emails"].keys():
            notes["updated"].add(id)
        if type == "Thread":
            before |= old["emails"] if old else {}
            after |= new["emails"] if new else {}
    emails = found.setdefault("Email", _nothing())
    emails["updated"] = {id for id in before.keys() & after.keys() if before[id] != after[id]}
    return found


def _named(mailbox: Body) -> Body:
    return {name: value for name, value in mailbox.items() if name not in ("counts", "uidNext")}


def mirror(source: Store, partition: str, target: Store) -> None:
    """Copy a partition's rows as they are."""
    for row in source.scan(partition):
        target.commit(Batch((Put(row),)))


def replayed_history(source: Store, partition: str, scratch: Store, *, now: int, every: int) -> History:
    """Replay into an empty store; every row is then the same, byte for byte, but for those that have expired
    and were removed meanwhile."""
    history = History(scratch, every=every)
    replay(source, partition, history)
    there = {row.key: row for row in source.scan(partition)}
    again = {row.key: row for row in scratch.scan(partition)}
    assert {key: again.get(key) for key in there} == there
    assert all((again[key].expires or 10**12) * 1000 <= now for key in again.keys() - there.keys())
    return history


def check_changes(view: View, history: History, *, portion: int) -> None:
    """From every sampled state, `changes` leads to the present; in one go and in portions."""
    present = history.objects
    for seq, past in history.samples.items():
        for type in JMAP_TYPES:
            whole = changes(view, type, str(seq))
            assert not whole.has_more
            _check_step(type, whole, past.get(type, {}), present.get(type, {}), past, present)
            known, state, more = set(past.get(type, {})), str(seq), True
            while more:
                part = changes(view, type, state, portion)
                told = [*part.created, *part.updated, *part.destroyed]
                assert len(told) == len(set(told)) <= portion
                known = (known | set(part.created)) - set(part.destroyed)
                state, more = part.new_state, part.has_more
            assert known == present.get(type, {}).keys()
            assert state == whole.new_state


def _check_step(
    type: str, step: Changes, old: dict[str, Body], new: dict[str, Body], past: Objects, present: Objects
) -> None:
    assert set(step.created) == new.keys() - old.keys()
    assert set(step.destroyed) == old.keys() - new.keys()
    assert set(step.updated) <= old.keys() & new.keys()
    seen = {id for id in old.keys() & new.keys() if _seen(type, id, past) != _seen(type, id, present)}
    assert seen <= set(step.updated)
    if step.only_counted:
        assert all(_named(old[id]) == _named(new[id]) for id in step.updated)


def _seen(type: str, id: str, objects: Objects) -> object:
    """What a client sees of an object that may change."""
    if type == "Email":
        return objects["Thread"]["t" + id[1:16]]["emails"][id]
    if type == "Thread":
        return sorted(objects[type][id]["emails"])
    return {name: value for name, value in objects[type][id].items() if name != "uidNext"}
