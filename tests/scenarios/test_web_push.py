"""Push from end to end: a subscription, its verification, new mail, and a service that takes its time."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from homing.config import Config
from homing.jmap.push.encryption import base64url, encode_point
from tests.mail import message
from tests.scenarios.serving import LOGIN, PATIENCE, Running, call, client_of, inbox_ids
from tests.web_push import unseal

Object = dict[str, Any]
AUTH = b"0123456789abcdef"


class Service(ThreadingHTTPServer):
    """A push service on this machine; what comes is in `posted`. A path that begins with /slow waits for `go`."""

    daemon_threads = True

    def __init__(self) -> None:
        self.posted: SimpleQueue[tuple[str, dict[str, str], bytes]] = SimpleQueue()
        self.go = threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)

    def url(self, path: str = "/r/1") -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def next(self) -> tuple[str, dict[str, str], bytes]:
        return self.posted.get(timeout=PATIENCE)


class Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.posted.put((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        if self.path.startswith("/slow"):
            self.server.go.wait(PATIENCE)
        with contextlib.suppress(OSError):
            self.send_response(201)
            self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as service:
        thread = threading.Thread(target=service.serve_forever, daemon=True)
        thread.start()
        yield service
        service.go.set()
        service.shutdown()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(data=tmp_path, push_private=True)


def subscribe(running: Running, service: Service, path: str = "/r/1", **given: Any) -> str:
    create = {"create": {"new": {"deviceClientId": "d1", "url": service.url(path), **given}}}
    with running.client() as client:
        created: Object = call(client, ["PushSubscription/set", create, "s"])[0][1]["created"]["new"]
    id: str = created["id"]
    return id


def verify(running: Running, posted: Object) -> None:
    update = {"update": {posted["pushSubscriptionId"]: {"verificationCode": posted["verificationCode"]}}}
    with running.client() as client:
        assert call(client, ["PushSubscription/set", update, "s"])[0][1]["updated"]


def deliver(running: Running, id: str) -> None:
    with running.lmtp() as lmtp:
        lmtp.sendmail("bea@sender.example", [LOGIN], message(message_id=id))


def test_new_mail_is_pushed_to_a_verified_subscription(running: Running, service: Service) -> None:
    id = subscribe(running, service)
    _, headers, body = service.next()
    posted = json.loads(body)
    assert posted["@type"] == "PushVerification"
    assert posted["pushSubscriptionId"] == id
    verify(running, posted)

    deliver(running, "1@x")

    path, headers, body = service.next()
    change = json.loads(body)
    assert path == "/r/1"
    assert change["@type"] == "StateChange"
    assert change["changed"][running.user.account].keys() == {"Email", "EmailDelivery", "Mailbox", "Thread"}
    assert {"ttl", "urgency", "topic"} <= headers.keys()
    assert headers["authorization"].startswith("vapid ")


def test_what_is_pushed_with_keys_only_the_client_can_read(running: Running, service: Service) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    keys = {"p256dh": base64url(encode_point(key)), "auth": base64url(AUTH)}
    subscribe(running, service, keys=keys, types=["EmailDelivery"])
    verify(running, json.loads(unseal(service.next()[2], key, AUTH)))

    deliver(running, "1@x")

    _, headers, body = service.next()
    assert headers["content-encoding"] == "aes128gcm"
    assert json.loads(unseal(body, key, AUTH))["changed"][running.user.account].keys() == {"EmailDelivery"}


def test_a_change_by_jmap_is_pushed(running: Running, service: Service) -> None:
    subscribe(running, service, types=["Mailbox"])
    verify(running, json.loads(service.next()[2]))
    account = running.user.account

    with running.client() as client:
        answer = call(client, ["Mailbox/set", {"accountId": account, "create": {"n": {"name": "New"}}}, "s"])[0][1]

    assert json.loads(service.next()[2])["changed"] == {account: {"Mailbox": answer["newState"]}}


def test_a_slow_service_holds_up_neither_mail_nor_the_pushes_of_others(running: Running, service: Service) -> None:
    subscribe(running, service, "/r/1", types=["EmailDelivery"])
    verify(running, json.loads(service.next()[2]))
    subscribe(running, service, "/slow/verification")
    assert service.next()[0] == "/slow/verification"  # and there it waits

    deliver(running, "1@x")

    with client_of(running.url) as client:
        assert len(inbox_ids(client, running.user.account)) == 1
    assert service.next()[0] == "/r/1"


def test_a_host_that_stops_does_not_wait_for_a_slow_service_for_ever(running: Running, service: Service) -> None:
    subscribe(running, service, "/slow/verification")
    service.next()

    service.go.set()
    running.stop_serving()
