"""ISO-2022-JP as Japanese mail software writes it.

Labelled ISO-2022-JP (RFC 1468), mail often holds the vendor characters of code page 50220 (circled digits,
parenthesised company forms) and half-width katakana, which Python's codec refuses. The two-byte sets are
therefore moved to Shift_JIS positions and read as code page 932. Knows bytes and text only.
"""

from __future__ import annotations

import re
from typing import Final

_ESCAPE: Final = re.compile(rb"\x1b(\$\(?[@BD]|\([BJIH]|\$[@B])")
_ASCII, _KANJI, _KATAKANA, _SUPPLEMENT = range(4)
_SETS: Final = {
    b"(B": _ASCII,
    b"(J": _ASCII,
    b"(H": _ASCII,
    b"(I": _KATAKANA,
    b"$@": _KANJI,
    b"$B": _KANJI,
    b"$(@": _KANJI,
    b"$(B": _KANJI,
    b"$(D": _SUPPLEMENT,
}


def decode_iso2022_jp(content: bytes) -> tuple[str, bool]:
    """(text, whether anything was lost). Never raises."""
    try:
        return content.decode("iso2022_jp"), False
    except UnicodeDecodeError:
        pass
    pieces: list[str] = []
    problem = False
    charset, position = _ASCII, 0
    for escape in _ESCAPE.finditer(content):
        problem |= _append(pieces, content[position : escape.start()], charset)
        charset, position = _SETS.get(escape[1], _ASCII), escape.end()
    problem |= _append(pieces, content[position:], charset)
    return "".join(pieces), problem


def _append(pieces: list[str], run: bytes, charset: int) -> bool:
    if charset == _ASCII:
        text = run.decode("ascii" if run.isascii() else "utf-8", "replace")
    elif charset == _KATAKANA:
        text = bytes(byte | 0x80 if 0x20 < byte < 0x60 else byte for byte in run).decode("cp932", "replace")
    elif charset == _SUPPLEMENT:
        text = b"".join(b"\x8f" + pair for pair in _pairs(bytes(byte | 0x80 for byte in run))).decode(
            "euc_jp", "replace"
        )
    else:
        text = _from_kanji(run)
    pieces.append(text)
    return "\ufffd" in text


def _pairs(run: bytes) -> list[bytes]:
    return [run[i : i + 2] for i in range(0, len(run), 2)]


def _from_kanji(run: bytes) -> str:
    moved = bytearray()
    position = 0
    while position < len(run):
        row = run[position]
        if row < 0x21 or row > 0x7E or position + 1 >= len(run):
            moved.append(row if row < 0x21 else 0x3F)
            position += 1
            continue
        moved += _shift_jis(row, run[position + 1])
        position += 2
    return moved.decode("cp932", "replace")


def _shift_jis(row: int, cell: int) -> bytes:
    """JIS X 0208 row and cell (0x21-0x7E each) to their Shift_JIS pair."""
    lead = (row - 0x21 >> 1) + 0x81
    if lead > 0x9F:
        lead += 0x40
    trail = cell + (0x1F if row & 1 else 0x7E)
    if row & 1 and trail >= 0x7F:
        trail += 1
    return bytes((lead, min(trail, 0xFF)))
