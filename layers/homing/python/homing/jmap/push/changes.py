"""What a listener hears of (RFC 8620 §7.1): states that moved, of the accounts that a user sees.

Shared by all ways of telling: push subscriptions, the event source, WebSockets. A `Told` maps each account to
the position up to which the listener knows everything.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from homing.jmap.datatype import DataType
from homing.ledger.apply import EMAIL_DELIVERY
from homing.ledger.rows import Head

Heads = Mapping[str, Head]
Told = dict[str, int]
Changed = dict[str, dict[str, str]]

_TOKEN: Final = re.compile(r"[0-9]{1,15}(?:\.[A-Za-z0-9_-]{1,255}:[0-9]{1,15})*\Z")


def pushed_types(types: Iterable[DataType]) -> frozenset[str]:
    """Names of the types whose states are told, of all that there are: those whose state is a position, be it without
    `/changes` as VacationResponse is (RFC 8621 §1.5). Subscriptions themselves have no state (RFC 8620 §7.2)."""
    told = (type.name for type in types if type.state is None and (type.has_changes or type.singleton))
    return frozenset({EMAIL_DELIVERY, *told})


def changed_since(heads: Heads, told: Mapping[str, int], types: Collection[str]) -> Changed:
    """By account the states of wanted types that have moved; an account that the listener does not know moved."""
    moved = {account: states_since(head, told.get(account, 0), types) for account, head in heads.items()}
    return {account: states for account, states in moved.items() if states}


def states_since(head: Head, seq: int, types: Collection[str]) -> dict[str, str]:
    """The states of the wanted types that have moved since a position."""
    return {type: head.state(type) for type in sorted(types) if head.states.get(type, 0) > seq}


def told_of(heads: Heads) -> Told:
    """What a listener knows who has heard of all this."""
    return {account: head.seq for account, head in heads.items()}


def state_change(changed: Changed) -> dict[str, Any]:
    """The StateChange object."""
    return {"@type": "StateChange", "changed": changed}


def render_token(own: str, heads: Heads) -> str:
    """All that the user sees, as one short string: `17`, or `17.a2:5` where an account is shared with him."""
    others = (f".{account}:{head.seq}" for account, head in heads.items() if account != own)
    return f"{heads[own].seq}{''.join(others)}"


def parse_token(own: str, token: str | None) -> Told | None:
    """What the holder of a token knows; None if it is not one of ours. Positions are not checked."""
    if token is None or not _TOKEN.match(token):
        return None
    first, *others = token.split(".")
    pairs = (other.split(":") for other in others)
    return {own: int(first), **{account: int(seq) for account, seq in pairs}}


def known_positions(heads: Heads, known: Mapping[str, int]) -> Told:
    """Positions to tell from: one that lies in the future is of another ledger, and says nothing."""
    return {account: seq if (seq := known.get(account, 0)) <= head.seq else 0 for account, head in heads.items()}
