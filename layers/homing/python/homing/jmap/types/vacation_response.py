"""VacationResponse (RFC 8621 §8): what senders are told while the user is away. Delivery acts on it.

One object, that is there before it is first written. Whether it is enabled stands in the settings of the account
as well, which delivery reads anyway: an account that is not away pays nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from homing.jmap.capabilities import VACATION
from homing.jmap.context import Context, Step
from homing.jmap.datatype import DataType, Object, Property, SetError, Setting
from homing.jmap.kinds import BOOLEAN, ID, STRING, UTC_DATE, nullable, without_zero_fraction
from homing.ledger import keys
from homing.ledger.view import View

TYPE: Final = "VacationResponse"
SINGLETON: Final = "singleton"

_DEFAULTS: Final[Mapping[str, Any]] = {
    "isEnabled": False,
    "fromDate": None,
    "toDate": None,
    "subject": None,
    "textBody": None,
    "htmlBody": None,
}


def _current(view: View, id: str) -> Object | None:
    if id != SINGLETON:
        return None
    return {**_DEFAULTS, **(view.object(TYPE, SINGLETON) or {})}


def _load(
    _context: Context, view: View, ids: Sequence[str] | None, properties: Sequence[str], _arguments: Object
) -> Iterator[Object]:
    for id in [SINGLETON] if ids is None else ids:
        if (found := _current(view, id)) is not None:
            full = {"id": id, **found}
            yield {name: full[name] for name in properties}


def _update(step: Step, _id: str, current: Object, changed: Object) -> Object | None:
    dates = {name: without_zero_fraction(changed[name]) for name in ("fromDate", "toDate") if changed.get(name)}
    rewritten = {name: date for name, date in dates.items() if date != changed[name]}
    changed = {**changed, **rewritten}
    wanted = {name: value for name, value in {**current, **changed}.items() if value != _DEFAULTS[name]}
    if step.draft.object(TYPE, SINGLETON) is None:
        step.draft.create(TYPE, SINGLETON, wanted)
    else:
        step.draft.update(TYPE, SINGLETON, {name: wanted.get(name) for name in changed})
    if "isEnabled" in changed:
        step.draft.update("Account", keys.SELF, {"vacation": True if changed["isEnabled"] else None})
    return rewritten or None


def _never(*_: object) -> SetError:
    return SetError("singleton")


VACATION_RESPONSE: Final = DataType(
    name=TYPE,
    capability=VACATION,
    properties={
        "id": Property(ID, immutable=True, server_set=True),
        "isEnabled": Property(BOOLEAN, default=False),
        "fromDate": Property(nullable(UTC_DATE), default=None),
        "toDate": Property(nullable(UTC_DATE), default=None),
        "subject": Property(nullable(STRING), default=None),
        "textBody": Property(nullable(STRING), default=None),
        "htmlBody": Property(nullable(STRING), default=None),
    },
    load=_load,
    has_changes=False,
    singleton=True,
    setting=Setting(
        current=_current,
        create=_never,
        update=_update,
        destroy=_never,
        prefetch=lambda draft, _updates, _destroys: draft.load(
            [keys.object_key(TYPE, SINGLETON), keys.object_key("Account", keys.SELF)]
        ),
    ),
)
