"""The tasks that send: "send" for a submission's message, "transmit" for what the site sends of itself.

    begin (a commit: now nobody can cancel) -> local recipients are filed, the others go to the next hop
      -> settle (a commit: what became of each; the next attempt, or a notification, as a task)

Both are idempotent but for one moment: if the process dies after the next hop has taken the message and before the
commit that says so, the next run offers it again to the recipients of that attempt. SMTP has no way to exclude that
(RFC 1047). Recipients of this site get it once whatever happens: delivery knows each source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from homing.delivery.accept import accept
from homing.directory.addresses import local_addresses
from homing.errors import Permanent
from homing.ledger.entry import Actor
from homing.ledger.tasks import Task
from homing.ledger.transact import Transaction, transact
from homing.ports.landings import Envelope, Landed
from homing.ports.transport import Outgoing, Recipient, Reply
from homing.site import Site
from homing.submission.dsn import Notice, compose_dsn, is_worth_telling
from homing.submission.envelope import is_mailbox
from homing.submission.outcome import Outcome, reply_of
from homing.submission.prepare import header_end, prepare
from homing.submission.queue import PROTOCOL, Transmission, adopt, begin, settle
from homing.submission.schedule import next_attempt

MAX_HOPS: Final = 50
"""Received fields of a message that is not handed on any more (RFC 5321 §6.3)."""
LOOP: Final = Reply(554, "5.4.6", "This message has been going round in circles")
NO_ADDRESS: Final = Reply(553, "5.1.3", "This is no address that mail can be sent to")
PASSED_ON: Final = ("RET", "ENVID")


def send(site: Site, actor: Actor, task: Task) -> None:
    """The task of one attempt: arguments `transmission` (id) and `attempt` (its number)."""
    _attempt(site, actor, task.partition, task.arguments["transmission"], task.arguments["attempt"])


def transmit(site: Site, actor: Actor, task: Task) -> None:
    """The task of mail that the site sends: arguments `blob` (digest), `mailFrom` ("" for none), `rcptTo`.

    The bytes go out as they are. Failures are told to `mailFrom`, if it is not "".
    """
    transact(site, actor, lambda transaction: adopt(transaction.draft(task.partition), task))
    _attempt(site, actor, task.partition, task.id, 1)


def _attempt(site: Site, actor: Actor, partition: str, id: str, attempt: int) -> None:
    begun = transact(site, actor, lambda transaction: begin(transaction.draft(partition), id, attempt))
    if begun is None:
        return
    stored = site.blobs.get(begun.blob)
    if stored is None:
        raise Permanent("noSuchBlob", "the message to be sent is gone", transmission=id, blob=begun.blob)
    raw = prepare(stored, id, begun.since, site.config.hostname) if begun.is_submission else stored
    now = site.clock.now()
    again = next_attempt(attempt, begun.since, now)
    outcomes = _outcomes(site, begun, raw, partition, expired=again is None)
    dsn = _notify(site, begun, raw, outcomes, now)

    def decide(transaction: Transaction) -> None:
        settle(site, transaction, transaction.draft(partition), begun, outcomes, again, dsn)

    transact(site, actor, decide)


def _outcomes(site: Site, sent: Transmission, raw: bytes, partition: str, *, expired: bool) -> dict[str, Outcome]:
    if raw[: header_end(raw)].lower().count(b"\nreceived:") >= MAX_HOPS:
        return {one.address: Outcome(LOOP, local=False) for one in sent.recipients}
    ours = local_addresses(site.store, [one.address for one in sent.recipients])  # nobody else can take mail for them
    outcomes = {one.address: Outcome(NO_ADDRESS, local=False) for one in sent.recipients if not is_mailbox(one.address)}
    for local in (True, False):
        known = (one for one in sent.recipients if one.address not in outcomes)
        chosen = [one for one in known if (one.address in ours) == local]
        if chosen:
            offer = _file if local else _hand_over
            for one, reply in zip(chosen, offer(site, sent, chosen, raw, partition), strict=True):
                outcomes[one.address] = Outcome(reply, local, expired and not reply.final)
    return outcomes


def _file(site: Site, sent: Transmission, chosen: Sequence[Recipient], raw: bytes, partition: str) -> Sequence[Reply]:
    """Recipients of this site. The source is the same at each attempt: what was filed is not filed again."""
    envelope = Envelope(
        sent.mail_from,
        tuple(one.address for one in chosen),
        protocol=PROTOCOL,
        helo=site.config.hostname,
        received_at=site.clock.now(),
    )
    landed = Landed(f"{PROTOCOL}/{partition}/{sent.id}", envelope, raw)
    return [reply_of(refusal) for refusal in accept(site, [landed])[0]]


def _hand_over(
    site: Site, sent: Transmission, chosen: Sequence[Recipient], raw: bytes, _partition: str
) -> Sequence[Reply]:
    """Recipients elsewhere. The message is named by its submission unless the client named it (RFC 8621 §7)."""
    named = {name: sent.parameters[name] for name in PASSED_ON if name in sent.parameters}
    parameters = {"ENVID": sent.id, **named}
    return site.transport.send(Outgoing(sent.mail_from, tuple(chosen), raw, parameters))


def _notify(site: Site, sent: Transmission, raw: bytes, outcomes: Mapping[str, Outcome], now: int) -> str | None:
    """The digest of a notification to the return path, if there is something to tell."""
    told = [(one, outcomes[one.address]) for one in sent.recipients if is_worth_telling(one, outcomes[one.address])]
    if not told or not sent.mail_from:
        return None
    notice = Notice(
        id=f"dsn.{sent.id}.{sent.attempt}",
        hostname=site.config.hostname,
        to=sent.mail_from,
        envelope_id=sent.parameters.get("ENVID") or sent.id,
        at=now,
        arrived_at=sent.since,
        outcomes=told,
        raw=raw,
        full=(sent.parameters.get("RET") or "").upper() == "FULL",
    )
    return site.blobs.put(compose_dsn(notice))
