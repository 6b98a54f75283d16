"""What a reader would see after mail was filed, without the ids and times that differ from run to run."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from homing.adapters.sqlite import Database, SqliteStore
from homing.delivery.threads import MERGE_TASK, merge_threads
from homing.ledger import keys, tasks
from homing.ledger.entry import Actor, decode_body
from homing.ledger.verify import verify
from homing.ledger.view import View
from homing.site import Site

Outcome = tuple[list[Any], dict[str, Any], tuple[int, int], dict[str, Any], list[str]]


def outcome_of(site: Site, account: str) -> Outcome:
    """Threads as bags of (blob, mailboxes, provenance), counters of mailboxes, usage, readable blobs."""
    view = View(site.store, account, site.clock.now())
    emails, provenance = view.all_objects("Email"), view.all_objects("Provenance")
    assert emails.keys() == provenance.keys()
    threads = sorted(
        sorted(
            (emails[id]["blob"], sorted(state["mailboxIds"]), json.dumps(provenance[id], sort_keys=True))
            for id, state in thread["emails"].items()
        )
        for thread in view.all_objects("Thread").values()
    )
    counts = {id: (mailbox["counts"], mailbox["uidNext"]) for id, mailbox in view.all_objects("Mailbox").items()}
    blobs = {row.key: _without_ids(decode_body(row.body)) for row in view.scan(*keys.prefix_range("b/"))}
    deliveries = [row.key for row in view.scan(*keys.prefix_range("d/"))]
    return threads, counts, (view.head.emails, view.head.bytes), blobs, deliveries


def _without_ids(blob: dict[str, Any]) -> dict[str, Any]:
    """Of the emails that a blob's row names, how many there are: their ids differ."""
    return {**blob, "emails": len(blob.get("emails", ()))}


def work_off(site: Site) -> None:
    """Run every task that waits."""
    for task in list(tasks.due_tasks(site.store, site.clock.now())):
        assert task.kind == MERGE_TASK
        merge_threads(site, Actor("worker", "task"), task)
        tasks.finish(site.store, task)


def assert_sound(site: Site, accounts: Sequence[str], folder: Path) -> None:
    """`verify` finds nothing, and every email's raw message is there."""
    database = Database(folder / f"verify-{random.getrandbits(64):x}.db", durable=False)
    for account in accounts:
        assert verify(site.store, account, SqliteStore(database), site.clock.now()) == []
        for email in View(site.store, account, site.clock.now()).all_objects("Email").values():
            assert site.blobs.size(email["blob"]) == email["size"]
    database.close()
