"""Who asks for very much holds nobody else up: heavy requests run in a process of their own."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from homing.config import Config, Limits
from homing.directory.accounts import User, create_user
from homing.host.api_calls import ApiCalls, Whole
from homing.host.heavy import GROWN_BYTES, Answered
from homing.host.threads import Threads
from homing.ledger.entry import Actor
from tests.mail import message
from tests.scenarios.serving import (
    LOGIN,
    PASSWORD,
    PATIENCE,
    USING,
    EventStream,
    Running,
    Served,
    authorization,
    call,
    client_of,
    exists,
    inbox_ids,
    served,
)

EMAILS = 60
BOB = ("bob@example.org", "another horse")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(data=tmp_path, limits=Limits(max_concurrent_requests=3))


@pytest.fixture
def account(running: Running) -> str:
    """Ann's, with emails in it."""
    with running.lmtp() as lmtp:
        for number in range(EMAILS):
            lmtp.sendmail("bea@sender.example", [LOGIN], message(f"Subject {number}", message_id=f"{number}@x"))
    return running.user.account


@pytest.fixture
def bob(running: Running, account: str) -> User:
    return create_user(running.home.site, Actor("tester", "test"), *BOB)


def much(account: str) -> list[Any]:
    """Sixteen calls, each for everything."""
    reference = {"resultOf": "q", "name": "Email/query", "path": "/ids"}
    wanted = {"accountId": account, "#ids": reference, "properties": ["subject", "keywords"]}
    return [["Email/query", {"accountId": account}, "q"], *(["Email/get", wanted, f"g{n}"] for n in range(16))]


def flag_all(account: str, ids: list[str], keyword: str) -> list[Any]:
    update = {id: {f"keywords/{keyword}": True} for id in ids}
    return ["Email/set", {"accountId": account, "update": update}, "s"]


def side_of(running: Running) -> int:
    assert running.host.heavy is not None
    [pid] = running.host.heavy.pids
    return int(pid)


