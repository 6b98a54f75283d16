"""Mail that has landed becomes email: SQS batches of S3 events (relayed mail) and SES receipts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from homing.delivery.accept import accept
from homing.lambda_shell import Event, Record, announcements, run_batch, site


def handler(event: Event, context: Any) -> Event:
    """Accept every landing that the batch announces; what must be tried again stays in the queue."""
    return run_batch(event, _accept_all)


def _accept_all(batch: Sequence[Record]) -> list[str]:
    landings = site().landings
    announced = [(record.id, one) for record in batch for one in announcements(record.body)]
    found = [(id, one.name, landed) for id, one in announced if (landed := one.find(landings)) is not None]
    failed = []
    for (id, name, _), replies in zip(found, accept(site(), [landed for _, _, landed in found]), strict=True):
        if any(reply is not None and reply.code < 500 for reply in replies):
            failed.append(id)
        else:
            landings.settle(name, replies)
    return failed
