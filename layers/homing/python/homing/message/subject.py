"""The base subject of RFC 5256 §2.1, by which replies are recognised (RFC 8621 §3).

Takes decoded text; knows nothing of headers. Works by positions, so that a subject of a million `Re:`
costs no more than its length.
"""

from __future__ import annotations

import re
from typing import Final

_BLOB: Final = r"\[[^\[\]]*+\][ \t]*+"
_LEADER: Final = re.compile(rf"[ \t]++|(?:{_BLOB})*+(?:re|fwd?)[ \t]*+(?:{_BLOB})?+:", re.IGNORECASE)
_ONE_BLOB: Final = re.compile(_BLOB)
_SPACE: Final = re.compile(r"[ \t\r\n]+")


def base_subject(text: str) -> str:
    """`text` without reply and forward marks, list tags and needless space; "" if nothing is left.

    Case is kept: RFC 5256 compares base subjects without regard to case, so callers fold it.
    """
    text = _SPACE.sub(" ", text)
    start, end = 0, len(text)
    while True:
        end = _without_trailers(text, start, end)
        start = _without_leaders(text, start, end)
        forwarded = text[start : start + 5].lower() == "[fwd:" and end - start > 5 and text[end - 1] == "]"
        if not forwarded:
            return text[start:end]
        start, end = start + 5, end - 1


def _without_trailers(text: str, start: int, end: int) -> int:
    while end > start:
        if text[end - 1] == " ":
            end -= 1
        elif end - start >= 5 and text[end - 5 : end].lower() == "(fwd)":
            end -= 5
        else:
            break
    return end


def _without_leaders(text: str, start: int, end: int) -> int:
    while (leader := _LEADER.match(text, start, end)) is not None:
        start = leader.end()
    # No leader follows this run of blobs, so none follows a part of it: take blobs off while something is left.
    while (blob := _ONE_BLOB.match(text, start, end)) is not None and blob.end() < end:
        start = blob.end()
    return start
