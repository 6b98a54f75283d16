"""The parsed forms of a header field value (RFC 8621 §4.1.2), each a function of the raw value bytes.

Raw 8-bit text is read as UTF-8 (RFC 6532) where it is valid, else as windows-1252. All results are fit for
JSON: no NUL, no lone surrogates.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby
from typing import Final

from homing.message.addresses import Address, Group, parse_addresses, parse_groups
from homing.message.charsets import clean, decode_unlabelled
from homing.message.dates import parse_date
from homing.message.encoded_words import decode_words

MAX_IDS: Final = 2_000
"""Message ids or URLs of one header that are read."""

MAX_TEXT: Final = 256 * 1_024
"""Characters of a header with comments that are read for ids, dates and URLs."""

MAX_MARKS: Final = 500
"""Combining marks on one character that are brought into order."""

_FOLD: Final = re.compile(r"\r?\n(?=[ \t])|[\r\n]")
_BROKEN: Final = re.compile("\ufffd+")
_COMMENT: Final = re.compile(r"\\.|[()]", re.DOTALL)
_ANGLED: Final = re.compile(r"<([^<>]*+)>")
_SPACE: Final = re.compile(r"\s+")
_BARE_ID: Final = re.compile(r"(?<![^\s<>@,;()])[^\s<>@,;()]++@[^\s<>@,;()]++")


def as_raw(value: bytes) -> str:
    """RFC 8621 §4.1.2.1: the value as it is, folding kept, NUL dropped, bytes that are not UTF-8 as U+FFFD."""
    if value.isascii():
        return clean(value.decode("ascii"))
    return clean(_BROKEN.sub("\ufffd", value.decode("utf-8", "replace")))


def as_text(value: bytes) -> str:
    """RFC 8621 §4.1.2.2: unfolded, trimmed, encoded words decoded, normalised to NFC."""
    text = decode_words(unfold(value)).strip()
    return text if text.isascii() else _composed(clean(text))


def as_addresses(value: bytes) -> list[Address]:
    """RFC 8621 §4.1.2.3: the mailboxes of an address list, groups dissolved."""
    return [_normalised(address) for address in parse_addresses(unfold(value))]


def as_grouped_addresses(value: bytes) -> list[Group]:
    """RFC 8621 §4.1.2.4: the address list in its groups; name None for addresses outside of any."""
    return [
        {"name": _nfc(group["name"]), "addresses": [_normalised(address) for address in group["addresses"]]}
        for group in parse_groups(unfold(value))
    ]


def as_message_ids(value: bytes) -> list[str] | None:
    """RFC 8621 §4.1.2.5: the ids without comments and angle brackets, or None if there is none.

    A bare `left@right` counts as an id too, as some senders forget the brackets.
    """
    text = _without_comments(unfold(value))
    ids = [_SPACE.sub("", match[1]) for match in _first(_ANGLED, text)]
    if "<" not in text:
        ids = [match[0] for match in _first(_BARE_ID, text)]
    return [id for id in ids if id] or None


def as_date(value: bytes) -> str | None:
    """RFC 8621 §4.1.2.6: an RFC 3339 string with the sender's offset, or None if it cannot be known."""
    return parse_date(_without_comments(unfold(value[:1_000])))


def as_urls(value: bytes) -> list[str] | None:
    """RFC 8621 §4.1.2.7: the URLs of a list header (RFC 2369), or None if there is none."""
    text = _without_comments(unfold(value))
    urls = [_SPACE.sub("", match[1]) for match in _first(_ANGLED, text)]
    return [url for url in urls if url] or None


def unfold(value: bytes) -> str:
    """The value as one line of text (RFC 5322 §2.2.3), trimmed; nothing is decoded."""
    if value.isascii():
        text = value.decode("ascii").strip()
        text = text.replace("\0", "") if "\0" in text else text
    else:
        text = clean(decode_unlabelled(value)).strip()
    return _FOLD.sub("", text) if "\n" in text or "\r" in text else text


def _first(pattern: re.Pattern[str], text: str) -> list[re.Match[str]]:
    return [match for match, _ in zip(pattern.finditer(text), range(MAX_IDS), strict=False)]


def _normalised(address: Address) -> Address:
    return {"name": _nfc(address["name"]), "email": _nfc(address["email"])}


def _nfc(text: str | None) -> str | None:
    return text if text is None or text.isascii() else _composed(clean(text))


def _composed(text: str) -> str:
    """NFC. A text with an endless run of combining marks stays as it is: to sort one takes time that grows with
    its square, and no writing has more than a few."""
    if len(text) > MAX_MARKS and any(
        len(list(run)) > MAX_MARKS
        for is_mark, run in groupby(text, lambda one: unicodedata.combining(one) > 0)
        if is_mark
    ):
        return text
    return unicodedata.normalize("NFC", text)


def _without_comments(text: str) -> str:
    """Comments (RFC 5322 §3.2.2) removed, but not inside angle brackets; an open one runs to the end."""
    if "(" not in text:
        return text
    text = text[:MAX_TEXT]
    last_close = text.rfind(">")
    kept: list[str] = []
    position = 0
    while (start := text.find("(", position)) >= 0:
        opened = text.rfind("<", position, start)
        is_inside = start < last_close and opened >= 0 and text.find(">", opened, start) < 0
        closed = text.find(">", start) if is_inside else -1
        if closed >= 0:
            kept.append(text[position : closed + 1])
            position = closed + 1
            continue
        kept.append(text[position:start])
        position = _comment_end(text, start)
    kept.append(text[position:])
    return " ".join(kept)


def _comment_end(text: str, start: int) -> int:
    depth = 0
    for match in _COMMENT.finditer(text, start):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth == 0:
            return match.end()
    return len(text)
