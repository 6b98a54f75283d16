"""The key table: byte order of keys is the order of what they stand for."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from homing.ledger import keys

POSITIONS = st.integers(0, 10**12 - 1)
TIMES = st.integers(0, 10**13 - 1)


@given(POSITIONS, POSITIONS)
def test_entry_keys_sort_as_their_positions(one: int, other: int) -> None:
    assert (keys.entry_key(one).encode() < keys.entry_key(other).encode()) == (one < other)


@given(TIMES, TIMES)
def test_list_keys_sort_by_time_before_id(one: int, other: int) -> None:
    first, second = keys.list_key("inbox", one, "z"), keys.list_key("inbox", other, "a")

    assert (first.encode() < second.encode()) == (one < other)


@given(st.integers())
def test_any_time_gives_a_key_of_the_same_length(ms: int) -> None:
    assert len(keys.list_key("inbox", ms, "e")) == len(keys.list_key("inbox", 0, "e"))


@given(st.text(st.characters(codec="utf-8"), max_size=8))
def test_a_prefix_range_holds_every_key_with_the_prefix(rest: str) -> None:
    start, end = keys.prefix_range(keys.list_prefix("inbox"))

    assert start.encode() <= (keys.list_prefix("inbox") + rest).encode() < end.encode()


def test_a_prefix_range_holds_no_other_mailbox() -> None:
    start, end = keys.prefix_range(keys.list_prefix("inbox"))
    others = [keys.list_key(mailbox, 5, "e") for mailbox in ("inbo", "inbox2", "inbox-", "*", "inboy")]

    assert not [key for key in others if start <= key < end]


def test_rows_of_different_kinds_do_not_lie_in_each_others_ranges() -> None:
    made = [
        keys.HEAD, keys.entry_key(1), keys.object_key("Email", "e1"), keys.list_key("*", 1, "e1"),
        keys.message_id_key("0" * 24), keys.delivery_key("0" * 32), keys.blob_key("0" * 64),
    ]  # fmt: skip
    prefixes = ["g/", "o/", "x/list/", "x/msgid/", "d/", "b/"]

    for prefix in prefixes:
        start, end = keys.prefix_range(prefix)
        assert [key for key in made if start <= key < end] == [key for key in made if key.startswith(prefix)]


def test_a_message_id_leads_elsewhere_under_another_subject() -> None:
    assert keys.message_id_hash("a@b", "x") != keys.message_id_hash("a@b", "y")
    assert keys.message_id_hash("a", "bc") != keys.message_id_hash("ab", "c")


def test_any_text_has_a_message_id_hash() -> None:
    assert len(keys.message_id_hash("\udcff\0", "\ud800")) == 24


def test_only_the_outbox_has_no_ledger() -> None:
    with_ledger = ["a1", keys.SITE, keys.tenant_partition("t"), keys.address_partition("d.example")]

    assert all(keys.is_ledger(partition) for partition in with_ledger)
    assert not keys.is_ledger(keys.tasks_partition(3))
    assert not keys.is_ledger(keys.dead_partition(3))


def test_shuffled_positions_sort_back() -> None:
    made = [keys.entry_key(seq) for seq in range(1, 2_000)]

    assert sorted(random.sample(made, len(made))) == made
