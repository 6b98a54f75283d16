"""What AWS and the network do wrong becomes `Temporary` or `Permanent`: errors as a server really sends them."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from homing.adapters.dynamodb import DynamoStore
from homing.adapters.s3 import S3Blobs, S3Connection, S3Landings
from homing.errors import HomingError, Permanent, Refused, StoreConflict, Temporary
from homing.ports.blobs import Blobs, digest_of
from homing.ports.landings import Envelope
from homing.ports.store import ABSENT, Batch, Check, Delete, Put, Row

pytestmark = pytest.mark.usefixtures("credentials")

KNOWN = digest_of(b"content")
REGION = "us-east-1"


@pytest.fixture(scope="module")
def credentials() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield


@dataclass(frozen=True)
class Answer:
    """What the server says to every request. `missing` bytes of the body are promised and not sent."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    missing: int = 0


def dynamodb_error(status: int, code: str, **fields: object) -> Answer:
    body = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "as told", **fields})
    return Answer(status, body.encode())


def cancelled(*codes: str) -> Answer:
    reasons = [{"Code": code, "Message": "because"} if code != "None" else {"Code": code} for code in codes]
    return dynamodb_error(400, "TransactionCanceledException", CancellationReasons=reasons)


def s3_error(status: int, code: str) -> Answer:
    return Answer(status, f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>as told</Message></Error>".encode())


class Server(ThreadingHTTPServer):
    """A server on loopback that gives one answer to everything."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = Answer(500)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def respond(self) -> None:
        answer = self.server.answer
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body) + answer.missing))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        if answer.missing:
            self.close_connection = True

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = respond  # noqa: N815  # the library's names

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    found = Server()
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.shutdown()
    thread.join()
    found.server_close()


@pytest.fixture(scope="module")
def nobody() -> Iterator[str]:
    """An address where nobody listens, and nobody else can."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def store_at(endpoint: str) -> DynamoStore:
    return DynamoStore("table", region=REGION, endpoint=endpoint, attempts=1)


def s3_at(endpoint: str) -> S3Connection:
    return S3Connection(region=REGION, endpoint=endpoint, attempts=1)


@pytest.fixture(scope="module")
def store(server: Server) -> DynamoStore:
    return store_at(server.endpoint)


@pytest.fixture(scope="module")
def unreachable_store(nobody: str) -> DynamoStore:
    return store_at(nobody)


@pytest.fixture(scope="module")
def s3(server: Server) -> S3Connection:
    return s3_at(server.endpoint)


@pytest.fixture(scope="module")
def blobs(s3: S3Connection) -> S3Blobs:
    return S3Blobs(s3, "bucket")


@pytest.fixture(scope="module")
def unreachable_blobs(nobody: str) -> S3Blobs:
    return S3Blobs(s3_at(nobody), "bucket")


@pytest.fixture(scope="module")
def landings(s3: S3Connection) -> S3Landings:
    return S3Landings(s3, "bucket")


STORE_CALLS: dict[str, Callable[[DynamoStore], object]] = {
    "get": lambda store: store.get("p", "k"),
    "get_many": lambda store: store.get_many([("p", "k")]),
    "scan": lambda store: list(store.scan("p")),
    "partitions": lambda store: list(store.partitions()),
    "put": lambda store: store.commit(Batch((Put(Row("p", "k", b""), ABSENT),))),
    "delete": lambda store: store.commit(Batch((Delete("p", "k"),))),
    "check": lambda store: store.commit(Batch((Check("p", "k", 1),))),
    "batch": lambda store: store.commit(Batch((Put(Row("p", "k", b"")), Delete("p", "l")))),
}
BLOB_CALLS: dict[str, Callable[[Blobs], object]] = {
    "put": lambda blobs: blobs.put(b"content"),
    "put_many": lambda blobs: blobs.put_many([b"content", b"more"]),
    "put_stream": lambda blobs: blobs.put_stream([b"content"]),
    "put_stream in parts": lambda blobs: blobs.put_stream([bytes(17 * 1_024 * 1_024)]),
    "get": lambda blobs: blobs.get(KNOWN),
    "get a range": lambda blobs: blobs.get(KNOWN, 5, 5),
    "open": lambda blobs: list(blobs.open(KNOWN) or ()),
    "size": lambda blobs: blobs.size(KNOWN),
    "delete": lambda blobs: blobs.delete(KNOWN),
    "digests": lambda blobs: list(blobs.digests()),
}
LANDING_CALLS: dict[str, Callable[[S3Landings], object]] = {
    "land": lambda landings: landings.land(Envelope("a@example.org", ("b@example.net",)), b"raw"),
    "get": lambda landings: landings.get("landing/1"),
    "settle": lambda landings: landings.settle("landing/1", [None]),
    "settle refused": lambda landings: landings.settle("landing/1", [Refused(550, "5.1.1", "No such user here")]),
}


def raised_by(call: Callable[[], object]) -> HomingError:
    with pytest.raises(HomingError) as raised:
        call()
    return raised.value


DYNAMODB_ANSWERS: list[tuple[Answer, type[HomingError]]] = [
    (dynamodb_error(400, "ThrottlingException"), Temporary),
    (dynamodb_error(400, "ProvisionedThroughputExceededException"), Temporary),
    (dynamodb_error(400, "RequestLimitExceeded"), Temporary),
    (dynamodb_error(400, "ExpiredTokenException"), Temporary),
    (dynamodb_error(500, "InternalServerError"), Temporary),
    (Answer(500), Temporary),
    (Answer(503, b"<html>busy</html>"), Temporary),
    (dynamodb_error(400, "ValidationException"), Permanent),
    (dynamodb_error(400, "AccessDeniedException"), Permanent),
    (dynamodb_error(400, "ResourceNotFoundException"), Permanent),
    (Answer(200, b'{"Item":', missing=100), Temporary),
]


@pytest.mark.parametrize("call", STORE_CALLS)
@pytest.mark.parametrize(("answer", "error"), DYNAMODB_ANSWERS)
def test_an_error_of_dynamodb_is_translated(
    server: Server, store: DynamoStore, call: str, answer: Answer, error: type[HomingError]
) -> None:
    server.answer = answer

    raised = raised_by(lambda: STORE_CALLS[call](store))

    assert type(raised) is error


@pytest.mark.parametrize("call", STORE_CALLS)
def test_a_dynamodb_that_cannot_be_reached_is_temporary(call: str, unreachable_store: DynamoStore) -> None:
    raised = raised_by(lambda: STORE_CALLS[call](unreachable_store))

    assert (type(raised), raised.type) == (Temporary, "awsUnreachable")


@pytest.mark.parametrize("code", ["ConditionalCheckFailedException", "TransactionConflictException"])
@pytest.mark.parametrize("call", ["put", "delete"])
def test_a_lone_write_that_lost_is_a_conflict(server: Server, store: DynamoStore, call: str, code: str) -> None:
    server.answer = dynamodb_error(400, code)

    raised = raised_by(lambda: STORE_CALLS[call](store))

    assert isinstance(raised, StoreConflict)
    assert (raised.partition, raised.key) == ("p", "k")


FIVE = Batch((Put(Row("p", "a", b"")), Delete("p", "b"), Check("p", "c", 1), Put(Row("p", "d", b"")), Delete("p", "e")))
"""Sent as the check of c, the deletes of b and e, the puts of a and d: reasons come in that order."""

CANCELLATIONS: list[tuple[Answer, type[HomingError], str | None]] = [
    (cancelled("None", "None", "None", "ConditionalCheckFailed", "None"), StoreConflict, "a"),
    (cancelled("ConditionalCheckFailed", "None", "ConditionalCheckFailed", "None", "None"), StoreConflict, "c"),
    (cancelled("None", "TransactionConflict", "None", "None", "TransactionConflict"), StoreConflict, "b"),
    (cancelled("None", "TransactionConflict", "ConditionalCheckFailed", "None", "None"), StoreConflict, "e"),
    (cancelled("None", "ThrottlingError", "None", "None", "ConditionalCheckFailed"), StoreConflict, "d"),
    (cancelled("None", "ThrottlingError", "None", "None", "None"), Temporary, None),
    (cancelled("None", "None", "ProvisionedThroughputExceeded", "None", "None"), Temporary, None),
    (cancelled("None", "None", "None", "None", "ValidationError"), Permanent, None),
    (dynamodb_error(400, "TransactionInProgressException"), Temporary, None),
    (dynamodb_error(400, "IdempotentParameterMismatchException"), Permanent, None),
]


@pytest.mark.parametrize(("answer", "error", "key"), CANCELLATIONS)
def test_a_cancelled_transaction_is_translated(
    server: Server, store: DynamoStore, answer: Answer, error: type[HomingError], key: str | None
) -> None:
    server.answer = answer

    raised = raised_by(lambda: store.commit(FIVE))

    assert type(raised) is error
    assert getattr(raised, "key", None) == key


S3_ANSWERS: list[tuple[Answer, type[HomingError]]] = [
    (s3_error(503, "SlowDown"), Temporary),
    (s3_error(500, "InternalError"), Temporary),
    (Answer(502, b"<html>bad gateway</html>"), Temporary),
    (s3_error(403, "AccessDenied"), Permanent),
    (s3_error(400, "InvalidRequest"), Permanent),
]


@pytest.mark.parametrize("call", BLOB_CALLS)
@pytest.mark.parametrize(("answer", "error"), S3_ANSWERS)
def test_an_error_of_s3_is_translated_by_blobs(
    server: Server, blobs: S3Blobs, call: str, answer: Answer, error: type[HomingError]
) -> None:
    server.answer = answer

    raised = raised_by(lambda: BLOB_CALLS[call](blobs))

    assert type(raised) is error


@pytest.mark.parametrize("call", LANDING_CALLS)
@pytest.mark.parametrize(("answer", "error"), S3_ANSWERS)
def test_an_error_of_s3_is_translated_by_landings(
    server: Server, landings: S3Landings, call: str, answer: Answer, error: type[HomingError]
) -> None:
    server.answer = answer

    raised = raised_by(lambda: LANDING_CALLS[call](landings))

    assert type(raised) is error


@pytest.mark.parametrize("call", BLOB_CALLS)
def test_an_s3_that_cannot_be_reached_is_temporary(call: str, unreachable_blobs: S3Blobs) -> None:
    raised = raised_by(lambda: BLOB_CALLS[call](unreachable_blobs))

    assert (type(raised), raised.type) == (Temporary, "awsUnreachable")


@pytest.mark.parametrize("call", ["get", "get a range", "open"])
def test_a_blob_that_breaks_off_is_temporary(server: Server, blobs: S3Blobs, call: str) -> None:
    server.answer = Answer(200, b"x" * 100_000, missing=100_000)

    raised = raised_by(lambda: BLOB_CALLS[call](blobs))

    assert (type(raised), raised.type) == (Temporary, "awsUnreachable")


def test_a_landing_that_breaks_off_is_temporary(server: Server, landings: S3Landings) -> None:
    headers = {"ETag": '"1"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
    server.answer = Answer(200, b"x", headers, missing=10)

    raised = raised_by(lambda: landings.get("landing/1"))

    assert isinstance(raised, Temporary)


@pytest.mark.parametrize("call", ["put", "put_many", "put_stream"])
def test_writers_that_keep_getting_in_each_others_way_may_try_later(server: Server, blobs: S3Blobs, call: str) -> None:
    server.answer = s3_error(409, "ConditionalRequestConflict")

    raised = raised_by(lambda: BLOB_CALLS[call](blobs))

    assert isinstance(raised, Temporary)


@pytest.mark.parametrize("call", ["get", "open", "digests", "put"])
def test_a_bucket_that_does_not_exist_is_no_missing_blob(server: Server, blobs: S3Blobs, call: str) -> None:
    server.answer = s3_error(404, "NoSuchBucket")

    raised = raised_by(lambda: BLOB_CALLS[call](blobs))

    assert type(raised) is Permanent


def test_a_refusal_is_not_taken_for_a_table_or_a_bucket_that_is_missing(
    server: Server, store: DynamoStore, blobs: S3Blobs
) -> None:
    server.answer = dynamodb_error(400, "AccessDeniedException")
    of_store = raised_by(store.check)
    server.answer = Answer(403)
    of_blobs = raised_by(blobs.check)

    assert (of_store.type, of_blobs.type) == ("awsRefused", "awsRefused")


def test_an_object_that_s3_would_not_delete_is_an_error(server: Server, landings: S3Landings) -> None:
    error = b"<Error><Key>landing/1</Key><Code>InternalError</Code><Message>as told</Message></Error>"
    server.answer = Answer(200, b"<DeleteResult>" + error + b"</DeleteResult>")

    raised = raised_by(lambda: landings.settle("landing/1", [None]))

    assert type(raised) is Temporary
