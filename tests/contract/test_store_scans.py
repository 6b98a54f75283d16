"""The contract of the `Store` port, on every adapter: order, ranges, pages, partitions."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homing.adapters.dynamodb import DynamoStore
from homing.ports.store import Batch, Delete, Put, Row, Store

AWKWARD_KEYS = [
    "\x00",
    "\x00\x00",
    "\x00a",
    "\x01",
    "\t",
    "\n",
    " ",
    "-",
    ".",
    "/",
    "0",
    "0/",
    "00",
    ":",
    "A",
    "a",
    "a\x00",
    "a\x00b",
    "a\x01",
    "a/",
    "a/b",
    "a0",
    "aa",
    "e\u0301",
    "\x7f",
    "\x80",
    "\u00e9",
    "\u07ff",
    "\u0800",
    "\ud7ff",
    "\ue000",
    "\ufeff",
    "\uffff",
    "\uffffa",
    "\U00010000",
    "\U00010000\x00",
    "\U0010ffff",
    "k" * 1_023,
    "k" * 1_024,
    "k" * 1_023 + "l",
    "\u00e9" * 512,
    "\U0010ffff" * 256,
]
SORTED_KEYS = sorted(AWKWARD_KEYS, key=str.encode)


@dataclass(frozen=True)
class Range:
    start: str
    end: str | None
    reverse: bool
    limit: int | None

    def of(self, rows: list[Row]) -> list[Row]:
        """What the contract says, by the simplest means."""
        inside = [
            row
            for row in sorted(rows, key=lambda row: row.key.encode())
            if self.start.encode() <= row.key.encode() and (self.end is None or row.key.encode() < self.end.encode())
        ]
        return (inside[::-1] if self.reverse else inside)[: self.limit]

    def scan(self, store: Store, partition: str) -> list[Row]:
        return list(store.scan(partition, self.start, self.end, reverse=self.reverse, limit=self.limit))


def fill(store: Store, rows: list[Row], at_once: int = 100) -> None:
    shuffled = random.Random(7).sample(rows, len(rows))
    for start in range(0, len(rows), at_once):
        store.commit(Batch(tuple(Put(row) for row in shuffled[start : start + at_once])))


@pytest.mark.parametrize("reverse", [False, True])
def test_keys_sort_by_their_utf8_bytes(store: Store, partition: str, reverse: bool) -> None:
    fill(store, [Row(partition, key, b"") for key in AWKWARD_KEYS])

    found = [row.key for row in store.scan(partition, reverse=reverse)]

    assert found == (SORTED_KEYS[::-1] if reverse else SORTED_KEYS)


def test_a_range_may_begin_and_end_at_any_awkward_key(store: Store, partition: str) -> None:
    fill(store, [Row(partition, key, b"") for key in AWKWARD_KEYS])

    for place, key in enumerate(SORTED_KEYS):
        following = SORTED_KEYS[place : place + 3]
        assert [row.key for row in store.scan(partition, key, limit=3)] == following
        preceding = SORTED_KEYS[max(place - 3, 0) : place]
        assert [row.key for row in store.scan(partition, end=key, reverse=True, limit=3)] == preceding[::-1]


def test_every_awkward_key_can_be_read_and_deleted(store: Store, partition: str) -> None:
    fill(store, [Row(partition, key, key.encode()) for key in AWKWARD_KEYS])

    for key in AWKWARD_KEYS:
        assert store.get(partition, key) == Row(partition, key, key.encode())
    store.commit(Batch(tuple(Delete(partition, key) for key in AWKWARD_KEYS)))

    assert list(store.scan(partition)) == []


def test_a_scan_sees_its_own_partition_only(store: Store, partition: str) -> None:
    neighbours = [partition + "\x00", partition + "/", partition[:-1], partition.upper()]
    fill(store, [Row(name, "k", name.encode()) for name in [partition, *neighbours]])

    assert [row.body for row in store.scan(partition)] == [partition.encode()]


LARGE = 24
LARGE_KEYS = [f"{number:02}" for number in range(0, 2 * LARGE, 2)]
"""Rows of 150 KB, so that pages of 1 MB end in between; the odd numbers fall between two rows."""
bounds = st.integers(0, 2 * LARGE).map(lambda number: f"{number:02}")


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_range_past_one_megabyte_agrees_with_a_sorted_list(store: Store, partition: str, data: st.DataObject) -> None:
    rows = [Row(partition, key, key.encode() * 75_000, int(key)) for key in LARGE_KEYS]
    if store.get(partition, LARGE_KEYS[0]) is None:
        fill(store, rows, at_once=8)
    asked = Range(
        start=data.draw(st.just("") | bounds),
        end=data.draw(st.none() | bounds),
        reverse=data.draw(st.booleans()),
        limit=data.draw(st.none() | st.integers(0, LARGE + 2)),
    )

    assert asked.scan(store, partition) == asked.of(rows)


LONG_RANGES = [
    Range(start, end, reverse, limit)
    for start, end in [("", None), ("003", "297")]
    for reverse in (False, True)
    for limit in (None, 290)
]


def test_a_scan_of_many_rows_is_whole(store: Store, partition: str) -> None:
    rows = [Row(partition, f"{number:03}", b"%03d" % number * 1_400) for number in range(300)]
    fill(store, rows)

    for asked in LONG_RANGES:
        assert asked.scan(store, partition) == asked.of(rows), asked


@pytest.mark.parametrize("reverse", [False, True])
def test_a_range_that_ends_before_it_begins_is_empty(store: Store, partition: str, reverse: bool) -> None:
    fill(store, [Row(partition, key, b"") for key in "abc"])

    assert list(store.scan(partition, "c", "a", reverse=reverse)) == []
    assert list(store.scan(partition, "b", "b", reverse=reverse)) == []


def test_a_scan_of_nothing_is_empty(store: Store, partition: str) -> None:
    assert list(store.scan(partition)) == []
    assert list(store.scan(partition, reverse=True, limit=5)) == []


def test_a_scan_goes_on_after_rows_behind_it_are_deleted(store: Store, partition: str) -> None:
    rows = [Row(partition, f"{number:02}", bytes(150_000)) for number in range(LARGE)]
    fill(store, rows, at_once=8)

    seen = []
    for row in store.scan(partition):
        seen.append(row.key)
        store.commit(Batch((Delete(partition, row.key),)))

    assert seen == [row.key for row in rows]
    assert list(store.scan(partition)) == []


def test_two_scans_may_run_side_by_side(store: Store, partition: str) -> None:
    fill(store, [Row(partition, f"{number:03}", b"") for number in range(50)])

    pairs = zip(store.scan(partition), store.scan(partition, reverse=True), strict=True)

    assert [(first.key, second.key) for first, second in islice(pairs, 3)] == [
        ("000", "049"),
        ("001", "048"),
        ("002", "047"),
    ]


def test_partitions_are_named_once_each_in_byte_order(store: Store, partition: str) -> None:
    endings = ["", "\x00", "/a", "0", "\u00e9", "\uffff", "\U00010000", "x" * 2_000]
    rows = [Row(partition + ending, key, b"") for ending in endings for key in "abc"]
    fill(store, rows)

    assert list(store.partitions(partition)) == sorted({row.partition for row in rows}, key=str.encode)
    assert list(store.partitions(partition + "/")) == [partition + "/a"]
    assert list(store.partitions(partition + "?")) == []
    assert partition in list(store.partitions())


def test_a_partition_without_rows_is_none(store: Store, partition: str) -> None:
    fill(store, [Row(partition, key, b"") for key in "ab"])

    store.commit(Batch((Delete(partition, "a"), Delete(partition, "b"))))

    assert list(store.partitions(partition)) == []


@pytest.mark.aws
def test_partitions_of_a_large_table_are_whole(dynamo: DynamoStore, partition: str) -> None:
    fill(dynamo, [Row(f"{partition}/{number:02}", "k", bytes(300_000)) for number in range(20)], at_once=10)

    assert list(dynamo.partitions(partition)) == [f"{partition}/{number:02}" for number in range(20)]
