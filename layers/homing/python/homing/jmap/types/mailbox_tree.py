"""What mailboxes must keep to among each other (RFC 8621 §2): names, roles, and the tree that they form."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from homing.delivery.mailbox_paths import may_be_in_name
from homing.jmap.context import Step
from homing.jmap.datatype import Object, SetError
from homing.ledger.view import View

ROLES: Final = frozenset(
    "all archive drafts flagged important inbox junk sent subscribed trash memos scheduled snoozed".split()
)
"""The IANA registry "IMAP Mailbox Name Attributes", as RFC 8621 §2 refers to it; the last three are RFC 9979's. What
they stand for (RFC 9979 §8) is done by clients: a mailbox is all that they need of us."""

Rows = Mapping[str, Mapping[str, Any]]


def check_mailbox(step: Step, id: str, wanted: Object) -> SetError | None:
    """What is wrong with a mailbox as it shall become: by itself, and unless decided together, among the others."""
    limits = step.context.site.config.limits
    rows = step.draft.all_objects("Mailbox")
    parent: str | None = wanted["parentId"]
    invalid = {
        "name": _wrong_name(wanted["name"], limits.max_size_mailbox_name),
        "role": "" if wanted["role"] is None or wanted["role"] in ROLES else "the role is unknown",
        "parentId": "" if parent is None or parent in rows else "the parent does not exist",
    }
    if not step.together and not any(invalid.values()):
        others: dict[str, Mapping[str, Any]] = {other: row for other, row in rows.items() if other != id}
        sibling = _of_same_name(others, parent, wanted["name"])
        if sibling is not None:
            return SetError("alreadyExists", "a sibling has this name", ("name",), {"existingId": sibling})
        invalid["role"] = "" if _roles(others.values())[wanted["role"]] == 0 else "another mailbox has this role"
        fits = _is_forest({**others, id: wanted}, limits.max_mailbox_depth)
        invalid["parentId"] = "" if fits else "the parent lies below, or the tree becomes too deep"
    wrong = {name: text for name, text in invalid.items() if text}
    return SetError("invalidProperties", "; ".join(wrong.values()), tuple(wrong)) if wrong else None


def contradicts(step: Step) -> bool:
    """Whether any two mailboxes share a name among siblings or a role, or they form no forest."""
    rows = step.draft.all_objects("Mailbox")
    shared = max([0, *_siblings(rows.values()).values(), *_roles(rows.values()).values()]) > 1
    return shared or not _is_forest(rows, step.context.site.config.limits.max_mailbox_depth)


def _of_same_name(rows: Rows, parent: str | None, name: str) -> str | None:
    """RFC 8621 §2: no two siblings share a name."""
    return next((id for id, row in rows.items() if (row.get("parentId"), row["name"]) == (parent, name)), None)


def has_child(view: View, id: str) -> bool:
    """Whether another mailbox lies in this one."""
    return any(row.get("parentId") == id for row in view.all_objects("Mailbox").values())


def ancestors(rows: Rows, id: str) -> Iterator[str]:
    """The mailboxes above one, the nearest first."""
    parent = rows[id].get("parentId")
    while parent is not None and parent in rows:
        yield parent
        parent = rows[parent].get("parentId")


def in_tree_order(rows: Rows, order: Sequence[str]) -> list[str]:
    """`order` with each mailbox before those in it, siblings as they were (RFC 8621 §2.3)."""
    children: dict[str | None, list[str]] = defaultdict(list)
    for id in order:
        children[rows[id].get("parentId")].append(id)

    def below(parent: str | None) -> Iterator[str]:
        for id in children[parent]:
            yield id
            yield from below(id)

    return list(below(None))


def _wrong_name(name: str, maximum: int) -> str:
    if not name.strip() or not all(map(may_be_in_name, name)):
        return "a name needs a character and no control characters"
    return "" if len(name.encode()) <= maximum else f"a name has at most {maximum} bytes"


def _siblings(rows: Iterable[Mapping[str, Any]]) -> Counter[tuple[str | None, str]]:
    return Counter((row.get("parentId"), row["name"]) for row in rows)


def _roles(rows: Iterable[Mapping[str, Any]]) -> Counter[str]:
    return Counter(row["role"] for row in rows if row.get("role") is not None)


def _is_forest(rows: Rows, depth: int) -> bool:
    """Whether every parent exists and none has `depth` mailboxes above it; so there is no circle either."""
    return all(_is_rooted(rows, id, depth) for id in rows)


def _is_rooted(rows: Rows, id: str, depth: int) -> bool:
    parent = rows[id].get("parentId")
    for _ in range(depth):
        if parent is None:
            return True
        if parent not in rows:
            return False
        parent = rows[parent].get("parentId")
    return False
