"""A process that dies anywhere between the client's request and the last word of it: nothing is lost, and only the
one moment that SMTP cannot secure may send twice (RFC 1047)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from homing.delivery.outbox import transmit_task
from homing.ledger.entry import Actor
from homing.ports.transport import Reply
from homing.site import Site
from homing.submission.attempt import send, transmit
from homing.submission.queue import SEND_TASK
from tests.doubles import Crashed, FaultPlan, FaultyBlobs, FaultyStore
from tests.mail import message
from tests.rooms.submission.posting import Sender, due_now, next_hop, sent, work
from tests.rooms.submission.test_sending import put

Draft = Callable[..., str]
RECIPIENTS = "bob@example.org, eve@example.com, gil@example.com, nobody@example.org"
MOST = 12


def until(site: Site, effects: int) -> tuple[Site, FaultPlan]:
    """A process that dies after so many writes."""
    plan = FaultPlan(effects)
    return replace(site, store=FaultyStore(site.store, plan), blobs=FaultyBlobs(site.blobs, plan)), plan


@pytest.mark.parametrize("effects", range(MOST))
def test_whenever_a_send_dies_every_recipient_gets_the_message_and_the_sender_one_report(
    site: Site, ann: Sender, bob: Sender, draft: Draft, effects: int
) -> None:
    next_hop(site).replies["gil@example.com"] = Reply(550, "5.1.1", "No such user")
    id = ann.submit(draft(to=RECIPIENTS, subject="Plans"))["id"]
    (task,) = due_now(site)
    dying, plan = until(site, effects)
    try:
        send(dying, Actor("task", task.kind, task.id), task)
    except Crashed:
        assert plan.stopped

    work(site)

    assert [email["subject"] for email in bob.inbox()] == ["Plans"]
    assert 1 <= len(sent(site)) <= 2
    assert len(ann.inbox()) == 1
    statuses = {one: status["delivered"] for one, status in ann.submission(id)["deliveryStatus"].items()}
    assert statuses == {
        "bob@example.org": "yes", "eve@example.com": "unknown", "gil@example.com": "no", "nobody@example.org": "no",
    }  # fmt: skip
    assert ann.submission(id)["dsnBlobIds"] == [ann.inbox()[0]["blobId"]]


@pytest.mark.parametrize("effects", range(MOST))
def test_whenever_mail_of_the_site_dies_on_its_way_it_arrives(
    site: Site, ann: Sender, bob: Sender, effects: int
) -> None:
    recipients = ["bob@example.org", "eve@example.com"]
    task = transmit_task(site, ann.account, site.blobs.put(message()), recipients, site.clock.now())
    put(site, task)
    dying, plan = until(site, effects)
    try:
        transmit(dying, Actor("task", task.kind, task.id), task)
    except Crashed:
        assert plan.stopped

    work(site)
    put(site, task)
    work(site)

    assert len(bob.inbox()) == 1
    assert 1 <= len(sent(site)) <= 2


def test_the_sweeps_are_longer_than_what_they_sweep(site: Site, ann: Sender, bob: Sender, draft: Draft) -> None:
    ann.submit(draft(to=RECIPIENTS))
    (task,) = due_now(site)
    counting, plan = until(site, MOST)

    send(counting, Actor("task", SEND_TASK, task.id), task)

    assert 3 <= plan.effects < MOST


def test_a_process_that_dies_before_the_next_hop_was_asked_sends_once(site: Site, ann: Sender, draft: Draft) -> None:
    ann.submit(draft())
    (task,) = due_now(site)
    dying, _ = until(site, 1)  # the commit after which nobody can cancel
    with pytest.raises(Crashed):
        send(dying, Actor("task", task.kind, task.id), task)

    work(site)

    assert len(sent(site)) == 1
