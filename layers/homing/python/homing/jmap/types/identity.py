"""Identity (RFC 8621 §6): who a user may send as.

Everyone has the identity "default", made of the account's own address. It has no row until it is changed for the
first time, so it is there for accounts of any age; to a client, which has known it all along, that change is an
update.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from homing.directory.addresses import find_accounts
from homing.jmap.capabilities import SUBMISSION
from homing.jmap.context import Context, Opened, Step
from homing.jmap.datatype import Commit, DataType, Object, Property, SetError, Setting
from homing.jmap.kinds import BOOLEAN, ID, STRING, Kind, list_of, nullable
from homing.ledger import keys
from homing.ledger.changes import Changes
from homing.ledger.changes import changes as ledger_changes
from homing.ledger.view import View
from homing.submission.envelope import is_mailbox

DEFAULT: Final = "default"
TYPE: Final = "Identity"
MAX_IDENTITIES: Final = 100
"""Mail that may have to be answered looks at all of them."""

_STORED: Final[Mapping[str, Any]] = {
    "name": "",
    "email": "",
    "replyTo": None,
    "bcc": None,
    "textSignature": "",
    "htmlSignature": "",
}


def _is_email_address(value: Any) -> bool:
    if not isinstance(value, dict) or not {"email"} <= value.keys() <= {"name", "email"}:
        return False
    name = value.get("name")
    return isinstance(value["email"], str) and (name is None or isinstance(name, str))


EMAIL_ADDRESS: Final = Kind("EmailAddress", _is_email_address)


def identity_of(view: View, id: str) -> Object | None:
    """An identity as a client sees it, without its id; None if there is none."""
    row = view.object(TYPE, id)
    if row is None:
        settings = view.object("Account", keys.SELF) if id == DEFAULT else None
        if settings is None:
            return None
        row = {"name": settings["name"], "email": settings["login"]}
    shown = {name: _whole(row.get(name, default)) for name, default in _STORED.items()}
    return {**shown, "mayDelete": id != DEFAULT}


def _whole(value: Any) -> Any:
    """A list of addresses with a name each, be it null (RFC 8621 §4.1.2.3); anything else as it is."""
    return [{"name": None, **one} for one in value] if isinstance(value, list) else value


def _load(
    context: Context, view: View, ids: Sequence[str] | None, properties: Sequence[str], _arguments: Object
) -> Iterator[Object]:
    if ids is None:
        stored = context.first_ids(view, keys.object_key(TYPE, ""))
        ids = [DEFAULT, *(id for id in stored if id != DEFAULT)]
    view.load([keys.object_key("Account", keys.SELF), *(keys.object_key(TYPE, id) for id in ids)])
    for id in ids:
        if (identity := identity_of(view, id)) is not None:
            full = {"id": id, **identity}
            yield {name: full[name] for name in properties}


def _prepare(context: Context, _view: Opened, arguments: Object, _commit: Commit) -> Mapping[str, str]:
    """The accounts of the addresses that identities are to be made of."""
    given = [value.get("email") for value in (arguments["create"] or {}).values()]
    return find_accounts(context.site.store, {email for email in given if isinstance(email, str)})


def _create(step: Step, given: Object) -> tuple[str, Object] | SetError:
    email = given["email"]
    if not is_mailbox(email):
        return SetError("invalidProperties", "this is no address that mail can be sent from", ("email",))
    if step.prepared.get(email) != step.draft.partition:
        return SetError("forbiddenFrom", "this address is not one of yours")
    if len(step.draft.all_objects(TYPE)) >= MAX_IDENTITIES:
        return SetError("overQuota", f"an account has at most {MAX_IDENTITIES} identities")
    id = step.context.site.new_id("i")
    step.draft.expect_absent(TYPE, id)
    step.draft.create(TYPE, id, _stored(given))
    return id, {"mayDelete": True, **_completed(given)}


def _update(step: Step, id: str, current: Object, changed: Object) -> Object | None:
    wanted = _stored({**current, **changed})
    if step.draft.object(TYPE, id) is None:
        step.draft.create(TYPE, id, wanted)
    else:
        step.draft.update(TYPE, id, {name: wanted.get(name) for name in changed})
    return _completed(changed) or None


def _destroy(step: Step, id: str) -> SetError | None:
    if id == DEFAULT:
        return SetError("forbidden", "the identity of the account's own address stays")
    step.draft.destroy(TYPE, id)
    return None


def _completed(given: Object) -> Object:
    """What a client is to be told as it is not just what it sent (RFC 8620 §5.3)."""
    return {name: whole for name, value in given.items() if (whole := _whole(value)) != value}


def _stored(wanted: Object) -> Object:
    """Only what differs from the defaults; absent means default. The name stays: the account may have another."""
    return {name: wanted[name] for name, default in _STORED.items() if wanted[name] != default or name == "name"}


def _changes(view: View, since: str, maximum: int | None) -> Changes:
    found = ledger_changes(view, TYPE, since, maximum)
    if DEFAULT not in found.created:
        return found
    return replace(found, created=[id for id in found.created if id != DEFAULT], updated=[DEFAULT, *found.updated])


IDENTITY: Final = DataType(
    name=TYPE,
    capability=SUBMISSION,
    properties={
        "id": Property(ID, immutable=True, server_set=True),
        "name": Property(STRING, default=""),
        "email": Property(STRING, immutable=True),
        "replyTo": Property(nullable(list_of(EMAIL_ADDRESS)), default=None),
        "bcc": Property(nullable(list_of(EMAIL_ADDRESS)), default=None),
        "textSignature": Property(STRING, default=""),
        "htmlSignature": Property(STRING, default=""),
        "mayDelete": Property(BOOLEAN, server_set=True),
    },
    load=_load,
    changes=_changes,
    setting=Setting(
        current=identity_of,
        create=_create,
        update=_update,
        destroy=_destroy,
        prepare=_prepare,
    ),
)
