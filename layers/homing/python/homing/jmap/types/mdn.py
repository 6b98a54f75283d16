"""MDN/send and MDN/parse (RFC 9007): read receipts, asked for by a header field and sent by their reader's consent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from homing.delivery.outbox import keep_blob, transmit_task
from homing.directory.addresses import find_accounts
from homing.errors import MethodError
from homing.ids import CHANCE_BYTES
from homing.jmap.blob import find_content
from homing.jmap.capabilities import MDN
from homing.jmap.context import Context, Opened
from homing.jmap.datatype import NO_DEFAULT, Object, Property, SetError
from homing.jmap.dispatch import Function
from homing.jmap.kinds import BOOLEAN, ID, ID_OR_REFERENCE, OBJECT, STRING, Kind, list_of, map_of, nullable
from homing.jmap.methods.arguments import check_arguments
from homing.jmap.types.email_change import state_of
from homing.jmap.types.identity import identity_of
from homing.ledger import keys
from homing.ledger.transact import Transaction, transact
from homing.message import as_text, parse, parse_headers
from homing.message.mdn import (
    ACTION_MODES,
    FIELDS,
    MAX_EXTENSIONS,
    SENDING_MODES,
    TYPES,
    Disposition,
    Letter,
    Notification,
    compose_notification,
    notify_addresses,
    parse_notification,
)
from homing.submission.envelope import is_mailbox
from homing.submission.queue import SUBMISSION, submission_of
from homing.submission.rate import count_recipients, recipients_lately

MDN_SENT: Final = "$mdnsent"
GROUP: Final = 20
"""Notifications that one commit puts into the outbox."""
MARK_DIGITS: Final = 32
MAX_ASKERS: Final = 8
"""Addresses that one notification goes to: a message could otherwise make its reader write to thousands (RFC 8098
§2.1 is wary of more than one)."""
MAX_PARSED: Final = 4_000_000
"""Bytes of a message that is looked at for a notification."""
CHANCE: Final = 3 * CHANCE_BYTES

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+^_`{|}~.-]{1,60}")


def _is_disposition(value: Any) -> bool:
    words = {"actionMode": ACTION_MODES, "sendingMode": SENDING_MODES, "type": TYPES}
    return isinstance(value, dict) and value.keys() == words.keys() and all(value[one] in words[one] for one in words)


def _is_extensions(value: Any) -> bool:
    if not isinstance(value, dict) or len(value) > MAX_EXTENSIONS:
        return False
    names_fit = all(_TOKEN.fullmatch(name) and name.lower() not in FIELDS for name in value)
    return names_fit and all(isinstance(one, str) for one in value.values())


_SERVER_SET: Final = Property(nullable(STRING), server_set=True)
PROPERTIES: Final = {
    "forEmailId": Property(ID_OR_REFERENCE),
    "subject": Property(nullable(STRING), default=None),
    "textBody": Property(nullable(STRING), default=None),
    "includeOriginalMessage": Property(BOOLEAN, default=False),
    "reportingUA": Property(nullable(STRING), default=None),
    "disposition": Property(Kind("Disposition", _is_disposition)),
    "mdnGateway": _SERVER_SET,
    "originalRecipient": _SERVER_SET,
    "finalRecipient": Property(nullable(STRING), default=None),
    "originalMessageId": _SERVER_SET,
    "error": _SERVER_SET,
    "extensionFields": Property(nullable(Kind("String[String]", _is_extensions)), default=None),
}
SEND_ARGUMENTS: Final = {
    "accountId": Property(ID),
    "identityId": Property(ID_OR_REFERENCE),
    "send": Property(map_of(OBJECT)),
    "onSuccessUpdateEmail": Property(nullable(map_of(OBJECT, ID_OR_REFERENCE.accepts)), default=None),
}
PARSE_ARGUMENTS: Final = {"accountId": Property(ID), "blobIds": Property(list_of(ID_OR_REFERENCE))}


@dataclass(frozen=True, slots=True)
class _Ready:
    """A notification that may be sent: of which email, as which blob, to whom, and what the client did not say."""

    email: str
    digest: str
    to: Sequence[str]
    server_set: Object


def mdn_send(context: Context, given: Object) -> Object:
    """Send notifications; each is a message with the null return path."""
    arguments = check_arguments(given, SEND_ARGUMENTS)
    account = arguments["accountId"]
    view = context.writable(account)
    identity = identity_of(view, context.resolve(arguments["identityId"]))
    if identity is None:
        raise MethodError("invalidArguments", "there is no such Identity", arguments=["identityId"])
    context.check_set(len(arguments["send"]))
    patches: Object = arguments["onSuccessUpdateEmail"] or {}
    results: dict[str, _Ready | SetError] = {}
    rest = context.site.config.limits.max_recipients_per_hour - recipients_lately(view)
    for key, value in arguments["send"].items():
        before = [one for one in results.values() if isinstance(one, _Ready)]
        result = _decide(context, view, identity, value, patches.get(f"#{key}"))
        results[key] = _one_more(result, before, rest) if isinstance(result, _Ready) else result
    ready = {key: result for key, result in results.items() if isinstance(result, _Ready)}
    _send_all(context, account, list(ready.values()))
    if ready:
        update = {one.email: patches[f"#{key}"] for key, one in ready.items()}
        context.imply("Email/set", {"accountId": account, "update": update})
    failed = {key: result.to_body() for key, result in results.items() if isinstance(result, SetError)}
    sent = {key: one.server_set for key, one in ready.items()}
    return {"accountId": account, "sent": sent or None, "notSent": failed or None}


def _one_more(wanted: _Ready, before: Sequence[_Ready], rest: int) -> _Ready | SetError:
    """Beside others of the call, if it is not for the same email, and the account may still send to so many."""
    if any(one.email == wanted.email for one in before):
        return SetError("mdnAlreadySent", "this call sends one already")
    if sum(len(one.to) for one in (*before, wanted)) > rest:
        return SetError("rateLimit", "too much mail in an hour")
    return wanted


def mdn_parse(context: Context, given: Object) -> Object:
    """Notifications out of messages that the account may read."""
    arguments = check_arguments(given, PARSE_ARGUMENTS)
    account = arguments["accountId"]
    view = context.view(account)
    context.check_got(len(arguments["blobIds"]))
    parsed: Object = {}
    failed: dict[str, list[str]] = {"notParsable": [], "notFound": []}
    for id in dict.fromkeys(map(context.resolve, arguments["blobIds"])):
        found = find_content(context, view, id)
        if found is None:
            failed["notFound"].append(id)
            continue
        if found.size > MAX_PARSED:
            failed["notParsable"].append(id)
            continue
        context.count_fetched(found.size)
        notification = parse_notification(parse(found.read(0, found.size)))
        if notification is None:
            failed["notParsable"].append(id)
        else:
            parsed[id] = _render(view, notification)
    return {"accountId": account, "parsed": parsed or None, **{name: ids or None for name, ids in failed.items()}}


def _decide(context: Context, view: Opened, identity: Object, given: Object, patch: Object | None) -> _Ready | SetError:
    """Whether one notification may be sent, and its message."""
    if (error := _invalid(given)) is not None:
        return error
    wanted = {name: given.get(name, one.default) for name, one in PROPERTIES.items() if not one.server_set}
    email = context.resolve(wanted["forEmailId"])
    record, state = view.object("Email", email), state_of(view, email)
    if record is None or state is None:
        return SetError("notFound", "there is no such Email")
    block = context.site.blobs.get(record["blob"], 0, record["headerEnd"]) or b""
    to = [address for address in notify_addresses(block) if is_mailbox(address)]
    if (error := _problem(context, view.partition, wanted, state, to, patch)) is not None:
        return error
    if wanted["includeOriginalMessage"] and record["size"] > context.site.config.limits.max_message_bytes // 2:
        return SetError("tooLarge", "the message is too large to be returned")
    notification = _notification(wanted, identity, record, block)
    digest = _compose(context, notification, identity, to, record)
    return _Ready(email, digest, to, _server_set(given, notification))


def _problem(
    context: Context, account: str, wanted: Object, state: Object, to: Sequence[str], patch: Object | None
) -> SetError | None:
    """What RFC 9007 §2.1 has a name for."""
    if MDN_SENT in state["keywords"]:
        return SetError("mdnAlreadySent", f"{MDN_SENT} is set")
    if not _sets_mdn_sent(patch):
        return SetError("invalidProperties", f"onSuccessUpdateEmail must set {MDN_SENT}", ("onSuccessUpdateEmail",))
    if not to:
        return SetError("notFound", "nobody asked for a notification")
    if len(to) > MAX_ASKERS:
        return SetError("forbidden", f"more than {MAX_ASKERS} addresses ask for a notification")
    if not _may_be_final(context, account, wanted["finalRecipient"]):
        return SetError("forbiddenFrom", "finalRecipient is not one of your addresses")
    return None


def _invalid(given: Object) -> SetError | None:
    wrong = {name: f"{name} is no property of an MDN" for name in given if name not in PROPERTIES}
    for name, property in PROPERTIES.items():
        if name not in given:
            if property.default is NO_DEFAULT and not property.server_set:
                wrong[name] = f"{name} is required"
        elif property.server_set:
            wrong[name] = f"{name} cannot be set"
        elif not property.kind.accepts(given[name]):
            wrong[name] = f"{name} must be {property.kind.name}"
    return SetError("invalidProperties", "; ".join(wrong.values()), tuple(wrong)) if wrong else None


def _sets_mdn_sent(patch: Object | None) -> bool:
    """RFC 9007 §2.1: what does not set the keyword must be refused."""
    keywords = (patch or {}).get("keywords")
    whole = isinstance(keywords, dict) and keywords.get(MDN_SENT) is True
    return whole or (patch or {}).get(f"keywords/{MDN_SENT}") is True


def _may_be_final(context: Context, account: str, recipient: str | None) -> bool:
    if recipient is None:
        return True
    address = recipient.rpartition(";")[2].strip()
    return find_accounts(context.site.store, [address]).get(address) == account


def _notification(wanted: Object, identity: Object, record: Object, block: bytes) -> Notification:
    from homing.message.report import report_address  # noqa: PLC0415  # to write messages, which few requests do

    given, ids = wanted["disposition"], record.get("messageId") or []
    headers = {one.name.lower(): one.value for one in parse_headers(block)}
    original = headers.get("original-recipient")
    final = wanted["finalRecipient"] or report_address(identity["email"])
    return Notification(
        Disposition(given["actionMode"], given["sendingMode"], given["type"]),
        subject=wanted["subject"],
        text=wanted["textBody"],
        reporting_ua=wanted["reportingUA"],
        original_recipient=None if original is None else as_text(original),
        final_recipient=final if ";" in final else report_address(final),
        original_message_id=f"<{ids[0]}>" if ids else None,
        extensions=wanted["extensionFields"] or {},
        includes_original=wanted["includeOriginalMessage"],
    )


def _compose(context: Context, notification: Notification, identity: Object, to: Sequence[str], record: Object) -> str:
    """The digest of the message, which is stored."""
    from homing.message.compose import new_message_id  # noqa: PLC0415

    site = context.site
    original = None
    if notification.includes_original:
        context.count_fetched(record["size"])
        original = site.blobs.get(record["blob"])
    id = new_message_id(site.ids.random(CHANCE), site.config.hostname)
    sender = {"name": identity["name"] or None, "email": identity["email"]}
    letter = Letter(sender, to, id, site.clock.now(), original)
    return site.blobs.put(compose_notification(notification, letter))


def _server_set(given: Object, notification: Notification) -> Object:
    """What a client did not say (RFC 9007 §2.1, sent)."""
    rendered = {
        "includeOriginalMessage": notification.includes_original,
        "originalRecipient": notification.original_recipient,
        "finalRecipient": notification.final_recipient,
        "originalMessageId": notification.original_message_id,
        "subject": None,
        "textBody": None,
        "reportingUA": None,
        "mdnGateway": None,
        "error": None,
        "extensionFields": None,
    }
    return {name: value for name, value in rendered.items() if name not in given}


def _send_all(context: Context, account: str, ready: Sequence[_Ready]) -> None:
    """Put the messages into the outbox, a few a commit."""
    for start in range(0, len(ready), GROUP):
        group = ready[start : start + GROUP]

        def decide(transaction: Transaction, group: Sequence[_Ready] = group) -> None:
            draft = transaction.draft(account, [keys.blob_key(one.digest) for one in group])
            for one in group:
                keep_blob(draft, one.digest, transaction.now)
                count_recipients(draft, one.digest[:MARK_DIGITS], len(one.to))
                transaction.put_task(transmit_task(context.site, account, one.digest, one.to, transaction.now))

        transact(context.site, context.actor, decide)
    context.forget(account)


def _render(view: Opened, notification: Notification) -> Object:
    """The MDN object of a notification. It is about the email of the submission that its Message-ID was sent by."""
    id = None if notification.original_message_id is None else notification.original_message_id.strip(" <>")
    submission = submission_of(view, id) if id else None
    row = view.object(SUBMISSION, submission) if submission is not None else None
    email = None if row is None or state_of(view, row["emailId"]) is None else row["emailId"]
    disposition = notification.disposition
    return {
        "forEmailId": email,
        "subject": notification.subject,
        "textBody": notification.text,
        "includeOriginalMessage": notification.includes_original,
        "reportingUA": notification.reporting_ua,
        "disposition": {
            "actionMode": disposition.action_mode,
            "sendingMode": disposition.sending_mode,
            "type": disposition.type,
        },
        "mdnGateway": notification.gateway,
        "originalRecipient": notification.original_recipient,
        "finalRecipient": notification.final_recipient,
        "originalMessageId": notification.original_message_id,
        "error": list(notification.errors) or None,
        "extensionFields": dict(notification.extensions) or None,
    }


FUNCTIONS: Final[Mapping[str, Function]] = {
    "MDN/send": Function(MDN, mdn_send, SEND_ARGUMENTS),
    "MDN/parse": Function(MDN, mdn_parse, PARSE_ARGUMENTS),
}
