"""Text to tokens (RFC 5228 §8.1), lazily, in one pass.

Line ends may be LF as well as CRLF, since editors and JSON give both; in strings they become CRLF, as the RFC
and mail have it. Knows no words of the language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from homing.sieve.errors import Place, SieveError
from homing.sieve.limits import MAX_NUMBER, MAX_SCRIPT

IDENTIFIER: Final = "identifier"
TAG: Final = "tag"
NUMBER: Final = "number"
STRING: Final = "string"
END: Final = "end of script"

_UNITS: Final = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}
_MAX_DIGITS: Final = 20

_BLANK: Final = re.compile(r"(?:[ \t\n]++|#[^\n]*+\n?)++")
_MULTI_LINE: Final = re.compile(r"text:[ \t]*+(?:#[^\n]*+)?\n", re.IGNORECASE)
_MULTI_LINE_WORD: Final = re.compile(r"text:", re.IGNORECASE)
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*+")
_TAG: Final = re.compile(r":[A-Za-z_][A-Za-z0-9_]*+")
_NUMBER: Final = re.compile(r"([0-9]++)([KMGkmg]?)(?![A-Za-z0-9_])")
_QUOTED: Final = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"', re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_DOT_STUFFED: Final = re.compile(r"^\.\.", re.MULTILINE)


class Token(NamedTuple):
    """A token: its kind (or itself, if it is punctuation), its value and where it begins.

    Identifiers and tags (with their colon) are in lower case; the value of a number is an int.
    """

    kind: str
    value: str | int
    place: Place


@dataclass(slots=True)
class _Lexer:
    text: str
    position: int = 0
    line: int = 1
    line_start: int = 0

    def tokens(self) -> Iterator[Token]:
        while self._skip_blank():
            yield self._next()
        yield Token(END, "", self._place())

    def _place(self) -> Place:
        return Place(self.line, self.position - self.line_start + 1)

    def _error(self, description: str) -> SieveError:
        return SieveError(*self._place(), description)

    def _move(self, end: int) -> None:
        newlines = self.text.count("\n", self.position, end)
        if newlines:
            self.line += newlines
            self.line_start = self.text.rindex("\n", self.position, end) + 1
        self.position = end

    def _skip_blank(self) -> bool:
        """Go to the next token; whether there is one."""
        while True:
            blank = _BLANK.match(self.text, self.position)
            if blank is not None:
                self._move(blank.end())
            if not self.text.startswith("/*", self.position):
                return self.position < len(self.text)
            end = self.text.find("*/", self.position + 2)
            if end < 0:
                raise self._error('This comment has no end; "*/" is missing.')
            self._move(end + 2)

    def _next(self) -> Token:
        text, position, place = self.text, self.position, self._place()
        first = text[position]
        if first in "[](){},;":
            self.position += 1
            return Token(first, first, place)
        if first == '"':
            return Token(STRING, self._quoted(), place)
        if first in "tT" and _MULTI_LINE_WORD.match(text, position):
            return Token(STRING, self._multi_line(), place)
        if "0" <= first <= "9":
            return Token(NUMBER, self._number(), place)
        for kind, pattern in ((IDENTIFIER, _IDENTIFIER), (TAG, _TAG)):
            word = pattern.match(text, position)
            if word is not None:
                self.position = word.end()
                return Token(kind, word[0].lower(), place)
        raise self._error(f"The character {first!r} has no meaning here.")

    def _quoted(self) -> str:
        quoted = _QUOTED.match(self.text, self.position)
        if quoted is None:
            raise self._error("This string has no end; a quotation mark is missing.")
        self._move(quoted.end())
        return _with_line_ends(_ESCAPE.sub(r"\1", quoted[1]))

    def _multi_line(self) -> str:
        opened = _MULTI_LINE.match(self.text, self.position)
        if opened is None:
            raise self._error('The text after "text:" must begin on a line of its own.')
        start = opened.end()
        end = self.text.find("\n.\n", start - 1)
        if end < 0:
            raise self._error('This text has no end; a line with nothing but "." is missing.')
        self._move(end + 3)
        return _with_line_ends(_DOT_STUFFED.sub(".", self.text[start : end + 1]))

    def _number(self) -> int:
        number = _NUMBER.match(self.text, self.position)
        if number is None:
            raise self._error("A number may only be followed by K, M or G.")
        digits, unit = number[1].lstrip("0") or "0", number[2].lower()
        value = int(digits) * _UNITS[unit] if len(digits) <= _MAX_DIGITS else MAX_NUMBER + 1
        if value > MAX_NUMBER:
            raise self._error("This number is too large.")
        self.position = number.end()
        return value


def tokenise(text: str) -> Iterator[Token]:
    """The tokens of a script, the last one of kind `END`. Raises `SieveError` where the text makes no token."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    _check_characters(text)
    return _Lexer(text).tokens()


def _check_characters(text: str) -> None:
    """Refuse what no script may hold (RFC 5228 §2.1), before any of it is read."""
    if len(text) > MAX_SCRIPT or len(text.encode("utf-8", "replace")) > MAX_SCRIPT:
        raise SieveError(1, 1, f"The script is larger than {MAX_SCRIPT} octets.")
    unfit = re.search("[\0\r\ud800-\udfff]", text)
    if unfit is None:
        return
    line_start = text.rfind("\n", 0, unfit.start()) + 1
    line = text.count("\n", 0, unfit.start()) + 1
    what = {"\0": "NUL", "\r": "A carriage return without a line feed"}.get(unfit[0], "What is not UTF-8")
    raise SieveError(line, unfit.start() - line_start + 1, f"{what} is not allowed in a script.")


def _with_line_ends(text: str) -> str:
    return text.replace("\n", "\r\n")
