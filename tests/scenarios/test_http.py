"""HTTP as a mail client meets it."""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import replace

import httpx
import pytest

from homing.bootstrap import Home
from homing.directory.accounts import User, set_user
from homing.directory.credentials import Identity, create_token
from homing.errors import Temporary
from homing.host.tailer import NotifyingStore
from homing.ledger.entry import Actor
from homing.ports.store import Row
from tests.scenarios.serving import LOGIN, PASSWORD, USING, Running, authorization, call, url_of

BAD_CREDENTIALS = [
    None,
    "",
    "Basic",
    "Basic !!!",
    "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
    "Basic " + base64.b64encode(f"{LOGIN}:wrong horse".encode()).decode(),
    "Basic " + base64.b64encode(b"nobody@example.org:correct horse").decode(),
    "Basic " + base64.b64encode(LOGIN.encode()).decode(),
    "Bearer homing_k1_00",
    "Bearer x",
    "Digest username=ann",
]


class SilentStore(NotifyingStore):
    """A store that cannot be read."""

    def get(self, partition: str, key: str) -> Row | None:
        raise Temporary("storeBusy", "not now")


def test_a_client_finds_the_session_by_its_well_known_address(running: Running) -> None:
    with running.client() as client:
        session = client.get("/.well-known/jmap").json()

    assert session["username"] == LOGIN
    assert session["apiUrl"] == running.url + "/jmap/api"
    assert session["eventSourceUrl"].startswith(running.url + "/jmap/events?")


def test_behind_a_proxy_the_urls_are_the_proxys(running: Running) -> None:
    with running.client() as client:
        headers = {"Host": "mail.example.org", "X-Forwarded-Proto": "https"}
        session = client.get("/.well-known/jmap", headers=headers).json()

    assert session["uploadUrl"] == "https://mail.example.org/jmap/upload/{accountId}/"


def test_a_token_opens_what_a_password_opens(running: Running) -> None:
    identity = Identity(LOGIN, running.user.account)
    token = create_token(running.home.site, Actor("tester", "test"), identity)

    with running.client(auth=None) as client:
        answer = client.get("/jmap/session", headers={"Authorization": f"Bearer {token}"})

    assert answer.json()["username"] == LOGIN


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/jmap/session"),
        ("POST", "/jmap/api"),
        ("POST", "/jmap/upload/a1/"),
        ("GET", "/jmap/download/a1/b1/x"),
        ("GET", "/jmap/events"),
    ],
)
def test_who_does_not_sign_in_is_told_how_everywhere_in_the_same_way(running: Running, method: str, path: str) -> None:
    for credentials in BAD_CREDENTIALS:
        headers = {} if credentials is None else {"Authorization": credentials}
        with running.client(auth=None) as client:
            answer = client.request(method, path, headers=headers, content=b"{}" if method == "POST" else None)

        assert answer.status_code == 401, credentials
        assert answer.headers["www-authenticate"].startswith("Basic realm=")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == 401


def test_a_disabled_account_is_forbidden(running: Running) -> None:
    set_user(running.home.site, Actor("tester", "test"), LOGIN, disabled=True)

    with running.client() as client:
        answers = [client.post(f"/jmap/upload/{running.user.account}/", content=b"x"), client.get("/jmap/events")]

    assert [answer.status_code for answer in answers] == [403, 403]


def test_an_unknown_path_is_not_found_and_a_wrong_method_is_named(running: Running) -> None:
    with running.client() as client:
        nothing = client.get("/nothing/here")
        wrong = client.put("/jmap/api", content=b"{}")
        deaf = client.post("/jmap/events")

    assert (nothing.status_code, nothing.headers["content-type"]) == (404, "application/problem+json")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert (deaf.status_code, deaf.headers["allow"]) == (405, "GET")


def test_a_web_client_of_any_origin_may_ask_with_its_credentials(running: Running) -> None:
    asked = {"Origin": "https://webmail.example", "Access-Control-Request-Method": "POST"}
    with running.client(auth=None) as client:
        preflight = client.options("/jmap/api", headers=asked)
        refused = client.post("/jmap/api", headers={"Origin": "https://webmail.example"})

    assert preflight.status_code == 204
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert refused.headers["access-control-allow-origin"] == "*"


def test_head_has_the_headers_of_get_and_no_body(running: Running) -> None:
    with running.client() as client:
        whole, head = client.get("/jmap/session"), client.head("/jmap/session")

    assert head.status_code == 200
    assert head.headers["content-length"] == whole.headers["content-length"]
    assert head.content == b""


def test_health_is_told_without_signing_in(running: Running) -> None:
    with running.client(auth=None) as client:
        assert client.get("/healthz").text == "ok\n"


def test_the_site_is_not_healthy_while_its_store_does_not_answer(home: Home, served_user: User) -> None:
    running = Running(replace(home, site=replace(home.site, store=SilentStore(home.site.store))), served_user)
    try:
        with running.client(auth=None) as client:
            assert client.get("/healthz").status_code == 503
            assert client.get("/jmap/session", auth=(LOGIN, PASSWORD)).status_code == 503
    finally:
        running.stop()


def test_many_requests_share_one_connection(running: Running) -> None:
    request = b"GET /jmap/session HTTP/1.1\r\nHost: x\r\n" + authorization() + b"\r\n"
    with running.connect() as connection, connection.makefile("rb") as replies:
        for _ in range(3):
            connection.sendall(request)
            assert replies.readline().startswith(b"HTTP/1.1 200")
            headers = dict(line.split(b": ", 1) for line in iter(replies.readline, b"\r\n"))
            json.loads(replies.read(int(headers[b"content-length"])))


def test_text_that_is_not_utf8_is_not_json(running: Running) -> None:
    with running.client() as client:
        answer = client.post("/jmap/api", content=b'{"using":"\xff"}', headers={"Content-Type": "application/json"})

    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:ietf:params:jmap:error:notJSON"


def test_two_clients_at_once_both_see_every_change(running: Running) -> None:
    account = running.user.account
    errors: list[BaseException] = []

    def make(name: str) -> None:
        try:
            with running.client() as client:
                for number in range(10):
                    created = {"m": {"name": f"{name} {number}"}}
                    answer = call(client, ["Mailbox/set", {"accountId": account, "create": created}, "s"])
                    assert "m" in answer[0][1]["created"], answer
        except BaseException as error:
            errors.append(error)

    clients = [threading.Thread(target=make, args=(name,)) for name in ("one", "two")]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()

    assert not errors
    with running.client() as client:
        names = {box["name"] for box in call(client, ["Mailbox/get", {"accountId": account}, "g"])[0][1]["list"]}
    assert names >= {f"{name} {number}" for name in ("one", "two") for number in range(10)}


def test_a_request_in_many_small_pieces_is_a_request(running: Running) -> None:
    body = json.dumps({"using": USING, "methodCalls": [["Core/echo", {"a": "ä"}, "e"]]}).encode()
    with httpx.Client(base_url=url_of(running.addresses.http), auth=(LOGIN, PASSWORD)) as client:
        pieces = (body[at : at + 7] for at in range(0, len(body), 7))
        answer = client.post("/jmap/api", content=pieces, headers={"Content-Type": "application/json"})

    assert answer.json()["methodResponses"] == [["Core/echo", {"a": "ä"}, "e"]]
