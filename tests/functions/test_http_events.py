"""The events that the process host makes are those that the functions know from the cloud."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from functions.ingest.handler import handler as ingest
from functions.jmap.handler import handler as jmap
from functions.task.handler import handler as run_tasks
from homing.bootstrap import local_home
from homing.config import Config
from homing.directory.accounts import User
from homing.host import http, worker
from homing.host import ingest as host_ingest
from homing.lambda_shell import announcements, records, request_of, use_site
from homing.ledger import tasks
from homing.ports.landings import Envelope
from homing.ports.store import Batch, Put, Row
from homing.site import Site
from tests.mail import message

AUTHORIZATION = "Basic " + base64.b64encode(b"ann@example.org:correct horse").decode()


@pytest.fixture(autouse=True)
def shell(site: Site) -> None:
    use_site(site)


def scope(method: str = "GET", path: str = "/jmap/session", query: str = "", **headers: str) -> dict[str, Any]:
    """As an ASGI server gives it."""
    names = {"host": "mail.example.org", "authorization": AUTHORIZATION, **headers}
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "scheme": "http",
        "headers": [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in names.items()],
        "server": ("127.0.0.1", 8080),
        "client": ("127.0.0.9", 4711),
    }


def test_an_event_has_what_payload_format_2_has() -> None:
    event = http.event_of(scope("POST", "/jmap/api", "a=1&b=%20"), b'{"x":1}', "r1")

    assert event["version"] == "2.0"
    assert event["rawPath"] == "/jmap/api"
    assert event["rawQueryString"] == "a=1&b=%20"
    assert event["body"] == '{"x":1}'
    assert event["isBase64Encoded"] is False
    assert event["headers"]["host"] == "mail.example.org"
    assert event["requestContext"]["requestId"] == "r1"
    assert event["requestContext"]["http"] == {
        "method": "POST",
        "path": "/jmap/api",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.9",
    }
    assert json.loads(json.dumps(event)) == event


@pytest.mark.parametrize("body", [b"", b"{}", "größer".encode(), b"\xff\xfe\x00", bytes(range(256))])
def test_a_function_reads_the_body_that_the_client_sent(body: bytes) -> None:
    assert request_of(http.event_of(scope("POST", "/jmap/api"), body, "r1")).body == body


def test_a_function_sees_the_client_through_the_host() -> None:
    request = request_of(http.event_of(scope(x_token="one"), b"", "r1"))

    assert (request.method, request.path, request.origin) == ("GET", "/jmap/session", "http://mail.example.org")
    assert request.headers["x-token"] == "one"
    assert request.correlation == "r1"


def test_a_header_that_is_repeated_is_one_list() -> None:
    repeated = scope()
    repeated["headers"] += [(b"x-a", b"1"), (b"x-a", b"2")]

    assert http.event_of(repeated, b"", "r1")["headers"]["x-a"] == "1, 2"


@pytest.mark.parametrize(("told", "believed"), [("https", "https"), ("http", "http"), ("gopher", "http"), ("", "http")])
def test_a_proxy_may_say_how_the_client_came(told: str, believed: str) -> None:
    event = http.event_of(scope(x_forwarded_proto=told), b"", "r1")

    assert request_of(event).origin == f"{believed}://mail.example.org"


def test_head_asks_a_function_as_get_does(user: User) -> None:
    assert jmap(http.event_of(scope("HEAD"), b"", "r1"), None)["statusCode"] == 200


def test_the_session_comes_through_an_event(user: User) -> None:
    answer = jmap(http.event_of(scope(), b"", "r1"), None)

    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["apiUrl"] == "http://mail.example.org/jmap/api"


def test_landed_mail_is_filed_through_an_event(site: Site, user: User) -> None:
    envelope = Envelope("bea@sender.example", ("ann@example.org",))
    names = [site.landings.land(envelope, message(f"{number}")) for number in range(3)]
    event = host_ingest.event_of(names)

    assert [one.name for record in records(event) for one in announcements(record.body)] == names
    assert ingest(event, None) == {"batchItemFailures": []}
    assert [site.landings.get(name) for name in names] == [None] * 3


def test_a_due_task_is_run_through_an_event(site: Site) -> None:
    task = tasks.Task("t1", "noSuchKind", "a1", due=site.clock.now())
    site.store.commit(Batch((tasks.put_task(task),)))

    assert run_tasks(worker.event_of([task]), None) == {"batchItemFailures": []}
    assert [(dead.id, dead.attempts) for dead in tasks.dead_tasks(site.store)] == [("t1", 1)]


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        (b"Message-ID: <a@b>\r\n\r\nx", True),
        (b"Subject: x\r\nmessage-id : <a@b>\r\n\r\nx", True),
        (b"Subject: x\nMESSAGE-ID:<a@b>\n\nx", True),
        (b"Subject: x\r\n\r\nMessage-ID: <a@b>\r\n", False),
        (b"Subject: x\r\nX-Message-ID: <a@b>\r\n\r\n", False),
        (b"\r\nMessage-ID: <a@b>\r\n", False),
        (b"", False),
    ],
)
def test_a_landing_is_named_by_its_content_only_if_it_has_a_message_id(raw: bytes, named: bool) -> None:
    assert bool(host_ingest.source_of(raw)) is named
    assert host_ingest.source_of(raw) == host_ingest.source_of(raw)


def test_a_local_home_sweeps_what_has_expired_an_hour_ago(tmp_path: Path) -> None:
    home = local_home(Config(data=tmp_path), durable=False)
    rows = [Row("p", name, b"{}", expires=expires) for name, expires in (("old", 1_000), ("new", 9_000))]
    home.site.store.commit(Batch(tuple(map(Put, rows))))

    assert home.sweep((1_000 + 3_601) * 1_000) == 1
    assert [row.key for row in home.site.store.scan("p")] == ["new"]
    home.close()
