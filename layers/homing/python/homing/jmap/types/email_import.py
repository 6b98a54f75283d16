"""Email/import (RFC 8621 §4.8): messages that were uploaded, or lie within others, become emails.

A `/set` that only creates: each email may succeed or fail by itself. The same message may be imported twice and is
then two emails, each with a life of its own. What has no header at all is no message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from homing.delivery.arrival import Arrival, last_hop, record_of
from homing.jmap.blob import find_content
from homing.jmap.capabilities import MAIL
from homing.jmap.context import Context, Opened
from homing.jmap.datatype import OPTIONAL, Commit, Object, Property, SetError
from homing.jmap.dispatch import Function
from homing.jmap.kinds import (
    ID,
    ID_OR_REFERENCE,
    ID_SET,
    KEYWORD_SET,
    OBJECT,
    STRING,
    UTC_DATE,
    map_of,
    nullable,
)
from homing.jmap.methods.arguments import check_arguments
from homing.jmap.methods.set import set_
from homing.jmap.types.email_filing import Filing, Prepared, file_email, filed_by_client, only_created, received
from homing.message import parse
from homing.message.provenance import provenance

IMPORT_ARGUMENTS: Final = {
    "accountId": Property(ID),
    "ifInState": Property(nullable(STRING), default=None),
    "emails": Property(map_of(OBJECT)),
}


def email_import(context: Context, given: Object) -> Object:
    """Import messages; what became of each."""
    arguments = check_arguments(given, IMPORT_ARGUMENTS)
    emails = arguments.pop("emails")
    response = set_(EMAIL_IMPORT, context, {**arguments, "create": emails})
    return {name: response[name] for name in ("accountId", "oldState", "newState", "created", "notCreated")}


def _prepare(context: Context, view: Opened, arguments: Object, _commit: Commit) -> Prepared:
    """Read and describe each message once; no more than one is held in memory."""
    known: dict[str, Filing | SetError] = {}
    prepared: dict[str, Filing | SetError] = {}
    for key, given in (arguments["create"] or {}).items():
        blob = given.get("blobId")
        if not ID_OR_REFERENCE.accepts(blob):
            continue
        if blob not in known:
            known[blob] = _describe(context, view, context.resolve(blob))
        prepared[key] = _received(known[blob], given.get("receivedAt"))
    return prepared


def _describe(context: Context, view: Opened, blob: str) -> Filing | SetError:
    content = find_content(context, view, blob)
    if content is None:
        return SetError("invalidProperties", "there is no such blob", ("blobId",))
    raw = content.read(0, content.size)
    message = parse(raw)
    if not message.headers:
        return SetError("invalidEmail", "this is no message: it has no header")
    digest = content.digest or context.site.blobs.put_many([raw])[0]
    record, message_ids = record_of(message, digest)
    received_at = last_hop(message)
    received_at = context.site.clock.now() if received_at is None else received_at
    return Filing(Arrival("", record, {**provenance(message), **filed_by_client()}, received_at, message_ids))


def _received(filing: Filing | SetError, asked: object) -> Filing | SetError:
    """At the time that the client says, if it does; else it is told which time it is."""
    if isinstance(filing, SetError):
        return filing
    received_at, told = received(asked, filing.arrival.received_at)
    return Filing(replace(filing.arrival, received_at=received_at), told)


EMAIL_IMPORT: Final = only_created(
    {
        "id": Property(ID, server_set=True),
        "blobId": Property(ID_OR_REFERENCE),
        "mailboxIds": Property(ID_SET),
        "keywords": Property(KEYWORD_SET, default={}),
        "receivedAt": Property(UTC_DATE, default=OPTIONAL),
    },
    file_email,
    _prepare,
)
"""The EmailImport object."""

FUNCTIONS: Final[Mapping[str, Function]] = {"Email/import": Function(MAIL, email_import, IMPORT_ARGUMENTS)}
