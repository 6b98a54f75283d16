"""JSON Pointers (RFC 6901) as JMAP uses them, in references and in patches. Pure."""

from __future__ import annotations

import re
from typing import Final

BAD_ESCAPE: Final = "after ~ stands 0 or 1 (RFC 6901)"
"""What is wrong with a pointer that `parts_of` cannot read."""

_BAD_ESCAPE: Final = re.compile(r"~(?![01])")


def parts_of(pointer: str) -> list[str] | None:
    """The reference tokens of a pointer without its leading `/`, unescaped; None for a bad escape."""
    if _BAD_ESCAPE.search(pointer):
        return None
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")]
