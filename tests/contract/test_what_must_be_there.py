"""A table or a bucket that is not there is told by its name; one that is there is no news."""

from __future__ import annotations

import pytest

from homing.adapters.dynamodb import DynamoStore
from homing.adapters.s3 import S3Blobs, S3Connection
from homing.errors import Permanent

pytestmark = pytest.mark.aws


def test_a_table_and_a_bucket_that_are_there_pass(dynamo: DynamoStore, s3: S3Connection, bucket: str) -> None:
    dynamo.check()
    S3Blobs(s3, bucket).check()


def test_a_missing_table_is_told_by_its_name(aws: None) -> None:
    with pytest.raises(Permanent, match=r"no DynamoDB table 'homing-nowhere'.* HOMING_TABLE") as raised:
        DynamoStore("homing-nowhere").check()

    assert raised.value.type == "noTable"


def test_a_missing_bucket_is_told_by_its_name(s3: S3Connection) -> None:
    with pytest.raises(Permanent, match=r"no S3 bucket 'homing-nowhere'.* HOMING_BUCKET") as raised:
        S3Blobs(s3, "homing-nowhere").check()

    assert raised.value.type == "noBucket"
