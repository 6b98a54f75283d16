"""Random traffic of several writers in one account: mail that comes in threads, and a busy owner."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from homing.adapters.sqlite import SqliteStore
from homing.delivery.accept import accept
from homing.delivery.threads import MERGE_TASK, destroy_record, merge_threads
from homing.errors import StoreConflict
from homing.ids import CHANCE_BYTES, thread_of, time_id
from homing.ledger import keys, tasks
from homing.ledger.entry import Actor
from homing.ledger.transact import Draft, Transaction, transact
from homing.ledger.view import View
from homing.ports.landings import Landed
from homing.site import Site
from tests.conftest import FakeClock
from tests.mail import landed, message

ACTOR = Actor("ann@example.org", "jmap", "c1")
SUBJECTS = ("Plan", "Lunch", "Budget")
CONVERSATIONS = 12
DEPTH = 14
HOUR = 3_600


@dataclass
class Traffic:
    """`run` does that many operations; safe to call from several threads, each with a seed of its own."""

    site: Site
    clock: FakeClock
    account: str
    sources: set[str] = field(default_factory=set)
    done: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, seed: int, operations: int) -> None:
        chance = random.Random(seed)
        acts: list[tuple[int, Callable[[random.Random], None]]] = [
            (42, self.deliver), (18, self.flag), (14, self.move), (3, self.create_mailbox), (2, self.rename_mailbox),
            (2, self.destroy_mailbox), (10, self.destroy_email), (4, self.upload), (5, self.work), (3, self.reap),
        ]  # fmt: skip
        weights = [weight for weight, _ in acts]
        for _ in range(operations):
            self.clock.advance(chance.randrange(60_000))
            act = chance.choices(acts, weights)[0][1]
            act(chance)
            with self.lock:
                self.done[act.__name__] = self.done.get(act.__name__, 0) + 1

    def deliver(self, chance: random.Random) -> None:
        """One to three messages at once; some of them again, some with the ids of messages yet to come."""
        batch = [self._arriving(chance) for _ in range(chance.choice((1, 1, 1, 2, 3)))]
        replies = accept(self.site, batch)
        assert replies == [[None] for _ in batch]
        with self.lock:
            self.sources.update(one.source for one in batch)

    def flag(self, chance: random.Random) -> None:
        """One email, a few, or everything in its thread as read."""
        ids = self._some_emails(chance, chance.choice((1, 1, 4)))
        keyword, value = chance.choice(("$seen", "$flagged", "$draft", "näh")), chance.choice((True, True, None))
        if chance.random() < 0.4:
            view = View(self.site.store, self.account, self.clock.now())
            ids = [id for one in ids[:1] for id in (view.object("Thread", thread_of(one)) or {"emails": {}})["emails"]]
            keyword, value = "$seen", True
        self._patch(ids, lambda _draft, _state: {"keywords": {keyword: value}})

    def move(self, chance: random.Random) -> None:
        ids = self._some_emails(chance, chance.choice((1, 1, 3)))
        where, copied = chance.random(), chance.random() < 0.3

        def patch(draft: Draft, state: dict) -> dict:
            mailboxes = list(draft.all_objects("Mailbox"))
            target = "trash" if where < 0.2 else mailboxes[int(where * len(mailboxes))]
            if target in state["mailboxIds"]:
                return {}
            uid = (draft.object("Mailbox", target) or {})["uidNext"]
            gone = {} if copied else dict.fromkeys(state["mailboxIds"])
            return {"mailboxIds": {**gone, target: uid}}

        self._patch(ids, patch)

    def create_mailbox(self, _chance: random.Random) -> None:
        id = time_id("m", self.clock.now(), self.site.ids.random(CHANCE_BYTES))
        self._note(lambda draft: draft.create("Mailbox", id, {"name": id}) if self._count(draft) < 12 else None)

    def rename_mailbox(self, chance: random.Random) -> None:
        where, name = chance.random(), f"name {chance.randrange(9)}"

        def note(draft: Draft) -> None:
            mailboxes = list(draft.all_objects("Mailbox"))
            draft.update("Mailbox", mailboxes[int(where * len(mailboxes))], {"name": name})

        self._note(note)

    def destroy_mailbox(self, chance: random.Random) -> None:
        """One that is empty, if there is one; else half an hour of emptying it."""
        where = chance.random()

        def note(draft: Draft) -> None:
            own = [(id, body) for id, body in draft.all_objects("Mailbox").items() if "role" not in body]
            if not own:
                return
            id, body = own[int(where * len(own))]
            if body["counts"][0]:
                self._empty(draft, id)
            else:
                draft.destroy("Mailbox", id)

        self._note(note)

    def destroy_email(self, chance: random.Random) -> None:
        ids = self._some_emails(chance, 1)

        def note(draft: Draft) -> None:
            for id in ids:
                if self._state(draft, id) is not None:
                    draft.update("Thread", thread_of(id), {"emails": {id: None}})
                    destroy_record(draft, id)

        self._note(note)

    def upload(self, chance: random.Random) -> None:
        """Often of a message that arrives as well."""
        digest = self.site.blobs.put(self._raw(chance))
        expires = self.clock.now() // 1000 + chance.randrange(1, 4 * HOUR)
        self._note(lambda draft: draft.create("Upload", digest, {"expires": expires}))

    def work(self, _chance: random.Random) -> None:
        """Run what is due; another worker may do so at the same time."""
        for task in list(tasks.due_tasks(self.site.store, self.clock.now())):
            assert task.kind == MERGE_TASK
            merge_threads(self.site, ACTOR, task)
            try:
                tasks.finish(self.site.store, task)
            except StoreConflict:
                continue

    def reap(self, _chance: random.Random) -> None:
        """Remove what has expired, as the process host and DynamoDB do: a good while after nobody sees it."""
        if isinstance(self.site.store, SqliteStore):
            self.site.store.reap(self.clock.now() // 1000 - HOUR)

    def _raw(self, chance: random.Random) -> bytes:
        conversation, place = chance.randrange(CONVERSATIONS), chance.randrange(DEPTH)
        names = [f"{conversation}.{number}@x" for number in range(place)]
        kept = chance.sample(names, min(len(names), chance.choice((0, 1, 1, 2))))
        if chance.random() < 0.1:
            kept.append(f"{chance.randrange(CONVERSATIONS)}.{chance.randrange(DEPTH)}@x")
        subject = SUBJECTS[conversation % 3] if chance.random() < 0.95 else "Aside"
        return message(f"Re: {subject}", message_id=f"{conversation}.{place}@x", references=kept)

    def _arriving(self, chance: random.Random) -> Landed:
        source = f"s{chance.randrange(10**9)}"
        if self.sources and chance.random() < 0.1:
            with self.lock:
                source = chance.choice(sorted(self.sources)[-5:])
        return landed(self._raw(chance), "ann@example.org", source=source, received_at=self.clock.now())

    def _some_emails(self, chance: random.Random, count: int) -> list[str]:
        at = keys.list_key("*", self.clock.now() - chance.randrange(1, 40 * HOUR * 1000), "")
        found = list(self.site.store.scan(self.account, at, keys.prefix_range("x/list/*/")[1], limit=count))
        return [row.key.rpartition("/")[2] for row in found]

    def _patch(self, ids: list[str], patch: Callable[[Draft, dict], dict]) -> None:
        def note(draft: Draft) -> None:
            for id in ids:
                state = self._state(draft, id)
                if state is not None and (change := patch(draft, state)):
                    draft.update("Thread", thread_of(id), {"emails": {id: change}})

        self._note(note)

    def _note(self, note: Callable[[Draft], None]) -> None:
        def decide(transaction: Transaction) -> None:
            note(transaction.draft(self.account))

        transact(self.site, ACTOR, decide)

    def _empty(self, draft: Draft, mailbox: str) -> None:
        for row in draft.scan(*keys.prefix_range(keys.list_prefix(mailbox)), limit=5):
            id = row.key.rpartition("/")[2]
            state = self._state(draft, id)
            if state is None or mailbox not in state["mailboxIds"]:
                continue
            if len(state["mailboxIds"]) > 1:
                draft.update("Thread", thread_of(id), {"emails": {id: {"mailboxIds": {mailbox: None}}}})
            else:
                draft.update("Thread", thread_of(id), {"emails": {id: None}})
                destroy_record(draft, id)

    @staticmethod
    def _state(draft: Draft, id: str) -> dict | None:
        thread = draft.object("Thread", thread_of(id))
        return None if thread is None else thread["emails"].get(id)

    @staticmethod
    def _count(draft: Draft) -> int:
        return len(draft.all_objects("Mailbox"))
