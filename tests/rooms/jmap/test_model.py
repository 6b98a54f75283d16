"""Two clients change one account at random, against a model that is too simple to be wrong.

Whoever knew the account at any moment and since then got only what `/changes` named knows it now; and the
counters of the mailboxes are those of a recount.
"""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from homing.adapters.sqlite import SqliteStore
from homing.ledger.verify import verify
from tests.conftest import FakeClock
from tests.mail import message
from tests.rooms.jmap.conftest import Client

Object = dict[str, Any]
TYPES = {"Mailbox": None, "Thread": None, "Email": ["mailboxIds", "keywords", "threadId"]}
KEYWORDS = ["$seen", "$flagged", "$draft", "work"]
STEPS = 90


@dataclass
class Model:
    """Emails as (mailboxes, keywords, thread)."""

    mailboxes: set[str]
    emails: dict[str, tuple[set[str], set[str], str]] = field(default_factory=dict)

    def counts(self, mailbox: str) -> tuple[int, int, int, int]:
        """RFC 8621 §2, word by word."""
        inside = [email for email in self.emails.values() if mailbox in email[0]]
        threads = {thread for _, _, thread in inside}
        unread_threads = 0
        for thread in threads:
            shown = [email for email in self.emails.values() if email[2] == thread]
            if mailbox == "trash":
                shown = [email for email in shown if "trash" in email[0]]
            else:
                shown = [email for email in shown if email[0] != {"trash"}]
            unread_threads += any(is_unread(email) for email in shown)
        return len(inside), sum(map(is_unread, inside)), len(threads), unread_threads


def is_unread(email: tuple[set[str], set[str], str]) -> bool:
    return not email[1] & {"$seen", "$draft"}


@dataclass
class Cache:
    """What a client knows of one type."""

    state: str
    objects: dict[str, Object]


def fetch(client: Client, type: str) -> Cache:
    got = client.call(f"{type}/get", properties=TYPES.get(type))
    return Cache(got["state"], {one["id"]: one for one in got["list"]})


def follow(client: Client, type: str, cache: Cache, maximum: int | None) -> None:
    """Bring a cache up to date by what `/changes` names and nothing else."""
    while True:
        page = client.call(f"{type}/changes", sinceState=cache.state, maxChanges=maximum)
        wanted = [*page["created"], *page["updated"]]
        properties = page.get("updatedProperties") if not page["created"] else None
        got = client.call(f"{type}/get", ids=wanted, properties=properties or TYPES.get(type))
        for one in got["list"]:
            cache.objects[one["id"]] = {**cache.objects.get(one["id"], {}), **one}
        for id in (*page["destroyed"], *got["notFound"]):
            cache.objects.pop(id, None)
        cache.state = page["newState"]
        if not page["hasMoreChanges"]:
            return


