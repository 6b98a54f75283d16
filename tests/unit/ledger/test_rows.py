"""Heads and values as they are read."""

import pytest

from homing.errors import Permanent
from homing.ledger import keys
from homing.ledger.entry import encode_body
from homing.ledger.rows import Head, head_of
from homing.ports.store import Row


def test_a_head_is_read_as_it_was_written() -> None:
    head = Head(3, "ab", {"Email": 2}, 1, 100)

    assert head_of(Row("a1", keys.HEAD, encode_body(head.to_body()), 3)) == head


def test_no_row_is_the_head_of_an_empty_ledger() -> None:
    assert head_of(None) == Head()


def test_a_layout_of_a_newer_version_is_refused() -> None:
    body = Head().to_body() | {"keys": keys.KEYS_VERSION + 1}

    with pytest.raises(Permanent, match="newer version"):
        head_of(Row("a1", keys.HEAD, encode_body(body)))
