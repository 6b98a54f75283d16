"""Header fields to be written: each form of RFC 8621 §4.1.2 to a folded value in ASCII.

A `Field` checks itself when it is made, so no value, whoever gave it, can begin another field or end the header.
Text that ASCII cannot hold becomes encoded words (RFC 2047), in parameters the form of RFC 2231. What cannot be
written at all is an `InvalidField`; text for people is never refused, but loses its control characters.
RFC 5322 §2.2, §3.3, §3.4, §3.6; RFC 2045 §5.1; RFC 2369.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import quote

from homing.message.charsets import clean
from homing.message.compose_words import WIDTH, clean_line, encoded_words, is_plain

MAX_LINE: Final = 998
"""Characters of a line without its CRLF (RFC 5322 §2.1.1)."""
MAX_TEXT: Final = 256 * 1_024
"""Characters of one text, ids or addresses of one field: more would not be read again, either."""
MAX_UNBROKEN: Final = 900
"""Characters of what may not be folded: a message id, a URL, an address."""

_NAME: Final = re.compile(rf"[!-9;-~]{{1,{MAX_UNBROKEN}}}")
_LINE: Final = re.compile(rb"[\t\x20-\x7e]*")
_ATEXT: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_PHRASE: Final = re.compile(rf"{_ATEXT}{{1,70}}(?: {_ATEXT}{{1,70}})*")
_QUOTED_LOCAL: Final = r'"(?:[ !#-;=?-\[\]-~]|\\[ !-;=?-~])*"'
_ADDRESS: Final = re.compile(rf"(?:(?:{_ATEXT}|\.)+|{_QUOTED_LOCAL})@(?:[A-Za-z0-9._-]+|\[[!-;=?-Z^-~]+\])")
_ASCII_LOCAL: Final = re.compile(rf"(?:{_ATEXT}|\.)+")
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,60}")
_UNBROKEN: Final = re.compile(rf"[!-;=?-~]{{1,{MAX_UNBROKEN}}}")
_DATE: Final = re.compile(r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)

Mailbox = Mapping[str, str | None]
"""RFC 8621's EmailAddress: `name` (may be missing) and `email`."""


class InvalidField(ValueError):
    """A header field that cannot be written; the text says why."""


@dataclass(frozen=True, slots=True)
class Field:
    """One header field: `name`, and `value` as it stands after the colon, folding included, without the last CRLF.

    Raises:
        InvalidField: a name that is none (RFC 5322 §3.6.8), a byte that is not printable ASCII, a line end that is
            not folding, a line of nothing but white space (which a relay might take for the end of the header), or
            one that is too long.
    """

    name: str
    value: bytes

    def __post_init__(self) -> None:
        if _NAME.fullmatch(self.name) is None:
            raise InvalidField("a header field's name is printable ASCII without a colon")
        first, *folded = self.value.split(b"\r\n")
        if not all(map(_LINE.fullmatch, (first, *folded))):
            raise InvalidField(f"{self.name}: only printable ASCII, folded with CRLF and white space")
        if any(line[:1] not in (b" ", b"\t") or not line.strip() for line in folded):
            raise InvalidField(f"{self.name}: a folded line begins with white space and holds something")
        if len(self.name) + 1 + len(first) > MAX_LINE or any(len(line) > MAX_LINE for line in folded):
            raise InvalidField(f"{self.name}: a line is longer than {MAX_LINE} characters")

    def render(self) -> bytes:
        """The field as it stands in a message."""
        return b"%b:%b\r\n" % (self.name.encode("ascii"), self.value)


def raw_field(name: str, value: str) -> Field:
    """A field with a value just as it is given (RFC 8621 §4.1.2.1)."""
    try:
        return Field(name, value.encode("ascii"))
    except UnicodeEncodeError as error:
        raise InvalidField(f"{name}: a raw value is ASCII") from error


def text_field(name: str, text: str) -> Field:
    """Unstructured text (RFC 5322 §2.2.1), without white space around it."""
    _check_size(name, len(text))
    return _folded(name, _text_tokens(clean_line(text), WIDTH - len(name) - 2))


