"""What a listener hears, and the token by which it comes back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.jmap.push.changes import changed_since, known_positions, parse_token, render_token, told_of
from homing.ledger.rows import Head

ids = st.from_regex(r"a[0-9a-z]{4,20}", fullmatch=True)
seqs = st.integers(0, 10**12)


@given(own=ids, seq=seqs, others=st.dictionaries(ids, seqs, max_size=5))
def test_a_token_tells_every_position_again(own: str, seq: int, others: dict[str, int]) -> None:
    positions = {own: seq, **{id: at for id, at in others.items() if id != own}}
    heads = {id: Head(at) for id, at in positions.items()}

    assert parse_token(own, render_token(own, heads)) == positions


def test_the_token_of_one_account_is_its_position() -> None:
    assert render_token("a1", {"a1": Head(17)}) == "17"


@pytest.mark.parametrize(
    "token", [None, "", "x", "-1", "1.", "1.a2", "1.a2:", "1.a2:x", "1 ", "1.a2:3:4", "1" * 16, "\u0661"]
)
def test_what_is_no_token_says_nothing(token: str | None) -> None:
    assert parse_token("a1", token) is None


def test_only_wanted_types_that_moved_are_told() -> None:
    heads = {"a1": Head(9, states={"Email": 9, "Mailbox": 5, "Thread": 3}), "a2": Head(4, states={"Email": 4})}

    changed = changed_since(heads, {"a1": 5, "a2": 4}, {"Email", "Mailbox"})

    assert changed == {"a1": {"Email": "9"}}
    assert changed_since(heads, told_of(heads), {"Email", "Mailbox"}) == {}


def test_of_an_account_that_the_listener_did_not_know_everything_is_told() -> None:
    assert changed_since({"a2": Head(4, states={"Email": 2})}, {}, {"Email"}) == {"a2": {"Email": "2"}}


def test_a_position_of_the_future_says_nothing() -> None:
    assert known_positions({"a1": Head(3), "a2": Head(3), "a3": Head(3)}, {"a1": 9, "a2": 2}) == {
        "a1": 0,
        "a2": 2,
        "a3": 0,
    }
