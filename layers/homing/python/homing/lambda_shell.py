"""What every function shares: its site, made once, and the shapes of Lambda's events.

The process host hands the same events to the same handlers, and its own site to `use_site`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote_plus

from aws_lambda_powertools.logging import Logger

from homing.bootstrap import aws_site
from homing.config import config_from_environment
from homing.errors import Problem
from homing.jmap.http import Request, Response, fault, render_problem
from homing.ledger.keys import HEAD, is_account
from homing.ports.landings import Envelope, Landed, Landings
from homing.site import Site

logger: Final = Logger(service="homing", use_rfc3339=True)

Event = dict[str, Any]

_sites: Final[list[Site]] = []


def site() -> Site:
    """The site of this process: the one given to `use_site`, or else the AWS home of the environment."""
    if not _sites:
        _sites.append(aws_site(config_from_environment()))
    return _sites[0]


def use_site(chosen: Site) -> None:
    """Let this process's handlers work on a given site."""
    _sites[:] = [chosen]


Aside = Callable[[Callable[[], None]], None]

_aside: Final[list[Aside]] = []


def aside(work: Callable[[], None]) -> None:
    """Run what waits for strangers: beside everything else if this process has threads for it, or else now."""
    if _aside:
        _aside[0](work)
    else:
        work()


def use_aside(chosen: Aside | None) -> None:
    """Let this process run such work elsewhere; None: where it comes up."""
    _aside[:] = [chosen] if chosen else []


@dataclass(frozen=True, slots=True)
class Record:
    """One SQS record: its message id, its body, and how often it was received before."""

    id: str
    body: Any
    attempt: int = 1


def records(event: Event) -> list[Record]:
    """The records of an SQS event. A body that is not JSON is left as text."""
    return [Record(record["messageId"], _json(record["body"]), _attempt(record)) for record in event["Records"]]


def run_batch(event: Event, work: Callable[[Sequence[Record]], Sequence[str]]) -> Event:
    """Run `work` over an SQS batch; the answer names the records to be delivered again.

    `work` returns the ids of records that failed. If it raises, each record is tried alone, so that one
    bad record fails by itself: only here may any error be caught, for the queue keeps what failed.
    """
    batch = records(event)
    try:
        failed = list(work(batch))
    except Exception:
        logger.exception("a batch failed; its records are tried one by one", records=len(batch))
        failed = [id for record in batch for id in _run_alone(record, work)]
    return {"batchItemFailures": [{"itemIdentifier": id} for id in dict.fromkeys(failed)]}


def _run_alone(record: Record, work: Callable[[Sequence[Record]], Sequence[str]]) -> Sequence[str]:
    try:
        return work([record])
    except Exception:
        logger.exception("a record failed", record=record.id, attempt=record.attempt)
        return [record.id]


def run_http(event: Event, answer: Callable[[Site, Request], Response]) -> Event:
    """Answer an API Gateway HTTP API event (payload format 2.0); a `Problem` becomes its response."""
    try:
        response = answer(site(), request_of(event))
    except Problem as problem:
        response = render_problem(problem)
    except Exception:
        logger.exception("a request failed", path=event.get("rawPath"))
        response = render_problem(fault())
    return response_event(response)


def request_of(event: Event) -> Request:
    """The request in an API Gateway HTTP API event."""
    context = event["requestContext"]
    headers: Mapping[str, str] = {name.lower(): value for name, value in event.get("headers", {}).items()}
    body = event.get("body") or ""
    content = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
    configured = site().config.base_url
    origin = configured or f"{headers.get('x-forwarded-proto', 'https')}://{headers.get('host', context['domainName'])}"
    return Request(
        context["http"]["method"],
        event["rawPath"],
        headers,
        origin,
        event.get("rawQueryString", ""),
        content,
        context.get("requestId", ""),
        (event.get("stageVariables") or {}).get("websocketUrl", ""),
    )


def response_event(response: Response) -> Event:
    """A response as API Gateway takes it: text as it is, anything else in base64."""
    body = response.body if isinstance(response.body, bytes) else b"".join(response.body)
    headers = dict(response.headers)
    if "json" in headers.get("content-type", ""):
        return {"statusCode": response.status, "headers": headers, "body": body.decode()}
    encoded = base64.b64encode(body).decode()
    return {"statusCode": response.status, "headers": headers, "body": encoded, "isBase64Encoded": True}


@dataclass(frozen=True, slots=True)
class Announced:
    """A landing that an event tells of. `envelope` is there where the event knows it and the landing does not."""

    name: str
    envelope: Envelope | None = None

    def find(self, landings: Landings) -> Landed | None:
        """The landing, with its envelope. None if it is not there (any more), or if nothing says who is to
        have it: an S3 event may come for an object of SES, whose recipients only SES's own notification tells.
        """
        landed = landings.get(self.name)
        if landed is not None and self.envelope is not None:
            landed = replace(landed, envelope=self.envelope)
        if landed is not None and not landed.envelope.rcpt_to:
            logger.info("a landing without recipients is left where it is", landing=self.name)
            return None
        return landed


def announcements(body: Any) -> Iterator[Announced]:
    """The landings that a record tells of: an S3 event of relayed mail, or SES's receipt of a message.

    S3 event notification: keys are URL-encoded. SES receipt notification (by SNS, raw or wrapped): the S3
    action names the object, the rest the envelope. S3's test event tells of nothing.

    Raises:
        ValueError, LookupError, TypeError: it is neither.
    """
    if isinstance(body, dict) and isinstance(body.get("Message"), str):
        yield from announcements(_json(body["Message"]))
    elif isinstance(body, dict) and "Records" in body:
        for record in body["Records"]:
            yield Announced(unquote_plus(record["s3"]["object"]["key"]))
    elif isinstance(body, dict) and body.get("notificationType") == "Received":
        yield Announced(body["receipt"]["action"]["objectKey"], _ses_envelope(body))
    elif not (isinstance(body, dict) and body.get("Event") == "s3:TestEvent"):
        raise ValueError("neither an S3 event nor an SES receipt")


def changed_accounts(event: Event) -> list[str]:
    """The accounts that moved, by an event of the table's stream: each once whose head was written.

    DynamoDB Streams record (event source `aws:dynamodb`); keys are named as the table names them, `p` and `k`.
    """
    written = (record["dynamodb"]["Keys"] for record in event["Records"] if record["eventName"] != "REMOVE")
    return list(dict.fromkeys(key["p"]["S"] for key in written if key["k"]["S"] == HEAD and is_account(key["p"]["S"])))


def _ses_envelope(notification: Mapping[str, Any]) -> Envelope:
    """`receipt.recipients` are those whom the rule matched, which is what we answer for; `mail.destination`
    may name others. A null reverse-path comes as no source or as "<>"."""
    mail, receipt = notification["mail"], notification["receipt"]
    received = datetime.fromisoformat(mail["timestamp"])
    return Envelope(
        mail_from=(mail.get("source") or "").removeprefix("<").removesuffix(">"),
        rcpt_to=tuple(receipt["recipients"]),
        protocol="ses",
        received_at=int(received.timestamp() * 1_000),
    )


def _attempt(record: Mapping[str, Any]) -> int:
    return int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
