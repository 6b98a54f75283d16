"""What tests of sending have in common: mail put into a mailbox as it is, and the outbox worked off."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from functions.task.handler import KINDS
from homing.delivery.arrival import arrival_of
from homing.delivery.file import file
from homing.delivery.outbox import REPORT_TASK, TRANSMIT_TASK
from homing.directory.accounts import User
from homing.jmap.capabilities import CORE, MAIL, MDN, SUBMISSION
from homing.ledger import tasks
from homing.ledger.entry import Actor
from homing.ledger.view import View
from homing.ports.landings import Envelope, Landed
from homing.ports.transport import Outgoing
from homing.site import Site
from homing.submission.queue import SEND_TASK
from tests.doubles import RecordingTransport
from tests.rooms.jmap.conftest import Client, Object

OURS = (SEND_TASK, TRANSMIT_TASK, REPORT_TASK)
_numbers = itertools.count(1)


class Sender(Client):
    """A client that may send."""

    def request(self, *calls: tuple[str, Object, str], **more: Any) -> Object:
        return super().request(*calls, **{"using": [CORE, MAIL, SUBMISSION, MDN], **more})

    def submit(self, email: str, **given: Any) -> Object:
        """The submission of an email, as it was created."""
        answer = self.call("EmailSubmission/set", create={"new": {"identityId": "default", "emailId": email, **given}})
        assert answer["created"], answer
        created: Object = answer["created"]["new"]
        return created

    def refusal(self, email: str, **given: Any) -> Object:
        """Why an email may not be sent."""
        answer = self.call("EmailSubmission/set", create={"new": {"identityId": "default", "emailId": email, **given}})
        assert answer["notCreated"], answer
        error: Object = answer["notCreated"]["new"]
        return error

    def submission(self, id: str) -> Object:
        found: Object = self.call("EmailSubmission/get", ids=[id])["list"][0]
        return found

    def inbox(self) -> list[Object]:
        """The emails in the inbox, the newest first."""
        ids = self.query(filter={"inMailbox": "inbox"}, sort=[{"property": "receivedAt", "isAscending": False}])
        found: list[Object] = self.call("Email/get", ids=ids)["list"]
        return found


def store(site: Site, user: User, raw: bytes, mailbox: str = "drafts", keywords: Iterable[str] = ("$draft",)) -> str:
    """Put a message into a mailbox, as a client would have done that made it; its email id."""
    envelope = Envelope("", (), protocol="import", received_at=site.clock.now())
    arrival = arrival_of(Landed(f"store:{next(_numbers)}", envelope, raw), site.blobs.put(raw), site.clock.now())
    arrival = replace(arrival, mailbox_ids=(mailbox,), keywords=frozenset(keywords))
    before = set(View(site.store, user.account, site.clock.now()).all_objects("Email"))
    assert file(site, Actor("tester", "test"), user.account, [arrival]) == [None]
    (id,) = set(View(site.store, user.account, site.clock.now()).all_objects("Email")) - before
    return id


def work(site: Site) -> int:
    """Run what is due of ours, as the task function does, until nothing is left; how many tasks there were."""
    count = 0
    while due := due_now(site):
        for task in due:
            KINDS[task.kind](site, Actor("task", task.kind, task.id), task)
            tasks.finish(site.store, task)
            count += 1
    return count


def due_now(site: Site) -> list[tasks.Task]:
    return [task for task in tasks.due_tasks(site.store, site.clock.now()) if task.kind in OURS]


def sent(site: Site) -> list[Outgoing]:
    """What the next hop was given."""
    assert isinstance(site.transport, RecordingTransport)
    return site.transport.sent


def next_hop(site: Site) -> RecordingTransport:
    assert isinstance(site.transport, RecordingTransport)
    return site.transport
