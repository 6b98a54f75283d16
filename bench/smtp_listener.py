"""What the listener itself costs: messages per second and CPU per message, with an intake that keeps nothing.

    python bench/smtp_listener.py [--kind lmtp|smtp] [--seconds 2] [--stock] [--pipeline]

The server runs in a process of its own, on one core; the clients are raw sockets in threads of this one,
which knows the time that the server's process has used. `--stock` measures aiosmtpd as it comes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP

from homing.errors import Refused
from homing.host.intake import Limits
from homing.host.smtp import Listener
from homing.ports.landings import Envelope

SIZES = (10_000, 100_000)
CONNECTIONS = (1, 4, 16)
LINE = b"The quick brown fox jumps over the lazy dog and goes on to the end.\r\n"


class NoIntake:
    async def check_recipient(self, address: str) -> Refused | None:  # noqa: ARG002
        return None

    async def deliver(self, envelope: Envelope, trace: bytes, message: bytes) -> Sequence[Refused | None]:  # noqa: ARG002
        return [None] * len(envelope.rcpt_to)


class StockHandler:
    async def handle_DATA(self, *_: object) -> str:  # noqa: N802 - aiosmtpd's name
        return "250 stored"


async def serve(kind: str, stock: bool) -> None:
    loop = asyncio.get_running_loop()
    if stock:
        protocol = LMTP if kind == "lmtp" else SMTP
        server = await loop.create_server(
            lambda: protocol(StockHandler(), hostname="bench.example", enable_SMTPUTF8=True, loop=loop), "127.0.0.1", 0
        )
        port = server.sockets[0].getsockname()[1]
    else:
        _, port = await Listener("lmtp" if kind == "lmtp" else "smtp", NoIntake(), Limits(), "bench.example").start()
    print(port, flush=True)
    over = asyncio.Event()

    def answer() -> None:
        if sys.stdin.readline():
            print(time.process_time(), flush=True)
        else:
            over.set()

    loop.add_reader(sys.stdin, answer)
    await over.wait()


class Client:
    def __init__(self, port: int, kind: str, pipeline: bool) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port))
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.replies = self.connection.makefile("rb")
        self.pipeline = pipeline
        self.expect(b"220")
        self.connection.sendall(b"LHLO bench\r\n" if kind == "lmtp" else b"EHLO bench\r\n")
        self.expect(b"250")

    def expect(self, code: bytes) -> None:
        line = self.replies.readline()
        while line[3:4] == b"-":
            line = self.replies.readline()
        if not line.startswith(code):
            raise SystemExit(f"unexpected reply {line!r}")

    def send(self, message: bytes) -> None:
        commands = (b"MAIL FROM:<alice@example.org>\r\n", b"RCPT TO:<bob@example.net>\r\n", b"DATA\r\n")
        if self.pipeline:
            self.connection.sendall(b"".join(commands))
        for command, code in zip(commands, (b"250", b"250", b"354"), strict=True):
            if not self.pipeline:
                self.connection.sendall(command)
            self.expect(code)
        self.connection.sendall(message)
        self.expect(b"250")


def run(port: int, kind: str, pipeline: bool, size: int, connections: int, seconds: float) -> int:
    message = b"Subject: bench\r\n\r\n" + LINE * (size // len(LINE)) + b".\r\n"
    counts = [0] * connections
    clients = [Client(port, kind, pipeline) for _ in counts]
    end = time.monotonic() + seconds

    def work(number: int) -> None:
        while time.monotonic() < end:
            clients[number].send(message)
            counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        client.replies.close()
        client.connection.close()
    return sum(counts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=("lmtp", "smtp"), default="lmtp")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--stock", action="store_true")
    parser.add_argument("--pipeline", action="store_true")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {0})
        uvloop.run(serve(options.kind, options.stock))
        return
    command = [sys.executable, str(Path(__file__)), "--serve", "--kind", options.kind]
    with subprocess.Popen(
        [*command, *(["--stock"] if options.stock else [])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        port = int(server.stdout.readline())

        def cpu() -> float:
            server.stdin.write("\n")  # type: ignore[union-attr]
            server.stdin.flush()  # type: ignore[union-attr]
            return float(server.stdout.readline())  # type: ignore[union-attr]

        print(f"{'bytes':>8} {'connections':>12} {'messages/s':>12} {'CPU us/message':>15}")
        for size in SIZES:
            for connections in CONNECTIONS:
                before, begun = cpu(), time.monotonic()
                count = run(port, options.kind, options.pipeline, size, connections, options.seconds)
                took, used = time.monotonic() - begun, cpu() - before
                print(f"{size:>8} {connections:>12} {count / took:>12.0f} {used / count * 1e6:>15.0f}")
        server.stdin.close()


if __name__ == "__main__":
    main()
