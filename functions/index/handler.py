"""The search index follows the ledgers: batches of the table's stream tell which accounts have moved."""

from __future__ import annotations

from typing import Any, Final

from homing.errors import Permanent
from homing.lambda_shell import Event, changed_accounts, logger, site
from homing.search.index import STEP_EMAILS, catch_up

RESERVE_MS: Final = 30_000
"""What a step may take: with less time left, the rest of an account is for the next call."""


def handler(event: Event, context: Any) -> Event:
    """Index what is new in each account of the batch; named as failed is what is to come again, to go on or to retry.

    Without a context (in the process host) each account gets one step.
    """
    numbers = {one["dynamodb"]["Keys"]["p"]["S"]: one["dynamodb"]["SequenceNumber"] for one in event["Records"][::-1]}
    left = [account for account in changed_accounts(event) if not _index(account, context)]
    return {"batchItemFailures": [{"itemIdentifier": numbers[account]} for account in left]}


def _index(account: str, context: Any) -> bool:
    try:
        while not catch_up(site(), account, STEP_EMAILS):
            if context is None or context.get_remaining_time_in_millis() < RESERVE_MS:
                return False
    except Permanent as error:
        logger.error("an account cannot be indexed", account=account, error=str(error))
    except Exception:  # a shell: one account must not hold up the others
        logger.exception("indexing failed", account=account)
        return False
    return True
