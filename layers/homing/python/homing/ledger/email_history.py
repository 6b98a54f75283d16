"""What happened to emails since a position: which came and went, and what of the others changed.

Finer than `changes`, which tells that an email was updated: here the mailboxes and keywords are named, so that a
reader can tell whether an update matters to it. Read from the entries' changes of threads, where the changing state
of emails lives.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from homing.ledger import keys
from homing.ledger.changes import parse_state, unknown_state
from homing.ledger.entry import Touched
from homing.ledger.view import View

NOTHING: Final = msgspec.Raw(b"")


@dataclass(slots=True)
class EmailHistory:
    """Emails that were created and still exist, those that existed and do not any more, and by email the mailboxes
    that it came into or left and the keywords that it got or lost (perhaps of emails that are gone since)."""

    created: set[str] = field(default_factory=set)
    destroyed: set[str] = field(default_factory=set)
    mailboxes: dict[str, set[str]] = field(default_factory=dict)
    keywords: dict[str, set[str]] = field(default_factory=dict)


class _Change(msgspec.Struct):
    type: str
    update: msgspec.Raw = NOTHING


class _Entry(msgspec.Struct):
    touched: dict[str, Touched]
    changes: list[_Change]


class _Sealed(msgspec.Struct):
    entry: _Entry


class _State(msgspec.Struct, rename="camel"):
    mailbox_ids: dict[str, Any] = {}
    keywords: dict[str, Any] = {}


class _Thread(msgspec.Struct):
    emails: dict[str, _State | None] = {}


_decode_entry: Final = msgspec.json.Decoder(_Sealed).decode
_decode_thread: Final = msgspec.json.Decoder(_Thread).decode


def email_history(view: View, since: str) -> EmailHistory:
    """What happened to emails since a state of theirs.

    Raises:
        MethodError: `cannotCalculateChanges`, for a state that is no position of this ledger.
    """
    seq, told = parse_state(since, view.head.seq)
    if told:
        raise unknown_state()
    history = EmailHistory()
    for entry in _entries(view, seq):
        touched = entry.touched["Email"]
        history.created.update(touched.created)
        history.destroyed.update(id for id in touched.destroyed if id not in history.created)
        history.created.difference_update(touched.destroyed)
        for change in entry.changes if touched.updated else ():
            if change.type == "Thread" and change.update is not NOTHING:
                _note_states(history, _decode_thread(change.update), frozenset(touched.updated))
    return history


def _entries(view: View, seq: int) -> Iterator[_Entry]:
    """The entries after a position that touched emails."""
    last = view.head.states.get("Email", 0)
    for row in view.scan(keys.entry_key(seq + 1), keys.entry_key(last + 1)) if seq < last else ():
        entry = _decode_entry(row.body).entry
        if "Email" in entry.touched:
            yield entry


def _note_states(history: EmailHistory, patch: _Thread, updated: frozenset[str]) -> None:
    for id, state in patch.emails.items():
        if state is not None and id in updated:
            history.mailboxes.setdefault(id, set()).update(state.mailbox_ids)
            history.keywords.setdefault(id, set()).update(state.keywords)
