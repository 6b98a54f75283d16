"""The mail that CPython tests its own parser with."""

from __future__ import annotations

import email
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pytest

from homing.message import Part, describe, parse
from tests.unit.message.test_second_opinions import our_shape, stdlib_shape

# Here the standard library keeps an empty multipart; we show its text instead.
EMPTY_MULTIPARTS = {"msg_15.txt", "msg_17.txt", "msg_25.txt", "msg_31.txt", "msg_39.txt", "msg_41.txt"}


def _messages() -> list[Any]:
    try:
        found = find_spec("test.test_email")
    except ModuleNotFoundError:
        found = None
    folder = Path(found.origin).parent / "data" if found and found.origin else Path()
    paths = sorted(folder.glob("msg_*.txt")) if found else []
    skip = pytest.mark.skip(reason="this Python comes without its own test data")
    return paths or [pytest.param(Path(), marks=skip)]


@pytest.mark.parametrize("path", _messages(), ids=lambda path: path.name)
def test_the_tree_is_that_of_the_standard_library(path: Path) -> None:
    raw = path.read_bytes()
    message = parse(raw)

    assert Part.from_dict(msgspec.json.decode(msgspec.json.encode(describe(message)))["structure"]) == message.root
    assert [header.name for header in message.headers] == email.message_from_bytes(raw).keys()
    if path.name not in EMPTY_MULTIPARTS:
        assert our_shape(message.root) == stdlib_shape(email.message_from_bytes(raw))
