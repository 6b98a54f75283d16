"""What is left when a writer dies in the middle of a commit, or when its answer is lost.

SQLite: a real process is killed while it commits. DynamoDB: the writer sits behind a network, so the
fault is an answer that is lost after the server has done the work, once (the SDK sends again) or for
good (the caller must).
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from homing.adapters.dynamodb import DynamoStore
from homing.adapters.sqlite import Database, SqliteStore
from homing.errors import StoreConflict, Temporary
from homing.ports.store import ABSENT, Batch, Check, Delete, Operation, Put, Row
from tests.contract import commit_until_killed
from tests.contract.commit_until_killed import HEAD, ROWS


def run_until(acknowledged: int, path: Path) -> list[int]:
    """Start the writer, kill it soon after that many acknowledgements; return all that it gave."""
    command = [sys.executable, commit_until_killed.__file__, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        heard = [int(next(writer.stdout)) for _ in range(acknowledged)]
        writer.kill()
        heard += [int(line) for line in writer.stdout if line.endswith("\n")]
    return heard


def test_sqlite_keeps_every_acknowledged_batch_and_no_half_of_one(tmp_path: Path) -> None:
    path = tmp_path / "site.db"

    for acknowledged in (1, 3, 10, 25, 40):
        last = run_until(acknowledged, path)[-1]

        database = Database(path)
        store = SqliteStore(database)
        head = store.get(HEAD, HEAD)
        assert head is not None
        assert head.revision >= last
        rows = [row for part in range(2) for row in store.scan(f"rows/{part}")]
        assert Counter(row.revision for row in rows) == dict.fromkeys(range(1, head.revision + 1), ROWS)
        assert all(row.body == commit_until_killed.BODY for row in rows)
        assert [row.key for row in store.scan("marker")] == [f"{head.revision:06}"]
        database.close()


@contextmanager
def hooked(store: DynamoStore, event: str, handler: Callable[..., Any]) -> Iterator[None]:
    store.client.meta.events.register_first(event, handler)
    try:
        yield
    finally:
        store.client.meta.events.unregister(event, handler)


@contextmanager
def answer_lost_once(store: DynamoStore) -> Iterator[list[int]]:
    """The SDK believes that the first answer never came, and sends the same request again."""
    sent: list[int] = []

    def needs_retry(attempts: int, response: Any, **_: Any) -> int | None:
        assert response is not None
        sent.append(response[0].status_code)
        return 0 if attempts == 1 else None

    with hooked(store, "needs-retry.dynamodb", needs_retry):
        yield sent


@contextmanager
def answer_lost_for_good(store: DynamoStore) -> Iterator[None]:
    def after_call(**_: Any) -> None:
        raise ConnectionClosedError(endpoint_url=store.client.meta.endpoint_url)

    with hooked(store, "after-call.dynamodb", after_call):
        yield


LoneWrite = Callable[[str], Operation]
LONE_WRITES: dict[str, LoneWrite] = {
    "put of a new row": lambda partition: Put(Row(partition, "new", b"new", 1), ABSENT),
    "put of a revision": lambda partition: Put(Row(partition, "old", b"new", 2), 1),
    "put of anything": lambda partition: Put(Row(partition, "old", b"new", 2)),
    "delete of a revision": lambda partition: Delete(partition, "old", 1),
}


def after(partition: str, operation: Operation) -> list[Row]:
    rows = {"old": Row(partition, "old", b"old", 1)}
    if isinstance(operation, Put):
        rows[operation.key] = operation.row
    else:
        del rows[operation.key]
    return [rows[key] for key in sorted(rows)]


def large_batch(partition: str) -> Batch:
    return Batch(
        (
            Put(Row(partition, "head", b"2", 2), 1),
            *(Put(Row(partition, f"entry/{number:02}", b"entry"), ABSENT) for number in range(90)),
            *(Delete(partition, f"old/{number}", 0) for number in range(5)),
            Check(partition, "kept", 0),
        )
    )


def prepare_large_batch(store: DynamoStore, partition: str) -> list[Row]:
    """What the batch expects; returns what must be there after it."""
    kept, head = Row(partition, "kept", b"kept"), Row(partition, "head", b"1", 1)
    store.commit(Batch((Put(kept), Put(head), *(Put(Row(partition, f"old/{n}", b"")) for n in range(5)))))
    written = [operation.row for operation in large_batch(partition).operations if isinstance(operation, Put)]
    return sorted([kept, *written], key=lambda row: row.key)


def commit_or_meet_oneself(store: DynamoStore, batch: Batch) -> None:
    """Both are right: success, or a conflict with one's own write, for which callers read again."""
    try:
        store.commit(batch)
    except StoreConflict as conflict:
        own = {(operation.partition, operation.key) for operation in batch.operations}
        if (conflict.partition, conflict.key) not in own:
            raise


