"""What HTTP takes from nobody: too much, too slowly, for ever."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvloop

from homing.config import Config, Limits
from homing.host.http_server import Bounds, HttpServer
from homing.host.http_wire import Receive, Scope, Send
from tests.scenarios.serving import PATIENCE, Running, authorization, call, until_closed

QUICK = Bounds(header_seconds=0.2, rest_seconds=0.2, unread_seconds=0.2, header_bytes=16_384)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    limits = Limits(max_size_request=200_000, max_size_upload=100_000, max_concurrent_upload=2)
    return Config(data=tmp_path, limits=limits)


class Bounded:
    """A server with small bounds, and an application that answers with as much as the path says."""

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.server = HttpServer(self._app, "127.0.0.1", 0, max_connections=3, bounds=QUICK)
        self.address = self.on_loop(self.server.start())

    def on_loop(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=PATIENCE)

    async def no_delay(self) -> list[int]:
        sockets = [one.transport.get_extra_info("socket") for one in self.server.connections]
        return [one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for one in sockets]

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        size = int(scope["path"].strip("/") or 0)
        head = [(b"content-length", b"%d" % size)]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        for at in range(0, size, 65_536):
            await send({"type": "http.response.body", "body": b"x" * min(65_536, size - at), "more_body": True})
        await send({"type": "http.response.body"})


@pytest.fixture
def bounded() -> Iterator[Bounded]:
    bounded = Bounded()
    yield bounded
    bounded.on_loop(bounded.server.drain(1))
    bounded.loop.call_soon_threadsafe(bounded.loop.stop)


def test_an_accepted_connection_sends_without_delay(bounded: Bounded) -> None:
    with bounded.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.recv(1_000)

        assert bounded.on_loop(bounded.no_delay()) == [1]


def test_a_client_that_says_nothing_is_hung_up_on(bounded: Bounded) -> None:
    with bounded.connect() as connection:
        assert until_closed(connection) == b""


def test_a_client_whose_header_never_ends_is_hung_up_on(bounded: Bounded) -> None:
    with bounded.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        assert until_closed(connection) == b""


def test_a_second_request_whose_header_never_ends_is_hung_up_on(bounded: Bounded) -> None:
    with bounded.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTT")
        assert until_closed(connection).startswith(b"HTTP/1.1 200")


def test_a_header_that_is_too_large_is_cut_off_while_it_is_read(bounded: Bounded) -> None:
    with bounded.connect() as connection:
        refused = False
        try:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
            for _ in range(100_000):
                connection.sendall(b"X-More: " + b"y" * 1_000 + b"\r\n")
        except ConnectionError:
            refused = True

    assert refused


def test_a_client_that_does_not_read_its_answer_is_hung_up_on(bounded: Bounded) -> None:
    with bounded.connect() as connection:
        connection.sendall(b"GET /100000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.recv(1)
        bounded.on_loop(_all_gone(bounded.server))

        assert len(until_closed(connection)) < 100_000_000


def test_a_body_that_goes_on_after_its_answer_is_cut_off(bounded: Bounded) -> None:
    with bounded.connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        assert until_closed(connection).startswith(b"HTTP/1.1 200")


def test_beyond_the_most_connections_a_client_is_told_to_come_later(bounded: Bounded) -> None:
    open_ones = [bounded.connect() for _ in range(3)]
    with bounded.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

        assert connection.recv(1_000).startswith(b"HTTP/1.1 503")
    for one in open_ones:
        one.close()


def test_what_is_not_http_is_a_bad_request(bounded: Bounded) -> None:
    with bounded.connect() as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n")
        assert until_closed(connection).startswith(b"HTTP/1.1 400")


async def _all_gone(server: HttpServer) -> None:
    async with asyncio.timeout(PATIENCE):
        while server.connections:
            await asyncio.sleep(0)


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "undeclared"])
def test_a_request_that_is_too_large_is_refused_with_the_limits_name(running: Running, declared: bool) -> None:
    body = b" " * 300_000
    with running.client() as client:
        answer = client.post("/jmap/api", content=body if declared else iter([body[:90_000], body[90_000:]]))

        assert answer.status_code == 413
        assert answer.json()["type"] == "urn:ietf:params:jmap:error:limit"
        assert answer.json()["limit"] == "maxSizeRequest"
        assert client.get("/healthz").status_code == 200


def test_of_who_has_not_signed_in_only_the_beginning_of_a_request_is_read(running: Running) -> None:
    with running.connect() as connection:
        connection.sendall(b"POST /jmap/api HTTP/1.1\r\nHost: x\r\nContent-Length: 150000\r\n\r\n" + b" " * 100_000)

        assert connection.recv(1_000).startswith(b"HTTP/1.1 401")


def test_a_large_request_of_a_user_is_read_to_its_end(running: Running) -> None:
    with running.client() as client:
        [answer] = call(client, ["Core/echo", {"x": "y" * 150_000}, "e"])

    assert len(answer[1]["x"]) == 150_000


def test_a_size_that_is_not_a_number_does_no_harm(running: Running) -> None:
    with running.connect() as connection:
        connection.sendall(b"POST /jmap/api HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n{}")
        assert until_closed(connection).startswith(b"HTTP/1.1 400")


def test_more_uploads_at_once_than_the_session_allows_are_refused(running: Running) -> None:
    head = f"POST /jmap/upload/{running.user.account}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n".encode()
    expecting = head + authorization() + b"Expect: 100-continue\r\n\r\n"
    busy = [running.connect() for _ in range(2)]
    for connection in busy:
        connection.sendall(expecting)
        assert connection.recv(1_000).startswith(b"HTTP/1.1 100")  # it is being read

    with running.client() as client:
        refused = client.post(f"/jmap/upload/{running.user.account}/", content=b"x")
        for connection in busy:
            connection.sendall(b"0123456789")
            assert connection.recv(10_000).startswith(b"HTTP/1.1 201")
        accepted = client.post(f"/jmap/upload/{running.user.account}/", content=b"x")

    assert refused.json()["limit"] == "maxConcurrentUpload"
    assert accepted.status_code == 201


def test_slow_uploads_hold_nobody_else_up(running: Running) -> None:
    head = f"POST /jmap/upload/{running.user.account}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n".encode()
    with running.connect() as slow:
        slow.sendall(head + authorization() + b"\r\nsome")
        with running.client() as client:
            assert client.get("/jmap/session").status_code == 200


def test_default_bounds_let_a_slow_but_honest_client_work() -> None:
    assert replace(Bounds()).header_seconds >= 10
