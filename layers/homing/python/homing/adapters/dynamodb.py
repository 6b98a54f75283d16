"""The `Store` port on one DynamoDB table: partition key `p`, sort key `k`, body `b`, revision `r`, expiry `x`.

Every read is strongly consistent. A batch of one write is a conditional PutItem or DeleteItem, which
costs half of a transaction; a lone check is a GetItem; everything else is one TransactWriteItems.
Batches and keys are checked by the port, so nothing here knows a limit. Never sees what a body means.

Limits and units: DynamoDB Developer Guide, "Read/write operations" and "TransactWriteItems".
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from botocore.exceptions import ClientError, ConnectionClosedError
from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, PynamoDBException, VerboseClientError
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from homing.adapters import aws_errors
from homing.errors import Permanent, StoreConflict, Temporary
from homing.ports.store import (
    ABSENT,
    ANY,
    Batch,
    Check,
    Delete,
    Expectation,
    Operation,
    Put,
    Row,
    check_key,
    check_range,
)

CONNECT_SECONDS: Final = 5
READ_SECONDS: Final = 20
POOL_CONNECTIONS: Final = 32
MAX_PAGE_ROWS: Final = 16_384
"""More rows than one page of 1 MB can hold, so a larger `Limit` would say nothing."""

_ORDER: Final[tuple[type[Check] | type[Delete] | type[Put], ...]] = (Check, Delete, Put)
"""The order in which PynamoDB sends the kinds of operations, and so that of the cancellation reasons."""


class Item(Model):
    """A row as DynamoDB keeps it. Names are short because each row pays for them."""

    p = UnicodeAttribute(hash_key=True)
    k = UnicodeAttribute(range_key=True)
    b = BinaryAttribute(legacy_encoding=False)
    r = NumberAttribute()
    x = NumberAttribute(null=True)


class DynamoStore:
    """Ordered rows in one DynamoDB table. The connection is made on first use and kept."""

    def __init__(
        self, table: str, *, region: str | None = None, endpoint: str | None = None, attempts: int = 4
    ) -> None:
        """Without `region` or `endpoint` the SDK finds them itself (so `AWS_ENDPOINT_URL` is respected).

        `attempts` is how often the SDK sends one request before it gives up.
        """
        self._table = table
        self._where: dict[str, Any] = {"region": region, "endpoint": endpoint, "attempts": attempts}
        self._bound = _bind(table, **self._where)
        self._client: Any = None
        self._connecting = threading.Lock()

    @property
    def client(self) -> Any:
        """The SDK's client, for its event hooks (counting, tracing)."""
        with _translated():
            self._items()
        return self._client

    def get(self, partition: str, key: str) -> Row | None:
        """The row, or None. One GetItem."""
        check_key(partition, key)
        with _translated():
            try:
                return _row(self._items().get(partition, key, consistent_read=True))
            except DoesNotExist:
                return None

    def get_many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
        """The rows that exist among `keys`. One BatchGetItem for each 100, and for each 16 MB of answer."""
        for place in keys:
            check_key(*place)
        wanted = list(dict.fromkeys(keys))
        with _translated():
            found = [_row(item) for item in self._items().batch_get(wanted, consistent_read=True)] if wanted else []
        return {(row.partition, row.key): row for row in found}

    def scan(
        self,
        partition: str,
        start: str = "",
        end: str | None = None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Iterator[Row]:
        """Rows with `start <= key < end`, one Query for each page of 1 MB that is reached."""
        check_range(partition, start, end)
        if (end is not None and start >= end) or (limit is not None and limit <= 0):
            return iter(())
        return self._rows(partition, start, end, reverse, limit)

    def partitions(self, prefix: str = "") -> Iterator[str]:
        """Every partition that begins with `prefix`. Reads the WHOLE table (one Scan for each 1 MB of it)
        and holds the names in memory: DynamoDB has no cheaper way to list partition keys."""
        with _translated():
            condition = Item.p.startswith(prefix) if prefix else None
            found = self._items().scan(condition, attributes_to_get=["p"], consistent_read=True)
            names = {item.p for item in found}
        yield from sorted(names)

    def commit(self, batch: Batch) -> None:
        """Write the whole batch durably, or raise StoreConflict and write nothing.

        A write whose answer is lost is sent again by the SDK. A transaction carries a token that makes
        this harmless; a lone conditional write may then report a StoreConflict with itself, which the
        caller meets by reading again.
        """
        if len(batch.operations) > 1:
            self._transact(batch.operations)
        else:
            self._write(batch.operations[0])

    def check(self) -> None:
        """See that the table is there and may be read. One GetItem.

        Raises:
            Permanent: ("noTable") there is none of this name; or AWS refuses who asks.
        """
        try:
            self.get("!site", "h")
        except Permanent as error:
            if error.fields.get("code") != "ResourceNotFoundException":
                raise
            raise Permanent("noTable", f"there is no DynamoDB table {self._table!r}; HOMING_TABLE names it") from error

    def create_table(self, *, stream: bool = False) -> None:
        """Make the table as the AWS home deploys it (on demand, expiry on `x`) if it is not there.

        For tests and local emulators. `stream` adds a stream of old and new images.
        """
        with _translated():
            if self._items().exists():
                return
            _bind(self._table, **self._where, stream=stream).create_table(wait=True, billing_mode="PAY_PER_REQUEST")
            self._items()._get_connection().update_time_to_live("x")

    def _items(self) -> type[Item]:
        """The model bound to this table. The SDK's clients are safe to share but not to make at once."""
        if self._client is None:
            with self._connecting:
                client = self._bound._get_connection().connection.client
                client.meta.events.register("after-call.dynamodb", _refuse_half_an_answer, unique_id="homing")
                self._client = client
        return self._bound

    def _rows(self, partition: str, start: str, end: str | None, reverse: bool, limit: int | None) -> Iterator[Row]:
        """Ask page by page, each no larger than what is still missing.

        BETWEEN includes `end`, which is dropped here: forwards it comes last, backwards first, where it
        takes one more place in the page.
        """
        wanted = limit
        surplus = int(reverse and bool(start) and end is not None)
        with _translated():
            found = self._items().query(
                partition,
                _range(start, end),
                consistent_read=True,
                scan_index_forward=not reverse,
                page_size=_page_size(wanted, surplus),
            )
        while wanted is None or wanted > 0:
            with _translated():
                item = next(found, None)
            if item is None:
                return
            if item.k == end:
                if reverse:
                    continue
                return
            if wanted is not None:
                wanted -= 1
                found.page_iter.page_size = _page_size(wanted) or 1
            yield _row(item)

    def _write(self, operation: Operation) -> None:
        """A batch of one."""
        if isinstance(operation, Check):
            row = self.get(operation.partition, operation.key)
            if not _holds(operation.expect, row):
                raise StoreConflict(operation.partition, operation.key)
            return
        with _translated((operation,)):
            item = self._item(operation)
            if isinstance(operation, Put):
                item.save(_condition(operation.expect))
            else:
                item.delete(_condition(operation.expect))

    def _transact(self, operations: Sequence[Operation]) -> None:
        sent = sorted(operations, key=lambda operation: _ORDER.index(type(operation)))
        with (
            _translated(operations, sent),
            TransactWrite(
                connection=self._items()._get_connection().connection, client_request_token=str(uuid.uuid4())
            ) as transaction,
        ):
            for operation in sent:
                condition = _condition(operation.expect)
                if isinstance(operation, Check):
                    transaction.condition_check(self._bound, operation.partition, operation.key, condition)
                elif isinstance(operation, Put):
                    transaction.save(self._item(operation), condition)
                else:
                    transaction.delete(self._item(operation), condition)

    def _item(self, operation: Put | Delete) -> Item:
        items = self._items()
        if isinstance(operation, Delete):
            return items(operation.partition, operation.key)
        row = operation.row
        return items(row.partition, row.key, b=row.body, r=row.revision, x=row.expires)


def translate(
    error: PynamoDBException | aws_errors.VendorError, operations: Sequence[Operation], sent: Sequence[Operation]
) -> StoreConflict | Temporary | Permanent:
    """The port's error for one of the vendors'. `sent` are the `operations` in the order of the request."""
    cause = error.cause if isinstance(error, PynamoDBException) else error
    if not isinstance(cause, aws_errors.VENDOR_ERRORS):
        return Permanent("awsRequest", "PynamoDB refused the request", detail=str(error))
    code = aws_errors.code_of(cause) if isinstance(cause, ClientError) else ""
    if operations and code in ("ConditionalCheckFailedException", "TransactionConflictException"):
        return StoreConflict(operations[0].partition, operations[0].key)
    if not isinstance(cause, VerboseClientError) or code != "TransactionCanceledException":
        return aws_errors.translate(cause)
    reasons = [(reason.code, at) for reason, at in zip(cause.cancellation_reasons, sent, strict=False) if reason]
    for conflict in ("ConditionalCheckFailed", "TransactionConflict"):
        losers = [at for reason, at in reasons if reason == conflict]
        if losers:
            first = min(losers, key=operations.index)
            return StoreConflict(first.partition, first.key)
    codes = sorted({reason for reason, _ in reasons})
    if any(aws_errors.is_temporary(reason) for reason in codes):
        return Temporary("awsUnavailable", "AWS asks to try again later", code=code, reasons=codes)
    return Permanent("awsRefused", "AWS cancelled the transaction", code=code, reasons=codes)


@contextmanager
def _translated(operations: Sequence[Operation] = (), sent: Sequence[Operation] = ()) -> Iterator[None]:
    try:
        yield
    except (PynamoDBException, *aws_errors.VENDOR_ERRORS) as error:
        raise translate(error, operations, sent) from error


def _bind(table: str, *, region: str | None, endpoint: str | None, attempts: int, stream: bool = False) -> type[Item]:
    """The one model, bound to a table: PynamoDB keeps table and connection on the class."""
    settings: dict[str, Any] = {
        "table_name": table,
        "region": region,
        "host": endpoint,
        "connect_timeout_seconds": CONNECT_SECONDS,
        "read_timeout_seconds": READ_SECONDS,
        "max_retry_attempts": attempts - 1,
        "max_pool_connections": POOL_CONNECTIONS,
    }
    if stream:
        settings["stream_view_type"] = "NEW_AND_OLD_IMAGES"
    return type("BoundItem", (Item,), {"Meta": type("Meta", (), settings)})


def _refuse_half_an_answer(http_response: Any, **_: Any) -> None:
    """The SDK reads an answer that broke off as an empty one, so a row would seem to be absent."""
    promised = http_response.headers.get("Content-Length")
    if promised is not None and int(promised) != len(http_response.content):
        raise ConnectionClosedError(endpoint_url=http_response.url)


def _row(item: Item) -> Row:
    expires: Any = item.x
    return Row(item.p, item.k, item.b, int(item.r), None if expires is None else int(expires))


def _holds(expect: Expectation, row: Row | None) -> bool:
    return row is None if expect == ABSENT else row is not None and row.revision == expect


def _condition(expect: Expectation) -> Condition | None:
    if expect == ANY:
        return None
    return Item.p.does_not_exist() if expect == ABSENT else Item.r == expect


def _range(start: str, end: str | None) -> Condition | None:
    """DynamoDB takes one condition on the sort key, and none that is `start <= k < end`."""
    if end is None:
        return Item.k >= start if start else None
    return Item.k.between(start, end) if start else Item.k < end


def _page_size(wanted: int | None, surplus: int = 0) -> int | None:
    return None if wanted is None else min(wanted + surplus, MAX_PAGE_ROWS)
