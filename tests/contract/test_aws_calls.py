"""How many requests each method of a port costs on AWS, counted at the SDK. The docstrings promise them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import pytest

from homing.adapters.dynamodb import DynamoStore
from homing.adapters.s3 import S3Blobs, S3Connection, S3Landings
from homing.errors import Refused
from homing.ports.blobs import digest_of
from homing.ports.landings import Envelope
from homing.ports.store import ABSENT, Batch, Check, Delete, Operation, Put, Row
from tests.doubles import CountingStore

pytestmark = pytest.mark.aws

MEGABYTE = 1_024 * 1_024


@contextmanager
def requests(client: Any) -> Iterator[Counter[str]]:
    """Counts the requests that leave the SDK, by operation."""
    counted: Counter[str] = Counter()

    def count(event_name: str, **_: Any) -> None:
        counted[event_name.rsplit(".", 1)[1]] += 1

    client.meta.events.register_first("before-send.*.*", count)
    try:
        yield counted
    finally:
        client.meta.events.unregister("before-send.*.*", count)


@pytest.fixture
def rows(dynamo: DynamoStore, partition: str) -> list[Row]:
    """Twenty rows of 140 KB: three pages, of seven rows each but the last."""
    found = [Row(partition, f"{number:02}", bytes(140_000), 1) for number in range(20)]
    dynamo.commit(Batch(tuple(Put(row) for row in found)))
    return found


READS: dict[str, tuple[Callable[[DynamoStore, str], object], dict[str, int]]] = {
    "get": (lambda store, p: store.get(p, "00"), {"GetItem": 1}),
    "get_many of none": (lambda store, p: store.get_many([]), {}),
    "get_many of 100": (lambda store, p: store.get_many([(p, f"{n:02}") for n in range(100)] * 2), {"BatchGetItem": 1}),
    "get_many of 101": (lambda store, p: store.get_many([(p, f"{n:03}") for n in range(101)]), {"BatchGetItem": 2}),
    "scan of nothing": (lambda store, p: list(store.scan(p + "x")), {"Query": 1}),
    "scan of an empty range": (lambda store, p: list(store.scan(p, "05", "05")), {}),
    "scan with limit 0": (lambda store, p: list(store.scan(p, limit=0)), {}),
    "scan of a page": (lambda store, p: list(store.scan(p, "03", "08")), {"Query": 1}),
    "scan of a page backwards": (lambda store, p: list(store.scan(p, "03", "08", reverse=True)), {"Query": 1}),
    "scan of a page with limit": (lambda store, p: list(store.scan(p, limit=5)), {"Query": 1}),
    "scan to an end that exists": (lambda store, p: list(store.scan(p, "02", "05", limit=4)), {"Query": 1}),
    "last rows before an end": (lambda store, p: list(store.scan(p, "02", "08", reverse=True, limit=5)), {"Query": 1}),
    "scan of three pages": (lambda store, p: list(store.scan(p)), {"Query": 3}),
    "first row of three pages": (lambda store, p: next(iter(store.scan(p))), {"Query": 1}),
    "first page of three": (lambda store, p: list(islice(store.scan(p), 7)), {"Query": 1}),
    "scan that nobody reads": (lambda store, p: store.scan(p), {}),
    "partitions": (lambda store, p: list(store.partitions(p)), {"Scan": 3}),
}


@pytest.mark.parametrize(("read", "expected"), READS.values(), ids=READS.keys())
def test_a_read_costs_what_it_says(
    dynamo: DynamoStore,
    rows: list[Row],
    read: Callable[[DynamoStore, str], object],
    expected: dict[str, int],
) -> None:
    with requests(dynamo.client) as counted:
        read(dynamo, rows[0].partition)

    if "Scan" in expected:  # the table holds other tests' rows too
        assert set(counted) == {"Scan"}
        assert counted["Scan"] >= expected["Scan"]
    else:
        assert counted == expected


@pytest.mark.parametrize("read", [read for read, requests in READS.values() if requests])
def test_every_read_is_strongly_consistent(
    dynamo: DynamoStore, rows: list[Row], read: Callable[[DynamoStore, str], object]
) -> None:
    bodies: list[bytes] = []

    def before_call(params: dict[str, Any], **_: Any) -> None:
        bodies.append(params["body"])

    dynamo.client.meta.events.register("before-call.dynamodb", before_call)
    try:
        read(dynamo, rows[0].partition)
    finally:
        dynamo.client.meta.events.unregister("before-call.dynamodb", before_call)

    assert bodies
    assert all(b'"ConsistentRead": true' in body for body in bodies)


@pytest.mark.parametrize(
    ("start", "end", "reverse", "limit", "expected"),
    [
        ("", None, False, 4, [4]),
        ("", None, True, 4, [4]),
        ("02", "20", False, 4, [4]),
        ("02", "20", True, 4, [5]),
        ("", None, False, 12, [12, None]),
    ],
)
def test_a_page_asks_for_no_more_rows_than_are_wanted(
    dynamo: DynamoStore,
    rows: list[Row],
    start: str,
    end: str | None,
    reverse: bool,
    limit: int,
    expected: list[int | None],
) -> None:
    limits: list[int] = []

    def before_call(params: dict[str, Any], **_: Any) -> None:
        limits.append(int(params["body"].split(b'"Limit": ')[1].split(b",")[0].rstrip(b"}")))

    dynamo.client.meta.events.register("before-call.dynamodb.Query", before_call)
    try:
        found = list(dynamo.scan(rows[0].partition, start, end, reverse=reverse, limit=limit))
    finally:
        dynamo.client.meta.events.unregister("before-call.dynamodb.Query", before_call)

    assert len(found) == limit
    assert len(limits) == len(expected)
    assert limits[0] == expected[0]
    assert sum(limits[1:]) < limit


WRITES: dict[str, tuple[Callable[[str], list[Operation]], dict[str, int]]] = {
    "one put": (lambda p: [Put(Row(p, "k", b""), ABSENT)], {"PutItem": 1}),
    "one delete": (lambda p: [Delete(p, "k")], {"DeleteItem": 1}),
    "one check": (lambda p: [Check(p, "k", ABSENT)], {"GetItem": 1}),
    "two puts": (lambda p: [Put(Row(p, "a", b"")), Put(Row(p, "b", b""))], {"TransactWriteItems": 1}),
    "two checks": (lambda p: [Check(p, "a", ABSENT), Check(p, "b", ABSENT)], {"TransactWriteItems": 1}),
    "a hundred": (lambda p: [Put(Row(p, str(n), b"")) for n in range(100)], {"TransactWriteItems": 1}),
}


@pytest.mark.parametrize(("operations", "expected"), WRITES.values(), ids=WRITES.keys())
def test_a_commit_is_one_request(
    dynamo: DynamoStore, partition: str, operations: Callable[[str], list[Operation]], expected: dict[str, int]
) -> None:
    with requests(dynamo.client) as counted:
        dynamo.commit(Batch(tuple(operations(partition))))

    assert counted == expected


CONTENT = bytes(range(256)) * 4_000
SMALL_STREAM = [CONTENT] * 10
LARGE_STREAM = [b"%d" % number + CONTENT for number in range(20)]
LARGE_PARTS = {"HeadObject": 1, "CreateMultipartUpload": 1, "UploadPart": 3, "CompleteMultipartUpload": 1}
BLOBS: dict[str, tuple[Callable[[S3Blobs], object], dict[str, int]]] = {
    "put": (lambda blobs: blobs.put(b"new"), {"PutObject": 1}),
    "put of what is there": (lambda blobs: blobs.put(CONTENT), {"PutObject": 1}),
    "put_many": (lambda blobs: blobs.put_many([b"1", b"2", b"1", b"3"]), {"PutObject": 3}),
    "put_stream up to 16 MB": (lambda blobs: blobs.put_stream(SMALL_STREAM), {"PutObject": 1}),
    "put_stream above": (lambda blobs: blobs.put_stream(LARGE_STREAM), LARGE_PARTS),
    "get": (lambda blobs: blobs.get(digest_of(CONTENT)), {"GetObject": 1}),
    "get a range": (lambda blobs: blobs.get(digest_of(CONTENT), 5, 5), {"GetObject": 1}),
    "get past the end": (lambda blobs: blobs.get(digest_of(CONTENT), MEGABYTE, 5), {"GetObject": 1}),
    "get nothing": (lambda blobs: blobs.get(digest_of(CONTENT), 5, 0), {"HeadObject": 1}),
    "open": (lambda blobs: list(blobs.open(digest_of(CONTENT)) or ()), {"GetObject": 1}),
    "size": (lambda blobs: blobs.size(digest_of(CONTENT)), {"HeadObject": 1}),
    "delete": (lambda blobs: blobs.delete(digest_of(CONTENT)), {"DeleteObject": 1}),
    "digests": (lambda blobs: list(blobs.digests()), {"ListObjectsV2": 1}),
}


@pytest.mark.parametrize(("call", "expected"), BLOBS.values(), ids=BLOBS.keys())
def test_a_method_of_blobs_costs_what_it_says(
    s3: S3Connection, s3_blobs: S3Blobs, call: Callable[[S3Blobs], object], expected: dict[str, int]
) -> None:
    s3_blobs.put(CONTENT)

    with requests(s3.client) as counted:
        call(s3_blobs)

    assert counted == expected


SHORT = Envelope("a@example.org", ("b@example.net",))
LONG = Envelope("a@example.org", tuple(f"member{number}@example.net" for number in range(200)))


@pytest.mark.parametrize(
    ("envelope", "land", "get"),
    [(SHORT, {"PutObject": 1}, {"GetObject": 1}), (LONG, {"PutObject": 2}, {"GetObject": 2})],
    ids=["short", "long"],
)
def test_a_landing_costs_what_it_says(
    s3: S3Connection, s3_landings: S3Landings, envelope: Envelope, land: dict[str, int], get: dict[str, int]
) -> None:
    with requests(s3.client) as landing:
        name = s3_landings.land(envelope, b"raw")
    with requests(s3.client) as getting:
        s3_landings.get(name)
    with requests(s3.client) as refusing:
        s3_landings.settle(name, [Refused(550, "5.1.1", "No such user here")])
    with requests(s3.client) as filing:
        s3_landings.settle(name, [None])

    assert (landing, getting) == (land, get)
    assert refusing == {"HeadObject": 1, "PutObject": 1}
    assert filing == {"DeleteObjects": 1}


def test_the_counting_double_counts_as_dynamodb_does(dynamo: DynamoStore, rows: list[Row]) -> None:
    store, partition = CountingStore(dynamo), rows[0].partition

    with requests(dynamo.client) as counted:
        list(store.scan(partition))
        list(store.scan(partition, reverse=True, limit=3))
        list(islice(store.scan(partition), 15))
        store.scan(partition)
        store.get_many([(partition, f"{number:03}") for number in range(250)])
        store.get(partition, "00")
        store.commit(Batch((Delete(partition, "00"),)))

    assert store.calls.as_dict() == {"commit": 1, "get": 1, "get_many": 3, "scan": 7}
    assert counted.total() == store.calls.total()
