"""Push: batches of the table's stream tell which accounts have moved; whoever asked for it is told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from homing.jmap.push.sending import push_changes
from homing.lambda_shell import Event, changed_accounts, logger, site

TOGETHER: Final = 16
"""Accounts at a time: most of it is waiting for push services."""


def handler(event: Event, context: Any) -> Event:
    """Tell of every account of the batch. What fails is not tried again: the next change tells of it as well."""
    with ThreadPoolExecutor(TOGETHER) as pool:
        list(pool.map(_push, changed_accounts(event)))
    return {"batchItemFailures": []}


def _push(account: str) -> None:
    try:
        push_changes(site(), account)
    except Exception:  # a shell: a batch that fails would come again, and hold up all that comes after it
        logger.exception("a push failed", account=account)
