"""Mailbox (RFC 8621 §2). Inbox and trash keep their ids, roles and existence: delivery and the thread
counters rely on them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from homing.ids import CHANCE_BYTES, thread_of, time_id
from homing.jmap.context import Context, Step
from homing.jmap.datatype import DataType, Found, Object, Property, Querying, SetError, Setting
from homing.jmap.kinds import BOOLEAN, ID, ID_OR_REFERENCE, OBJECT, STRING, UNSIGNED_INT, nullable
from homing.jmap.types.email_change import remove_from_mailbox
from homing.ledger import keys
from homing.ledger.transact import Draft, Transaction, transact
from homing.ledger.view import View

FIXED: Final = frozenset({keys.INBOX, keys.TRASH})
EMPTIED_AT_ONCE: Final = 8
"""Emails that one commit takes out of a mailbox which is to be destroyed."""

ROLES: Final = frozenset(
    "all archive drafts flagged important inbox junk sent subscribed trash memos scheduled snoozed".split()
)
"""The IANA registry "IMAP Mailbox Name Attributes", as RFC 8621 §2 refers to it."""

RIGHTS: Final = (
    "mayReadItems mayAddItems mayRemoveItems maySetSeen maySetKeywords mayCreateChild mayRename mayDelete maySubmit"
).split()

_STORED: Final = {"name": None, "parentId": None, "role": None, "sortOrder": 0, "isSubscribed": False}


def _load(
    _context: Context, view: View, ids: Sequence[str] | None, properties: Sequence[str], _arguments: Object
) -> Iterator[Object]:
    rows = view.all_objects("Mailbox") if ids is None else view.objects("Mailbox", ids)
    for id, row in rows.items():
        full = render(id, row)
        yield {name: full[name] for name in properties}


def render(id: str, row: Mapping[str, Any]) -> Object:
    """The Mailbox object of a stored row."""
    total, unread, threads, unread_threads = row["counts"]
    fixed = id in FIXED
    return {
        "id": id,
        **{name: row.get(name, default) for name, default in _STORED.items()},
        "totalEmails": total,
        "unreadEmails": unread,
        "totalThreads": threads,
        "unreadThreads": unread_threads,
        "myRights": {right: not (fixed and right == "mayDelete") for right in RIGHTS},
    }


def _current(view: View, id: str) -> Object | None:
    row = view.object("Mailbox", id)
    return None if row is None else render(id, row)


def _create(step: Step, given: Object) -> tuple[str, Object] | SetError:
    clock, ids = step.context.site.clock, step.context.site.ids
    id = time_id("m", clock.now(), ids.random(CHANCE_BYTES))
    wanted = _normalize(step, given)
    if (error := _check(step, id, wanted)) is not None:
        return error
    step.draft.create("Mailbox", id, _stored(wanted))
    row = step.draft.object("Mailbox", id) or {}
    made = render(id, row)
    return id, {name: made[name] for name, property in MAILBOX.properties.items() if property.server_set} | {
        "parentId": wanted["parentId"],
        "name": wanted["name"],
    }


def _update(step: Step, id: str, current: Object, changed: Object) -> Object | SetError | None:
    wanted = _normalize(step, {**current, **changed})
    if id in FIXED and wanted["role"] != current["role"]:
        return SetError("invalidProperties", "the role of this mailbox is fixed", ("role",))
    if (error := _check(step, id, wanted)) is not None:
        return error
    step.draft.update("Mailbox", id, {name: wanted[name] for name in _STORED if name in changed})
    differing = {name: wanted[name] for name in changed if wanted[name] != changed[name] and name != "parentId"}
    return differing or None


def _destroy(step: Step, id: str) -> SetError | None:
    error = _may_destroy(step.draft, id)
    if error is None and (step.draft.object("Mailbox", id) or {})["counts"][0]:
        error = SetError("mailboxHasEmail")
    if error is None:
        step.draft.destroy("Mailbox", id)
    return error


def _may_destroy(view: View, id: str) -> SetError | None:
    if id in FIXED:
        return SetError("forbidden", "this mailbox cannot be destroyed")
    if any(row.get("parentId") == id for row in view.all_objects("Mailbox").values()):
        return SetError("mailboxHasChild")
    return None


def _prepare(context: Context, arguments: Object) -> None:
    """`onDestroyRemoveEmails`: empty the mailboxes that can be destroyed, a few emails a commit."""
    if not arguments["onDestroyRemoveEmails"]:
        return
    account = arguments["accountId"]
    view = context.view(account)
    for id in arguments["destroy"] or ():
        if view.object("Mailbox", id) is None or _may_destroy(view, id) is not None:
            continue
        while transact(context.site, context.actor, partial(_empty_some, account=account, mailbox=id)):
            pass
    context.forget(account)


def _empty_some(transaction: Transaction, *, account: str, mailbox: str) -> bool:
    """Take a few emails out of a mailbox; return whether there were any."""
    draft = transaction.draft(account)
    rows = list(draft.scan(*keys.prefix_range(keys.list_prefix(mailbox)), limit=EMPTIED_AT_ONCE))
    emails = [row.key.rpartition("/")[2] for row in rows]
    draft.load(keys.object_key("Thread", thread_of(email)) for email in emails)
    for email in emails:
        remove_from_mailbox(draft, email, mailbox)
    return bool(rows)


def _normalize(step: Step, given: Object) -> Object:
    parent = given["parentId"]
    name = unicodedata.normalize("NFC", given["name"])
    return {**given, "name": name, "parentId": None if parent is None else step.resolve(parent) or parent}


def _stored(wanted: Object) -> Object:
    """Only what differs from the defaults; absent means default."""
    return {name: wanted[name] for name, default in _STORED.items() if wanted[name] != default}


def _check(step: Step, id: str, wanted: Object) -> SetError | None:
    limits = step.context.site.config.limits
    others = {other: row for other, row in step.draft.all_objects("Mailbox").items() if other != id}
    name, role = wanted["name"], wanted["role"]
    if not name.strip() or any(unicodedata.category(c) in ("Cc", "Cs") for c in name):
        return SetError("invalidProperties", "a name needs a character and no control characters", ("name",))
    if len(name.encode()) > limits.max_size_mailbox_name:
        return SetError("invalidProperties", f"a name has at most {limits.max_size_mailbox_name} bytes", ("name",))
    if role is not None and (role not in ROLES or any(row.get("role") == role for row in others.values())):
        return SetError("invalidProperties", "the role is unknown or taken by another mailbox", ("role",))
    if any(row["name"] == name and row.get("parentId") == wanted["parentId"] for row in others.values()):
        return SetError("invalidProperties", "a sibling has this name", ("name",))
    return _check_parent(step.draft, id, wanted["parentId"], limits.max_mailbox_depth)


def _check_parent(draft: Draft, id: str, parent: str | None, depth: int) -> SetError | None:
    """The parent exists, is not below the mailbox itself, and is not too deep."""
    steps = 1
    while parent is not None:
        row = draft.object("Mailbox", parent)
        if row is None or parent == id or steps >= depth:
            return SetError("invalidProperties", "the parent does not exist, lies below, or is too deep", ("parentId",))
        parent, steps = row.get("parentId"), steps + 1
    return None


def _find(_context: Context, view: View, filter: Object | None, sort: Sequence[Object], arguments: Object) -> Found:
    rows = {id: render(id, row) for id, row in view.all_objects("Mailbox").items()}
    matching = {id for id, row in rows.items() if filter is None or _matches(row, filter)}
    if arguments["filterAsTree"]:
        matching = {id for id in matching if all(above in matching for above in _ancestors(rows, id))}
    order = sorted(rows)
    for comparator in reversed(sort):
        name = comparator["property"]
        values = {id: _sort_key(row[name]) for id, row in rows.items()}
        order.sort(key=values.__getitem__, reverse=not comparator["isAscending"])
    if arguments["sortAsTree"]:
        order = list(_tree(rows, order, None))
    ids = [id for id in order if id in matching]
    return Found(ids, len(ids))


def _matches(row: Object, filter: Object) -> bool:
    if "operator" in filter:
        results = [_matches(row, inner) for inner in filter["conditions"]]
        return {"AND": all(results), "OR": any(results), "NOT": not any(results)}[filter["operator"]]
    return all(_CONDITIONS[name](row, value) for name, value in filter.items())


def _ancestors(rows: Mapping[str, Object], id: str) -> Iterator[str]:
    parent = rows[id]["parentId"]
    while parent is not None and parent in rows:
        yield parent
        parent = rows[parent]["parentId"]


def _tree(rows: Mapping[str, Object], order: Sequence[str], parent: str | None) -> Iterator[str]:
    for id in order:
        if rows[id]["parentId"] == parent:
            yield id
            yield from _tree(rows, order, id)


def _sort_key(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else "" if value is None else value


_CONDITIONS: Final[dict[str, Any]] = {
    "parentId": lambda row, value: row["parentId"] == value,
    "name": lambda row, value: value.casefold() in row["name"].casefold(),
    "role": lambda row, value: row["role"] == value,
    "hasAnyRole": lambda row, value: (row["role"] is not None) == value,
    "isSubscribed": lambda row, value: row["isSubscribed"] == value,
}

_COUNTER: Final = Property(UNSIGNED_INT, server_set=True)

MAILBOX: Final = DataType(
    name="Mailbox",
    capability="urn:ietf:params:jmap:mail",
    properties={
        "id": Property(ID, immutable=True, server_set=True),
        "name": Property(STRING),
        "parentId": Property(nullable(ID_OR_REFERENCE), default=None),
        "role": Property(nullable(STRING), default=None),
        "sortOrder": Property(UNSIGNED_INT, default=0),
        "totalEmails": _COUNTER,
        "unreadEmails": _COUNTER,
        "totalThreads": _COUNTER,
        "unreadThreads": _COUNTER,
        "myRights": Property(OBJECT, server_set=True),
        "isSubscribed": Property(BOOLEAN, default=False),
    },
    load=_load,
    setting=Setting(
        current=_current,
        create=_create,
        update=_update,
        destroy=_destroy,
        arguments={"onDestroyRemoveEmails": Property(BOOLEAN, default=False)},
        prepare=_prepare,
    ),
    querying=Querying(
        conditions={
            "parentId": nullable(ID),
            "name": STRING,
            "role": nullable(STRING),
            "hasAnyRole": BOOLEAN,
            "isSubscribed": BOOLEAN,
        },
        sorts={"sortOrder": {}, "name": {}, "parentId": {}},
        find=_find,
        arguments={
            "sortAsTree": Property(BOOLEAN, default=False),
            "filterAsTree": Property(BOOLEAN, default=False),
        },
    ),
)
