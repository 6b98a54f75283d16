"""What changed since a position: the ledger read as RFC 8620 §5.2 asks.

A state is a position, `"17"`, or a place within the entry after it, `"17.3"`: its first three changes of
the type were told as well. The second form occurs only where a client's `maxChanges` cuts an entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from homing.errors import MethodError
from homing.ledger import keys
from homing.ledger.entry import Touched, touched_of
from homing.ledger.view import View

_STATE: Final = re.compile(r"(0|[1-9][0-9]{0,14})(?:\.([1-9][0-9]{0,5}))?\Z")


@dataclass(frozen=True, slots=True)
class Changes:
    """Ids created, updated and destroyed between two states. `only_counted` says that every update of
    this span left all but the counters alone (RFC 8621 §2.2)."""

    old_state: str
    new_state: str
    has_more: bool
    created: list[str]
    updated: list[str]
    destroyed: list[str]
    only_counted: bool


class _Event(NamedTuple):
    seq: int
    number: int
    id: str
    how: str


def changes(view: View, type: str, since: str, maximum: int | None = None) -> Changes:
    """Changes of a type since a state, at most `maximum` ids.

    Raises:
        MethodError: `cannotCalculateChanges`, for a state that this ledger never had.
    """
    seq, skip = parse_state(since, view.head.seq)
    told: dict[str, list[str]] = {}
    state, counted_only, has_more = view.head.state(type), True, False
    for event in _events(view, type, seq, skip):
        if event.id not in told and maximum is not None and len(told) >= maximum:
            state, has_more = _state_before(event), True
            break
        told.setdefault(event.id, []).append(event.how)
        counted_only = counted_only and event.how == "counted"
    created, updated, destroyed = _net(told)
    only_counted = bool(updated) and counted_only
    return Changes(since, state, has_more, created, updated, destroyed, only_counted)


def _net(told: dict[str, list[str]]) -> tuple[list[str], list[str], list[str]]:
    """What remains of each id's history: created and destroyed within the span is nothing at all."""
    created, updated, destroyed = [], [], []
    for id, history in told.items():
        if history[-1] == "destroyed":
            if history[0] != "created":
                destroyed.append(id)
        elif history[0] == "created":
            created.append(id)
        else:
            updated.append(id)
    return created, updated, destroyed


def _events(view: View, type: str, seq: int, skip: int) -> Iterator[_Event]:
    """Changes of the type in the entries after `seq`, up to the last entry that touched the type."""
    last = view.head.states.get(type, 0)
    if skip and seq >= last:
        raise unknown_state()
    for row in view.scan(keys.entry_key(seq + 1), keys.entry_key(last + 1)) if seq < last else ():
        position = int(row.key.removeprefix(keys.ENTRY_PREFIX))
        touched = list(_in_order(touched_of(row.body).get(type) or Touched()))
        ignore = skip if position == seq + 1 else 0
        if ignore and ignore >= len(touched):
            raise unknown_state()
        for number, (id, how) in enumerate(touched):
            if number >= ignore:
                yield _Event(position, number, id, how)


def _in_order(touched: Touched) -> Iterator[tuple[str, str]]:
    for how in ("created", "updated", "counted", "destroyed"):
        for id in getattr(touched, how):
            yield id, how


def _state_before(event: _Event) -> str:
    return f"{event.seq - 1}.{event.number}" if event.number else str(event.seq - 1)


def parse_state(state: str, newest: int) -> tuple[int, int]:
    """The position that a state names, and how many changes of the entry after it were told as well.

    Raises:
        MethodError: `cannotCalculateChanges`, for a state that a ledger whose last entry is `newest` never had.
    """
    match = _STATE.match(state)
    if match is None or int(match[1]) > newest:
        raise unknown_state()
    return int(match[1]), int(match[2] or 0)


def unknown_state() -> MethodError:
    """The error for a state that cannot be told from."""
    return MethodError("cannotCalculateChanges", "this state is not one of this account")
