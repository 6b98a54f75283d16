"""How often Python looks for garbage, in the processes that serve."""

from __future__ import annotations

import gc
from typing import Final

COLLECT_AFTER: Final = 20_000
"""Objects made, less those that went, before the garbage collector looks."""


def collect_seldom() -> None:
    """What is imported stays for ever, and a message makes thousands of objects but hardly a cycle: looking for
    garbage less often gives five in a hundred messages more."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 50)
