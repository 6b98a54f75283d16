"""The limits of the `Store` port's contract: refused on every adapter with the same error, nothing being written."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from homing.errors import HomingError, LimitExceeded, Permanent
from homing.ports.store import (
    ABSENT,
    ANY,
    MAX_BATCH_BYTES,
    MAX_KEY_BYTES,
    MAX_PARTITION_BYTES,
    MAX_ROW_BYTES,
    ROW_OVERHEAD,
    Batch,
    Check,
    Delete,
    Put,
    Row,
    Store,
)

Call = Callable[[Store, str, str], object]

METHODS: dict[str, Call] = {
    "get": lambda store, partition, key: store.get(partition, key),
    "get_many": lambda store, partition, key: store.get_many([("there", "too"), (partition, key)]),
    "put": lambda store, partition, key: store.commit(Batch((Put(Row(partition, key, b"")),))),
    "delete": lambda store, partition, key: store.commit(Batch((Delete(partition, key),))),
    "check": lambda store, partition, key: store.commit(Batch((Check(partition, key, ABSENT),))),
    "scan end": lambda store, partition, key: list(store.scan(partition, end=key)),
    "scan start": lambda store, partition, key: list(store.scan(partition, start=key or "\ud800")),
}
LONG_PARTITION = "p" * (MAX_PARTITION_BYTES + 1)
LONG_KEY = "k" * (MAX_KEY_BYTES + 1)
LONG_IN_BYTES = "\u00e9" * (MAX_KEY_BYTES // 2) + "k"
BAD_NAMES: list[tuple[str, str, type[HomingError], str]] = [
    ("", "k", Permanent, "badKey"),
    ("p\ud800", "k", Permanent, "badKey"),
    (LONG_PARTITION, "k", LimitExceeded, "limitExceeded"),
    ("p", "", Permanent, "badKey"),
    ("p", "k\udfff", Permanent, "badKey"),
    ("p", LONG_KEY, LimitExceeded, "limitExceeded"),
    ("p", LONG_IN_BYTES, LimitExceeded, "limitExceeded"),
]
NAME_IDS = ["no partition", "surrogate in partition", "long partition", "no key", "surrogate", "long key", "long bytes"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("partition", "key", "error", "type"), BAD_NAMES, ids=NAME_IDS)
def test_a_name_that_some_store_could_not_keep_is_refused_by_every_method(
    store: Store, method: str, partition: str, key: str, error: type[HomingError], type: str
) -> None:
    with pytest.raises(error) as refused:
        METHODS[method](store, partition, key)

    assert refused.type is error
    assert refused.value.type == type


def test_names_of_the_greatest_length_are_kept(store: Store, partition: str) -> None:
    longest = partition + "p" * (MAX_PARTITION_BYTES - len(partition))
    row = Row(longest, "k" * MAX_KEY_BYTES, b"body")

    store.commit(Batch((Put(row),)))

    assert store.get(longest, row.key) == row
    assert store.get_many([(longest, row.key)]) == {(longest, row.key): row}
    assert list(store.scan(longest, row.key)) == [row]
    assert list(store.scan(longest, end=row.key)) == []


def test_an_empty_batch_is_refused(store: Store) -> None:
    with pytest.raises(Permanent) as refused:
        store.commit(Batch(()))

    assert refused.value.type == "emptyBatch"


def test_a_batch_of_more_than_one_hundred_operations_is_refused(store: Store, partition: str) -> None:
    operations = tuple(Put(Row(partition, str(number), b"")) for number in range(101))

    with pytest.raises(LimitExceeded) as refused:
        store.commit(Batch(operations))

    assert refused.value.fields == {"limit": "operations in a batch", "maximum": 100, "actual": 101}
    assert list(store.scan(partition)) == []


def test_a_batch_of_more_than_four_megabytes_is_refused(store: Store, partition: str) -> None:
    share = MAX_BATCH_BYTES // 16
    rows = [Row(partition, f"{n:02}", bytes(share - len(partition) - 2 - ROW_OVERHEAD + (n == 0))) for n in range(16)]

    with pytest.raises(LimitExceeded) as refused:
        store.commit(Batch(tuple(Put(row) for row in rows)))

    assert refused.value.fields == {
        "limit": "bytes in a batch",
        "maximum": MAX_BATCH_BYTES,
        "actual": MAX_BATCH_BYTES + 1,
    }
    assert list(store.scan(partition)) == []


def test_a_row_one_byte_above_the_limit_is_refused(store: Store, partition: str) -> None:
    body = bytes(MAX_ROW_BYTES - len(partition) - 1 - ROW_OVERHEAD + 1)

    with pytest.raises(LimitExceeded) as refused:
        store.commit(Batch((Put(Row(partition, "k", body)), Put(Row(partition, "other", b"")))))

    assert refused.value.limit == "bytes in a row"
    assert refused.value.fields["actual"] == MAX_ROW_BYTES + 1
    assert list(store.scan(partition)) == []


@pytest.mark.parametrize(
    "second",
    [
        lambda partition: Put(Row(partition, "k", b"2")),
        lambda partition: Delete(partition, "k"),
        lambda partition: Check(partition, "k", ABSENT),
    ],
    ids=["put", "delete", "check"],
)
def test_a_key_that_occurs_twice_is_refused(
    store: Store, partition: str, second: Callable[[str], Put | Delete | Check]
) -> None:
    with pytest.raises(Permanent) as refused:
        store.commit(Batch((Put(Row(partition, "k", b"1")), second(partition))))

    assert refused.value.type == "keyTwice"
    assert store.get(partition, "k") is None


def test_a_check_of_nothing_in_particular_is_refused(store: Store, partition: str) -> None:
    with pytest.raises(Permanent) as refused:
        store.commit(Batch((Put(Row(partition, "a", b"")), Check(partition, "b", ANY))))

    assert refused.value.type == "emptyCheck"
    assert store.get(partition, "a") is None
