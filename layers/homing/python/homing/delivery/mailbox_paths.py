"""Mailboxes as scripts name them: by path ("INBOX", "Lists/Python"), or by special use (RFC 5490, RFC 8579).

Works on a draft, so that what is made becomes part of the commit that files mail there. Reads all mailboxes at once,
and only when it is first asked.
"""

from __future__ import annotations

import unicodedata
from typing import Any, Final

from homing.ledger import keys
from homing.ledger.transact import Draft
from homing.site import Site

SEPARATOR: Final = "/"
ROLES: Final = frozenset("archive drafts flagged important junk memos scheduled sent snoozed trash".split())
"""Special uses that a mailbox may be made for; the inbox is there, and the others are views of all mail."""
MAX_MAILBOXES: Final = 1_000
"""From so many on, neither scripts, whose names may come out of a message, nor clients make more."""


class MailboxPaths:
    """The mailboxes of one account as scripts see them."""

    def __init__(self, site: Site, draft: Draft) -> None:
        self._site = site
        self._draft = draft

    def find(self, path: str) -> str | None:
        """The id of the mailbox with that path: its very name before another letter case, and at the top a role's
        name where no mailbox has it."""
        found: str | None = None
        names = _names(path)
        for depth, name in enumerate(names):
            rest = SEPARATOR.join(names[depth:])
            if (whole := self._child(found, rest)) is not None:  # a name may have the separator in it
                return whole
            found = self._child(found, name)
            if found is None:
                return None
        return found

    def with_use(self, attribute: str) -> str | None:
        """The id of the mailbox with a special use such as `\\Junk`."""
        role = _role(attribute)
        return next((id for id, row in self._rows().items() if row.get("role") == role), None)

    def has_use(self, attribute: str, path: str | None) -> bool:
        """Whether that mailbox has the special use; without a path, whether any has (RFC 8579 §3)."""
        found = self.with_use(attribute)
        return found is not None and (path is None or found == self.find(path))

    def make(self, path: str, attribute: str | None) -> str | None:
        """The id of the mailbox with that path, made with what is above it where it is missing; None if there cannot
        be one. A special use that no mailbox has yet becomes that of a new one."""
        names, limits = _names(path), self._site.config.limits
        fits = all(len(name.encode()) <= limits.max_size_mailbox_name and _may_be_name(name) for name in names)
        if not names or len(names) > limits.max_mailbox_depth or not fits:
            return None
        if len(self._rows()) + len(names) > MAX_MAILBOXES:
            return self.find(path)
        found: str | None = None
        for depth, name in enumerate(names, 1):
            use = attribute if depth == len(names) else None
            found = self._child(found, name) or self._create(found, name, use)
        return found

    def _rows(self) -> dict[str, dict[str, Any]]:
        return self._draft.all_objects("Mailbox")

    def _child(self, parent: str | None, name: str) -> str | None:
        folded = name.casefold()
        if parent is None and folded == "inbox":
            return keys.INBOX
        rows = {id: row for id, row in self._rows().items() if row.get("parentId") == parent}
        same = [id for id, row in rows.items() if row["name"] == name]
        alike = [id for id, row in rows.items() if row["name"].casefold() == folded]
        roles = [id for id, row in rows.items() if parent is None and row.get("role") == folded]
        return next(iter([*same, *alike, *roles]), None)

    def _create(self, parent: str | None, name: str, attribute: str | None) -> str:
        id = self._site.new_id("m")
        body: dict[str, Any] = {"name": name, "isSubscribed": True}
        if parent is not None:
            body["parentId"] = parent
        if attribute is not None and _role(attribute) in ROLES and self.with_use(attribute) is None:
            body["role"] = _role(attribute)
        self._draft.expect_absent("Mailbox", id)
        self._draft.create("Mailbox", id, body)
        return id


def _names(path: str) -> list[str]:
    normal = unicodedata.normalize("NFC", path)
    return [name.strip() for name in normal.split(SEPARATOR) if name.strip()]


def _role(attribute: str) -> str:
    return attribute.removeprefix("\\").lower()


def _may_be_name(name: str) -> bool:
    """As `Mailbox/set` wants it (RFC 8621 §2)."""
    return all(may_be_in_name(character) for character in name)


def may_be_in_name(character: str) -> bool:
    """No control character, surrogate, or noncharacter, which I-JSON forbids (RFC 7493 §2.1)."""
    code = ord(character)
    is_noncharacter = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return not is_noncharacter and unicodedata.category(character) not in ("Cc", "Cs")
