"""The threads that push: which accounts they are run for, and how often."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from homing.directory.accounts import User
from homing.directory.credentials import Identity
from homing.host.pushes import Pushes
from homing.host.tailer import NotifyingStore
from homing.jmap.context import Context
from homing.jmap.push.sending import verify
from homing.jmap.types.push_subscription import push_set
from homing.lambda_shell import use_site
from homing.ledger import tasks
from homing.ledger.entry import Actor
from homing.ledger.transact import transact
from homing.site import Site
from tests.doubles import RecordingNotifier

PATIENCE = 30.0
ACTOR = Actor("tester", "test")


class Gate(RecordingNotifier):
    """A push service that lets a test see how many are inside."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = 0
        self.most = 0
        self.arrived = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.left = threading.Semaphore(0)
        self._lock = threading.Lock()

    def post(self, *posted: Any) -> int:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.arrived.release()
        assert self.go.acquire(timeout=PATIENCE)
        with self._lock:
            self.inside -= 1
        status = super().post(*posted)
        self.left.release()
        return status


@pytest.fixture
def gate(site: Site, user: User) -> Gate:
    """A service to which Ann has a verified subscription."""
    context = Context(site, Identity(user.login, user.account), "")
    create = {"create": {"new": {"deviceClientId": "d", "url": "https://push.example.net/r"}}}
    id = push_set(context, create)["created"]["new"]["id"]
    [task] = list(tasks.due_tasks(site.store, site.clock.now()))
    verify(site, ACTOR, task)
    assert isinstance(site.notifier, RecordingNotifier)
    code = json.loads(site.notifier.posted[0][2])["verificationCode"]
    assert push_set(context, {"update": {id: {"verificationCode": code}}})["updated"]
    return Gate()


@pytest.fixture
def told(site: Site, gate: Gate) -> Iterator[Site]:
    """Ann's site, whose commits are told to threads that push."""
    store = NotifyingStore(site.store)
    pushes = Pushes(linger=0.0)
    store.tell(pushes.committed)
    pushes.start()
    told = replace(site, store=store, notifier=gate)
    use_site(told)
    yield told
    gate.go.release(100)
    assert pushes.stop(PATIENCE)


def rename(site: Site, account: str, name: str) -> str:
    """Change a mailbox; the state of mailboxes after it."""

    def decide(transaction: Any) -> Any:
        draft = transaction.draft(account)
        draft.update("Mailbox", "inbox", {"name": name})
        return draft

    state: str = transact(site, ACTOR, decide).after.state("Mailbox")
    return state


def test_what_moves_while_a_push_is_under_way_comes_after_it_as_one(told: Site, gate: Gate, user: User) -> None:
    first = rename(told, user.account, "One")
    assert gate.arrived.acquire(timeout=PATIENCE)
    last = [rename(told, user.account, str(number)) for number in range(20)][-1]

    gate.go.release()
    assert gate.arrived.acquire(timeout=PATIENCE)
    gate.go.release()

    for _ in range(2):
        assert gate.left.acquire(timeout=PATIENCE)

    assert [json.loads(body)["changed"][user.account]["Mailbox"] for _, _, body in gate.posted] == [first, last]
    assert gate.most == 1


def fail() -> None:
    raise RuntimeError("a bug")


def test_work_laid_aside_is_done_and_a_fault_in_it_ends_nothing() -> None:
    pushes, done = Pushes(threads=1), threading.Event()
    pushes.start()

    pushes.aside(fail)
    pushes.aside(done.set)

    assert done.wait(PATIENCE)
    assert pushes.stop(PATIENCE)
