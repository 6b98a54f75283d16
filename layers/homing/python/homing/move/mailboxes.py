"""Mailboxes by their path: found by name or, at the top, by role; made where they are missing."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

from homing.delivery.mailbox_paths import may_be_in_name
from homing.ledger.entry import Actor
from homing.ledger.transact import Draft, Transaction, transact
from homing.site import Site

ROLES: Final[Mapping[str, str]] = {
    "draft": "drafts",
    "sent items": "sent",
    "sent messages": "sent",
    "sent mail": "sent",
    "archives": "archive",
    "spam": "junk",
    "junk e-mail": "junk",
    "deleted items": "trash",
    "deleted messages": "trash",
}
"""What other programs call the mailboxes that every account has."""


class Mailboxes:
    """The mailboxes of one account, each looked up once."""

    def __init__(self, site: Site, actor: Actor, account: str) -> None:
        self._site = site
        self._actor = actor
        self._account = account
        self._known: dict[tuple[str, ...], str] = {}

    def find(self, path: Sequence[str]) -> str:
        """The id of the mailbox at `path`, from the top; made, with what is above it, if it is not there."""
        wanted = self._fitted(path)
        if wanted not in self._known:
            self._known[wanted] = transact(self._site, self._actor, lambda transaction: self._make(transaction, wanted))
        return self._known[wanted]

    def _fitted(self, path: Sequence[str]) -> tuple[str, ...]:
        """Within the limits of the site: deeper levels become part of the last name."""
        limits = self._site.config.limits
        deepest = limits.max_mailbox_depth - 1
        levels = [*path[:deepest], "/".join(path[deepest:])] if len(path) > deepest else path
        return tuple(_clean(level, limits.max_size_mailbox_name) for level in levels)

    def _make(self, transaction: Transaction, path: tuple[str, ...]) -> str:
        draft = transaction.draft(self._account)
        found = None
        for name in path:
            found = _child(draft, found, name) or self._create(draft, found, name)
        return found or ""

    def _create(self, draft: Draft, parent: str | None, name: str) -> str:
        id = self._site.new_id("m")
        body: dict[str, Any] = {"name": name, "isSubscribed": True}
        draft.create("Mailbox", id, body if parent is None else {**body, "parentId": parent})
        return id


def _child(draft: Draft, parent: str | None, name: str) -> str | None:
    """Below a parent: the mailbox of this very name, or else in other case, or else of this role."""
    rows = {id: row for id, row in draft.all_objects("Mailbox").items() if row.get("parentId") == parent}
    folded = name.casefold()
    role = ROLES.get(folded, folded) if parent is None else None
    same = [id for id, row in rows.items() if row["name"] == name]
    alike = [id for id, row in rows.items() if row["name"].casefold() == folded]
    roles = [id for id, row in rows.items() if role is not None and row.get("role") == role]
    return next(iter([*same, *alike, *roles]), None)


def _clean(name: str, maximum: int) -> str:
    """As `Mailbox/set` would take it (RFC 8621 §2): NFC, no character that may not be, at most `maximum` bytes."""
    normal = unicodedata.normalize("NFC", name)
    fit = "".join(c if may_be_in_name(c) else "\ufffd" for c in normal)
    return fit.encode()[:maximum].decode(errors="ignore").strip() or "\ufffd"
