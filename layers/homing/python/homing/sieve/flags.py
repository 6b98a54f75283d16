"""Sets of IMAP flags as scripts write them: words in strings (RFC 5232 §2).

A flag keeps the spelling it was first written with; letter case does not tell flags apart. Flags that no
message can keep (`\\Recent`, unknown system flags, what is not an atom) are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

Flags = tuple[bytes, ...]

_SYSTEM: Final = {
    rb"\answered": rb"\Answered",
    rb"\flagged": rb"\Flagged",
    rb"\deleted": rb"\Deleted",
    rb"\seen": rb"\Seen",
    rb"\draft": rb"\Draft",
}
_KEYWORD: Final = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
MAX_FLAG: Final = 255
"""Characters of a flag (RFC 8621 §4.1.1)."""


def read_flags(texts: Iterable[bytes]) -> Flags:
    """The flags in these strings, each once, in order."""
    flags: dict[bytes, bytes] = {}
    for text in texts:
        for word in text.split(b" "):
            flag = _SYSTEM.get(word.lower())
            if flag is None and len(word) <= MAX_FLAG and _KEYWORD.fullmatch(word):
                flag = word
            if flag is not None:
                flags.setdefault(flag.lower(), flag)
    return tuple(flags.values())


def without(flags: Flags, removed: Flags) -> Flags:
    """The flags that are not among the others."""
    gone = {flag.lower() for flag in removed}
    return tuple(flag for flag in flags if flag.lower() not in gone)


def to_text(flags: Flags) -> tuple[str, ...]:
    """The flags as they stand in a result."""
    return tuple(flag.decode("ascii") for flag in flags)


def keywords_of(flags: Iterable[str]) -> frozenset[str]:
    """The JMAP keywords that flags of a result are (RFC 8621 §4.1.1); `\\Deleted` is none."""
    lowered = (flag.lower() for flag in flags)
    return frozenset(flag.replace("\\", "$") for flag in lowered if flag != "\\deleted")
