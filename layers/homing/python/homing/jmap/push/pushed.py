"""The types whose states are told (RFC 8620 §7.1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from homing.jmap.api import TYPES
from homing.jmap.push.changes import pushed_types

PUSHED: Final = pushed_types(TYPES)
"""All of them."""


def wanted_types(names: Iterable[str] | None) -> frozenset[str]:
    """Those of the named ones that are told; all for None."""
    return PUSHED if names is None else PUSHED.intersection(names)
