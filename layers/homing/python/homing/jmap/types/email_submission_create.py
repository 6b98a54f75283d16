"""Whether an Email may be sent as a client asks, and the record and queue entry if so (RFC 8621 §7.5).

What is slow (the message's own header block, whose addresses these are) is read before the commit; what is decided
on it is decided within.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from homing.directory.addresses import find_accounts, local_addresses
from homing.ids import blob_id, thread_of
from homing.jmap.context import Context, Opened, Step
from homing.jmap.datatype import Commit, Object, SetError
from homing.jmap.kinds import utc_date
from homing.jmap.types.email_change import state_of
from homing.jmap.types.identity import identity_of
from homing.ledger import keys
from homing.submission.envelope import (
    Addressing,
    InvalidEnvelope,
    check_parameters,
    derive,
    invalid_recipients,
    is_envelope,
    most_recipients,
    read_addressing,
    release_at,
    same_address,
)
from homing.submission.outcome import QUEUED
from homing.submission.queue import CANCELED, PENDING, PROTOCOL, SUBMISSION, enqueue, remember
from homing.submission.rate import count_recipients, recipients_lately

DELIVERED_BY: Final = frozenset({"smtp", "lmtp", "ses", PROTOCOL})
"""By which ways mail comes that nobody here has written: such mail may be passed on with its author's address."""
_ENDS: Final = (b"\n\r\n", b"\n\n")


@dataclass(frozen=True, slots=True)
class Sendable:
    """An email that may be sent: its stored record, and whom its header block names. `is_received`: it came by
    delivery, so nobody here has written it."""

    record: Object
    addressing: Addressing
    is_received: bool


@dataclass(frozen=True, slots=True)
class Material:
    """What was read beforehand: emails by id, the account of each address that somebody has, which addresses are of
    domains of this site, and how many recipients the account has had `lately`. `counted` are those of this call, by
    creation id."""

    emails: Mapping[str, Sendable]
    accounts: Mapping[str, str]
    local: Collection[str]
    lately: int
    counted: dict[str, int] = field(default_factory=dict)

    def are_own(self, account: str, *addresses: str) -> bool:
        """Whether all of these addresses lead to the account."""
        return all(self.accounts.get(address) == account for address in addresses)

    def may_be_named(self, account: str, addressing: Addressing) -> bool:
        """Whether the account may send what names these writers and senders: they are its own. Who puts his name to
        it (Resent-From) may send again what others have written, but nothing in the name of others of this site."""
        foreign = self.local if addressing.resent_by else addressing.own_addresses
        named = (*addressing.written_by, *addressing.senders)
        return self.are_own(account, *addressing.authors, *(one for one in named if one in foreign))


def prepare(context: Context, view: Opened, arguments: Object, _commit: Commit) -> Material:
    """Read what the creations of a call need, in few calls of the store and one read of a blob for each email."""
    creations = list((arguments["create"] or {}).values())
    wanted = {context.resolve(id) for id in _texts(creations, "emailId")}
    view.load([keys.object_key(type, id) for id in wanted for type in ("Email", "Provenance")])
    records = view.objects("Email", wanted)
    emails = {id: _sendable(context, record, view.object("Provenance", id)) for id, record in records.items()}
    identities = (identity_of(view, context.resolve(id)) for id in _texts(creations, "identityId"))
    addresses = {identity["email"] for identity in identities if identity is not None}
    addresses.update(address for one in emails.values() for address in one.addressing.own_addresses)
    addresses.update(one["envelope"]["mailFrom"]["email"] for one in creations if is_envelope(one.get("envelope")))
    arguments["emailIds"] = _emails_of_submissions(context, view, arguments)
    store = context.site.store
    resent = {
        address for one in emails.values() if one.addressing.resent_by for address in one.addressing.own_addresses
    }
    local = local_addresses(store, resent) if resent else ()
    return Material(emails, find_accounts(store, addresses), local, recipients_lately(view) if creations else 0)


def create(step: Step, given: Object) -> tuple[str, Object] | SetError:
    """Check one creation and note it."""
    identity_id, email_id = step.resolve(given["identityId"]), step.resolve(given["emailId"])
    identity = None if identity_id is None else identity_of(step.draft, identity_id)
    email = step.prepared.emails.get(email_id)
    if identity is None:
        return SetError("invalidProperties", "there is no such Identity", ("identityId",))
    if email is None or email_id is None or state_of(step.draft, email_id) is None:
        return SetError("invalidProperties", "there is no such Email", ("emailId",))
    if given["undoStatus"] is not None:
        return SetError("invalidProperties", "undoStatus cannot be set at creation", ("undoStatus",))
    same = same_address(email.addressing.return_path) == same_address(identity["email"])
    envelope = given["envelope"] or derive(email.addressing, identity["email"], allowed=same)
    if (error := _problem(step, email, identity["email"], envelope)) is not None:
        return error
    now = step.draft.now
    try:
        check_parameters(envelope)
        held = release_at(envelope, now, step.context.site.config.limits.max_delayed_send)
    except InvalidEnvelope as problem:
        return SetError("invalidProperties", str(problem), ("envelope",))
    row = {"identityId": identity_id, "emailId": email_id, "threadId": thread_of(email_id), "envelope": envelope}
    return _note(step, email, {**row, "sendAt": now if held is None else held, "undoStatus": PENDING}, held)