def addresses_field(name: str, mailboxes: Sequence[Mailbox]) -> Field:
    """An address list (RFC 5322 §3.4). What is no address, as in a draft, is written so that it is read again as it
    was given; a domain of another script becomes A-labels."""
    return groups_field(name, [{"name": None, "addresses": mailboxes}])


def groups_field(name: str, groups: Sequence[Mapping[str, Any]]) -> Field:
    """An address list with groups: `{"name": str | None, "addresses": [mailbox, ...]}`; those without a name are
    dissolved."""
    items: list[list[str]] = []
    for group in groups:
        members = [tokens for mailbox in group["addresses"] if (tokens := _mailbox_tokens(mailbox))]
        title = clean_line(group["name"] or "")
        items += [_group_tokens(title, members)] if title else members
    tokens = _separated(items, ",")
    _check_size(name, sum(map(len, tokens)))
    return _folded(name, tokens)


def message_ids_field(name: str, ids: Sequence[str]) -> Field:
    """Message ids, given without angle brackets (RFC 5322 §3.6.4)."""
    _check_unbroken(name, ids, "a message id")
    return _folded(name, [f"<{id}>" for id in ids])


def is_message_id(id: str) -> bool:
    """Whether `message_ids_field` can write it."""
    return _UNBROKEN.fullmatch(id) is not None


def date_field(name: str, date: str) -> Field:
    """A date (RFC 5322 §3.3) of RFC 3339, in its own offset; a fraction of a second is left out."""
    match = _DATE.fullmatch(date)
    try:
        moment = datetime.fromisoformat(f"{match[1]}+00:00".upper()) if match else None
    except ValueError:
        moment = None
    if match is None or moment is None or moment.year < 1900 or match[2][1:] > "23:59":
        raise InvalidField(f"{name}: not a date of RFC 3339")
    offset = "+0000" if match[2] in "Zz" else match[2].replace(":", "")
    return Field(name, f" {format_datetime(moment)[:-5]}{offset}".encode("ascii"))


def urls_field(name: str, urls: Sequence[str]) -> Field:
    """URLs of a list header (RFC 2369 §2)."""
    _check_unbroken(name, urls, "a URL")
    return _folded(name, _separated([[f"<{url}>"] for url in urls], ","))


def parameters_field(name: str, value: str, parameters: Mapping[str, str]) -> Field:
    """A value with parameters (RFC 2045 §5.1), such as Content-Type; parameters of any text are as in RFC 2231."""
    pieces = [[value], *([token] for key, text in parameters.items() for token in _parameter_tokens(key, text))]
    return _folded(name, _separated(pieces, ";"))


def words_field(name: str, words: Sequence[str]) -> Field:
    """Unbroken words between commas, such as language tags (RFC 3282 §2)."""
    _check_unbroken(name, words, "a word")
    return _folded(name, _separated([[word] for word in words], ","))


def now_field(name: str, at: int) -> Field:
    """A date of milliseconds since 1970, in UTC."""
    return Field(name, f" {format_datetime(datetime.fromtimestamp(at // 1000, UTC))}".encode("ascii"))


def _folded(name: str, tokens: Iterable[str]) -> Field:
    """Tokens with one space before each that has none, in lines of at most `WIDTH` where that can be."""
    lines: list[str] = []
    line = bare = f"{name}:"
    for given in tokens:
        token = given if given[:1] == " " else f" {given}"
        fits = len(line) + len(token) <= WIDTH
        helps = line is not bare or len(token) <= WIDTH or len(line) + len(token) > MAX_LINE
        if fits or not helps:
            line += token
        else:
            lines.append(line)
            line = token
    return Field(name, "\r\n".join([*lines, line])[len(bare) :].encode("ascii"))


