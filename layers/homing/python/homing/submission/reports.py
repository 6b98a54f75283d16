"""The task "report": a report that came back tells how a submission fared (RFC 8621 §7, dsnBlobIds and mdnBlobIds).

Delivery puts the task for each `multipart/report`. A report counts only for recipients that the submission has, and
each once; anybody can write one, so it changes nothing but what the sender is shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from homing.ledger.entry import Actor
from homing.ledger.rows import Body
from homing.ledger.tasks import Task
from homing.ledger.transact import Transaction, transact
from homing.ledger.view import View
from homing.message import parse
from homing.message.mdn import parse_notification
from homing.site import Site
from homing.submission.dsn import DeliveryReport, parse_dsn
from homing.submission.envelope import same_address
from homing.submission.outcome import QUEUED, shorten
from homing.submission.queue import SUBMISSION, submission_of

MAX_REPORT: Final = 1_000_000
"""Bytes of a report that are looked at."""
MAX_REPORTS: Final = 200
"""Reports that one submission remembers."""

_DELIVERED: Final = {"delivered": "yes", "failed": "no"}
_DIAGNOSTIC: Final = re.compile(r"\s*smtp\s*;\s*([245]\d\d\b.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Statement:
    """What a report says: which message or submission, of which recipients what, and where its blob is kept."""

    message_id: str | None
    submission: str | None
    statuses: dict[str, Body]
    kept_in: str


def note_report(site: Site, actor: Actor, task: Task) -> None:
    """The task: argument `blob`, the digest of a message that came into the account. Idempotent."""
    digest = task.arguments["blob"]
    raw = site.blobs.get(digest, 0, MAX_REPORT)
    statement = None if raw is None else _read(raw)
    if statement is None:
        return

    def decide(transaction: Transaction) -> None:
        draft = transaction.draft(task.partition)
        id = _submission(draft, statement)
        row = draft.object(SUBMISSION, id) if id is not None else None
        if id is None or row is None or len(row.get(statement.kept_in, ())) >= MAX_REPORTS:
            return
        patch = _patch(row, statement, digest)
        if patch:
            draft.update(SUBMISSION, id, patch)

    transact(site, actor, decide)


def _submission(view: View, statement: _Statement) -> str | None:
    if statement.submission is not None and view.object(SUBMISSION, statement.submission) is not None:
        return statement.submission
    return None if statement.message_id is None else submission_of(view, statement.message_id.strip(" <>"))


def _patch(row: Body, statement: _Statement, digest: str) -> Body:
    """The changes of a submission: only of recipients that it has, and only what is new."""
    own = {same_address(one["email"]): one["email"] for one in row["envelope"]["rcptTo"]}
    told: Body = {}
    for address, status in statement.statuses.items():
        if (email := own.get(same_address(address))) is not None:
            before = row.get("deliveryStatus", {}).get(email, QUEUED)
            if any(before[name] != value for name, value in status.items()):
                told[email] = {**before, **status}
    patch: Body = {"deliveryStatus": told} if told else {}
    if digest not in row.get(statement.kept_in, ()):
        patch[statement.kept_in] = [*row.get(statement.kept_in, ()), digest]
    return patch


def _read(raw: bytes) -> _Statement | None:
    message = parse(raw)
    notification = parse_notification(message)
    if notification is not None:
        recipient = (notification.final_recipient or "").partition(";")[2].strip()
        displayed = {recipient: {"displayed": "yes"}} if notification.disposition.type == "displayed" else {}
        return _Statement(notification.original_message_id, None, displayed, "mdnBlobs")
    report = parse_dsn(message)
    if report is None:
        return None
    return _Statement(report.message_id, report.envelope_id, _statuses(report), "dsnBlobs")


def _statuses(report: DeliveryReport) -> dict[str, Body]:
    """Of other actions (delayed, relayed, expanded) nothing follows (RFC 8621 §7)."""
    statuses: dict[str, Body] = {}
    for address, (action, diagnostic) in report.recipients.items():
        if action in _DELIVERED:
            reply = _DIAGNOSTIC.fullmatch(diagnostic)
            said = {} if reply is None else {"smtpReply": shorten(reply[1], len(report.recipients))}
            statuses[address] = {"delivered": _DELIVERED[action], **said}
    return statuses
