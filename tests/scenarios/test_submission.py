"""Ann writes to Bob, who is of this site, and to Eve, who is not: over HTTP, through the outbox, to a next hop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from homing.bootstrap import Home
from homing.config import Config
from homing.directory.accounts import User, create_user
from homing.ledger.entry import Actor
from tests.contract.test_transport import listening
from tests.scenarios.serving import PASSWORD, PATIENCE, USING, Running

SUBMISSION = "urn:ietf:params:jmap:submission"
Object = dict[str, Any]


class NextHop:
    """Remembers what it was given, and tells who waits."""

    def __init__(self) -> None:
        self.received: list[Envelope] = []
        self.arrived = threading.Event()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.received.append(envelope)
        self.arrived.set()
        return "250 2.0.0 OK"


@pytest.fixture
def next_hop() -> NextHop:
    return NextHop()


@pytest.fixture
def config(tmp_path: Path, next_hop: NextHop) -> Iterator[Config]:
    def relay() -> asyncio.BaseProtocol:
        protocol: asyncio.BaseProtocol = SMTP(next_hop, hostname="relay.example")
        return protocol

    with listening(relay) as port:
        yield Config(data=tmp_path, next_hop=f"127.0.0.1:{port}")


@pytest.fixture
def bob(home: Home, served_user: User) -> User:
    return create_user(home.site, Actor("tester", "test"), "bob@example.org", PASSWORD, name="Bob")


def call(running: Running, user: User, *calls: tuple[str, Object]) -> list[tuple[str, Object]]:
    """Responses to method calls of a user."""
    full = [(name, {"accountId": user.account, **given}, str(number)) for number, (name, given) in enumerate(calls)]
    with running.client(auth=(user.login, PASSWORD)) as client:
        answer = client.post("/jmap/api", json={"using": [*USING, SUBMISSION], "methodCalls": full})
    return [(name, given) for name, given, _ in answer.raise_for_status().json()["methodResponses"]]


def letter(**given: Any) -> Object:
    return {
        "mailboxIds": {"drafts": True},
        "keywords": {"$draft": True, "$seen": True},
        "from": [{"name": "Ann", "email": "ann@example.org"}],
        "to": [{"name": "Bob", "email": "bob@example.org"}, {"name": None, "email": "eve@example.com"}],
        "bcc": [{"name": None, "email": "fay@example.com"}],
        "subject": "Grüße",
        "bodyStructure": {"type": "text/plain", "partId": "1"},
        "bodyValues": {"1": {"value": "Bis bald!"}},
        **given,
    }


def test_one_request_writes_sends_and_files_a_message(running: Running, bob: User, next_hop: NextHop) -> None:
    ann = running.user
    patch = {"mailboxIds/drafts": None, "mailboxIds/sent": True, "keywords/$draft": None}

    answers = call(
        running,
        ann,
        ("Email/set", {"create": {"draft": letter()}}),
        (
            "EmailSubmission/set",
            {
                "create": {"send": {"identityId": "default", "emailId": "#draft"}},
                "onSuccessUpdateEmail": {"#send": patch},
            },
        ),
    )
    assert next_hop.arrived.wait(PATIENCE)

    assert [name for name, _ in answers] == ["Email/set", "EmailSubmission/set", "Email/set"]
    (relayed,) = next_hop.received
    assert (relayed.mail_from, relayed.rcpt_tos) == ("ann@example.org", ["eve@example.com", "fay@example.com"])
    message = message_from_bytes(relayed.content, policy=policy.default)
    assert (message["Subject"], message["Bcc"], message.get_content().strip()) == ("Grüße", None, "Bis bald!")

    query = ("Email/query", {"filter": {"inMailbox": "inbox"}})
    (_, found), (_, emails) = call(
        running, bob, query, ("Email/get", {"#ids": {"resultOf": "0", "name": "Email/query", "path": "/ids"}})
    )
    assert len(found["ids"]) == 1
    assert (emails["list"][0]["subject"], emails["list"][0]["bcc"]) == ("Grüße", None)
    ((_, sent),) = call(running, ann, ("Mailbox/get", {"ids": ["drafts", "sent"], "properties": ["totalEmails"]}))
    assert sent["list"] == [{"id": "drafts", "totalEmails": 0}, {"id": "sent", "totalEmails": 1}]


def test_a_message_that_is_held_can_be_taken_back(running: Running, bob: User, next_hop: NextHop) -> None:
    ann = running.user
    envelope = {
        "mailFrom": {"email": "ann@example.org", "parameters": {"HOLDFOR": "3600"}},
        "rcptTo": [{"email": "eve@example.com", "parameters": None}],
    }
    create = {"send": {"identityId": "default", "emailId": "#draft", "envelope": envelope}}
    _, (_, created) = call(
        running, ann, ("Email/set", {"create": {"draft": letter()}}), ("EmailSubmission/set", {"create": create})
    )
    id = created["created"]["send"]["id"]

    ((_, answer),) = call(running, ann, ("EmailSubmission/set", {"update": {id: {"undoStatus": "canceled"}}}))

    assert answer["updated"] == {id: None}
    assert running.home.site.store.get(ann.account, f"o/Transmission/{id}") is None
    assert next_hop.received == []