def _text_tokens(text: str, room: int) -> list[str]:
    """Words with the white space before each; from the first to the last that ASCII cannot hold, all is encoded."""
    words = re.findall(r" *[^ ]+", text)
    hard = [index for index, word in enumerate(words) if not is_plain(word) or len(word) >= WIDTH]
    if not hard:
        return words
    first, end = (0, len(words)) if any(len(word) > WIDTH // 2 for word in words) else (hard[0], hard[-1] + 1)
    inside = "".join(words[first:end])
    gap = " " * (len(inside) - len(inside.lstrip(" ")))
    encoded = encoded_words(inside.lstrip(" "), WIDTH - len(gap) if first else room)
    return [*words[:first], gap + encoded[0], *encoded[1:], *words[end:]]


def _mailbox_tokens(mailbox: Mailbox) -> list[str]:
    """Words to be joined by a space; none if there is neither a name nor an address."""
    name, email = clean_line(mailbox.get("name") or ""), clean_line(mailbox.get("email") or "")
    if not email and not name:
        return []
    address = _address_tokens(email)
    if not name and not email.startswith('"'):
        return address
    address[0] = f"<{address[0]}"
    address[-1] += ">"
    return [*_phrase_tokens(name), *address] if name else address


def _address_tokens(email: str) -> list[str]:
    """An addr-spec as it is; anything else as encoded words, which parsers of drafts take apart again."""
    local, _, domain = email.rpartition("@")
    if not domain.isascii() and _ASCII_LOCAL.fullmatch(local):
        email = f"{local}@{_a_labels(domain)}"
    if len(email) <= MAX_UNBROKEN and _ADDRESS.fullmatch(email):
        return [email]
    return encoded_words(email) or [""]


def _a_labels(domain: str) -> str:
    """A domain in A-labels (RFC 5890 §2.3.2.1). Python's own codec would turn "ß" into "ss", which is another name."""
    labels = unicodedata.normalize("NFKC", domain.lower()).replace("\u3002", ".").split(".")
    return ".".join(one if one.isascii() else "xn--" + one.encode("punycode").decode("ascii") for one in labels)


def _phrase_tokens(name: str) -> list[str]:
    if _PHRASE.fullmatch(name) and "=?" not in name:
        return name.split(" ")
    if is_plain(name) and len(name) <= 60 and "  " not in name:
        return ['"{}"'.format(re.sub(r'(["\\])', r"\\\1", name))]
    return encoded_words(name, 60)


def _group_tokens(title: str, members: list[list[str]]) -> list[str]:
    """RFC 2047 §5 (3): white space keeps an encoded word apart from a special. Readers take an "@", even quoted, for a
    sign that no group begins here."""
    tokens = encoded_words(title, 60) if "@" in title else _phrase_tokens(title)
    if tokens[-1].endswith("?="):
        tokens.append(":")
    else:
        tokens[-1] += ":"
    tokens += _separated(members, ",")
    tokens[-1] += ";"
    return tokens


def _separated(items: Sequence[list[str]], separator: str) -> list[str]:
    tokens: list[str] = []
    for number, item in enumerate(items, 1):
        tokens += item if number == len(items) else [*item[:-1], item[-1] + separator]
    return tokens


def _parameter_tokens(name: str, text: str) -> list[str]:
    text = clean_line(text)
    if _TOKEN.fullmatch(text):
        return [f"{name}={text}"]
    if is_plain(text) and len(text) <= 60 and not set(text) & set('"\\'):
        return [f'{name}="{text}"']
    octets = re.findall(r"%..|.", quote(clean(text), safe="!#$&+-.^_`{|}~", errors="replace"))
    room = WIDTH - len(name) - len("*10*=utf-8'';")
    pieces, piece = [], ""
    for octet in octets:
        if len(piece) + len(octet) > room:
            pieces.append(piece)
            piece = ""
        piece += octet
    pieces.append(piece)
    pieces[0] = f"utf-8''{pieces[0]}"
    if len(pieces) == 1:
        return [f"{name}*={pieces[0]}"]
    return [f"{name}*{number}*={piece}" for number, piece in enumerate(pieces)]


def _check_unbroken(name: str, texts: Sequence[str], what: str) -> None:
    _check_size(name, sum(map(len, texts)))
    for text in texts:
        if _UNBROKEN.fullmatch(text) is None:
            raise InvalidField(
                f"{name}: {what} is at most {MAX_UNBROKEN} characters of ASCII without space or brackets"
            )


def _check_size(name: str, size: int) -> None:
    if size > MAX_TEXT:
        raise InvalidField(f"{name}: longer than {MAX_TEXT} characters")
