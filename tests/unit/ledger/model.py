"""Small pieces for tests of pure ledger code: threads, emails, and applying changes to a dict."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from homing.ledger.apply import Applied, apply
from homing.ledger.entry import Change
from homing.ledger.rows import Value

Body = dict[str, Any]
NOW = 1_795_000_000_000


class Partition:
    """The rows of one partition in a dict."""

    def __init__(self) -> None:
        self.rows: dict[str, Value] = {}

    def apply(self, *changes: Change, at: int = NOW) -> Applied:
        applied = apply(changes, at, lambda key: self._read(key, at))
        for key, value in applied.rows.items():
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value
        return applied

    def body(self, key: str) -> Body | None:
        value = self.rows.get(key)
        return value.body if value else None

    def with_prefix(self, prefix: str) -> dict[str, Body]:
        return {key.removeprefix(prefix): v.body for key, v in sorted(self.rows.items()) if key.startswith(prefix)}

    def _read(self, key: str, at: int) -> Value | None:
        value = self.rows.get(key)
        return None if value is None or (value.expires is not None and value.expires * 1000 <= at) else value


def mailbox(id: str, **settings: Any) -> Change:
    return Change("Mailbox", id, create={"name": id, **settings})


def email(id: str, *, size: int = 100, blob: str = "b" * 64, **record: Any) -> Change:
    return Change("Email", id, create={"size": size, "blob": blob, **record})


def state(mailboxes: Iterable[str] | dict[str, int], *keywords: str, at: int = NOW) -> Body:
    uids = mailboxes if isinstance(mailboxes, dict) else dict.fromkeys(mailboxes, 1)
    return {"mailboxIds": uids, "keywords": dict.fromkeys(keywords, True), "receivedAt": at}


def thread(id: str, emails: dict[str, Body], *hashes: str) -> Change:
    return Change("Thread", id, create={"emails": emails, "messageIds": dict.fromkeys(hashes, True)})


def patch(id: str, emails: dict[str, Body | None], **hashes: bool | None) -> Change:
    return Change("Thread", id, update={"emails": emails, "messageIds": hashes})
