"""Reading rows as values: the one shape in which ledger code sees what is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from homing.errors import Permanent
from homing.ledger.entry import GENESIS, decode_body
from homing.ledger.keys import KEYS_VERSION
from homing.ports.store import Row

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Value:
    """A row's decoded body and its expiry (Unix seconds), which must not be altered in place."""

    body: Body
    expires: int | None = None


Read = Callable[[str], Value | None]
"""Gives the value stored under a key of one partition, or None."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head row: where a ledger stands. `states` maps a type to the position of its last change."""

    seq: int = 0
    hash: str = GENESIS
    states: dict[str, int] = field(default_factory=dict)
    emails: int = 0
    bytes: int = 0

    def state(self, type: str) -> str:
        """The JMAP state of a type (RFC 8620 §5.1)."""
        return str(self.states.get(type, 0))

    def to_body(self) -> Body:
        """As it is stored."""
        usage = {"emails": self.emails, "bytes": self.bytes}
        return {"keys": KEYS_VERSION, "seq": self.seq, "hash": self.hash, "states": self.states, "usage": usage}


def head_of(row: Row | None) -> Head:
    """The head in a row; the head of an empty ledger if there is none.

    Raises:
        Permanent: ("newerKeys") the rows are laid out in a way that this version does not know.
    """
    if row is None:
        return Head()
    body = decode_body(row.body)
    if body["keys"] > KEYS_VERSION:
        raise Permanent("newerKeys", "this site was written by a newer version of Homing", version=body["keys"])
    return Head(body["seq"], body["hash"], body["states"], body["usage"]["emails"], body["usage"]["bytes"])


def value_of(row: Row | None, now: int) -> Value | None:
    """The value in a row; a row that has expired by `now` (ms) counts as gone, removed or not."""
    if row is None or (row.expires is not None and row.expires * 1000 <= now):
        return None
    return Value(decode_body(row.body), row.expires)
