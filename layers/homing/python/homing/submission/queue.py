"""The queue: a `Transmission` for each message on its way, noted in the sender's account. No I/O but a draft's.

An EmailSubmission is only the record that a client sees; its user may destroy it while the message is under way
(RFC 8621 §7.5), so what is still to be done stands in an object of its own:

    {"blob": digest, "mailFrom": address, "parameters": {...}, "recipients": {address: parameters},
     "since": ms, "attempt": n, "submission": bool}

`recipients` are those that nothing final is known of. The task of attempt n does nothing once `attempt` is another
number, so a task that runs twice sends once, unless the process dies between sending and the commit after it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from homing.delivery.arrival import DELIVERY, delivery_of, marker_key
from homing.delivery.outbox import TRANSMIT_TASK, keep_blob, transmit_task
from homing.ledger import keys
from homing.ledger.rows import Body
from homing.ledger.tasks import Task
from homing.ledger.transact import Draft, Transaction
from homing.ledger.view import View
from homing.ports.transport import Recipient
from homing.site import Site
from homing.submission.envelope import parameters_of
from homing.submission.outcome import Outcome, statuses_of

SUBMISSION: Final = "EmailSubmission"
TRANSMISSION: Final = "Transmission"
SENT: Final = "Sent"
"""By the hash of a Message-ID, the submission that it was sent by: reports name the one (RFC 3464, RFC 8098)."""
SEND_TASK: Final = "send"
PROTOCOL: Final = "submission"
"""By which the ledger of a recipient of this site knows how its mail came."""

PENDING: Final = "pending"
FINAL: Final = "final"
CANCELED: Final = "canceled"
TRANSITIONS: Final[Mapping[str, Collection[str]]] = {PENDING: (FINAL, CANCELED), FINAL: (), CANCELED: ()}
"""What may become of an undoStatus (RFC 8621 §7)."""


@dataclass(frozen=True, slots=True)
class Transmission:
    """A message on its way, as it stands in the queue. `since` is when it was first due (ms)."""

    id: str
    blob: str
    mail_from: str
    parameters: Mapping[str, str | None]
    recipients: tuple[Recipient, ...]
    since: int
    attempt: int
    is_submission: bool

    @classmethod
    def of(cls, id: str, body: Body) -> Transmission:
        """The transmission that is stored as `body`."""
        recipients = tuple(Recipient(address, given) for address, given in body["recipients"].items())
        return cls(
            id,
            body["blob"],
            body["mailFrom"],
            body.get("parameters", {}),
            recipients,
            body["since"],
            body["attempt"],
            body.get("submission", False),
        )


def enqueue(site: Site, transaction: Transaction, draft: Draft, id: str, digest: str, envelope: Body, due: int) -> None:
    """Note that a submission's message goes out at `due` (ms); its bytes stay readable until it is done."""
    recipients = {address["email"]: parameters_of(address) for address in envelope["rcptTo"]}
    body: Body = {
        "blob": digest,
        "mailFrom": envelope["mailFrom"]["email"],
        "recipients": recipients,
        "since": due,
        "attempt": 1,
        "submission": True,
    }
    if parameters := parameters_of(envelope["mailFrom"]):
        body["parameters"] = parameters
    draft.expect_absent(TRANSMISSION, id)
    draft.create(TRANSMISSION, id, body)
    keep_blob(draft, digest, due)
    transaction.put_task(_attempt_task(site, draft.partition, id, 1, due))


def adopt(draft: Draft, task: Task) -> None:
    """Turn a "transmit" task into a transmission under the task's id: once, however often the task runs."""
    marker = delivery_of(f"{TRANSMIT_TASK}/{task.id}")
    if draft.body(marker_key(DELIVERY, marker)) is not None:
        return
    draft.create(DELIVERY, marker, {"task": task.id})
    recipients: dict[str, Body] = {address: {} for address in task.arguments["rcptTo"]}
    draft.create(
        TRANSMISSION,
        task.id,
        {
            "blob": task.arguments["blob"],
            "mailFrom": task.arguments["mailFrom"],
            "recipients": recipients,
            "since": task.due,
            "attempt": 1,
        },
    )