@contextmanager
def held(pid: int) -> Iterator[None]:
    """The process does nothing meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        if exists(pid):
            os.kill(pid, signal.SIGCONT)


def begin(
    running: Running, calls: list[Any], login: tuple[str, str] = (LOGIN, PASSWORD), number: int = 1
) -> Callable[[], Any]:
    """Ask in a thread, as the `number`th of those who wait; what is returned waits for the response."""
    answered: list[Any] = []

    def ask() -> None:
        with running.client(auth=login) as client:
            answered.append(client.post("/jmap/api", json={"using": USING, "methodCalls": calls}))

    wait_for_places(running, number - 1)
    thread = threading.Thread(target=ask)
    thread.start()
    wait_for_places(running, number)

    def response() -> httpx.Response:
        thread.join(PATIENCE)
        [response] = answered
        return response

    return response


def wait_for_places(running: Running, number: int) -> None:
    """Until so many heavy requests are there: a place is given back a moment after its answer has come."""
    heavy = running.host.heavy
    assert heavy is not None

    async def wait() -> None:
        async with asyncio.timeout(PATIENCE):
            while heavy.places != number:
                await asyncio.sleep(0.005)

    running.on_loop(wait())


def ask_and_leave(running: Running, calls: list[Any], number: int = 1) -> socket.socket:
    """A connection over which a request was sent, and whose answer nobody will read."""
    body = json.dumps({"using": USING, "methodCalls": calls}).encode()
    wait_for_places(running, number - 1)
    connection = running.connect()
    head = b"POST /jmap/api HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + authorization()
    connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    wait_for_places(running, number)
    return connection


def test_a_heavy_request_is_answered_like_many_light_ones(running: Running, account: str) -> None:
    with running.client() as client:
        ids = inbox_ids(client, account)
        wanted = {"accountId": account, "ids": ids, "properties": ["subject", "keywords"]}
        [[_, light, _]] = call(client, ["Email/get", wanted, "g"])
        assert running.host.heavy is not None
        assert running.host.heavy.pids == []

        responses = call(client, *much(account))

        assert len(light["list"]) == EMAILS
        assert {id: len(got["list"]) for _, got, id in responses[1:]} == {f"g{n}": EMAILS for n in range(16)}
        assert sorted(map(str, responses[1][1]["list"])) == sorted(map(str, light["list"]))
    assert exists(side_of(running))


def test_others_are_answered_while_a_heavy_request_runs(running: Running, account: str, bob: User) -> None:
    with running.client() as client:
        call(client, *much(account))
        with held(side_of(running)):
            response = begin(running, much(account))

            assert len(inbox_ids(client, account)) == EMAILS
            with running.client(auth=BOB) as other:
                assert inbox_ids(other, bob.account) == []

        assert len(response().json()["methodResponses"]) == 17


def test_what_a_heavy_request_changes_is_told_at_once(running: Running, account: str) -> None:
    with running.client() as client:
        ids = inbox_ids(client, account)
        stream = EventStream(running.addresses.http)
        [[_, done, _]] = call(client, flag_all(account, ids, "$flagged"))
        assert set(done["updated"]) == set(ids)

        event = stream.next()
        while json.loads(event["data"])["changed"][account]["Email"] != done["newState"]:
            event = stream.next()
    stream.close()
    assert exists(side_of(running))


def test_when_the_side_process_dies_its_request_is_to_be_tried_again(running: Running, account: str) -> None:
    with running.client() as client:
        call(client, *much(account))
        first = side_of(running)
        with held(first):
            response = begin(running, much(account))
            os.kill(first, signal.SIGKILL)
            assert response().status_code == 503

        assert len(call(client, *much(account))) == 17
        assert side_of(running) != first


def test_a_side_process_that_died_unseen_is_replaced(running: Running, account: str) -> None:
    with running.client() as client:
        call(client, *much(account))
        os.kill(side_of(running), signal.SIGKILL)
        os.waitid(os.P_PID, side_of(running), os.WEXITED | os.WNOWAIT)

        assert len(call(client, *much(account))) == 17


def test_a_side_process_stays_however_large_its_host_is(running: Running, account: str) -> None:
    """What a process has used at most begins, after it was started, with what its parent has."""
    ballast = bytearray(b"x") * (GROWN_BYTES + 1)

    with running.client() as client:
        call(client, *much(account))
        first = side_of(running)
        call(client, *much(account))

    assert side_of(running) == first
    assert ballast


def test_a_request_whose_client_leaves_while_it_waits_is_not_run(running: Running, account: str) -> None:
    with running.client() as client:
        ids = inbox_ids(client, account)
        call(client, *much(account))
        with held(side_of(running)):
            response = begin(running, much(account))
            ask_and_leave(running, [flag_all(account, ids, "left")], 2).close()
            wait_for_places(running, 1)

        assert response().status_code == 200
        found = call(client, ["Email/query", {"accountId": account, "filter": {"hasKeyword": "left"}}, "q"])
    assert found[0][1]["ids"] == []


def test_a_running_request_that_only_reads_is_given_up_when_its_client_leaves(running: Running, account: str) -> None:
    with running.client() as client:
        call(client, *much(account))
        side = side_of(running)
        with held(side):
            ask_and_leave(running, much(account)).close()
        wait_for_places(running, 0)

        assert len(call(client, *much(account))) == 17
    assert side_of(running) == side


def test_a_running_change_is_made_although_its_client_has_left(running: Running, account: str) -> None:
    with running.client() as client:
        ids = inbox_ids(client, account)
        call(client, *much(account))
        with held(side_of(running)):
            ask_and_leave(running, [flag_all(account, ids, "kept")]).close()
        wait_for_places(running, 0)
        found = call(client, ["Email/query", {"accountId": account, "filter": {"hasKeyword": "kept"}}, "q"])

    assert set(found[0][1]["ids"]) == set(ids)


def test_more_heavy_requests_at_once_than_the_session_allows_are_refused(
    running: Running, account: str, bob: User
) -> None:
    with running.client() as client:
        call(client, *much(account))
        with held(side_of(running)):
            responses = [begin(running, much(account), number=number) for number in (1, 2, 3)]
            refused = client.post("/jmap/api", json={"using": USING, "methodCalls": much(account)})
            others = begin(running, much(bob.account), BOB, 4)

        assert [response().status_code for response in (*responses, others)] == [200] * 4
    assert refused.json()["limit"] == "maxConcurrentRequests"


def test_a_slow_reader_of_a_large_answer_keeps_nobody_waiting(running: Running, account: str) -> None:
    large = [*much(account), *([["Core/echo", {"x": "y" * 500_000}, "e"]] * 10)]
    with ask_and_leave(running, large), running.client() as client:
        assert len(call(client, *much(account))) == 17


def test_what_looked_light_and_was_not_is_heavy_when_it_comes_again(running: Running, account: str) -> None:
    query = json.dumps({"using": USING, "methodCalls": [["Email/query", {"accountId": account}, "q"]]}).encode()
    name, _, value = authorization().decode().strip().partition(": ")
    headers = {name.lower(): value, "content-type": "application/json", "host": "x"}
    event = {
        "rawPath": "/jmap/api",
        "headers": headers,
        "requestContext": {"domainName": "x", "http": {"method": "POST"}},
    }

    async def kinds() -> list[type]:
        api, found = ApiCalls(running.home.site, Threads(2, "test"), running.host.heavy, 1, slow=0.0), []
        for _ in range(2):
            async with api.answer({**event}, query, asyncio.Event().wait) as answer:
                assert answer.status == 200
                found.append(type(answer))
        return found

    assert running.on_loop(kinds()) == [Whole, Answered]


def test_who_has_not_signed_in_starts_no_process(running: Running, account: str) -> None:
    with client_of(running.url, auth=(LOGIN, "wrong horse")) as client:
        refused = client.post("/jmap/api", json={"using": USING, "methodCalls": much(account)})

    assert refused.status_code == 401
    assert running.host.heavy is not None
    assert running.host.heavy.pids == []


def test_the_side_process_ends_with_its_host(running: Running, account: str) -> None:
    with running.client() as client:
        call(client, *much(account))
    side = side_of(running)

    running.stop_serving()

    assert not exists(side)


def test_the_side_process_of_a_host_that_is_killed_ends_too(data: Path) -> None:
    with served(data) as site:
        with site.client() as client:
            [account] = client.get("/jmap/session").json()["accounts"]
            call(client, *much(account), *[["Email/get", {"accountId": account, "ids": ["e"] * 500}, "x"]])
        [side] = children_of(site)
        ended = os.pidfd_open(side)
        site.signal(signal.SIGKILL)
        site.wait()

        assert wait_readable(ended)


def children_of(site: Served) -> list[int]:
    tasks = Path(f"/proc/{site.process.pid}/task").iterdir()
    return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]


def wait_readable(number: int) -> bool:
    return bool(select.select([number], [], [], PATIENCE)[0])
