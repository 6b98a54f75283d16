"""Each handler on each file of `events/`: every sample has its outcome here, and every outcome its sample."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

import pytest

from functions.ingest.handler import handler as ingest
from functions.jmap.handler import handler as jmap
from functions.task.handler import handler as task
from homing.ledger import tasks
from homing.ledger.entry import encode_body
from homing.ports.store import Batch
from tests.functions.conftest import ENVELOPE, EVENTS, Home, sample
from tests.mail import message

INGEST: dict[str, tuple[list[int], list[str]]] = {
    "s3_relayed": ([], ["0"]),
    "s3_two_records": ([], ["0", "1"]),
    "s3_test_event": ([], []),
    "ses_receipt": ([], ["0"]),
    "ses_receipt_raw": ([], ["0"]),
    "poisoned": ([1], ["0", "1"]),
}
"""Of each sample: which of its records fail, and the subjects that are then in the inbox."""

TASK: dict[str, list[int]] = {"merge_threads": [], "unknown_kind": [], "poisoned": [1]}

JMAP: dict[str, tuple[int, Callable[[Any], bool]]] = {
    "session": (200, lambda body: body["username"] == "ann@example.org"),
    "api_inbox": (200, lambda body: [name for name, _, _ in body["methodResponses"]] == ["Email/query", "Email/get"]),
    "bad_json": (400, lambda body: body["type"] == "urn:ietf:params:jmap:error:notJSON"),
    "unauthorised": (401, lambda body: body["status"] == 401),
    "upload": (201, lambda body: body["size"] == 33 and body["type"] == "text/plain"),
    "download": (404, lambda body: body["status"] == 404),
}
"""Of each sample: the status, and what is true of the body, on a site without mail or uploads."""


@pytest.mark.parametrize(("function", "outcomes"), [("ingest", INGEST), ("task", TASK), ("jmap", JMAP)])
def test_every_sample_has_an_outcome(function: str, outcomes: dict[str, object]) -> None:
    assert {path.stem for path in (EVENTS / function).glob("*.json")} == set(outcomes)


@pytest.mark.parametrize("path", sorted(EVENTS.glob("*/*.json")), ids=lambda path: path.stem)
def test_every_record_of_a_sample_is_what_sqs_would_send(path: Any) -> None:
    for record in json.loads(path.read_text()).get("Records", []):
        if record["eventSource"] == "aws:dynamodb":  # of a stream, not of a queue
            continue
        assert record["md5OfBody"] == hashlib.md5(record["body"].encode(), usedforsecurity=False).hexdigest()
        assert record["eventSource"] == "aws:sqs"


def announced(body: str) -> list[str]:
    """Names of the objects that a record tells of; S3 quotes them as forms do."""
    event = json.loads(body) if body.startswith("{") else {}
    event = json.loads(event["Message"]) if "Message" in event else event
    if "receipt" in event:
        return [event["receipt"]["action"]["objectKey"]]
    return [unquote_plus(record["s3"]["object"]["key"]) for record in event.get("Records", [])]


@pytest.mark.parametrize("name", INGEST)
def test_ingest_answers_each_sample(local_home: Home, name: str) -> None:
    event = sample(f"ingest/{name}.json")
    names = [found for record in event["Records"] for found in announced(record["body"])]
    for number, found in enumerate(names):
        local_home.put(message(str(number)), None if name.startswith("ses") else ENVELOPE, found)
    failing, subjects = INGEST[name]

    answer = ingest(event, None)

    assert answer == {"batchItemFailures": [{"itemIdentifier": event["Records"][n]["messageId"]} for n in failing]}
    assert sorted(email["subject"] for email in local_home.inbox()) == subjects


@pytest.mark.parametrize("name", TASK)
def test_task_answers_each_sample(local_home: Home, name: str) -> None:
    event = sample(f"task/{name}.json", local_home.user.account)
    waiting = tasks.decode_task(encode_body(json.loads(event["Records"][0]["body"])))
    local_home.site.store.commit(Batch((tasks.put_task(waiting),)))

    answer = task(event, None)

    assert answer == {"batchItemFailures": [{"itemIdentifier": event["Records"][n]["messageId"]} for n in TASK[name]]}
    assert tasks.next_due(local_home.site.store) is None
    dead = [found.id for found in tasks.dead_tasks(local_home.site.store)]
    assert dead == ([waiting.id] if name == "unknown_kind" else [])


@pytest.mark.parametrize("name", JMAP)
def test_jmap_answers_each_sample(local_home: Home, name: str) -> None:
    status, holds = JMAP[name]

    answer = jmap(sample(f"jmap/{name}.json", local_home.user.account), None)

    assert answer["statusCode"] == status
    assert holds(json.loads(answer["body"]))


def test_what_the_upload_sample_stores_the_download_sample_gets(local_home: Home) -> None:
    account = local_home.user.account
    upload = sample("jmap/upload.json", account)
    jmap(upload, None)

    answer = jmap(sample("jmap/download.json", account), None)

    assert answer["statusCode"] == 200
    assert answer["isBase64Encoded"] is True
    assert base64.b64decode(answer["body"]) == base64.b64decode(upload["body"])
    assert answer["headers"]["content-type"] == "text/plain"
