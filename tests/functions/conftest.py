"""A site behind the functions, in each home: the local one on SQLite, the AWS one on moto in this process.

Landed mail is put where the home's relay would put it, and its event is what the home's queue would carry.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from functions.ingest.handler import handler as ingest
from functions.jmap.handler import handler as jmap
from homing.adapters.s3 import ENVELOPE_METADATA, S3Connection, render_envelope
from homing.bootstrap import aws_site
from homing.config import Config
from homing.directory.accounts import User, create_user
from homing.errors import Refused
from homing.lambda_shell import Event, use_site
from homing.ledger.entry import Actor
from homing.ports.landings import Envelope, Landed
from homing.site import Site
from tests.contract.conftest import aws  # noqa: F401  # the same AWS as the contract suite's

EVENTS = Path(__file__).parents[2] / "events"
SAMPLE_ACCOUNT = "a1k7vf7khmma4qi4"
"""The account in the files of `events/`."""
PASSWORD = "correct horse"
ENVELOPE = Envelope("bea@sender.example", ("ann@example.org",), received_at=1_795_000_000_000)


def sample(name: str, account: str = SAMPLE_ACCOUNT) -> Event:
    """A file of `events/`, for a given account."""
    event: Event = json.loads((EVENTS / name).read_text().replace(SAMPLE_ACCOUNT, account))
    return event


def queued(*bodies: Any) -> Event:
    """An SQS event with a record for each body."""
    records = [{**sample("ingest/s3_relayed.json")["Records"][0], "messageId": str(uuid.uuid4())} for _ in bodies]
    texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    return {"Records": [{**record, "body": text} for record, text in zip(records, texts, strict=True)]}


def created(*names: str) -> dict[str, Any]:
    """The S3 event for new objects."""
    record = json.loads(sample("ingest/s3_relayed.json")["Records"][0]["body"])["Records"][0]
    objects = [{**record["s3"]["object"], "key": name} for name in names]
    return {"Records": [{**record, "s3": {**record["s3"], "object": one}} for one in objects]}


class NamedLandings:
    """Landed mail under names that a test chooses, as a bucket has it."""

    def __init__(self) -> None:
        self.landed: dict[str, Landed] = {}
        self.replies: dict[str, Sequence[Refused | None]] = {}

    def land(self, envelope: Envelope, raw: bytes) -> str:
        return self.put(f"landing/{uuid.uuid4().hex}", raw, envelope)

    def put(self, name: str, raw: bytes, envelope: Envelope) -> str:
        self.landed[name] = Landed(f"test:{name}", envelope, raw)
        return name

    def get(self, name: str) -> Landed | None:
        return self.landed.get(name)

    def settle(self, name: str, replies: Sequence[Refused | None]) -> None:
        if name in self.landed:
            self.replies[name] = replies
            if not any(replies):
                del self.landed[name]


@dataclass(frozen=True)
class Home:
    """A site that the handlers of this process work on, and what its surroundings do."""

    site: Site
    user: User
    connection: S3Connection | None = None

    def put(self, raw: bytes, envelope: Envelope | None = ENVELOPE, name: str = "") -> str:
        """Let a message land; without an envelope as SES does it. Returns its name."""
        name = name or f"landing/{uuid.uuid4().hex}"
        if self.connection is None:
            assert isinstance(self.site.landings, NamedLandings)
            return self.site.landings.put(name, raw, envelope or Envelope("", ()))
        metadata = {} if envelope is None else {ENVELOPE_METADATA: render_envelope(envelope)}
        self.connection.client.put_object(Bucket=self.site.config.bucket, Key=name, Body=raw, Metadata=metadata)
        return name

    def has_landed(self, name: str) -> bool:
        """Whether a landing is still there."""
        return self.site.landings.get(name) is not None

    def ingest(self, event: Event) -> list[str]:
        """Run the function; return the ids of the records that failed."""
        return [failure["itemIdentifier"] for failure in ingest(event, None)["batchItemFailures"]]

    def call(self, *calls: tuple[str, Mapping[str, Any]], token: str = "") -> list[Any]:
        """The responses to JMAP calls by Ann, through the function."""
        body = {
            "using": ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"],
            "methodCalls": [
                [name, {"accountId": self.user.account, **arguments}, str(number)]
                for number, (name, arguments) in enumerate(calls)
            ],
        }
        event = {**sample("jmap/api_inbox.json"), "body": json.dumps(body)}
        basic = "Basic " + base64.b64encode(f"{self.user.login}:{PASSWORD}".encode()).decode()
        event["headers"] = {**event["headers"], "authorization": f"Bearer {token}" if token else basic}
        answer = jmap(event, None)
        assert answer["statusCode"] == 200, answer
        return [response[1] for response in json.loads(answer["body"])["methodResponses"]]

    def inbox(self, token: str = "") -> list[dict[str, Any]]:
        """The emails of the inbox, the latest first: one request, as a client shows a mailbox."""
        query = {"filter": {"inMailbox": "inbox"}, "sort": [{"property": "receivedAt", "isAscending": False}]}
        back = {"resultOf": "0", "name": "Email/query", "path": "/ids"}
        got = {"#ids": back, "properties": ["subject", "from", "receivedAt", "keywords", "threadId", "preview"]}
        _, emails = self.call(("Email/query", {**query, "limit": 50}), ("Email/get", got), token=token)
        found: list[dict[str, Any]] = emails["list"]
        return found


@pytest.fixture
def local_home(site: Site, user: User) -> Home:
    chosen = replace(site, landings=NamedLandings())
    use_site(chosen)
    return Home(chosen, user)


@pytest.fixture
def aws_home(aws: None, actor: Actor) -> Iterator[Home]:  # noqa: F811  # the fixture
    name = f"homing-functions-{uuid.uuid4().hex}"
    chosen = aws_site(Config(table=name, bucket=name))
    connection = S3Connection()
    chosen.store.create_table()  # type: ignore[attr-defined]
    connection.client.create_bucket(Bucket=name)
    use_site(chosen)
    yield Home(chosen, create_user(chosen, actor, "ann@example.org", PASSWORD, name="Ann"), connection)
    for page in connection.client.get_paginator("list_objects_v2").paginate(Bucket=name):
        for entry in page.get("Contents", ()):
            connection.client.delete_object(Bucket=name, Key=entry["Key"])
    connection.client.delete_bucket(Bucket=name)
    chosen.store.client.delete_table(TableName=name)  # type: ignore[attr-defined]


@pytest.fixture(params=["local", pytest.param("aws", marks=pytest.mark.aws)])
def home(request: pytest.FixtureRequest) -> Home:
    """The site in each home."""
    found: Home = request.getfixturevalue(f"{request.param}_home")
    return found
