"""Mailbox (RFC 8621 §2): the declaration. What a tree of mailboxes must keep to lies in `mailbox_tree`.

Inbox and trash keep their ids, roles and existence: delivery and the thread counters rely on them. Whether someone
else, with whom the account is shared, has subscribed to a mailbox stands in its row under his own account.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from homing.delivery.mailbox_paths import MAX_MAILBOXES
from homing.jmap.capabilities import MAIL
from homing.jmap.context import Context, Step
from homing.jmap.datatype import Altered, Commit, DataType, Found, Object, Property, Querying, SetError, Setting
from homing.jmap.filters import Conditions, matches
from homing.jmap.kinds import BOOLEAN, ID, ID_OR_REFERENCE, OBJECT, STRING, UNSIGNED_INT, UNSIGNED_INT_31, nullable
from homing.jmap.types.email_change import empty_mailbox
from homing.jmap.types.email_query_sort import ascii_casemap, unicode_casemap
from homing.jmap.types.mailbox_tree import ancestors, check_mailbox, contradicts, has_child, in_tree_order
from homing.ledger import keys
from homing.ledger.changes import changes as ledger_changes
from homing.ledger.view import View

FIXED: Final = frozenset({keys.INBOX, keys.TRASH})
RIGHTS: Final = (
    "mayReadItems mayAddItems mayRemoveItems maySetSeen maySetKeywords mayCreateChild mayRename mayDelete maySubmit"
).split()

_STORED: Final = {"name": None, "parentId": None, "role": None, "sortOrder": 0, "isSubscribed": False}


def _load(
    context: Context, view: View, ids: Sequence[str] | None, properties: Sequence[str], _arguments: Object
) -> Iterator[Object]:
    rows = view.all_objects("Mailbox") if ids is None else view.objects("Mailbox", ids)
    reader = _Reader.of(context, view)
    for id, row in rows.items():
        full = reader.render(id, row)
        yield {name: full[name] for name in properties}


@dataclass(frozen=True, slots=True)
class _Reader:
    """Who sees mailboxes. `guest` is the account of a user with whom their account is shared, "" for its owner."""

    guest: str
    is_read_only: bool

    @classmethod
    def of(cls, context: Context, view: View) -> _Reader:
        share = context.own.get("shared", {}).get(view.partition)
        return cls("", False) if share is None else cls(context.identity.account, share["isReadOnly"])

    def render(self, id: str, row: Mapping[str, Any]) -> Object:
        """The Mailbox object of a stored row."""
        total, unread, threads, unread_threads = row["counts"]
        shown = {name: row.get(name, default) for name, default in _STORED.items()}
        if self.guest:
            shown["isSubscribed"] = self.guest in row.get("subscribers", ())
        return {
            "id": id,
            **shown,
            "totalEmails": total,
            "unreadEmails": unread,
            "totalThreads": threads,
            "unreadThreads": unread_threads,
            "myRights": {right: self._may(id, right) for right in RIGHTS},
        }

    def _may(self, id: str, right: str) -> bool:
        if self.is_read_only:
            return right == "mayReadItems"
        if self.guest and right == "maySubmit":  # mail is sent from one's own account only
            return False
        return not (right == "mayDelete" and id in FIXED)

    def stored(self, wanted: Object) -> Object:
        """Properties as their row holds them: a guest's subscription apart from the owner's (RFC 8621 §2)."""
        if not self.guest or "isSubscribed" not in wanted:
            return wanted
        own = {name: value for name, value in wanted.items() if name != "isSubscribed"}
        return {**own, "subscribers": {self.guest: True if wanted["isSubscribed"] else None}}


def _current(view: View, id: str) -> Object | None:
    """Without what depends on who asks: where a patch names that, it is loaded."""
    row = view.object("Mailbox", id)
    if row is None:
        return None
    return {name: row.get(name, default) for name, default in _STORED.items() if name != "isSubscribed"}


def _create(step: Step, given: Object) -> tuple[str, Object] | SetError:
    id = step.context.site.new_id("m")
    wanted = _normalize(step, given)
    if len(step.draft.all_objects("Mailbox")) >= MAX_MAILBOXES:
        return SetError("overQuota", f"an account has at most {MAX_MAILBOXES} mailboxes")
    if (error := check_mailbox(step, id, wanted)) is not None:
        return error
    reader = _Reader.of(step.context, step.draft)
    step.draft.expect_absent("Mailbox", id)
    step.draft.create("Mailbox", id, _new_row(reader, wanted))
    row = step.draft.object("Mailbox", id) or {}
    made = reader.render(id, row)
    server_set = {name: made[name] for name, property in MAILBOX.properties.items() if property.server_set}
    return id, server_set | {name: wanted[name] for name in ("name", "parentId") if wanted[name] != given[name]}


def _update(step: Step, id: str, current: Object, changed: Object) -> Object | SetError | None:
    wanted = _normalize(step, {**current, **changed})
    if id in FIXED and wanted["role"] != current["role"]:
        return SetError("invalidProperties", "the role of this mailbox is fixed", ("role",))
    if (error := check_mailbox(step, id, wanted)) is not None:
        return error
    stored = _Reader.of(step.context, step.draft).stored({name: wanted[name] for name in _STORED if name in changed})
    step.draft.update("Mailbox", id, stored)
    differing = {name: wanted[name] for name in changed if wanted[name] != changed[name] and name != "parentId"}
    return differing or None


def _destroy(step: Step, id: str) -> SetError | None:
    if id in FIXED:
        return SetError("forbidden", "this mailbox cannot be destroyed")
    has_email = (step.draft.object("Mailbox", id) or {})["counts"][0] > 0
    if (has_email or not step.together) and has_child(step.draft, id):
        return SetError("mailboxHasChild")
    if has_email:
        return SetError("mailboxHasEmail")
    step.draft.destroy("Mailbox", id)
    return None


def _prepare(context: Context, view: View, arguments: Object, commit: Commit) -> None:
    """`onDestroyRemoveEmails`: empty the mailboxes that will be destroyed, a few emails a commit."""
    if not arguments["onDestroyRemoveEmails"]:
        return
    given = [*(arguments["create"] or {}).values(), *(arguments["update"] or {}).values()]
    parents = {context.resolve(value["parentId"]) for value in given if isinstance(value.get("parentId"), str)}
    for id in _doomed(view, set(map(context.resolve, arguments["destroy"] or ())) - FIXED - parents):
        empty_mailbox(id, commit)


def _doomed(view: View, ids: set[str]) -> list[str]:
    """Those of `ids` that exist and have no child but such as are doomed as well."""
    rows = view.all_objects("Mailbox")
    doomed = ids & rows.keys()
    while kept := {row["parentId"] for id, row in rows.items() if id not in doomed and "parentId" in row} & doomed:
        doomed -= kept
    return sorted(doomed)


def _normalize(step: Step, given: Object) -> Object:
    parent = given["parentId"]
    name = unicodedata.normalize("NFC", given["name"])
    return {**given, "name": name, "parentId": None if parent is None else step.resolve(parent) or parent}


def _new_row(reader: _Reader, wanted: Object) -> Object:
    """Only what differs from the defaults; absent means default. What a guest makes, its owner is to see."""
    row = {name: wanted[name] for name, default in _STORED.items() if wanted[name] != default}
    if not reader.guest:
        return row
    return {**row, "isSubscribed": True} | ({"subscribers": {reader.guest: True}} if wanted["isSubscribed"] else {})


def _find(context: Context, view: View, filter: Object | None, sort: Sequence[Object], arguments: Object) -> Found:
    rows = _all(context, view)
    matching = _matching(rows, {**arguments, "filter": filter})
    order = sorted(rows)
    for comparator in reversed(sort):
        name = comparator["property"]
        values = {id: _sort_key(row[name], comparator["collation"]) for id, row in rows.items()}
        order.sort(key=values.__getitem__, reverse=not comparator["isAscending"])
    if arguments["sortAsTree"]:
        order = in_tree_order(rows, order)
    ids = [id for id in order if id in matching]
    return Found(ids, lambda: len(ids))


def _all(context: Context, view: View) -> dict[str, Object]:
    reader = _Reader.of(context, view)
    return {id: reader.render(id, row) for id, row in view.all_objects("Mailbox").items()}


def _matching(rows: Mapping[str, Object], arguments: Object) -> set[str]:
    """Ids of the mailboxes that a filter lets through."""
    filter = arguments["filter"]
    matching = {id for id, row in rows.items() if matches(filter, row, _CONDITIONS)}
    if arguments["filterAsTree"]:
        matching = {id for id in matching if all(above in matching for above in ancestors(rows, id))}
    return matching


def _altered(context: Context, view: View, arguments: Object, _sort: Sequence[Object], since: str) -> Altered:
    """In a tree a mailbox that changes takes all below it along: then every place may be another."""
    changes = ledger_changes(view, "Mailbox", since)
    changed = [] if changes.only_counted else changes.updated
    rows = _all(context, view)
    still = _matching(rows, arguments)
    if (changes.created or changed or changes.destroyed) and (arguments["sortAsTree"] or arguments["filterAsTree"]):
        return Altered([*rows, *changes.destroyed], still)
    back = [id for id in (*changes.created, *changed) if id in still]
    return Altered([*changed, *changes.destroyed], back)


def _sort_key(value: Any, collation: str | None) -> Any:
    if not isinstance(value, str):
        return "" if value is None else value
    return ascii_casemap(value) if collation == "i;ascii-casemap" else unicode_casemap(value)


_CONDITIONS: Final[Conditions] = {
    "parentId": lambda row, value: row["parentId"] == value,
    "name": lambda row, value: value.casefold() in row["name"].casefold(),
    "role": lambda row, value: row["role"] == value,
    "hasAnyRole": lambda row, value: (row["role"] is not None) == value,
    "isSubscribed": lambda row, value: row["isSubscribed"] == value,
}

_COUNTER: Final = Property(UNSIGNED_INT, server_set=True)

MAILBOX: Final = DataType(
    name="Mailbox",
    capability=MAIL,
    properties={
        "id": Property(ID, immutable=True, server_set=True),
        "name": Property(STRING),
        "parentId": Property(nullable(ID_OR_REFERENCE), default=None),
        "role": Property(nullable(STRING), default=None),
        "sortOrder": Property(UNSIGNED_INT_31, default=0),
        "totalEmails": _COUNTER,
        "unreadEmails": _COUNTER,
        "totalThreads": _COUNTER,
        "unreadThreads": _COUNTER,
        "myRights": Property(OBJECT, server_set=True),
        "isSubscribed": Property(BOOLEAN, default=True),
    },
    load=_load,
    counters=("totalEmails", "unreadEmails", "totalThreads", "unreadThreads"),
    setting=Setting(
        current=_current,
        create=_create,
        update=_update,
        destroy=_destroy,
        arguments={"onDestroyRemoveEmails": Property(BOOLEAN, default=False)},
        group=90,
        conflicts=contradicts,
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
        altered=_altered,
        arguments={
            "sortAsTree": Property(BOOLEAN, default=False),
            "filterAsTree": Property(BOOLEAN, default=False),
        },
    ),
)
