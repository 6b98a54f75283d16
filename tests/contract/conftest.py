"""Every adapter of a port, as one fixture for the suite of that port.

The AWS side runs on moto in this process, or on the endpoint in AWS_ENDPOINT_URL, where a table and a
bucket are made for each module and deleted after it. Partitions, prefixes and names are new for each
test, so that tests may share them.
"""

from __future__ import annotations

import os
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models.dynamo_type import DynamoType, LimitedSizeDict
from moto.dynamodb.models.utilities import bytesize

from homing.adapters.dynamodb import DynamoStore
from homing.adapters.memory import MemoryLandings
from homing.adapters.s3 import S3Blobs, S3Connection, S3Landings
from homing.adapters.sqlite import Database, SqliteBlobs, SqliteStore
from homing.ports.blobs import Blobs
from homing.ports.landings import Landings
from homing.ports.store import Store

FAKE_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(scope="session")
def on_ministack() -> bool:
    """Whether the endpoint is MiniStack, so that a test may skip, with the reason, what that emulator lacks."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    if not endpoint.startswith(("http://127.0.0.1", "http://localhost")):
        return False
    try:
        with urllib.request.urlopen(f"{endpoint.rstrip('/')}/_ministack/health", timeout=10) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return False


@pytest.fixture(scope="module")
def aws() -> Iterator[None]:
    """An AWS to talk to."""
    with pytest.MonkeyPatch.context() as patch:
        if "AWS_PROFILE" not in os.environ:
            for name, value in FAKE_CREDENTIALS.items():
                if name not in os.environ:
                    patch.setenv(name, value)
        if os.environ.get("AWS_ENDPOINT_URL"):
            yield
            return
        _one_request_at_a_time(patch)
        _rows_of_400_kilobytes(patch)
        with mock_aws():
            yield


def _one_request_at_a_time(patch: pytest.MonkeyPatch) -> None:
    """In its own process moto is not meant for threads: a cancelled transaction takes back what others
    wrote meanwhile. Its server does the same with a lock."""
    lock = threading.Lock()
    process_request = BotocoreStubber.process_request

    def locked(self: BotocoreStubber, request: object) -> object:
        with lock:
            return process_request(self, request)

    patch.setattr(BotocoreStubber, "process_request", locked)


def _rows_of_400_kilobytes(patch: pytest.MonkeyPatch) -> None:
    """moto refuses rows above 405,000 bytes; DynamoDB's limit is 409,600 (Developer Guide, "Quotas")."""

    def set_attribute(self: LimitedSizeDict, name: str, value: DynamoType) -> None:
        size = sum(bytesize(key) + kept.size() for key, kept in {**self, name: value}.items())
        if size > 400 * 1_024:
            raise ItemSizeTooLarge
        dict.__setitem__(self, name, value)

    patch.setattr(LimitedSizeDict, "__setitem__", set_attribute)


@pytest.fixture(scope="module")
def dynamo(aws: None) -> Iterator[DynamoStore]:
    name = f"homing-contract-{uuid.uuid4().hex}"
    store = DynamoStore(name)
    store.create_table()
    yield store
    store.client.delete_table(TableName=name)


@pytest.fixture(scope="module")
def s3(aws: None) -> S3Connection:
    return S3Connection()


@pytest.fixture(scope="module")
def bucket(s3: S3Connection) -> Iterator[str]:
    name = f"homing-contract-{uuid.uuid4().hex}"
    s3.client.create_bucket(Bucket=name)
    yield name
    for page in s3.client.get_paginator("list_objects_v2").paginate(Bucket=name):
        for entry in page.get("Contents", ()):
            s3.client.delete_object(Bucket=name, Key=entry["Key"])
    s3.client.delete_bucket(Bucket=name)


@pytest.fixture(params=["sqlite", pytest.param("dynamodb", marks=pytest.mark.aws)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "dynamodb":
        yield request.getfixturevalue("dynamo")
        return
    database = Database(tmp_path / "site.db")
    yield SqliteStore(database)
    database.close()


@pytest.fixture
def partition() -> str:
    """A partition that no other test has."""
    return f"test/{uuid.uuid4().hex}"


@pytest.fixture(params=["sqlite", pytest.param("s3", marks=pytest.mark.aws)])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Blobs]:
    if request.param == "s3":
        yield request.getfixturevalue("s3_blobs")
        return
    database = Database(tmp_path / "site.db")
    yield SqliteBlobs(database)
    database.close()


@pytest.fixture
def s3_prefix() -> str:
    """A folder of the bucket that no other test has."""
    return f"{uuid.uuid4().hex}/"


@pytest.fixture
def s3_blobs(s3: S3Connection, bucket: str, s3_prefix: str) -> S3Blobs:
    return S3Blobs(s3, bucket, s3_prefix)


@pytest.fixture
def s3_landings(s3: S3Connection, bucket: str, s3_prefix: str) -> S3Landings:
    return S3Landings(s3, bucket, s3_prefix)


@pytest.fixture(params=["memory", pytest.param("s3", marks=pytest.mark.aws)])
def landings(request: pytest.FixtureRequest) -> Landings:
    found: Landings = MemoryLandings() if request.param == "memory" else request.getfixturevalue("s3_landings")
    return found
