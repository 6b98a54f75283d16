"""Address lists with groups (RFC 5322 §3.4 and §4.4), best effort as RFC 8621 §4.1.2.3-4 asks.

Works on unfolded text. A first pass reads the plain forms that make up nearly all mail with one pattern;
whatever does not fit goes through the tokeniser, which takes anything. Linear in the length of the value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from homing.message.encoded_words import decode_words

MAX_ADDRESSES: Final = 10_000
"""Addresses and groups of one header that are read."""
MAX_TEXT: Final = 512 * 1_024
"""Characters of one header that are read: room for `MAX_ADDRESSES` of common length."""

Address = dict[str, str | None]
"""RFC 8621's EmailAddress: `{"name": str | None, "email": str}`."""
Group = dict[str, Any]
"""RFC 8621's EmailAddressGroup: `{"name": str | None, "addresses": list[Address]}`."""

_ATOM: Final = r'[^\s<>"()@,:;\\\[\]]++'
_PLAIN: Final = re.compile(
    rf"""\s*+(?:(?:"([^"\\]*+)"\s*+|([^"<>()@,:;\\\[\]]*+))<({_ATOM}@{_ATOM})>|({_ATOM}@{_ATOM}))\s*+(?:,|\Z)""",
)
_TOKEN: Final = re.compile(r'\s++|"[^"\\]*+(?:\\.[^"\\]*+)*+"|\[[^\[\]\s]*+\]|[^\s"(<>,:;\[\\]++|\\.|.', re.DOTALL)
_PAREN: Final = re.compile(r"\\.|[()]", re.DOTALL)
_QUOTED_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)
_SPACE: Final = re.compile(r"\s+")
_AROUND_DOTS: Final = re.compile(r" ?([@.]) ?")
_ROUTE: Final = re.compile(r"(?:@[^,:]*+,?)++:")


def parse_groups(text: str) -> list[Group]:
    """The groups of an address list; addresses outside of any group stand in groups without a name."""
    text = text[:MAX_TEXT]
    addresses = _parse_plain(text)
    if addresses is not None:
        return [{"name": None, "addresses": addresses}] if addresses else []
    return _Reader(text).read()


def parse_addresses(text: str) -> list[Address]:
    """All addresses of a list, groups dissolved."""
    text = text[:MAX_TEXT]
    addresses = _parse_plain(text)
    if addresses is not None:
        return addresses
    return [address for group in _Reader(text).read() for address in group["addresses"]]


def _parse_plain(text: str) -> list[Address] | None:
    addresses: list[Address] = []
    position, end = 0, len(text)
    while position < end:
        match = _PLAIN.match(text, position)
        if match is None or len(addresses) >= MAX_ADDRESSES:
            return None
        quoted, phrase, angled, bare = match.groups()
        name = quoted if quoted is not None else phrase
        addresses.append({"name": _phrase(name) if name else None, "email": angled or bare})
        position = match.end()
    return addresses


def _phrase(text: str) -> str | None:
    return decode_words(_SPACE.sub(" ", text).strip()).strip() or None


@dataclass(slots=True)
class _Reader:
    """A pass over an address list that is not of the plain form."""

    text: str
    position: int = 0
    pieces: list[str] = field(default_factory=list)
    comment: str | None = None
    angled: str | None = None
    groups: list[Group] = field(default_factory=list)
    in_group: bool = False
    count: int = 0
    quotes_close: bool = True

    def read(self) -> list[Group]:
        end = len(self.text)
        while self.position < end and self.count < MAX_ADDRESSES:
            self._take(self._next_piece())
        self._finish()
        return self.groups

    def _next_piece(self) -> str:
        match = _TOKEN.match(self.text, self.position) if self._may_match() else None
        piece = match[0] if match else self.text[self.position]
        if piece == '"':
            self.quotes_close = False  # to the end of the value: do not look for it again
        self.position += len(piece)
        return piece

    def _may_match(self) -> bool:
        return self.quotes_close or self.text[self.position] != '"'

    def _take(self, piece: str) -> None:
        first = piece[0]
        if first == "(":
            self._take_comment()
        elif first == "<":
            self._take_angled()
        elif first == "," or (first == ";" and not self.in_group):
            self._finish()
        elif first == ";":
            self._finish()
            self.in_group = False
        elif first == ":" and self._opens_group():
            self._open_group()
        elif piece not in ('"', ">"):  # a quote that never closes, a stray bracket
            self.pieces.append(" " if first.isspace() else piece)

    def _take_comment(self) -> None:
        depth, start = 1, self.position
        end = len(self.text)
        for match in _PAREN.finditer(self.text, start):
            depth += {"(": 1, ")": -1}.get(match[0], 0)
            if depth == 0:
                end = match.start()
                break
        self.comment = _QUOTED_PAIR.sub(r"\1", self.text[start:end])
        self.position = end + 1

    def _take_angled(self) -> None:
        end = self.text.find(">", self.position)
        if end < 0:
            comma = self.text.find(",", self.position)
            end = comma - 1 if comma >= 0 else len(self.text)
            inside = self.text[self.position : end + 1]
        else:
            inside = self.text[self.position : end]
        self.position = end + 1
        if self.angled is None or not self.angled:
            self.angled = _email(inside)

    def _opens_group(self) -> bool:
        return not self.in_group and self.angled is None and not any("@" in piece for piece in self.pieces)

    def _open_group(self) -> None:
        self.groups.append({"name": _name(self.pieces), "addresses": []})
        self.in_group = True
        self.count += 1
        self.pieces, self.comment = [], None

    def _finish(self) -> None:
        address = self._address()
        self.pieces, self.comment, self.angled = [], None, None
        if address is None:
            return
        self.count += 1
        if not self.in_group and (not self.groups or self.groups[-1]["name"] is not None):
            self.groups.append({"name": None, "addresses": []})
        self.groups[-1]["addresses"].append(address)

    def _address(self) -> Address | None:
        comment = decode_words(self.comment).strip() or None if self.comment else None
        if self.angled is not None:
            name = _name(self.pieces) or comment
            return {"name": name, "email": self.angled} if self.angled or name else None
        return _without_brackets(self.pieces, comment)


def _without_brackets(pieces: list[str], comment: str | None) -> Address | None:
    text = "".join(pieces).strip()
    if not text:
        return None
    with_at = [index for index, piece in enumerate(pieces) if "@" in piece]
    if len(with_at) == 1 and " " in text:
        at = with_at[0]
        is_whole = pieces[at].strip("@") == pieces[at]
        if is_whole and (at == 0 or pieces[at - 1] == " "):  # `Name user@example.org`
            name = _name(pieces[:at]) or _name(pieces[at + 1 :]) or comment
            return {"name": name, "email": pieces[at]}
    return {"name": comment, "email": _email(text) if with_at else decode_words(text)}


def _name(pieces: list[str]) -> str | None:
    words = [
        _QUOTED_PAIR.sub(r"\1", piece[1:-1]) if len(piece) > 1 and piece[0] == piece[-1] == '"' else piece
        for piece in pieces
    ]
    return _phrase("".join(words))


def _email(text: str) -> str:
    """An addr-spec without the white space and source route that old software puts in (RFC 5322 §4.4)."""
    text = text.strip()
    if text.startswith("@") and ":" in text:
        text = _ROUTE.sub("", text, count=1)
    if '"' not in text:
        text = _AROUND_DOTS.sub(r"\1", _SPACE.sub(" ", text))
    return decode_words(text)