@pytest.mark.aws
@pytest.mark.parametrize("write", LONE_WRITES.values(), ids=LONE_WRITES.keys())
def test_dynamodb_writes_a_row_once_though_the_request_is_sent_twice(
    dynamo: DynamoStore, partition: str, write: LoneWrite
) -> None:
    dynamo.commit(Batch((Put(Row(partition, "old", b"old", 1)),)))

    with answer_lost_once(dynamo) as sent:
        commit_or_meet_oneself(dynamo, Batch((write(partition),)))

    assert len(sent) == 2
    assert sent[0] == 200
    assert list(dynamo.scan(partition)) == after(partition, write(partition))


@pytest.mark.aws
def test_dynamodb_writes_a_batch_once_though_the_request_is_sent_twice(dynamo: DynamoStore, partition: str) -> None:
    expected = prepare_large_batch(dynamo, partition)

    with answer_lost_once(dynamo) as sent:
        commit_or_meet_oneself(dynamo, large_batch(partition))

    assert len(sent) == 2
    assert sent[0] == 200
    assert list(dynamo.scan(partition)) == expected


@pytest.mark.aws
def test_dynamodb_sends_the_same_token_again_with_a_batch(dynamo: DynamoStore, partition: str) -> None:
    """By which the service knows that it has done the work already."""
    prepare_large_batch(dynamo, partition)
    bodies: list[bytes] = []

    def before_send(request: Any, **_: Any) -> None:
        bodies.append(request.body)

    with hooked(dynamo, "before-send.dynamodb.TransactWriteItems", before_send), answer_lost_once(dynamo):
        commit_or_meet_oneself(dynamo, large_batch(partition))

    assert len(bodies) == 2
    assert b'"ClientRequestToken"' in bodies[0]
    assert bodies[0] == bodies[1]


@pytest.mark.aws
def test_a_dynamodb_commit_whose_answer_never_comes_is_temporary_and_whole(dynamo: DynamoStore, partition: str) -> None:
    expected = prepare_large_batch(dynamo, partition)
    batch = large_batch(partition)

    with answer_lost_for_good(dynamo), pytest.raises(Temporary) as lost:
        dynamo.commit(batch)
    with pytest.raises(StoreConflict):
        dynamo.commit(batch)

    assert lost.value.type == "awsUnreachable"
    assert list(dynamo.scan(partition)) == expected


@pytest.mark.aws
def test_a_dynamodb_batch_that_never_arrives_leaves_nothing(dynamo: DynamoStore, partition: str) -> None:
    prepare_large_batch(dynamo, partition)
    before = list(dynamo.scan(partition))

    def before_send(**_: Any) -> None:
        raise ConnectionClosedError(endpoint_url=dynamo.client.meta.endpoint_url)

    def no_retry(**_: Any) -> None:
        raise ConnectionClosedError(endpoint_url=dynamo.client.meta.endpoint_url)

    with (
        hooked(dynamo, "before-send.dynamodb", before_send),
        hooked(dynamo, "needs-retry.dynamodb", no_retry),
        pytest.raises(Temporary),
    ):
        dynamo.commit(large_batch(partition))

    assert list(dynamo.scan(partition)) == before
