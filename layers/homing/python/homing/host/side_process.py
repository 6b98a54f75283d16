"""The side process: runs one heavy request after the other with the functions' own handler, on a site of its own.

    python -m homing.host.side_process ORDERS ANSWERS        the numbers of two open sockets

Started by `host.heavy`, never by hand. It works on the same store as the process host and tells that of its
commits. It ends when the host has closed its socket or is no more; signals to the whole group are the
host's business. A request that only reads is given up at the next call of the store if its client has gone.
"""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from functions.jmap.handler import handler
from homing.bootstrap import aws_site, local_site
from homing.config import Config
from homing.host.api_event import content_of, with_body
from homing.host.garbage import collect_seldom
from homing.host.log import log_to_stderr
from homing.host.side_wire import Begin, Done, Order, Told, frame, read_all, receive, write_all
from homing.host.tailer import NotifyingStore
from homing.host.weigh import may_be_given_up
from homing.lambda_shell import use_site
from homing.ledger import keys
from homing.ledger.keys import TASKS_PREFIX
from homing.ports.store import Batch, Put, Row, Store
from homing.site import Site

NICE: Final = 5
MAX_DATA: Final = 1 << 30
"""Bytes of memory beyond which a request fails, and not the machine."""
STATM: Final = Path("/proc/self/statm")

SITES: Final[Mapping[str, Callable[[Config], Site]]] = {"local": local_site, "aws": aws_site}

log = logging.getLogger("homing.host.side_process")


class GivenUp(BaseException):
    """Nobody waits for this answer any more. Not an `Exception`: no shell is to make an answer of it."""


class AttentiveStore(NotifyingStore):
    """The store, which also gives up where that is asked for: before a call, when nothing is half done."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._is_over: Callable[[], bool] = lambda: False

    def attend(self, is_over: Callable[[], bool]) -> None:
        """Ask `is_over` before each reading call from now on."""
        self._is_over = is_over

    def _look(self) -> None:
        if self._is_over():
            raise GivenUp

    def get(self, partition: str, key: str) -> Row | None:
        """As the store."""
        self._look()
        return super().get(partition, key)

    def get_many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
        """As the store."""
        self._look()
        return super().get_many(keys)

    def scan(
        self,
        partition: str,
        start: str = "",
        end: str | None = None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Iterator[Row]:
        """As the store."""
        self._look()
        return super().scan(partition, start, end, reverse=reverse, limit=limit)


def main() -> None:
    """Serve until the host hangs up."""
    orders, answers = (socket.socket(fileno=int(number)) for number in sys.argv[1:3])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    begin, _ = receive(orders)
    if isinstance(begin, Begin):
        _settle(begin.level)
        store = _use(begin, answers)
        with contextlib.suppress(ConnectionError):  # the host has gone: so does this
            _serve(orders, answers, store)


def _settle(level: int) -> None:
    """Small requests come first, and no answer may take all of the memory."""
    log_to_stderr(level)
    os.nice(NICE)
    with contextlib.suppress(ValueError, OSError):  # not on every platform, or less is allowed already
        resource.setrlimit(resource.RLIMIT_DATA, (MAX_DATA, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    collect_seldom()


def _use(begin: Begin, answers: socket.socket) -> AttentiveStore:
    site = SITES[begin.home](begin.config)
    store = AttentiveStore(site.store)
    store.tell(lambda batch: _tell(answers, batch))
    use_site(replace(site, store=store))
    return store


def _tell(answers: socket.socket, batch: Batch) -> None:
    """The heads, which say what has moved, and the tasks; suppressed if the host has gone: the commit stands."""
    rows = [
        operation.row
        for operation in batch.operations
        if isinstance(operation, Put) and (operation.key == keys.HEAD or operation.partition.startswith(TASKS_PREFIX))
    ]
    if rows:
        with contextlib.suppress(ConnectionError):
            answers.sendall(frame(Told(rows)))


def _serve(orders: socket.socket, answers: socket.socket, store: AttentiveStore) -> None:
    ear = select.poll()
    ear.register(orders, select.POLLIN | select.POLLHUP)
    while True:
        order, files = receive(orders)
        if not isinstance(order, Order):
            return
        try:
            body = read_all(files[0], order.size)
            store.attend((lambda: bool(ear.poll(0))) if may_be_given_up(body) else lambda: False)
            done = _answer(order, body, files[1])
        finally:
            for file in files:
                os.close(file)
        store.attend(lambda: False)
        answers.sendall(frame(done))


def _answer(order: Order, body: bytes, file: int) -> Done:
    try:
        answer = handler(with_body(order.event, body), None)
    except GivenUp:
        return Done(0, {}, 0, _held())
    content = content_of(answer)
    write_all(file, content)
    return Done(answer["statusCode"], answer["headers"], len(content), _held())


def _held() -> int:
    """Bytes of memory of this process's own, without the pages of files, of which SQLite maps many; 0 where the system
    does not tell. The `ru_maxrss` of a process is no measure: it begins with its parent's."""
    try:
        resident, shared = map(int, STATM.read_text().split()[1:3])
    except (OSError, ValueError):
        return 0
    return (resident - shared) * resource.getpagesize()


if __name__ == "__main__":
    main()
