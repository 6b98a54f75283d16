"""Quota (RFC 9425): how much mail an account holds, and how much it may.

There is one, in octets, where the account has a limit. It has no row of its own: usage stands in the head and
changes with each email that comes or goes, the limit in the account's settings. So its state is what it shows, and
any earlier state tells by itself what has changed since.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from homing.errors import MethodError
from homing.jmap.capabilities import MAIL
from homing.jmap.capabilities import QUOTA as CAPABILITY
from homing.jmap.context import Context, Opened
from homing.jmap.datatype import DataType, Found, Object, Property, Querying
from homing.jmap.filters import Conditions, matches
from homing.jmap.kinds import ID, STRING, UNSIGNED_INT, list_of, nullable
from homing.ledger import keys
from homing.ledger.changes import Changes
from homing.ledger.view import View

QUOTA_ID: Final = "mail"
WARN_SHARE: Final = 0.9
"""The share of the limit above which a client should warn its user."""
_STATE: Final = re.compile(r"(0|[1-9][0-9]{0,17})\.(none|0|[1-9][0-9]{0,17})\Z")
_TYPES: Final = (("Email", MAIL),)
"""What the quota is on, with the capability by which a client knows of it (RFC 9425 §4.1)."""


def _limit(view: View) -> int | None:
    settings = view.early("Account", keys.SELF) if isinstance(view, Opened) else view.object("Account", keys.SELF)
    limit: int | None = (settings or {}).get("quota")
    return limit


def _state(view: View) -> str:
    limit = _limit(view)
    return f"{view.head.bytes}.{'none' if limit is None else limit}"


def _changes(view: View, since: str, _maximum: int | None) -> Changes:
    match, now = _STATE.match(since), _state(view)
    if match is None:
        raise MethodError("cannotCalculateChanges", "this state is not one of this account")
    _, before = match.groups()
    after = now.partition(".")[2]
    is_known = before != "none"
    created = [QUOTA_ID] if not is_known and after != "none" else []
    destroyed = [QUOTA_ID] if is_known and after == "none" else []
    updated = [QUOTA_ID] if is_known and after != "none" and now != since else []
    return Changes(since, now, False, created, updated, destroyed, bool(updated) and before == after)


def _quotas(context: Context, view: View) -> list[Object]:
    limit = _limit(view)
    types = [name for name, capability in _TYPES if capability in context.using]
    if limit is None or not types:
        return []
    quota = {
        "id": QUOTA_ID,
        "resourceType": "octets",
        "used": view.head.bytes,
        "hardLimit": limit,
        "scope": "account",
        "name": "Mail",
        "types": types,
        "warnLimit": int(limit * WARN_SHARE),
        "softLimit": None,
        "description": None,
    }
    return [quota]


def _load(
    context: Context, view: View, ids: Sequence[str] | None, properties: Sequence[str], _arguments: Object
) -> Iterator[Object]:
    for quota in _quotas(context, view):
        if ids is None or quota["id"] in ids:
            yield {name: quota[name] for name in properties}


def _find(context: Context, view: View, filter: Object | None, _sort: Sequence[Object], _arguments: Object) -> Found:
    ids = [quota["id"] for quota in _quotas(context, view) if matches(filter, quota, _CONDITIONS)]
    return Found(ids, lambda: len(ids))


_CONDITIONS: Final[Conditions] = {
    "name": lambda quota, value: value.casefold() in quota["name"].casefold(),
    "scope": lambda quota, value: quota["scope"] == value,
    "resourceType": lambda quota, value: quota["resourceType"] == value,
    "type": lambda quota, value: value in quota["types"],
}

_SHOWN: Final = Property(STRING, server_set=True)
_NUMBER: Final = Property(UNSIGNED_INT, server_set=True)

QUOTA: Final = DataType(
    name="Quota",
    capability=CAPABILITY,
    properties={
        "id": Property(ID, immutable=True, server_set=True),
        "resourceType": _SHOWN,
        "used": _NUMBER,
        "hardLimit": _NUMBER,
        "scope": _SHOWN,
        "name": _SHOWN,
        "types": Property(list_of(STRING), server_set=True),
        "warnLimit": Property(nullable(UNSIGNED_INT), server_set=True),
        "softLimit": Property(nullable(UNSIGNED_INT), server_set=True),
        "description": Property(nullable(STRING), server_set=True),
    },
    load=_load,
    counters=("used",),
    querying=Querying(
        conditions={"name": STRING, "scope": STRING, "resourceType": STRING, "type": STRING},
        sorts={"name": {}, "used": {}},
        find=_find,
    ),
    state=_state,
    changes=_changes,
)
