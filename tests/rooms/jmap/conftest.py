"""A JMAP client for tests, that knocks at the room's own door."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from argon2 import PasswordHasher

from homing.delivery.accept import accept
from homing.directory import credentials
from homing.directory.accounts import User, create_user
from homing.errors import Problem
from homing.jmap.api import handle
from homing.jmap.http import Request, Response, render_problem
from homing.jmap.session import CAPABILITIES
from homing.ledger.entry import Actor
from homing.ledger.view import View
from homing.site import Site
from tests import mail
from tests.conftest import FakeClock

CORE = "urn:ietf:params:jmap:core"
MAIL = "urn:ietf:params:jmap:mail"
ORIGIN = "https://mail.example.org"
PASSWORD = "correct horse"

Object = dict[str, Any]


class Client:
    """Speaks as one user."""

    def __init__(self, site: Site, user: User, authorization: str | None = None) -> None:
        self.site = site
        self.user = user
        self.account = user.account
        basic = base64.b64encode(f"{user.login}:{PASSWORD}".encode()).decode()
        self.headers = {"authorization": authorization or f"Basic {basic}"}

    def http(
        self, method: str, path: str, body: Any = b"", headers: Mapping[str, str] | None = None, query: str = ""
    ) -> Response:
        request = Request(method, path, {**self.headers, **(headers or {})}, ORIGIN, query, body, "request-1")
        try:
            return handle(self.site, request)
        except Problem as problem:
            return render_problem(problem)

    def post(self, body: bytes, content_type: str = "application/json") -> tuple[int, Object]:
        """Status and answer of raw bytes sent to the API."""
        response = self.http("POST", "/jmap/api", body, {"content-type": content_type})
        return response.status, json.loads(response.body)

    def request(self, *calls: tuple[str, Object, str], **more: Any) -> Object:
        """The Response object of method calls as they are."""
        body = {"using": list(CAPABILITIES), "methodCalls": calls, **more}
        status, answer = self.post(json.dumps(body).encode())
        assert status == 200, answer
        return answer

    def responses(self, *calls: tuple[str, Object]) -> list[tuple[str, Object]]:
        """(name, arguments) of each response; the account is filled in where a method takes one."""
        filled = [(name, {**self._account_for(name), **given}) for name, given in calls]
        full = [(name, given, f"c{i}") for i, (name, given) in enumerate(filled)]
        return [(name, given) for name, given, _ in self.request(*full)["methodResponses"]]

    def _account_for(self, method: str) -> Object:
        return {} if method.startswith("PushSubscription/") else {"accountId": self.account}

    def call(self, method: str, /, **arguments: Any) -> Object:
        """The answer of one call that succeeds."""
        name, given = self.responses((method, arguments))[0]
        assert name == method, given
        return given

    def error(self, method: str, /, **arguments: Any) -> Object:
        """The error of one call that fails."""
        name, given = self.responses((method, arguments))[0]
        assert name == "error", given
        return given

    def deliver(self, *raws: bytes, at: int | None = None) -> list[str]:
        """Deliver messages; their email ids, in the same order."""
        ids = []
        for raw in raws:
            state = self.state("Email")
            now = self.site.clock.now() if at is None else at
            landed = mail.landed(raw, self.user.login, received_at=now)
            assert accept(self.site, [landed]) == [[None]]
            ids += self.call("Email/changes", sinceState=state)["created"][-1:]
        return ids

    def state(self, type: str) -> str:
        state: str = self.call(f"{type}/get", ids=[])["state"]
        return state

    def email(self, id: str, *properties: str, **arguments: Any) -> Object:
        found = self.call("Email/get", ids=[id], properties=list(properties) or None, **arguments)["list"]
        assert len(found) == 1
        email: Object = found[0]
        return email

    def mailbox(self, id: str) -> Object:
        found: Object = self.call("Mailbox/get", ids=[id])["list"][0]
        return found

    def create_mailbox(self, name: str, **properties: Any) -> str:
        answer = self.call("Mailbox/set", create={"new": {"name": name, **properties}})
        assert answer["created"], answer
        id: str = answer["created"]["new"]["id"]
        return id

    def update(self, type: str, id: str, **patch: Any) -> Object:
        """The answer of a `/set` that updates one object."""
        return self.call(f"{type}/set", update={id: patch})

    def patch(self, id: str, patch: Object) -> Object:
        """The answer of an `Email/set` that must work."""
        answer = self.call("Email/set", update={id: patch})
        assert id in (answer["updated"] or {}), answer
        return answer

    def query(self, **arguments: Any) -> list[str]:
        ids: list[str] = self.call("Email/query", **arguments)["ids"]
        return ids

    def position(self) -> int:
        """Where the account's ledger stands."""
        return View(self.site.store, self.account, self.site.clock.now()).head.seq


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2 at its least cost: these tests make a user each, and are not about guessing passwords."""
    monkeypatch.setattr(credentials, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def user(site: Site, actor: Actor, cheap_passwords: None) -> User:
    return create_user(site, actor, "ann@example.org", PASSWORD, name="Ann")


@pytest.fixture
def ann(site: Site, user: User) -> Client:
    return Client(site, user)


@pytest.fixture
def bob(site: Site, actor: Actor) -> Client:
    return Client(site, create_user(site, actor, "bob@example.org", PASSWORD, name="Bob"))


@pytest.fixture
def deliver_at(ann: Client, clock: FakeClock) -> Callable[..., str]:
    """Delivers one message to Ann at START plus some milliseconds."""

    def deliver(ms: int, **given: Any) -> str:
        return ann.deliver(mail.message(**given), at=clock.now() + ms)[0]

    return deliver
