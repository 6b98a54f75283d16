"""One character to what it counts as in search: lower case, without accents, or a space between words.

Text is brought to NFKC (UAX #15) first. Letters and digits of any script are kept by their Unicode category;
accents go from Latin, Greek, Hebrew and Arabic letters, where people leave them out when they type, and stay
where they make another letter: in Cyrillic, the kana and the scripts of South and South-East Asia.
"""

# ruff: noqa: RUF001  # letters of many scripts look alike
from __future__ import annotations

import unicodedata
from typing import Final

SEPARATOR: Final = " "

_SPECIAL: Final = {
    "ı": "i", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th", "ħ": "h", "ŋ": "n", "ŧ": "t",
    "ё": "е", "ѐ": "е", "ѝ": "и",
    "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ـ": "",
    "ʼ": SEPARATOR, "ʻ": SEPARATOR,
}  # fmt: skip
"""Letters that no decomposition takes to what people type for them; the last two are apostrophes."""

_PLAIN_LETTERS: Final = (
    (0x00AA, 0x024F), (0x0370, 0x03FF), (0x0590, 0x06FF), (0x0750, 0x077F),
    (0x1E00, 0x1FFF), (0x2C60, 0x2C7F), (0xA720, 0xA7FF),
)  # fmt: skip
"""Latin, Greek, Hebrew and Arabic: letters whose accents go."""

_DROPPED_MARKS: Final = (
    (0x0300, 0x036F), (0x0483, 0x0487), (0x0591, 0x05C7), (0x0610, 0x061A), (0x064B, 0x065F), (0x0670, 0x0670),
    (0x06D6, 0x06ED), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE00, 0xFE0F), (0xFE20, 0xFE2F),
    (0xE0100, 0xE01EF),
)  # fmt: skip
"""Accents, Hebrew points, Arabic vowel signs, variation selectors. All other marks belong to their letter."""

_SYMBOLS: Final = ((0x2300, 0x23FF), (0x2600, 0x27BF), (0x2B00, 0x2BFF), (0x1F000, 0x1FAFF))
"""Pictures that people write and look for; `_SKIN_TONES` make no other picture."""
_SKIN_TONES: Final = (0x1F3FB, 0x1F3FF)

DENSE: Final = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ecd\u0edc-\u0edf\u1000-\u103f\u1050-\u109f\u1780-\u17d3"
    "\u1100-\u11ff\u3005\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c\u3041-\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff"
    "\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97c\uac00-\ud7a3\ud7b0-\ud7fb"
    "\U00020000-\U0003ffff"
)
"""The inside of a character class: scripts written without spaces (Thai, Lao, Burmese, Khmer, Han, kana) and
Hangul, whose words carry their particles. Characters as NFKC leaves them."""


class Folding(dict[int, str]):
    """A table for `str.translate` over NFKC text, filled as characters are met.

    `accents` keeps letters as they are written, in lower case, for stemmers, which know their language's accents.
    """

    def __init__(self, *, accents: bool = False) -> None:
        super().__init__()
        self._accents = accents

    def __missing__(self, code: int) -> str:
        folded = self[code] = _fold(chr(code), accents=self._accents)
        return folded


def _fold(character: str, *, accents: bool) -> str:
    category = unicodedata.category(character)
    if category[0] == "L":
        return character.lower() if accents else _fold_letter(character)
    if category[0] == "N":
        digit = unicodedata.decimal(character, None)
        return character.casefold() if digit is None else str(digit)
    if category[0] == "M":
        return "" if _is_in(character, _DROPPED_MARKS) else character
    if _SKIN_TONES[0] <= ord(character) <= _SKIN_TONES[1]:
        return ""
    if category in ("So", "Cn") and _is_in(character, _SYMBOLS):
        return f" {character} "
    return "" if category == "Cf" and character != "\u200b" else SEPARATOR


def _fold_letter(character: str) -> str:
    """Full case folding may give several letters, each of which may have an accent."""
    return "".join(_plain(letter) for letter in character.casefold())


def _plain(letter: str) -> str:
    if _is_in(letter, _DROPPED_MARKS):
        return ""
    if not _is_in(letter, _PLAIN_LETTERS):
        return _SPECIAL.get(letter, letter)
    base = "".join(one for one in unicodedata.normalize("NFKD", letter) if not _is_in(one, _DROPPED_MARKS))
    return "".join(_SPECIAL.get(one, one) for one in base)


def _is_in(character: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    code = ord(character)
    return any(first <= code <= last for first, last in ranges)
