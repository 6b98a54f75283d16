"""SIGTERM: what is under way is finished, nothing new is begun, exit code 0."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

import pytest

from homing.bootstrap import local_site
from homing.config import Config
from homing.host.process import FORCED
from homing.ledger.view import View
from tests.mail import message
from tests.scenarios.serving import (
    LOGIN,
    PATIENCE,
    EventStream,
    Served,
    authorization,
    serve_command,
    served,
    until_closed,
    wait_for_line,
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_exit_code_0(data: Path, number: signal.Signals) -> None:
    with served(data) as serving:
        serving.signal(number)

        assert serving.wait() == 0


def test_a_delivery_under_way_is_finished(data: Path) -> None:
    with served(data) as serving, socket.create_connection(serving.addresses.lmtp, timeout=PATIENCE) as lmtp:
        replies = lmtp.makefile("rb")
        lmtp.sendall(b"LHLO me\r\nMAIL FROM:<bea@sender.example>\r\nRCPT TO:<ann@example.org>\r\nDATA\r\n")
        while not replies.readline().startswith(b"354"):
            pass
        lmtp.sendall(message(message_id="under-way@x")[:100])
        serving.signal()
        wait_for_line(data / "serve.log", "stopping")
        lmtp.sendall(message(message_id="under-way@x")[100:] + b"\r\n.\r\n")

        assert replies.readline().startswith(b"250 ")
        assert serving.wait() == 0
    assert _emails(data) == 1


def test_a_request_under_way_is_answered(data: Path) -> None:
    with served(data) as serving, socket.create_connection(serving.addresses.http, timeout=PATIENCE) as http:
        http.sendall(b"POST /jmap/api HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + authorization())
        http.sendall(b"Content-Length: 74\r\nExpect: 100-continue\r\n\r\n")
        assert http.recv(1_000).startswith(b"HTTP/1.1 100")  # it is being read
        serving.signal()
        wait_for_line(data / "serve.log", "stopping")
        http.sendall(b'{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{},1]]}')

        assert until_closed(http).startswith(b"HTTP/1.1 400")  # the call id is no string: answered all the same
        assert serving.wait() == 0


def test_listeners_to_events_do_not_hold_up_the_end(data: Path) -> None:
    with served(data) as serving:
        stream = EventStream(serving.addresses.http)
        serving.signal()

        assert stream.next() is None
        assert serving.wait() == 0
        stream.close()


def test_a_second_signal_does_not_wait(data: Path) -> None:
    with served(data) as serving, socket.create_connection(serving.addresses.lmtp, timeout=PATIENCE) as lmtp:
        replies = lmtp.makefile("rb")
        lmtp.sendall(b"LHLO me\r\nMAIL FROM:<bea@sender.example>\r\nRCPT TO:<ann@example.org>\r\nDATA\r\n")
        while not replies.readline().startswith(b"354"):
            pass
        serving.signal()
        wait_for_line(data / "serve.log", "stopping")
        serving.signal()

        assert serving.wait() == FORCED


def test_a_port_in_use_is_told_in_one_line(data: Path) -> None:
    with served(data) as serving:
        port = serving.addresses.smtp[1]
        command = [*serve_command(data), "--smtp-port", str(port)]
        second = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)

    assert second.returncode == 1
    assert second.stdout == ""
    assert second.stderr.splitlines()[-1].startswith(f"homing: cannot listen for smtp on port {port}: ")
    assert "Traceback" not in second.stderr


def test_two_processes_may_serve_one_folder(data: Path) -> None:
    with served(data) as one, served(data) as other:
        with one.lmtp() as lmtp:
            lmtp.sendmail("bea@sender.example", [LOGIN], message(message_id="one@x"))
        with other.lmtp() as lmtp:
            lmtp.sendmail("bea@sender.example", [LOGIN], message(message_id="two@x"))
        _end(one)
        _end(other)
    assert _emails(data) == 2
    assert (data / "serve.log").read_text().count("another process serves") == 1


def _end(serving: Served) -> None:
    serving.signal()
    assert serving.wait() == 0


def _emails(data: Path) -> int:
    site = local_site(Config(data=data))
    account = next(partition for partition in site.store.partitions("a"))
    return View(site.store, account, site.clock.now()).head.emails
