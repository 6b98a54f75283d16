"""Threads as RFC 8621 §3 asks: joined by message ids and subject, merged by late messages, full at last."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from homing.config import Config, Limits
from homing.delivery.accept import accept
from homing.delivery.threads import MERGE_EMAILS, MERGE_TASK, merge_threads
from homing.directory.accounts import User
from homing.ids import thread_of
from homing.ledger import keys, tasks
from homing.ledger.changes import changes
from homing.ledger.entry import Actor
from homing.ledger.tasks import Task
from homing.ledger.transact import Transaction, transact
from homing.ledger.view import View
from homing.site import Site
from tests.conftest import FakeClock
from tests.doubles import CountingStore, Crashed, FaultPlan, FaultyStore
from tests.mail import landed, message
from tests.rooms.ledger.truth import check_account

from .outcome import assert_sound, work_off

Deliver = Callable[..., str]


@pytest.fixture
def account(user: User) -> str:
    return user.account


@pytest.fixture
def look(site: Site, account: str) -> Callable[[], View]:
    return lambda: View(site.store, account, site.clock.now())


@pytest.fixture
def deliver(site: Site, look: Callable[[], View]) -> Deliver:
    """Delivers one message, returns the id of the email that came of it."""

    def one(message_id: str | None, *references: str, subject: str = "Plan", **more: object) -> str:
        before = look().all_objects("Email").keys()
        raw = message(subject, message_id=message_id, references=references, **more)
        assert accept(site, [landed(raw)]) == [[None]]
        [new] = [
            id
            for id, record in look().all_objects("Email").items()
            if id not in before and record.get("messageId", [None]) == [message_id]
        ][-1:]
        return new

    return one


@pytest.fixture(autouse=True)
def _sound_at_the_end(site: Site, account: str, tmp_path: Path) -> Iterator[None]:
    """Whatever a test does, counters, indexes and ledger are right after it."""
    yield
    work_off(site)
    check_account(site.store, account, site.clock.now())
    assert_sound(site, [account], tmp_path)


def threads(view: View) -> list[int]:
    """Sizes of all threads."""
    return sorted(len(thread["emails"]) for thread in view.all_objects("Thread").values())


def test_a_reply_joins_the_thread_of_what_it_answers(deliver: Deliver) -> None:
    first = deliver("1@x")

    assert thread_of(deliver("2@x", in_reply_to="1@x", subject="Re: Plan")) == thread_of(first)
    assert thread_of(deliver("3@x", "0@x", "1@x", subject="RE: plan")) == thread_of(first)


def test_two_that_answer_what_never_came_are_a_thread(deliver: Deliver) -> None:
    assert thread_of(deliver("1@x", "0@x")) == thread_of(deliver("2@x", "0@x"))


@pytest.mark.parametrize(
    "subject", ["Re: Plan", "Fwd: Re: PLAN", "[list] Re: plan", "Plan (fwd)", "Re: Pl an", " plan  "]
)
def test_subjects_that_differ_by_marks_case_and_white_space_are_the_same(deliver: Deliver, subject: str) -> None:
    assert thread_of(deliver("1@x")) == thread_of(deliver("2@x", "1@x", subject=subject))


def test_a_reply_under_another_subject_begins_a_new_thread(deliver: Deliver) -> None:
    assert thread_of(deliver("1@x")) != thread_of(deliver("2@x", "1@x", subject="Lunch"))


def test_the_same_subject_alone_makes_no_thread(deliver: Deliver) -> None:
    assert thread_of(deliver("1@x")) != thread_of(deliver("2@x"))


def test_messages_without_an_id_are_threads_of_their_own(deliver: Deliver) -> None:
    assert thread_of(deliver(None)) != thread_of(deliver(None))


def test_messages_of_one_batch_find_each_other(site: Site, look: Callable[[], View], account: str) -> None:
    raws = [message("Plan", message_id=f"{n}@x", references=[f"{n - 1}@x"]) for n in (3, 1, 2, 4)]

    accept(site, [landed(raw) for raw in raws])

    assert threads(look()) == [4]


def test_a_late_message_joins_two_threads(deliver: Deliver, look: Callable[[], View]) -> None:
    older, newer = deliver("1@x"), deliver("3@x", "2@x")
    state = str(look().head.seq)

    joining = deliver("2@x", "1@x")

    found = changes(look(), "Email", state)
    assert threads(look()) == [3]
    [gone] = found.destroyed
    assert gone in (older, newer)
    assert len(found.created) == 2
    assert joining in found.created
    assert changes(look(), "Thread", state).destroyed == [thread_of(gone)]
    assert (look().object("Mailbox", "inbox") or {})["counts"] == [3, 3, 1, 1]


def test_a_joined_email_keeps_its_keywords_mailboxes_uid_and_time(
    site: Site, actor: Actor, account: str, clock: FakeClock, deliver: Deliver, look: Callable[[], View]
) -> None:
    first, second = deliver("1@x"), deliver("3@x", "2@x")

    def decide(transaction: Transaction) -> None:
        draft = transaction.draft(account)
        draft.update("Thread", thread_of(first), {"emails": {first: {"keywords": {"$seen": True}}}})
        draft.update("Thread", thread_of(second), {"emails": {second: {"mailboxIds": {"inbox": None, "archive": 6}}}})

    transact(site, actor, decide)
    clock.advance(1_000)
    before = [state for thread in look().all_objects("Thread").values() for state in thread["emails"].values()]

    deliver("2@x", "1@x")

    [thread] = look().all_objects("Thread").values()
    assert all(state in thread["emails"].values() for state in before)


def test_joining_costs_no_uid(deliver: Deliver, look: Callable[[], View]) -> None:
    deliver("1@x")
    deliver("3@x", "2@x")

    deliver("2@x", "1@x")

    assert (look().object("Mailbox", "inbox") or {})["uidNext"] == 4


def test_the_smaller_thread_moves_into_the_larger(deliver: Deliver) -> None:
    deliver("1@x")
    large = {thread_of(deliver(f"{n}@x", "9@x")) for n in (5, 6, 7)}

    assert {thread_of(deliver("9@x", "1@x"))} == large


def long_thread(deliver: Deliver, name: str, size: int) -> str:
    return [thread_of(deliver(f"{name}{n}@x", f"{name}@x")) for n in range(size)][-1]


def test_a_long_thread_is_moved_by_a_task(
    site: Site, account: str, deliver: Deliver, look: Callable[[], View], actor: Actor
) -> None:
    small, large = long_thread(deliver, "a", 12), long_thread(deliver, "b", 14)

    deliver("joint@x", "a@x", "b@x")

    [task] = tasks.due_tasks(site.store, site.clock.now())
    assert (task.kind, task.partition, task.arguments) == (MERGE_TASK, account, {"from": small, "into": large})
    assert threads(look()) == [12, 15]
    merge_threads(site, actor, task)
    assert threads(look()) == [27]
    assert look().all_objects("Thread").keys() == {large}


def test_mail_meets_the_joined_thread_while_the_task_waits(deliver: Deliver, site: Site) -> None:
    long_thread(deliver, "a", 12)
    large = long_thread(deliver, "b", 14)
    deliver("joint@x", "a@x", "b@x")

    assert thread_of(deliver("late@x", "a@x")) == large


def test_a_merge_done_twice_is_done_once(
    site: Site, account: str, deliver: Deliver, look: Callable[[], View], actor: Actor
) -> None:
    long_thread(deliver, "a", 12)
    long_thread(deliver, "b", 14)
    deliver("joint@x", "a@x", "b@x")
    [task] = tasks.due_tasks(site.store, site.clock.now())
    merge_threads(site, actor, task)
    seq = look().head.seq

    merge_threads(site, actor, task)

    assert look().head.seq == seq


def test_two_merges_of_the_same_threads_in_opposite_directions_end(
    site: Site, account: str, deliver: Deliver, look: Callable[[], View], actor: Actor
) -> None:
    """Each runs a step whenever the other has committed one."""
    one, other = long_thread(deliver, "a", 12), long_thread(deliver, "b", 12)
    there = Task("k1", MERGE_TASK, account, 0, {"from": one, "into": other})
    back = Task("k2", MERGE_TASK, account, 0, {"from": other, "into": one})

    class TakingTurns(CountingStore):
        def commit(self, batch):
            super().commit(batch)
            assert self.calls.as_dict()["commit"] < 20, "they carry the same emails to and fro"
            with contextlib.suppress(Crashed):
                merge_threads(replace(site, store=FaultyStore(site.store, FaultPlan(1))), actor, back)

    merge_threads(replace(site, store=TakingTurns(site.store)), actor, there)

    assert threads(look()) == [24]


def test_a_merge_moves_only_a_few_emails_a_commit(
    site: Site, account: str, deliver: Deliver, look: Callable[[], View]
) -> None:
    long_thread(deliver, "a", 12)
    long_thread(deliver, "b", 14)
    deliver("joint@x", "a@x", "b@x")
    state = str(look().head.seq)

    work_off(site)

    assert look().head.seq - int(state) == -(-12 // MERGE_EMAILS)
    assert len(changes(look(), "Email", state).destroyed) == 12


def test_threads_with_hundreds_of_message_ids_merge_all_the_same(
    site: Site, deliver: Deliver, look: Callable[[], View]
) -> None:
    for name, size in (("a", 20), ("b", 22)):
        for n in range(size):
            deliver(f"{name}{n}@x", f"{name}@x", *(f"{name}{n}.{m}@x" for m in range(8)))
    assert all(len(thread["messageIds"]) > 180 for thread in look().all_objects("Thread").values())

    deliver("joint@x", "a@x", "b@x")
    work_off(site)

    assert threads(look()) == [43]
    assert list(tasks.dead_tasks(site.store)) == []


def test_a_message_that_ties_many_threads_arrives_at_once(
    site: Site, deliver: Deliver, look: Callable[[], View]
) -> None:
    """More than one commit could hold; the rest follows by tasks."""
    for number in range(9):
        long_thread(deliver, f"t{number}-", 5)

    deliver("joint@x", *(f"t{number}-@x" for number in range(9)))

    assert sum(threads(look())) == 46
    work_off(site)
    assert threads(look()) == [46]


def test_emails_in_many_mailboxes_with_large_records_are_merged(
    site: Site, actor: Actor, account: str, deliver: Deliver, look: Callable[[], View]
) -> None:
    mailboxes = [f"m{number}" for number in range(15)]
    addresses = ", ".join(f"Somebody With A Long Name {n} <somebody{n}@long.example>" for n in range(2_000))

    def furnish(transaction: Transaction) -> None:
        for id in mailboxes:
            transaction.draft(account).create("Mailbox", id, {"name": id})

    transact(site, actor, furnish)
    for name in "ab":
        for n in range(4):
            id = deliver(f"{name}{n}@x", f"{name}@x", to=addresses, headers=[f"Cc: {addresses}"])

            def spread(transaction: Transaction, id: str = id) -> None:
                draft = transaction.draft(account)
                uids = {m: box["uidNext"] for m, box in draft.objects("Mailbox", mailboxes).items()}
                draft.update("Thread", thread_of(id), {"emails": {id: {"mailboxIds": uids}}})

            transact(site, actor, spread)

    deliver("joint@x", "a@x", "b@x")
    work_off(site)

    assert threads(look()) == [9]


@pytest.fixture
def narrow(site: Site, tmp_path: Path) -> Site:
    """A site whose threads hold three emails."""
    return replace(site, config=Config(data=tmp_path, limits=Limits(max_thread_emails=3)))


def file_numbered(site: Site, numbers: range) -> None:
    for number in numbers:
        raw = message("Plan", message_id=f"{number}@x", references=["0@x"])
        assert accept(site, [landed(raw)]) == [[None]]


def test_a_full_thread_takes_no_more_and_the_next_message_begins_a_new_one(
    narrow: Site, look: Callable[[], View]
) -> None:
    file_numbered(narrow, range(1, 9))

    assert threads(look()) == [2, 3, 3]


def test_after_a_full_thread_later_messages_go_on_in_the_new_one(narrow: Site, look: Callable[[], View]) -> None:
    file_numbered(narrow, range(1, 5))
    [young] = [id for id, thread in look().all_objects("Thread").items() if len(thread["emails"]) == 1]

    raw = message("Plan", message_id="5@x", references=["0@x", "2@x"])
    accept(narrow, [landed(raw)])

    assert len((look().object("Thread", young) or {})["emails"]) == 2


def test_two_threads_that_are_too_long_together_stay_apart(narrow: Site, look: Callable[[], View]) -> None:
    for number, reference in ((1, "a@x"), (2, "a@x"), (3, "b@x"), (4, "b@x")):
        accept(narrow, [landed(message("Plan", message_id=f"{number}@x", references=[reference]))])

    accept(narrow, [landed(message("Plan", message_id="5@x", references=["a@x", "b@x"]))])

    assert threads(look()) == [2, 3]


def test_a_merge_that_no_longer_fits_is_left_undone(
    narrow: Site, look: Callable[[], View], account: str, actor: Actor
) -> None:
    for number, reference in ((1, "a@x"), (2, "a@x"), (3, "b@x"), (4, "b@x")):
        accept(narrow, [landed(message("Plan", message_id=f"{number}@x", references=[reference]))])
    one, other = look().all_objects("Thread")

    merge_threads(narrow, actor, Task("k", MERGE_TASK, account, 0, {"from": one, "into": other}))

    assert threads(look()) == [2, 2]


def test_a_thread_that_has_seen_too_many_message_ids_is_full(narrow: Site, look: Callable[[], View]) -> None:
    """Otherwise a thread whose emails come and go would grow for ever."""
    for number in range(1, 6):
        references = ["0@x", *(f"{number}.{m}@x" for m in range(8))]
        accept(narrow, [landed(message("Plan", message_id=f"{number}@x", references=references))])
        for id, thread in look().all_objects("Thread").items():
            assert len(thread["messageIds"]) <= 40, id

    assert sum(threads(look())) == 5


def test_a_thread_that_was_emptied_is_forgotten(
    site: Site, actor: Actor, account: str, deliver: Deliver, look: Callable[[], View]
) -> None:
    first = deliver("1@x")

    def decide(transaction: Transaction) -> None:
        draft = transaction.draft(account)
        draft.update("Thread", thread_of(first), {"emails": {first: None}})
        draft.destroy("Email", first)
        draft.destroy("Provenance", first)

    transact(site, actor, decide)

    assert list(look().scan(*keys.prefix_range("x/msgid/"))) == []
    assert thread_of(deliver("2@x", "1@x")) != thread_of(first)
