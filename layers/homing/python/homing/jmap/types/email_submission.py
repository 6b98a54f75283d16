"""EmailSubmission (RFC 8621 §7): the declaration. What may be sent is decided in `email_submission_create`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from homing.config import Config
from homing.jmap.capabilities import SUBMISSION as CAPABILITY
from homing.jmap.context import Context, Opened, Step
from homing.jmap.datatype import DataType, Found, Object, Property, Querying, SetError, Setting
from homing.jmap.filters import Conditions, matches
from homing.jmap.kinds import (
    ID,
    ID_OR_REFERENCE,
    OBJECT,
    STRING,
    UTC_DATE,
    Kind,
    list_of,
    map_of,
    nullable,
    utc_ms,
)
from homing.jmap.types.email_submission_create import create, prepare, render
from homing.ledger import keys
from homing.ledger.view import View
from homing.submission.envelope import EXTENSIONS, is_envelope
from homing.submission.queue import CANCELED, SUBMISSION, TRANSMISSION, cancel, forget

ENVELOPE: Final = Kind("Envelope", is_envelope)
GROUP: Final = 16
"""Creations in one commit: each writes a record, a queue entry, a task and the blob's row."""


def capability(config: Config) -> Object:
    """What the Session says of each account (RFC 8621 §1.3.2). FUTURERELEASE names its two limits (RFC 4865 §3); the
    date is one that is never reached, as the interval is what counts."""
    limits = config.limits
    extensions: dict[str, list[str]] = {name: list(given) for name, given in EXTENSIONS.items()}
    extensions["SIZE"] = [str(limits.max_message_bytes)]
    if limits.max_delayed_send:
        extensions["FUTURERELEASE"] = [str(limits.max_delayed_send), "9999-12-31T23:59:59Z"]
    return {"maxDelayedSend": limits.max_delayed_send, "submissionExtensions": extensions}


def _load(
    context: Context, view: View, ids: Sequence[str] | None, properties: Sequence[str], _arguments: Object
) -> Iterator[Object]:
    wanted = context.first_ids(view, keys.object_key(SUBMISSION, "")) if ids is None else ids
    for id, row in view.objects(SUBMISSION, wanted).items():
        full = render(id, row)
        yield {name: full[name] for name in properties}


def _current(view: View, id: str) -> Object | None:
    row = view.object(SUBMISSION, id)
    return None if row is None else {"undoStatus": row["undoStatus"]}


def _update(step: Step, id: str, current: Object, changed: Object) -> SetError | None:
    if changed["undoStatus"] != CANCELED or current["undoStatus"] == CANCELED:
        return SetError("invalidProperties", "undoStatus can only become canceled", ("undoStatus",))
    if not cancel(step.draft, id):
        return SetError("cannotUnsend", "the message is on its way")
    return None


def _destroy(step: Step, id: str) -> SetError | None:
    forget(step.draft, id)
    return None


def _prefetch(draft: View, updates: Mapping[str, Object], destroys: Sequence[str]) -> None:
    ids = (*updates, *destroys)
    draft.load([keys.object_key(type, id) for id in ids for type in (SUBMISSION, TRANSMISSION)])


def _finish(context: Context, arguments: Object, response: Object) -> None:
    """One `Email/set` for what the client wants done with the emails of those that succeeded."""
    updates: Object = {}
    for reference, patch in (arguments["onSuccessUpdateEmail"] or {}).items():
        if (email := _email_of(context, arguments, response, reference)) is not None:
            updates[email] = {**updates.get(email, {}), **patch}
    named = (_email_of(context, arguments, response, one) for one in arguments["onSuccessDestroyEmail"] or ())
    destroys = list(dict.fromkeys(email for email in named if email is not None))
    if updates or destroys:
        given = {"update": updates or None, "destroy": destroys or None}
        implied = {name: value for name, value in given.items() if value is not None}
        context.imply("Email/set", {"accountId": arguments["accountId"], **implied})


def _email_of(context: Context, arguments: Object, response: Object, reference: str) -> str | None:
    """The email of a submission that this call has created, updated or destroyed."""
    if reference.startswith("#") and reference[1:] in (response["created"] or {}):
        return context.resolve(arguments["create"][reference[1:]]["emailId"])
    id = context.resolve(reference)
    if id in (response["updated"] or {}) or id in (response["destroyed"] or ()):
        email: str | None = arguments["emailIds"].get(id)
        return email
    return None


def _find(_context: Context, view: Opened, filter: Object | None, sort: Sequence[Object], _arguments: Object) -> Found:
    rows = view.all_objects(SUBMISSION)
    ids = sorted(id for id, row in rows.items() if matches(filter, row, _CONDITIONS))
    for comparator in reversed(sort):
        name = _SORTED_BY[comparator["property"]]
        ids.sort(key=lambda id: rows[id][name], reverse=not comparator["isAscending"])
    return Found(ids, lambda: len(ids))


_SORTED_BY: Final = {"emailId": "emailId", "threadId": "threadId", "sentAt": "sendAt", "sendAt": "sendAt"}
"""RFC 8621 §7.3 says "sentAt"; the property is called "sendAt"."""

_CONDITIONS: Final[Conditions] = {
    "identityIds": lambda row, value: row["identityId"] in value,
    "emailIds": lambda row, value: row["emailId"] in value,
    "threadIds": lambda row, value: row["threadId"] in value,
    "undoStatus": lambda row, value: row["undoStatus"] == value,
    "before": lambda row, value: row["sendAt"] < utc_ms(value),
    "after": lambda row, value: row["sendAt"] >= utc_ms(value),
}

EMAIL_SUBMISSION: Final = DataType(
    name=SUBMISSION,
    capability=CAPABILITY,
    properties={
        "id": Property(ID, immutable=True, server_set=True),
        "identityId": Property(ID_OR_REFERENCE, immutable=True),
        "emailId": Property(ID_OR_REFERENCE, immutable=True),
        "threadId": Property(ID, immutable=True, server_set=True),
        "envelope": Property(nullable(ENVELOPE), immutable=True, default=None),
        "sendAt": Property(UTC_DATE, immutable=True, server_set=True),
        "undoStatus": Property(STRING, default=None),
        "deliveryStatus": Property(nullable(OBJECT), server_set=True),
        "dsnBlobIds": Property(list_of(ID), server_set=True),
        "mdnBlobIds": Property(list_of(ID), server_set=True),
    },
    load=_load,
    setting=Setting(
        current=_current,
        create=create,
        update=_update,
        destroy=_destroy,
        arguments={
            "onSuccessUpdateEmail": Property(nullable(map_of(OBJECT, ID_OR_REFERENCE.accepts)), default=None),
            "onSuccessDestroyEmail": Property(nullable(list_of(ID_OR_REFERENCE)), default=None),
        },
        group=GROUP,
        prefetch=_prefetch,
        prepare=prepare,
        finish=_finish,
    ),
    querying=Querying(
        conditions={
            "identityIds": list_of(ID),
            "emailIds": list_of(ID),
            "threadIds": list_of(ID),
            "undoStatus": STRING,
            "before": UTC_DATE,
            "after": UTC_DATE,
        },
        sorts={name: {} for name in _SORTED_BY},
        find=_find,
    ),
)
