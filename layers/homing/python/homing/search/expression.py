"""What a user types, to an `Expression` of the `Search` port (RFC 8621 §4.4.1).

Words must all be there, in any order, each in one of the fields. A word also finds the other forms of itself
(`stems`). The last word, as one types it, may be the beginning of one, and so may any word with `*` at its end. In
quotes, single or double, words must follow each other just so; there a backslash stands before a quote or a backslash.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from homing.errors import MethodError
from homing.ports.search import AllOf, AnyOf, Expression, Term
from homing.search.document import OWN_FIELDS, header_name, header_word
from homing.search.stems import BODY, SUBJECT, query_stems
from homing.search.tokens import is_dense, query_tokens

MAX_TOKENS: Final = 100
"""Words and phrases of one condition."""
MAX_PHRASE_TOKENS: Final = 1_000
"""Tokens of all of them together: a phrase, or a word with signs in it, has several."""
MIN_PREFIX: Final = 2
"""Letters from which on the last word may be the beginning of one, so that not everything is found at once."""

EVERYTHING: Final = AllOf(())
NOTHING: Final = AnyOf(())

_TOKEN: Final = re.compile(r"""(?<!\S)"((?:\\.|[^"\\])*+)"(?!\S)|(?<!\S)'((?:\\.|[^'\\])*+)'(?!\S)|(\S++)""", re.DOTALL)
_ESCAPED: Final = re.compile(r"""\\(["'\\])""")
_STEM_KINDS: Final = (("subject", SUBJECT), ("body", BODY))


@dataclass(frozen=True, slots=True)
class Sought:
    """A word or phrase: its tokens, whether the last may be the beginning of one, and as what it was written.

    `word` is empty for a phrase, and for what has no other forms.
    """

    tokens: tuple[str, ...]
    prefix: bool
    word: str = ""


def parse_text(fields: tuple[str, ...], text: str) -> Expression:
    """What finds the emails that hold `text` in `fields` (names of the port). Nothing but space finds every email,
    nothing but signs finds none.

    Raises:
        MethodError: `unsupportedFilter`, too many words.
    """
    sought = parse_words(text)
    if not sought:
        return NOTHING if text.strip() else EVERYTHING
    return _all_of([_term(fields, one) for one in sought])


def header_term(name: str, text: str | None) -> Expression:
    """What finds the emails with a header field `name`, and with the words of `text` in it, if given.

    Words are found wherever they stand in the fields of that name; phrases count as their words.

    Raises:
        MethodError: `unsupportedFilter`, too many words.
    """
    named = header_name(name)
    if named is None:
        return NOTHING
    exists = Term(("header",), (named,))
    if text is None or not text.strip():
        return exists
    if named in OWN_FIELDS:
        return parse_text((named,), text)
    sought = parse_words(text)
    terms = [
        Term(("header",), (header_word(named, token),), one.prefix and number == len(one.tokens) - 1)
        for one in sought
        for number, token in enumerate(one.tokens)
    ]
    return _all_of(list(dict.fromkeys(terms))) if terms else NOTHING


def parse_words(text: str) -> list[Sought]:
    """The words and phrases of a condition that can be looked for, each once.

    Raises:
        MethodError: `unsupportedFilter`, more than `MAX_TOKENS`, or `MAX_PHRASE_TOKENS` in all.
    """
    found = list(dict.fromkeys(_parse(text)))
    if len(found) > MAX_TOKENS:
        raise MethodError("unsupportedFilter", f"more than {MAX_TOKENS} words")
    if sum(len(one.tokens) for one in found) > MAX_PHRASE_TOKENS:
        raise MethodError("unsupportedFilter", f"more than {MAX_PHRASE_TOKENS} words in phrases")
    return found


def _parse(text: str) -> Iterator[Sought]:
    for match in _TOKEN.finditer(text):
        phrase = match[1] if match[1] is not None else match[2]
        if phrase is not None:
            tokens, open_end = query_tokens(_ESCAPED.sub(r"\1", phrase))
            sought = Sought(tuple(tokens), open_end)
        else:
            sought = _word(match[3], is_last=match.end() == len(text))
        if sought.tokens:
            yield sought


def _word(written: str, *, is_last: bool) -> Sought:
    """A word outside quotes; `is_last` if nothing follows, not even a space."""
    word = written.rstrip("*")
    tokens, open_end = query_tokens(word)
    if not tokens or is_dense(tokens[-1]):
        return Sought(tuple(tokens), open_end)
    typed = is_last and len(tokens[-1]) >= MIN_PREFIX and unicodedata.category(word[-1])[0] in "LMN"
    return Sought(tuple(tokens), word != written or typed, word if len(tokens) == 1 else "")


def _term(fields: tuple[str, ...], sought: Sought) -> Expression:
    term = Term(fields, sought.tokens, sought.prefix)
    kinds = [kind for field, kind in _STEM_KINDS if field in fields]
    stems = [f"{kind}~{stem}" for kind in kinds for stem in query_stems(sought.word)] if sought.word else ()
    return AnyOf((term, *(Term(("stem",), (stem,)) for stem in stems))) if stems else term


def _all_of(parts: list[Expression]) -> Expression:
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))
