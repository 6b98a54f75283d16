"""An orderly end: what is under way is finished, everybody else is told to come back."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import pytest


def test_idle_clients_are_told_and_closed_and_no_new_ones_are_taken(house: Any) -> None:
    house.listen()
    clients = [house.client(), house.client()]
    assert [client.reply()[:3] for client in clients] == ["220", "220"]
    clients[1].ask(b"EHLO x\r\n")

    house.wait(house.listener.drain(10))
    assert [client.reply() for client in clients] == ["421 4.3.2 Shutting down"] * 2
    assert all(client.is_closed() for client in clients)
    with pytest.raises(ConnectionRefusedError):
        house.client()


def test_a_delivery_under_way_is_finished_and_answered(house: Any) -> None:
    house.inbox.held = asyncio.Event()
    house.listen()
    client = house.client().ready(b"EHLO")
    client.ask(b"DATA\r\n")
    client.say(b"hi\r\n.\r\n")
    assert house.inbox.delivering.wait(10)

    drained = house.start(house.listener.drain(10))
    house.loop.call_soon_threadsafe(house.inbox.held.set)
    drained.result(10)
    assert client.reply().startswith("250 2.0.0")
    assert client.reply() == "421 4.3.2 Shutting down"
    assert house.inbox.messages == [b"hi\r\n"]


@pytest.mark.parametrize("rest", [(b"lo\r\n.\r\n",), (b"lo\r\n.\r\nMAIL FROM:<>\r\n",)])
def test_a_message_under_way_is_taken_to_its_end_but_no_further_one(house: Any, rest: tuple[bytes]) -> None:
    house.listen()
    client = house.client().ready(b"EHLO")
    client.ask(b"DATA\r\n")
    client.say(b"hel")

    drained = house.start(house.listener.drain(10))
    assert client.ask(*rest).startswith("250 2.0.0")
    assert client.reply().startswith("421 4.3.2")
    drained.result(10)
    assert house.inbox.messages == [b"hello\r\n"]


def test_an_envelope_under_way_may_be_finished_or_given_up(house: Any) -> None:
    house.listen()
    client = house.client().ready(b"EHLO")

    drained = house.start(house.listener.drain(10))
    assert client.ask(b"RCPT TO:<eve@example.net>\r\n").startswith("250")
    assert client.ask(b"RSET\r\n").startswith("250")
    assert client.reply().startswith("421 4.3.2")
    drained.result(10)


def test_who_does_not_end_in_time_is_cut_off_without_a_250(house: Any) -> None:
    house.inbox.held = asyncio.Event()
    house.listen()
    client = house.client().ready(b"EHLO")
    client.ask(b"DATA\r\n")
    client.say(b"hi\r\n.\r\n")
    assert house.inbox.delivering.wait(10)

    house.wait(house.listener.drain(0.05))
    assert client.is_closed()
    assert house.inbox.messages == []


def test_a_delivery_goes_on_when_the_client_has_gone(house: Any) -> None:
    house.inbox.held = asyncio.Event()
    house.listen()
    client = house.client().ready(b"EHLO")
    client.ask(b"DATA\r\n")
    client.say(b"hi\r\n.\r\n")
    assert house.inbox.delivering.wait(10)
    [conversation] = house.listener._door.live
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()  # a reset
    with pytest.raises(ConnectionResetError):
        house.wait(conversation._closed)

    house.loop.call_soon_threadsafe(house.inbox.held.set)
    house.wait(house.listener.drain(10))
    assert house.inbox.messages == [b"hi\r\n"]
