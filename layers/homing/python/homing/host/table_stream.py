"""What the cloud's stream of the table would say of a commit, for the functions that it runs (`index`, `notify`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from homing.ledger import keys
from homing.ports.store import Batch, Put


def moved_accounts(batch: Batch) -> list[str]:
    """The accounts whose head a commit has written."""
    heads = (one.partition for one in batch.operations if isinstance(one, Put) and one.key == keys.HEAD)
    return [partition for partition in heads if keys.is_account(partition)]


def event_of(accounts: Sequence[str]) -> dict[str, Any]:
    """The event (DynamoDB Streams, keys only) that their heads have moved; its records are numbered from 0."""
    return {
        "Records": [
            {
                "eventID": str(number),
                "eventName": "MODIFY",
                "eventSource": "aws:dynamodb",
                "dynamodb": {"Keys": {"p": {"S": account}, "k": {"S": keys.HEAD}}, "SequenceNumber": str(number)},
            }
            for number, account in enumerate(accounts)
        ]
    }
