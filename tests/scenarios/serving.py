"""A served site for scenarios, and clients of bytes: in this process (`Running`) or in one of its own (`Served`)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import re
import select
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import uvloop

from homing.bootstrap import Home
from homing.config import Config
from homing.directory.accounts import User
from homing.host.process import Addresses, Host, Settings

LOGIN: Final = "ann@example.org"
OTHER: Final = "bob@example.org"
PASSWORD: Final = "correct horse"
USING: Final = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"]
PATIENCE: Final = 30.0
"""Seconds after which a test that waits has failed."""

READY: Final = re.compile(r"ready http=http://(\S+):(\d+) smtp=(\S+):(\d+) lmtp=(\S+):(\d+)\n")


@dataclass
class Running:
    """A host on a loop in a thread of this process, with its site in reach."""

    home: Home
    user: User
    settings: Settings = field(default_factory=lambda: Settings(http_port=0, smtp_port=0, lmtp_port=0, grace=5))
    addresses: Addresses = field(init=False)

    def __post_init__(self) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.host = Host(self.home.site, self.home.landings, self.settings, self.home.sweep)
        self.addresses = self.on_loop(self.host.start())

    def on_loop(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    def stop_serving(self) -> None:
        self.on_loop(self.host.stop())

    def stop(self) -> None:
        self.stop_serving()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    @property
    def url(self) -> str:
        return url_of(self.addresses.http, secure=self.addresses.secure)

    @property
    def config(self) -> Config:
        return self.home.site.config

    def client(self, **options: Any) -> httpx.Client:
        return client_of(self.url, **options)

    def lmtp(self) -> smtplib.LMTP:
        return smtplib.LMTP(*self.addresses.lmtp, timeout=PATIENCE)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.addresses.http, timeout=PATIENCE)


@dataclass
class Served:
    """`homing serve` in a process of its own. With an `environment` that names the site, `data` holds its log alone."""

    data: Path
    environment: Mapping[str, str] | None = None
    addresses: Addresses = field(init=False)

    def __post_init__(self) -> None:
        with (self.data / "serve.log").open("a") as log:
            self.process = subprocess.Popen(
                serve_command(None if self.environment else self.data),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self.environment,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = READY.fullmatch(line)
        assert found is not None, (line, (self.data / "serve.log").read_text())
        self.addresses = Addresses(*((found[n], int(found[n + 1])) for n in (1, 3, 5)))

    def signal(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        code = self.process.wait(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def lmtp(self) -> smtplib.LMTP:
        return smtplib.LMTP(*self.addresses.lmtp, timeout=PATIENCE)

    def client(self, **options: Any) -> httpx.Client:
        return client_of(url_of(self.addresses.http), **options)


def serve_command(data: Path | None, *more: str) -> list[str]:
    ports = ["--http-port", "0", "--smtp-port", "0", "--lmtp-port", "0"]
    where = [] if data is None else ["--data", str(data)]
    return [sys.executable, "-m", "homing.cli.main", "serve", *where, *ports, *more]


@contextlib.contextmanager
def served(data: Path, environment: Mapping[str, str] | None = None) -> Iterator[Served]:
    serving = Served(data, environment)
    try:
        yield serving
    finally:
        if serving.process.poll() is None:
            serving.process.kill()
            serving.wait()


def url_of(address: tuple[str, int], *, secure: bool = False) -> str:
    return f"{'https' if secure else 'http'}://{address[0]}:{address[1]}"


def client_of(url: str, **options: Any) -> httpx.Client:
    return httpx.Client(base_url=url, **{"auth": (LOGIN, PASSWORD), "timeout": PATIENCE, **options})


def call(client: httpx.Client, *calls: Sequence[Any]) -> list[Any]:
    """Method calls in one request; their responses."""
    answer = client.post("/jmap/api", json={"using": USING, "methodCalls": calls})
    assert answer.status_code == 200, answer.text
    responses: list[Any] = answer.json()["methodResponses"]
    return responses


def inbox_ids(client: httpx.Client, account: str) -> list[str]:
    arguments = {"accountId": account, "filter": {"inMailbox": "inbox"}, "limit": 10_000}
    ids: list[str] = call(client, ["Email/query", arguments, "q"])[0][1]["ids"]
    return ids


def message_ids(client: httpx.Client, account: str) -> list[str]:
    """The Message-ID of everything in the inbox."""
    found: list[str] = []
    ids = inbox_ids(client, account)
    for start in range(0, len(ids), 500):
        arguments = {"accountId": account, "ids": ids[start : start + 500], "properties": ["messageId"]}
        found += [email["messageId"][0] for email in call(client, ["Email/get", arguments, "g"])[0][1]["list"]]
    return found


def authorization(login: str = LOGIN) -> bytes:
    return b"Authorization: Basic " + base64.b64encode(f"{login}:{PASSWORD}".encode()) + b"\r\n"


class EventStream:
    """One event source, read event by event."""

    def __init__(
        self,
        address: tuple[str, int],
        query: str = "types=*&closeafter=no&ping=0",
        *headers: bytes,
        login: str = LOGIN,
    ) -> None:
        self.socket = socket.create_connection(address, timeout=PATIENCE)
        head = b"GET /jmap/events?" + query.encode() + b" HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n"
        self.socket.sendall(head + authorization(login) + b"".join(header + b"\r\n" for header in headers) + b"\r\n")
        self._lines = self.socket.makefile("rb")
        self.head = b"".join(iter(self._lines.readline, b"\r\n"))
        if self.head.startswith(b"HTTP/1.1 200"):
            assert self.next() == {"": "listening"}

    def next(self) -> dict[str, str] | None:
        """The next event's fields (a comment under ""), or None at the end of the stream."""
        chunk = self._lines.read(int(self._lines.readline(), 16) + 2)
        fields = {}
        for line in chunk.decode().splitlines():
            name, _, value = line.partition(":")
            if line:
                fields[name] = value.strip()
        return fields or None

    def close(self) -> None:
        self._lines.close()
        self.socket.close()


def until_closed(connection: socket.socket) -> bytes:
    """Everything that still comes; b"" if the peer reset the connection."""
    received = b""
    try:
        while piece := connection.recv(65_536):
            received += piece
    except ConnectionError:
        pass
    return received


def wait_for_line(path: Path, text: str) -> None:
    """Until a log says so."""
    deadline = time.monotonic() + PATIENCE
    while text not in path.read_text():
        assert time.monotonic() < deadline, f"{text!r} was not said"
        select.select([], [], [], 0.02)


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
