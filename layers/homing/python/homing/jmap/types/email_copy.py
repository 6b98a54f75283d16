"""Email/copy (RFC 8621 §4.7, RFC 8620 §5.4): emails of one account into another, without their messages being moved.

The blob is shared by its hash, the record is copied; only what an account says of an email (mailboxes, keywords, when
it was received) may be another. A `/set` that only creates, on the account that is copied to.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from homing.delivery.arrival import Arrival, thread_hashes
from homing.errors import MethodError
from homing.ids import thread_of
from homing.jmap.capabilities import MAIL
from homing.jmap.context import Context, Opened, Step
from homing.jmap.datatype import OPTIONAL, Commit, Object, Property, SetError
from homing.jmap.dispatch import Function
from homing.jmap.kinds import (
    BOOLEAN,
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
from homing.jmap.types.email_change import state_of
from homing.jmap.types.email_filing import Filing, Prepared, file_email, filed_by_client, only_created, received
from homing.jmap.types.email_load import load
from homing.ledger import keys
from homing.message import base_subject

COPY_ARGUMENTS: Final = {
    "fromAccountId": Property(ID),
    "ifFromInState": Property(nullable(STRING), default=None),
    "accountId": Property(ID),
    "ifInState": Property(nullable(STRING), default=None),
    "create": Property(map_of(OBJECT)),
    "onSuccessDestroyOriginal": Property(BOOLEAN, default=False),
    "destroyFromIfInState": Property(nullable(STRING), default=None),
}


def email_copy(context: Context, given: Object) -> Object:
    """Copy emails; what became of each. The originals go in a call of their own, if they are to go."""
    arguments = check_arguments(given, COPY_ARGUMENTS)
    source, create = arguments["fromAccountId"], arguments["create"]
    if source == arguments["accountId"]:
        raise MethodError("invalidArguments", "the accounts must be different", arguments=["fromAccountId"])
    originals = context.source(source)
    if arguments["ifFromInState"] not in (None, originals.head.state("Email")):
        raise MethodError("stateMismatch")
    type = only_created(_PROPERTIES, _create, partial(_prepare, originals))
    given = {"accountId": arguments["accountId"], "ifInState": arguments["ifInState"], "create": create}
    response = set_(type, context, given)
    if arguments["onSuccessDestroyOriginal"] and response["created"]:
        destroy = list(dict.fromkeys(context.resolve(create[key]["id"]) for key in response["created"]))
        expected = arguments["destroyFromIfInState"]
        context.imply("Email/set", {"accountId": source, "ifInState": expected, "destroy": destroy})
    answer = {name: response[name] for name in ("accountId", "oldState", "newState", "created", "notCreated")}
    return {"fromAccountId": source, **answer}


def _prepare(originals: Opened, context: Context, _view: Opened, arguments: Object, _commit: Commit) -> Prepared:
    """Read the originals in two calls of the store."""
    wanted = {
        key: context.resolve(given["id"])
        for key, given in (arguments["create"] or {}).items()
        if ID_OR_REFERENCE.accepts(given.get("id"))
    }
    ids = list(dict.fromkeys(wanted.values()))
    rows = [keys.object_key(type, id) for id in ids for type in ("Email", "Provenance")]
    originals.load([*rows, *(keys.object_key("Thread", thread_of(id)) for id in ids)])
    return {key: _filing(originals, context, id, arguments["create"][key]) for key, id in wanted.items()}


def _filing(originals: Opened, context: Context, id: str, given: Object) -> Filing | SetError:
    record, state = originals.object("Email", id), state_of(originals, id)
    if record is None or state is None:
        return SetError("notFound", "there is no such email to copy")
    found = next(iter(load(context, originals, [id], ["subject"], {})), {})
    message_ids = thread_hashes(record, base_subject(found.get("subject") or ""))
    received_at, told = received(given.get("receivedAt"), state["receivedAt"])
    provenance = originals.object("Provenance", id) or filed_by_client()
    inherited = {} if "keywords" in given else {"keywords": state["keywords"]}
    return Filing(Arrival("", record, provenance, received_at, message_ids), {**inherited, **told})


def _create(step: Step, given: Object) -> tuple[str, Object] | SetError:
    """With the original's keywords where the client says none."""
    prepared = step.prepared[step.key]
    inherited = prepared.answer if isinstance(prepared, Filing) else {}
    return file_email(step, {"keywords": inherited.get("keywords", {}), **given})


_PROPERTIES: Final = {
    "id": Property(ID_OR_REFERENCE),
    "mailboxIds": Property(ID_SET),
    "keywords": Property(KEYWORD_SET, default=OPTIONAL),
    "receivedAt": Property(UTC_DATE, default=OPTIONAL),
}
"""What a client says of an email that is copied."""

FUNCTIONS: Final[Mapping[str, Function]] = {"Email/copy": Function(MAIL, email_copy, COPY_ARGUMENTS)}
