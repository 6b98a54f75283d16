"""JMAP over WebSocket (RFC 8887), spoken by a client that we did not write."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from httpx_ws import WebSocketDisconnect, WebSocketSession, WebSocketUpgradeError, connect_ws

from homing.config import Config, Limits
from homing.directory.accounts import create_user, set_user, share_account
from homing.directory.credentials import Identity, create_token, revoke_token
from homing.host.api_calls import ApiCalls
from homing.host.tailer import Tailer
from homing.host.threads import Threads
from homing.host.websocket import MAX_PER_ACCOUNT, WEBSOCKET_PATH, Door, WebSockets
from homing.ledger.entry import Actor
from tests.mail import message
from tests.scenarios.serving import LOGIN, PASSWORD, PATIENCE, USING, Running, call, client_of

Object = dict[str, Any]
Connect = Callable[..., WebSocketSession]
ACTOR = Actor("tester", "test")


@pytest.fixture
def connect(running: Running) -> Iterator[Connect]:
    with ExitStack() as stack:

        def connect(
            path: str = WEBSOCKET_PATH, *, token: str = "", protocols: list[str] | None = None, origin: str = ""
        ) -> Any:
            options: Object = {"auth": None, "headers": {"authorization": f"Bearer {token}"}} if token else {}
            client = stack.enter_context(client_of(running.url, **options))
            wanted = ["jmap"] if protocols is None else protocols
            return stack.enter_context(
                connect_ws(
                    running.url + path,
                    client,
                    subprotocols=wanted,
                    max_message_size_bytes=2**26,
                    headers={"origin": origin} if origin else {},
                )
            )

        yield connect


def ask(*calls: Any, **more: Any) -> Object:
    return {"@type": "Request", "using": USING, "methodCalls": calls, **more}


def hear(session: WebSocketSession) -> Object:
    answer: Object = session.receive_json(timeout=PATIENCE)
    return answer


def closing_code(session: WebSocketSession) -> int:
    with pytest.raises(WebSocketDisconnect) as closed:
        hear(session)
    return closed.value.code


def deliver(running: Running, id: str) -> None:
    with running.lmtp() as lmtp:
        lmtp.sendmail("bea@sender.example", [LOGIN], message(message_id=id))


def token_of(running: Running) -> str:
    return create_token(running.home.site, ACTOR, Identity(LOGIN, running.user.account))


def test_a_request_is_answered_under_its_id(connect: Connect) -> None:
    session = connect()
    assert session.subprotocol == "jmap"

    session.send_json(ask(["Core/echo", {"hello": True, "high": 5}, "b3ff"], id="R1"))

    answer = hear(session)
    assert answer.pop("sessionState")
    assert answer == {
        "@type": "Response",
        "requestId": "R1",
        "methodResponses": [["Core/echo", {"hello": True, "high": 5}, "b3ff"]],
    }


def test_a_request_without_an_id_is_answered_without_one(connect: Connect) -> None:
    session = connect()

    session.send_json(ask(["Core/echo", {}, "c"]))

    assert hear(session).keys() == {"@type", "methodResponses", "sessionState"}


def test_many_requests_at_once_are_each_answered(connect: Connect) -> None:
    session = connect()
    for number in range(100):
        session.send_json(ask(["Core/echo", {"number": number}, "c"], id=str(number)))
        if number >= 4:
            answer = hear(session)
            assert answer["methodResponses"][0][1] == {"number": int(answer["requestId"])}

    assert {hear(session)["@type"] for _ in range(4)} == {"Response"}


def test_a_large_answer_comes_whole(running: Running, connect: Connect) -> None:
    session = connect()
    blob = "x" * 1_000_000

    session.send_json(ask(*(["Core/echo", {"blob": blob}, str(n)] for n in range(4)), id="large"))

    answer = hear(session)
    assert answer["requestId"] == "large"
    assert [given["blob"] == blob for _, given, _ in answer["methodResponses"]] == [True] * 4


def test_what_one_door_changes_the_other_shows(running: Running, connect: Connect) -> None:
    session, account = connect(), running.user.account
    create = {"accountId": account, "create": {"new": {"name": "Projects"}}}
    session.send_json(ask(["Mailbox/set", create, "s"], id="1"))
    answer = hear(session)
    id = answer["methodResponses"][0][1]["created"]["new"]["id"]

    with running.client() as client:
        found = call(client, ["Mailbox/get", {"accountId": account, "ids": [id]}, "g"])[0][1]["list"]
        response = client.post("/jmap/api", json={"using": USING, "methodCalls": []}).json()
    assert found[0]["name"] == "Projects"
    assert response["sessionState"] == answer["sessionState"]


def test_the_session_names_the_door(running: Running, connect: Connect) -> None:
    with running.client() as client:
        session = client.get("/jmap/session").json()

    told = session["capabilities"]["urn:ietf:params:jmap:websocket"]

    assert told == {"url": running.url.replace("http", "ws") + WEBSOCKET_PATH, "supportsPush": True}
    assert connect().subprotocol == "jmap"


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ("The quick brown fox jumps over the lazy dog.", "notJSON"),
        ('{"@type":"Request","using":[],"methodCalls":[],"using":[],"id":"R"}', "notJSON"),
        ("[]", "notRequest"),
        ("{}", "notRequest"),
        ('{"@type":5}', "notRequest"),
        ('{"@type":"Wish"}', "notRequest"),
        ('{"@type":"Request","id":7,"using":[],"methodCalls":[]}', "notRequest"),
        ('{"@type":"Request","id":"R","using":{},"methodCalls":[]}', "notRequest"),
        ('{"@type":"Request","id":"R","using":["nonsense"],"methodCalls":[]}', "unknownCapability"),
        ('{"@type":"WebSocketPushEnable","dataTypes":"Email"}', "notRequest"),
    ],
)
def test_what_is_wrong_with_a_message_is_said_and_the_connection_stays(connect: Connect, sent: str, error: str) -> None:
    session = connect()

    session.send_text(sent)

    answer = hear(session)
    assert answer["@type"] == "RequestError"
    assert answer["type"] == f"urn:ietf:params:jmap:error:{error}"
    assert answer["status"] == 400
    assert answer["requestId"] == ("R" if '"id":"R"' in sent else None)
    session.send_json(ask(["Core/echo", {}, "c"]))
    assert hear(session)["@type"] == "Response"


def test_a_fragmented_message_is_put_together(running: Running) -> None:
    async def in_three_frames() -> Object:
        from websockets.asyncio.client import connect as other_connect  # noqa: PLC0415

        basic = base64.b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode()
        url = running.url.replace("http", "ws") + WEBSOCKET_PATH
        headers = {"Authorization": f"Basic {basic}"}
        async with other_connect(url, subprotocols=["jmap"], additional_headers=headers) as other:  # type: ignore[list-item]
            text = json.dumps(ask(["Core/echo", {"a": 1}, "c"], id="F"))
            await other.send([text[:10], text[10:40], text[40:]])
            answer: Object = json.loads(await other.recv())
            return answer

    assert asyncio.run(in_three_frames())["requestId"] == "F"


def test_binary_messages_end_the_connection(connect: Connect) -> None:
    session = connect()

    session.send_bytes(b"{}")

    assert closing_code(session) == 1003


def test_a_client_that_does_not_speak_jmap_is_refused(connect: Connect) -> None:
    with pytest.raises(WebSocketUpgradeError) as refused:
        connect(protocols=["chat"])
    assert refused.value.response.status_code == 400


def test_there_is_one_door(connect: Connect) -> None:
    with pytest.raises(WebSocketUpgradeError) as refused:
        connect("/jmap/api")
    assert refused.value.response.status_code == 404


def test_nobody_comes_in_without_signing_in(connect: Connect) -> None:
    with pytest.raises(WebSocketUpgradeError) as refused:
        connect(token="homing_k1_0000")

    assert refused.value.response.status_code == 401
    assert "Bearer" in refused.value.response.headers["www-authenticate"]


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null"])
def test_a_page_of_another_site_cannot_use_the_password_that_a_browser_knows(
    running: Running, connect: Connect, origin: str
) -> None:
    with pytest.raises(WebSocketUpgradeError) as refused:
        connect(origin=origin)
    assert refused.value.response.status_code == 403

    own, elsewhere = connect(origin=running.url), connect(origin=origin, token=token_of(running))
    for session in (own, elsewhere):
        session.send_json(ask(["Core/echo", {}, "c"]))
        assert hear(session)["@type"] == "Response"


def test_a_disabled_user_does_not_come_in(running: Running, connect: Connect) -> None:
    set_user(running.home.site, ACTOR, LOGIN, disabled=True)

    with pytest.raises(WebSocketUpgradeError) as refused:
        connect()
    assert refused.value.response.status_code == 403


def test_changes_are_told_to_who_asked_for_them(running: Running, connect: Connect) -> None:
    session = connect()
    session.send_json({"@type": "WebSocketPushEnable", "dataTypes": ["Mailbox", "EmailDelivery"]})
    session.send_json(ask(["Core/echo", {}, "c"]))
    hear(session)
    deliver(running, "1@x")

    change = hear(session)

    assert change["@type"] == "StateChange"
    assert change["changed"].keys() == {running.user.account}
    assert change["changed"][running.user.account].keys() == {"Mailbox", "EmailDelivery"}
    assert change["pushState"]


def test_null_stands_for_all_types(running: Running, connect: Connect) -> None:
    session = connect()
    session.send_json({"@type": "WebSocketPushEnable", "dataTypes": None, "pushState": "0"})

    change = hear(session)

    assert {"Mailbox"} <= change["changed"][running.user.account].keys()


def test_nothing_is_told_before_it_is_asked_for_nor_after_it_was_declined(running: Running, connect: Connect) -> None:
    session = connect()
    deliver(running, "1@x")
    session.send_json({"@type": "WebSocketPushEnable", "dataTypes": None})
    session.send_json({"@type": "WebSocketPushDisable"})
    deliver(running, "2@x")
    session.send_json(ask(["Core/echo", {}, "c"]))

    assert hear(session)["@type"] == "Response"


def test_who_comes_back_with_a_push_state_hears_of_what_was_missed(running: Running, connect: Connect) -> None:
    first = connect()
    first.send_json({"@type": "WebSocketPushEnable", "dataTypes": ["Email"], "pushState": "0"})
    deliver(running, "1@x")
    known = hear(first)["pushState"]
    first.close()
    deliver(running, "2@x")

    again = connect()
    again.send_json({"@type": "WebSocketPushEnable", "dataTypes": ["Email"], "pushState": known})
    change = hear(again)

    with running.client() as client:
        arguments = {"accountId": running.user.account, "ids": []}
        state = call(client, ["Email/get", arguments, "g"])[0][1]["state"]
    assert change["changed"] == {running.user.account: {"Email": state}}


def test_changes_of_shared_accounts_are_told_too(running: Running, connect: Connect) -> None:
    bob = create_user(running.home.site, ACTOR, "bob@example.org", "another horse")
    share_account(running.home.site, ACTOR, bob.login, LOGIN)
    session = connect()
    session.send_json({"@type": "WebSocketPushEnable", "dataTypes": ["EmailDelivery"]})
    session.send_json(ask(["Core/echo", {}, "c"]))
    hear(session)
    with running.lmtp() as lmtp:
        lmtp.sendmail("bea@sender.example", [bob.login], message())

    assert hear(session)["changed"].keys() == {bob.account}


@pytest.mark.parametrize("used", [False, True])
def test_revoked_credentials_end_the_connection_with_the_next_request(
    running: Running, connect: Connect, used: bool
) -> None:
    token = token_of(running)
    session = connect(token=token)
    if used:
        session.send_json(ask(["Core/echo", {}, "c"]))
        hear(session)
    revoke_token(running.home.site, ACTOR, token.split("_")[1])

    session.send_json(ask(["Core/echo", {}, "c"], id="R"))

    answer = hear(session)
    assert (answer["@type"], answer["status"], answer["requestId"]) == ("RequestError", 401, "R")
    assert closing_code(session) == 1008


def test_a_disabled_user_hears_no_more(running: Running, connect: Connect) -> None:
    session = connect()
    session.send_json({"@type": "WebSocketPushEnable", "dataTypes": None})
    session.send_json(ask(["Core/echo", {}, "c"]))
    hear(session)

    set_user(running.home.site, ACTOR, LOGIN, disabled=True)

    assert closing_code(session) == 1008


def test_one_account_has_only_so_many_connections_and_gives_them_back(running: Running, connect: Connect) -> None:
    sessions = [connect() for _ in range(MAX_PER_ACCOUNT)]
    with pytest.raises(WebSocketUpgradeError) as refused:
        connect()
    assert refused.value.response.status_code == 400

    sessions[0].close()

    while True:  # the server notices a departure when it is told by the network
        try:
            again = connect()
        except WebSocketUpgradeError:
            continue
        break
    assert again.subprotocol == "jmap"


def test_connections_are_closed_when_the_host_stops(running: Running, connect: Connect) -> None:
    idle, listening = connect(), connect()
    listening.send_json({"@type": "WebSocketPushEnable", "dataTypes": None})

    running.stop_serving()

    assert [closing_code(session) for session in (idle, listening)] == [1001, 1001]


class TestSmallLimits:
    """On a site that takes little."""

    @pytest.fixture
    def config(self, config: Config) -> Config:
        return Config(data=config.data, limits=Limits(max_size_request=10_000, max_concurrent_requests=1))

    def test_a_request_that_is_too_large_is_refused_by_name(self, connect: Connect) -> None:
        session = connect()

        session.send_json(ask(["Core/echo", {"a": "x" * 10_000}, "c"], id="R"))

        answer = hear(session)
        assert (answer["type"], answer["limit"]) == ("urn:ietf:params:jmap:error:limit", "maxSizeRequest")
        assert answer["requestId"] == "R"

    def test_what_is_far_too_large_is_not_read(self, connect: Connect) -> None:
        session = connect()

        session.send_json(ask(["Core/echo", {"a": "x" * 30_000}, "c"], id="R"))

        assert closing_code(session) == 1009

    def test_a_request_beside_too_many_is_refused_by_name(self, running: Running) -> None:
        sent = serve_directly(running, [json.dumps(ask(["Core/echo", {}, "c"], id=str(n))) for n in range(2)])

        answers = {one["requestId"]: one for one in map(json.loads, sent)}
        assert answers["0"]["@type"] == "Response"
        assert answers["1"]["limit"] == "maxConcurrentRequests"


def test_a_listener_whose_token_is_revoked_is_sent_away_without_asking_anything(running: Running) -> None:
    token = token_of(running)

    async def conversation() -> list[Object]:
        sent: list[Object] = []
        revoked = asyncio.Event()

        async def receive() -> Object:
            if not sent:
                return {"type": "websocket.connect"}
            if not revoked.is_set():
                revoke_token(running.home.site, ACTOR, token.split("_")[1])
                revoked.set()
            return await asyncio.get_running_loop().create_future()  # the client says nothing, for ever

        async def send(one: Any) -> None:
            sent.append(one)

        await sockets_of(running, look=0.0).serve(scope_of(f"Bearer {token}"), receive, send)
        return sent

    accepted, closed = running.on_loop(conversation())

    assert accepted["type"] == "websocket.accept"
    assert closed == {"type": "websocket.close", "code": 1008}


def test_a_client_that_the_server_has_hung_up_on_is_no_fault(
    running: Running, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("homing"), "propagate", True)

    async def conversation() -> None:
        received: list[Object] = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": "{}"}]
        received.append({"type": "websocket.disconnect"})

        async def receive() -> Object:
            return received.pop(0)

        async def send(one: Any) -> None:
            if one["type"] != "websocket.accept":
                raise RuntimeError("Unexpected ASGI message, after sending 'websocket.close'.")  # uvicorn's words

        await sockets_of(running).serve(scope_of(f"Bearer {token_of(running)}"), receive, send)

    running.on_loop(conversation())

    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_a_thousand_messages_at_once_hold_up_nobody_else(running: Running) -> None:
    async def conversation() -> int:
        arrived: list[Object] = [{"type": "websocket.connect"}]
        arrived += [{"type": "websocket.receive", "text": "{}"}] * 1_000 + [{"type": "websocket.disconnect"}]
        turns = 0

        async def receive() -> Object:
            return arrived.pop(0)

        async def send(_one: Any) -> None:
            pass

        async def other() -> None:
            nonlocal turns
            while arrived:
                turns += 0 < len(arrived) < 1_000  # while the messages are heard, and not before
                await asyncio.sleep(0)

        beside = asyncio.create_task(other())
        await sockets_of(running).serve(scope_of(f"Bearer {token_of(running)}"), receive, send)
        await beside
        return turns

    assert running.on_loop(conversation()) > 500


def sockets_of(running: Running, look: float = 30.0) -> WebSockets:
    """WebSockets of their own, on the running loop."""
    site, threads = running.home.site, Threads(2, "call")
    tailer = Tailer(site.store, asyncio.get_running_loop())
    return WebSockets(Door(site, ApiCalls(site, threads, None, 1), threads, tailer, look))


def scope_of(authorization: str) -> Object:
    return {
        "type": "websocket",
        "scheme": "ws",
        "path": WEBSOCKET_PATH,
        "raw_path": WEBSOCKET_PATH.encode(),
        "query_string": b"",
        "headers": [(b"host", b"mail.example.org"), (b"authorization", authorization.encode())],
        "subprotocols": ["jmap"],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 9),
    }


def serve_directly(running: Running, texts: list[str]) -> list[str]:
    """What is answered to messages that have all arrived already, one answer each."""

    async def conversation() -> list[str]:
        sent: list[str] = []
        answered = asyncio.Event()
        received: list[Object] = [{"type": "websocket.connect"}]
        received += [{"type": "websocket.receive", "text": text} for text in texts]

        async def receive() -> Object:
            if received:
                return received.pop(0)
            await answered.wait()
            return {"type": "websocket.disconnect"}

        async def send(one: Any) -> None:
            if one["type"] == "websocket.send":
                sent.append(one["text"])
            if len(sent) == len(texts):
                answered.set()

        basic = base64.b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode()
        await sockets_of(running).serve(scope_of(f"Basic {basic}"), receive, send)
        return sent

    found: list[str] = running.on_loop(conversation())
    return found