class Play:
    """Random acts of two clients, mirrored in the model."""

    def __init__(self, seed: int, clients: list[Client], clock: FakeClock) -> None:
        self.random = random.Random(seed)
        self.clients = clients
        self.clock = clock
        self.model = Model({one["id"] for one in clients[0].call("Mailbox/get")["list"]})
        self.sent: list[str] = []

    def act(self) -> None:
        self.clock.advance(self.random.choice([0, 1, 1_000]))
        acts = [self.deliver] * 4 + [self.flag] * 4 + [self.move] * 3 + [self.destroy, self.make_box, self.destroy_box]
        self.random.choice(acts)(self.random.choice(self.clients))

    def some(self, items: Any, most: int = 3) -> list[Any]:
        items = sorted(items)
        return self.random.sample(items, min(len(items), self.random.randint(1, most)))

    def deliver(self, client: Client) -> None:
        name = f"m{len(self.sent)}@x"
        earlier = self.random.choice(self.sent) if self.sent and self.random.random() < 0.6 else None
        state = client.state("Email")
        client.deliver(message("subject", message_id=name, in_reply_to=earlier))
        self.sent.append(name)
        page = client.call("Email/changes", sinceState=state)
        for id in page["destroyed"]:  # a thread was merged into another: its emails have new ids
            del self.model.emails[id]
        for one in client.call("Email/get", ids=page["created"], properties=TYPES["Email"])["list"]:
            self.model.emails[one["id"]] = (set(one["mailboxIds"]), set(one["keywords"]), one["threadId"])

    def flag(self, client: Client) -> None:
        keyword = self.random.choice(KEYWORDS)
        on = self.random.random() < 0.6
        ids = self.some(self.model.emails)
        client.call("Email/set", update={id: {f"keywords/{keyword}": True if on else None} for id in ids})
        for id in ids:
            (set.add if on else set.discard)(self.model.emails[id][1], keyword)

    def move(self, client: Client) -> None:
        targets = set(self.some(self.model.mailboxes))
        ids = self.some(self.model.emails)
        client.call("Email/set", update={id: {"mailboxIds": dict.fromkeys(targets, True)} for id in ids})
        for id in ids:
            _, keywords, thread = self.model.emails[id]
            self.model.emails[id] = (set(targets), keywords, thread)

    def destroy(self, client: Client) -> None:
        ids = self.some(self.model.emails, 2)
        assert set(client.call("Email/set", destroy=ids)["destroyed"] or ()) == set(ids)
        for id in ids:
            del self.model.emails[id]

    def make_box(self, client: Client) -> None:
        parent = self.random.choice([None, *sorted(self.model.mailboxes)])
        name = f"box {self.random.random()}"
        answer = client.call("Mailbox/set", create={"new": {"name": name, "parentId": parent}})
        self.model.mailboxes |= {one["id"] for one in (answer["created"] or {}).values()}

    def destroy_box(self, client: Client) -> None:
        id = self.random.choice(sorted(self.model.mailboxes))
        answer = client.call("Mailbox/set", destroy=[id], onDestroyRemoveEmails=True)
        if not answer["destroyed"]:
            return
        self.model.mailboxes.remove(id)
        left = {key: (boxes - {id}, keywords, thread) for key, (boxes, keywords, thread) in self.model.emails.items()}
        self.model.emails = {key: email for key, email in left.items() if email[0]}


def check_truth(client: Client, model: Model) -> None:
    emails = {
        id: (set(one["mailboxIds"]), set(one["keywords"]), one["threadId"])
        for id, one in fetch(client, "Email").objects.items()
    }
    assert emails == model.emails
    threads = {id: set(one["emailIds"]) for id, one in fetch(client, "Thread").objects.items()}
    assert threads == {
        thread: {id for id, email in emails.items() if email[2] == thread} for _, _, thread in emails.values()
    }
    counters = ("totalEmails", "unreadEmails", "totalThreads", "unreadThreads")
    boxes = {id: tuple(one[name] for name in counters) for id, one in fetch(client, "Mailbox").objects.items()}
    assert boxes == {id: model.counts(id) for id in model.mailboxes}
    for id in model.mailboxes:
        listed = client.call("Email/query", filter={"inMailbox": id}, calculateTotal=True)
        assert set(listed["ids"]) == {email for email, (inside, _, _) in emails.items() if id in inside}
        assert listed["total"] == len(listed["ids"])


@pytest.mark.parametrize("seed", range(6))
def test_every_cache_that_follows_the_changes_ends_at_the_truth(
    ann: Client, clock: FakeClock, scratch: SqliteStore, seed: int
) -> None:
    play = Play(seed, [ann, Client(ann.site, ann.user)], clock)
    remembered: list[dict[str, Cache]] = []

    for step in range(STEPS):
        if step % 3 == 0:
            remembered.append({type: fetch(ann, type) for type in TYPES})
        play.act()
        if step % 15 == 14:
            check_truth(ann, play.model)

    check_truth(ann, play.model)
    for caches in remembered:
        for type, cache in caches.items():
            truth = fetch(ann, type)
            for maximum in (None, play.random.randint(1, 4)):
                followed = copy.deepcopy(cache)
                follow(ann, type, followed, maximum)
                assert followed == truth
    assert verify(ann.site.store, ann.account, scratch, clock.now()) == []
