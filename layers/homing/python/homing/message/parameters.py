"""The value and parameters of Content-Type and Content-Disposition (RFC 2045 §5.1, RFC 2183, RFC 2231).

Reads what mail software writes rather than what it should: unquoted file names with spaces, encoded words
in quotes (RFC 2047 forbids them there), missing closing quotes, raw 8-bit text. Bounded in number and size.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from homing.message.charsets import clean, codec_for, decode_charset, decode_unlabelled
from homing.message.encoded_words import decode_words

MAX_PARAMETERS: Final = 200
"""Parameters of one header that are read (continuations of RFC 2231 count each)."""
MAX_TEXT: Final = 32 * 1_024
"""Characters of the parameters of one header that are read."""

_PARAMETER: Final = re.compile(
    r"""[;\s]*+ ([^\s=;"]++) \s*+=\s*+ (?: "([^"\\]*+(?:\\.[^"\\]*+)*+)"[^;]*+ | ([^;]*+) )""", re.VERBOSE | re.DOTALL
)
_QUOTED_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)
_SECTION: Final = re.compile(r"([^*]+)(?:\*(\d{1,4}))?(\*)?", re.ASCII)
_COMMENT: Final = re.compile(r"\s\([^()]*\)\s*$")
_FOLD: Final = re.compile(r"\r?\n(?=[ \t])|[\r\n]")

Parameters = dict[str, str]


def parse_value(value: bytes) -> tuple[str, Parameters]:
    """(the value before the first `;`, trimmed and lower-case; parameters by lower-case name, decoded).

    The first of two parameters of one name wins; an RFC 2231 form wins over a plain one.
    """
    text = value.decode("ascii") if value.isascii() else decode_unlabelled(value)
    if "\n" in text or "\r" in text:
        text = _FOLD.sub("", text)
    main, _, rest = text.partition(";")
    if "(" in main:
        main = main.partition("(")[0]
    main = main.strip()
    if " " in main or "\t" in main:  # `text/plain charset=utf-8`
        main, forgotten = main.split(None, 1)
        rest = f"{forgotten};{rest}"
    return clean(main.lower()), _read_parameters(rest) if rest else {}


def _read_parameters(text: str) -> Parameters:
    plain: Parameters = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    text = text[:MAX_TEXT]
    position = 0
    for _ in range(MAX_PARAMETERS):
        match = _PARAMETER.match(text, position)
        if match is None:
            following = text.find(";", position + 1)
            if following < 0:
                break
            position = following
            continue
        position = match.end()
        _keep(match, plain, sections)
    for name, pieces in sections.items():
        plain[name] = _assemble(pieces)
    return plain


def _keep(match: re.Match[str], plain: Parameters, sections: dict[str, dict[int, tuple[str, bool]]]) -> None:
    name, quoted, token = match.groups()
    name = name.lower()
    value = _unquote(quoted) if quoted is not None else _tidy(token)
    section = _SECTION.fullmatch(name) if "*" in name else None
    if section is None:
        if name not in plain:
            plain[name] = clean(decode_words(value).strip() if "=?" in value else value.strip())
        return
    base, index, extended = section.groups()
    sections.setdefault(base, {}).setdefault(int(index or 0), (value, extended is not None))


def _unquote(quoted: str) -> str:
    return _QUOTED_PAIR.sub(r"\1", quoted) if "\\" in quoted else quoted


def _tidy(token: str) -> str:
    if "(" in token:
        token = _COMMENT.sub("", token)
    return token.strip().removeprefix('"')


def _assemble(pieces: dict[int, tuple[str, bool]]) -> str:
    charset = "utf-8"
    content: list[bytes] = []
    for index in sorted(pieces):
        value, extended = pieces[index]
        if extended and not content and value.count("'") >= 2:
            label, _, value = value.split("'", 2)
            charset = label if codec_for(label) else charset
        octets = value.encode("utf-8", "replace")
        content.append(unquote_to_bytes(octets) if extended else octets)
    return decode_charset(b"".join(content), charset)[0].strip()
