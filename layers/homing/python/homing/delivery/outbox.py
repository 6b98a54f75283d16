"""What delivery leaves for others to do: mail that answers or goes on, and reports to be matched with what was sent.

Only the tasks and what keeps their blobs; `homing.submission` does the work.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from homing.ledger import keys
from homing.ledger.tasks import Task
from homing.ledger.transact import Draft
from homing.site import Site

TRANSMIT_TASK: Final = "transmit"
REPORT_TASK: Final = "report"
KEPT_SECONDS: Final = 8 * 24 * 3_600
"""How long the blob of a message on its way stays readable: longer than the queue tries."""


def transmit_task(
    site: Site, partition: str, digest: str, recipients: Collection[str], now: int, *, mail_from: str = ""
) -> Task:
    """The task that sends a blob, by default with the null return path: what the site itself has to say."""
    arguments = {"blob": digest, "mailFrom": mail_from, "rcptTo": list(recipients)}
    return Task(site.new_id("k"), TRANSMIT_TASK, partition, now, arguments)


def report_task(site: Site, partition: str, digest: str, now: int) -> Task:
    """The task that looks whose submission a DSN or MDN tells of."""
    return Task(site.new_id("k"), REPORT_TASK, partition, now, {"blob": digest})


def keep_blob(draft: Draft, digest: str, due: int) -> None:
    """Keep a blob of a message that is due (ms) for as long as it may be under way."""
    draft.load([keys.blob_key(digest)])
    draft.create("Upload", digest, {"expires": due // 1_000 + KEPT_SECONDS})
