"""What the process host and its side process say to each other, over two unix sockets: one each way.

    host -> side   Begin, then orders one at a time (each with two open files: the request's body, and an
                   empty one for the answer's), and EMPTY while one runs: its client has gone
    side -> host   Told whenever something was committed; at last Done

A frame is its length in four bytes and a msgpack map. The end of the stream is the end of the other side.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from homing.config import Config
from homing.ports.store import Row

LENGTH: Final = 4
EMPTY: Final = bytes(LENGTH)
PIECE: Final = 256 * 1024


class Begin(msgspec.Struct, tag=True):
    """Which home to build from which configuration, and the least level to log."""

    home: str
    config: Config
    level: int


class Order(msgspec.Struct, tag=True):
    """One request: an API Gateway event without its body, whose size it is."""

    event: dict[str, Any]
    size: int


class Told(msgspec.Struct, tag=True):
    """Rows of a commit that the host wants to hear of."""

    rows: list[Row]


class Done(msgspec.Struct, tag=True):
    """The answer, but for its body, whose size it is; `status` 0: it was given up. `held`: the memory
    that the side process has now, in bytes."""

    status: int
    headers: dict[str, str]
    size: int
    held: int


_encoder: Final = msgspec.msgpack.Encoder(enc_hook=str)
_of_host: Final = msgspec.msgpack.Decoder(Begin | Order, dec_hook=lambda type, text: type(text))
_of_side: Final = msgspec.msgpack.Decoder(Told | Done)


def frame(value: Begin | Order | Told | Done) -> bytes:
    """The bytes that carry a value."""
    content = _encoder.encode(value)
    return len(content).to_bytes(LENGTH, "big") + content


def length_of(head: bytes) -> int:
    """Of what follows a frame's first bytes."""
    return int.from_bytes(head, "big")


def said_by_side(content: bytes) -> Told | Done:
    """A frame's content."""
    said: Told | Done = _of_side.decode(content)
    return said


def send_order(orders: socket.socket, order: Order, files: Sequence[int]) -> None:
    """Send an order and its files. Their size is bounded, and nobody speaks in between: it does not wait."""
    content = frame(order)
    sent = socket.send_fds(orders, [content], files)
    orders.sendall(content[sent:])


def receive(orders: socket.socket) -> tuple[Begin | Order | None, list[int]]:
    """What the host says next, with its files; None at the end. Waits."""
    while True:
        head, files, _, _ = socket.recv_fds(orders, LENGTH, 2)
        head += _rest(orders, LENGTH - len(head)) if head else b""
        if len(head) < LENGTH:
            return None, files
        if head != EMPTY:
            content = _rest(orders, length_of(head))
            return (_of_host.decode(content) if len(content) == length_of(head) else None), files


def _rest(orders: socket.socket, size: int) -> bytes:
    received = bytearray()
    while len(received) < size and (piece := orders.recv(min(size - len(received), PIECE))):
        received += piece
    return bytes(received)


def read_all(file: int, size: int) -> bytes:
    """A file's content, from its beginning."""
    return b"".join(iter(lambda: os.read(file, min(size, PIECE)), b"")) if size else b""


def write_all(file: int, content: bytes) -> None:
    """Write to a file, which may take a part at a time."""
    view = memoryview(content)
    while view:
        view = view[os.write(file, view) :]


def folder_for_files(config: Config) -> Path | None:
    """Where bodies lie for a moment, without a name: beside the site's own mail, if that lies in a folder."""
    return config.data if config.home == "local" and config.data.is_dir() else None