def render(id: str, row: Mapping[str, Any]) -> Object:
    """The EmailSubmission object of a stored row."""
    told = row.get("deliveryStatus", {})
    statuses = {address["email"]: told.get(address["email"], QUEUED) for address in row["envelope"]["rcptTo"]}
    return {
        "id": id,
        "identityId": row["identityId"],
        "emailId": row["emailId"],
        "threadId": row["threadId"],
        "envelope": row["envelope"],
        "sendAt": utc_date(row["sendAt"]),
        "undoStatus": row["undoStatus"],
        "deliveryStatus": None if row["undoStatus"] == CANCELED else statuses,
        "dsnBlobIds": [blob_id(digest) for digest in row.get("dsnBlobs", ())],
        "mdnBlobIds": [blob_id(digest) for digest in row.get("mdnBlobs", ())],
    }


def _note(step: Step, email: Sendable, row: Object, held: int | None) -> tuple[str, Object]:
    site = step.context.site
    id = site.new_id("s")
    due = step.draft.now + site.config.limits.undo_seconds * 1_000 if held is None else held
    step.draft.expect_absent(SUBMISSION, id)
    step.draft.create(SUBMISSION, id, row)
    enqueue(site, step.transaction, step.draft, id, email.record["blob"], row["envelope"], due)
    count_recipients(step.draft, id, len(row["envelope"]["rcptTo"]))
    remember(step.draft, id, (email.record.get("messageId") or [f"{id}@{site.config.hostname}"])[0])
    made = render(id, row)
    return id, {name: made[name] for name in made if name not in ("identityId", "emailId")}


def _problem(step: Step, email: Sendable, identity: str, envelope: Object) -> SetError | None:
    """What RFC 8621 §7.5 has a name for. `identity` is the address of the Identity."""
    limits = step.context.site.config.limits
    if email.record["size"] > limits.max_message_bytes:
        return SetError("tooLarge", extra={"maxSize": limits.max_message_bytes})
    if email.addressing.faults:
        return SetError("invalidEmail", "its sender cannot be told", email.addressing.faults)
    if (error := _recipients_problem(envelope, limits.max_recipients)) is not None:
        return error
    return _sender_problem(step, email, identity, envelope) or _rate_problem(step, len(envelope["rcptTo"]))


def _sender_problem(step: Step, email: Sendable, identity: str, envelope: Object) -> SetError | None:
    """A message is from its sender, and from the Identity that he sends it as, unless it is received mail that he
    passes on as it is (RFC 8621 §9.6)."""
    account, authors = step.draft.partition, email.addressing.authors
    if not email.is_received:
        if not email.addressing.is_sound:
            return SetError("invalidEmail", "its header is not one that all read alike", ("headers",))
        if not step.prepared.may_be_named(account, email.addressing):
            return SetError("forbiddenFrom", "the address in From or Sender is not one of yours")
        if same_address(identity) not in map(same_address, authors):
            return SetError("forbiddenFrom", f"the address in From is not that of the identity, {identity}")
    if not step.prepared.are_own(account, envelope["mailFrom"]["email"]):
        return SetError("forbiddenMailFrom", "the return path is not one of your addresses")
    return None


def _recipients_problem(envelope: Object, maximum: int) -> SetError | None:
    if not envelope["rcptTo"]:
        return SetError("noRecipients")
    most = most_recipients(envelope, maximum)
    if len(envelope["rcptTo"]) > most:
        return SetError("tooManyRecipients", extra={"maxRecipients": most})
    if invalid := invalid_recipients(envelope):
        return SetError("invalidRecipients", extra={"invalidRecipients": invalid})
    return None


def _rate_problem(step: Step, recipients: int) -> SetError | None:
    """RFC 8620 §5.3. A creation that is decided again, as its commit was not the first, counts once."""
    maximum, counted = step.context.site.config.limits.max_recipients_per_hour, step.prepared.counted
    before = step.prepared.lately + sum(number for key, number in counted.items() if key != step.key)
    if before + recipients > maximum:
        return SetError("rateLimit", f"mail goes to at most {maximum} recipients in an hour")
    counted[step.key] = recipients
    return None


def _texts(creations: Sequence[Object], name: str) -> Iterator[str]:
    return (one[name] for one in creations if isinstance(one.get(name), str))


def _sendable(context: Context, record: Object, provenance: Object | None) -> Sendable:
    block = context.site.blobs.get(record["blob"], 0, record["headerEnd"]) or b""
    protocol = ((provenance or {}).get("envelope") or {}).get("protocol", "")
    if not block.endswith(_ENDS) and record["headerEnd"] < record["size"]:
        block += b"\0"  # what follows is a body to us alone
    return Sendable(record, read_addressing(block), protocol in DELIVERED_BY)


def _emails_of_submissions(context: Context, view: Opened, arguments: Object) -> dict[str, str]:
    """The emails of submissions that the call may update or destroy, for what follows on success: a submission that
    is gone by then cannot be asked."""
    if not arguments["onSuccessUpdateEmail"] and not arguments["onSuccessDestroyEmail"]:
        return {}
    ids = [context.resolve(id) for id in (*(arguments["update"] or ()), *(arguments["destroy"] or ()))]
    return {id: row["emailId"] for id, row in view.objects(SUBMISSION, ids).items()}