def begin(draft: Draft, id: str, attempt: int) -> Transmission | None:
    """Note that an attempt begins, after which nobody can cancel; None if it is not this attempt's turn."""
    body = draft.object(TRANSMISSION, id)
    if body is None or body["attempt"] != attempt:
        return None
    submission = draft.object(SUBMISSION, id) if body.get("submission") else None
    if submission is not None and FINAL in TRANSITIONS[submission["undoStatus"]]:
        draft.update(SUBMISSION, id, {"undoStatus": FINAL})
    return Transmission.of(id, body)


def cancel(draft: Draft, id: str) -> bool:
    """Take a submission back; False if its first attempt has begun."""
    submission, body = draft.object(SUBMISSION, id), draft.object(TRANSMISSION, id)
    if submission is None or body is None or CANCELED not in TRANSITIONS[submission["undoStatus"]]:
        return False
    draft.destroy(TRANSMISSION, id)
    draft.update(SUBMISSION, id, {"undoStatus": CANCELED})
    return True


def settle(
    site: Site,
    transaction: Transaction,
    draft: Draft,
    sent: Transmission,
    outcomes: Mapping[str, Outcome],
    again: int | None,
    dsn: str | None,
) -> None:
    """Note what an attempt did: statuses, the notification that was made of it (`dsn`, a digest), and the next
    attempt at `again` (ms) for those that are deferred."""
    body = draft.object(TRANSMISSION, sent.id)
    if body is None or body["attempt"] != sent.attempt:
        return
    submission = draft.object(SUBMISSION, sent.id) if sent.is_submission else None
    if submission is not None:
        draft.update(SUBMISSION, sent.id, _told(submission, outcomes, dsn))
    if dsn is not None:
        keep_blob(draft, dsn, transaction.now)
        transaction.put_task(transmit_task(site, draft.partition, dsn, [sent.mail_from], transaction.now))
    deferred = [address for address, outcome in outcomes.items() if outcome.is_deferred]
    if not deferred or again is None:
        draft.destroy(TRANSMISSION, sent.id)
        return
    done = dict.fromkeys(address for address in outcomes if address not in deferred)
    draft.update(TRANSMISSION, sent.id, {"attempt": sent.attempt + 1, "recipients": done})
    transaction.put_task(_attempt_task(site, draft.partition, sent.id, sent.attempt + 1, again))


def remember(draft: Draft, id: str, message_id: str) -> None:
    """Note by which submission a message was sent; of two for one message the later."""
    hash = keys.message_id_hash(message_id, "")
    if draft.object(SENT, hash) is None:
        draft.create(SENT, hash, {"submission": id})
    else:
        draft.update(SENT, hash, {"submission": id})
    draft.update(SUBMISSION, id, {"sent": hash})


def forget(draft: Draft, id: str) -> None:
    """Destroy the record of a submission; the message, if it is under way, stays under way (RFC 8621 §7.5)."""
    hash = (draft.object(SUBMISSION, id) or {}).get("sent", "")
    if (draft.object(SENT, hash) or {}).get("submission") == id:
        draft.destroy(SENT, hash)
    draft.destroy(SUBMISSION, id)


def submission_of(view: View, message_id: str) -> str | None:
    """The submission by which a message with this id (without brackets) was sent."""
    row = view.object(SENT, keys.message_id_hash(message_id, ""))
    return None if row is None else str(row["submission"])


def _told(submission: Body, outcomes: Mapping[str, Outcome], dsn: str | None) -> Body:
    patch: Body = {"deliveryStatus": statuses_of(outcomes, len(submission["envelope"]["rcptTo"]))}
    if dsn is not None:
        patch["dsnBlobs"] = [*submission.get("dsnBlobs", ()), dsn]
    return patch


def _attempt_task(site: Site, partition: str, id: str, attempt: int, due: int) -> Task:
    return Task(site.new_id("k"), SEND_TASK, partition, due, {"transmission": id, "attempt": attempt})
