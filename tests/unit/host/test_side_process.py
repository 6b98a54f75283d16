"""The side process and what is said to it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from homing.adapters.sqlite import SqliteStore
from homing.config import Config, Limits
from homing.host.side_process import AttentiveStore, GivenUp
from homing.host.side_wire import EMPTY, Begin, Done, Order, Told, frame, read_all, receive, said_by_side, send_order
from homing.host.side_wire import LENGTH as HEAD
from homing.ports.store import Batch, Put, Row

ROW = Row("p", "k", b"\x00\xff", 3, None)


def test_a_store_that_nobody_waits_for_gives_up_before_it_reads(scratch: SqliteStore) -> None:
    store, over = AttentiveStore(scratch), [False]
    store.attend(lambda: over[0])
    store.commit(Batch((Put(ROW),)))
    assert store.get("p", "k") == ROW
    assert list(store.scan("p")) == [ROW]

    over[0] = True

    for read in (lambda: store.get("p", "k"), lambda: store.get_many([("p", "k")]), lambda: store.scan("p")):
        with pytest.raises(GivenUp):
            read()


def test_what_was_begun_to_be_written_is_written_and_told(scratch: SqliteStore) -> None:
    store, told = AttentiveStore(scratch), list[Batch]()
    store.attend(lambda: True)
    store.tell(told.append)

    store.commit(Batch((Put(ROW),)))

    assert scratch.get("p", "k") == ROW
    assert len(told) == 1


@pytest.mark.parametrize("key", [None, Path("key.pem")])
def test_a_configuration_arrives_as_it_was(key: Path | None) -> None:
    here, there = socket.socketpair()
    begin = Begin("local", Config(data=Path("a b"), limits=Limits(max_recipients=7), tls_key=key), 10)

    here.sendall(frame(begin))

    assert receive(there) == (begin, [])


def test_an_order_arrives_with_its_files_whatever_was_said_before(tmp_path: Path) -> None:
    here, there = socket.socketpair()
    body, answer = tmp_path / "body", tmp_path / "answer"
    body.write_bytes(b"x" * 300_000)
    answer.touch()

    here.sendall(EMPTY + EMPTY)  # somebody left too late
    with body.open("rb") as first, answer.open("wb") as second:
        send_order(here, Order({"rawPath": "/" + "y" * 60_000}, 300_000), (first.fileno(), second.fileno()))
    order, files = receive(there)

    assert isinstance(order, Order)
    assert order.event["rawPath"] == "/" + "y" * 60_000
    assert read_all(files[0], order.size) == b"x" * 300_000
    os.write(files[1], b"answered")
    assert answer.read_bytes() == b"answered"
    for file in files:
        os.close(file)


def test_the_end_of_the_host_is_the_end(tmp_path: Path) -> None:
    here, there = socket.socketpair()
    here.sendall(frame(Order({}, 0))[:-1])
    here.close()

    assert receive(there)[0] is None


@pytest.mark.parametrize("said", [Told([ROW]), Done(200, {"content-type": "application/json"}, 5, 1 << 30)])
def test_what_the_side_says_is_understood(said: Told | Done) -> None:
    assert said_by_side(frame(said)[HEAD:]) == said
