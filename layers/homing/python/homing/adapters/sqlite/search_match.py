"""What FTS5 is given: a document's tokens, and an expression as its query. Pure.

Every token begins with its account's two letters. So each account has words of its own: what others hold
costs a query nothing, not even where a word is common or a prefix short, and no query leaves its account.

FTS5's `ascii` tokenizer folds the letters A to Z and its query parser ends at NUL; tokens are to be
compared byte for byte, so these are written as a sign and another letter. No code is the beginning of
another: what begins a token still begins what is written for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from homing.ports.search import FIELDS, AllOf, AnyOf, Document, Expression, NoneOf, Term

_SIGN: Final = "\x01"
_WRITTEN: Final = re.compile("[\x00\x01A-Z]")
_CODES: Final = {"\x00": "\x010", "\x01": "\x011"} | {chr(code): _SIGN + chr(code + 32) for code in range(65, 91)}
_LETTERS: Final = 20_000
_FIRST_LETTER: Final = 0x4E00

_OR, _AND, _NOT, _ONE = range(4)
"""How tightly a query's outermost operator binds."""


def letters_of(number: int) -> str:
    """The two letters (of three bytes each) that the tokens of account `number` begin with."""
    high, low = divmod(number, _LETTERS)
    return chr(_FIRST_LETTER + high) + chr(_FIRST_LETTER + low)


def columns_of(document: Document, letters: str) -> list[str]:
    """What FTS5 is to hold: in the column `scope` the token that every email of the account has, then `FIELDS`."""
    return [letters, *(_tokens(document.fields.get(field, ""), letters) for field in FIELDS)]


def match(expression: Expression, letters: str) -> str:
    """The FTS5 query for `expression` in the account of `letters`. Tokens are in quotes: nothing in them is syntax."""
    return _render(expression, letters)[0]


def _tokens(text: str, letters: str) -> str:
    if "  " in text or text[:1] == " " or text[-1:] == " ":
        text = " ".join(token for token in text.split(" ") if token)
    return letters + _written(text).replace(" ", " " + letters) if text else ""


def _written(text: str) -> str:
    return _WRITTEN.sub(lambda found: _CODES[found[0]], text) if _WRITTEN.search(text) else text


def _render(expression: Expression, letters: str) -> tuple[str, int]:
    if isinstance(expression, Term):
        return _term(expression, letters), _ONE
    if isinstance(expression, AllOf):
        return _all(expression.parts, letters)
    if isinstance(expression, AnyOf):
        return _joined(expression.parts, letters, " OR ", _OR)
    return _all((expression,), letters)


def _term(term: Term, letters: str) -> str:
    if not term.fields or not term.tokens or any(not token or " " in token for token in term.tokens):
        return _nothing(letters)
    phrase = " ".join(letters + _written(token) for token in term.tokens).replace('"', '""')
    columns = " ".join(f'"{field}"' for field in term.fields)
    return f'{{{columns}}} : "{phrase}"' + ("*" if term.prefix else "")


def _all(parts: Sequence[Expression], letters: str) -> tuple[str, int]:
    """FTS5 has no NOT of one side: what is excluded is taken from the rest, or from everything."""
    wanted = [part for part in parts if not isinstance(part, NoneOf)]
    excluded = [inner for part in parts if isinstance(part, NoneOf) for inner in part.parts]
    found = _joined(wanted, letters, " AND ", _AND) if wanted else (_everything(letters), _ONE)
    if not excluded:
        return found
    return f"{_within(found, _ONE)} NOT {_within(_joined(excluded, letters, ' OR ', _OR), _ONE)}", _NOT


def _joined(parts: Sequence[Expression], letters: str, operator: str, strength: int) -> tuple[str, int]:
    if not parts:
        return _nothing(letters), _ONE
    if len(parts) == 1:
        return _render(parts[0], letters)
    return operator.join(_within(_render(part, letters), strength) for part in parts), strength


def _within(rendered: tuple[str, int], strength: int) -> str:
    """As few parentheses as will do: FTS5's parser takes some thirty within one another."""
    query, own = rendered
    return query if own >= strength else f"({query})"


def _everything(letters: str) -> str:
    return f'scope : "{letters}"'


def _nothing(letters: str) -> str:
    return f'scope : "{letters}{_SIGN}"'
