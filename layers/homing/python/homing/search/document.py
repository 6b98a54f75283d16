"""A stored email and its texts to a `Document` of the search index. Pure.

Beside the words of each field a document has made-up tokens, so that no message is read to answer a query: in
`header` "name" and "name=word" for each header field, in `stem` what `stems` makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from homing.message import Header
from homing.ports.search import MAX_FIELD_TOKENS, MAX_TOKEN_BYTES, Document
from homing.search.stems import BODY, SUBJECT, languages_of, stem_tokens
from homing.search.text import Texts, header_text
from homing.search.tokens import accented_words, tokens

OWN_FIELDS: Final = ("from", "to", "cc", "bcc", "subject")
"""Headers that have a field of their own; of these `header` holds the name only."""
MAX_HEADER_TOKENS: Final = 4_000
MAX_VALUE_TOKENS: Final = 200
"""Tokens kept of one header field."""

_OPAQUE: Final = (
    "dkim-signature",
    "domainkey-signature",
    "arc-",
    "x-google-",
    "x-gm-",
    "x-ms-exchange-",
    "content-type",
)
"""What headers begin with whose values are made by machines for machines: only the name is kept."""
_NAME_BYTES: Final = 100


def make_document(email: str, received_at: int, texts: Texts, extracted: Sequence[str] = ()) -> Document:
    """The document of an email. `extracted` are the texts of `texts.foreign`, in order."""
    fields = {name: " ".join(tokens(texts.header(name))) for name in OWN_FIELDS}
    shown = _shown(texts.body)
    body = [token for found in shown.values() for token in found]
    body += [token for piece in (*texts.attached, *extracted) for token in tokens(piece)]
    fields["body"] = " ".join(body[:MAX_FIELD_TOKENS])
    fields["header"] = " ".join(_header_tokens(texts.headers))
    fields["stem"] = " ".join(_stems(texts, list(shown), extracted))
    return Document(email, received_at, {name: text for name, text in fields.items() if text})


def header_name(name: str) -> str | None:
    """The token of a header field's name, or None for what is no name (RFC 5322 §2.2)."""
    lower = name.strip().lower()
    if not lower or not lower.isascii() or not lower.isprintable() or {" ", ":", "="} & set(lower):
        return None
    return lower if len(lower) <= _NAME_BYTES else None


def header_word(name: str, word: str) -> str:
    """The token of a word in a header field (`name` from `header_name`)."""
    token = f"{name}={word}"
    if len(token) * 4 <= MAX_TOKEN_BYTES:
        return token
    return token.encode()[:MAX_TOKEN_BYTES].decode(errors="ignore")


def _shown(body: Sequence[str]) -> dict[str, list[str]]:
    """The texts with their tokens, without those that say again what one before has said, as HTML often does."""
    kept: dict[str, list[str]] = {}
    known: set[str] = set()
    for text in body:
        found = tokens(text)
        if not known.issuperset(found):
            kept[text] = found
            known.update(found)
    return kept


def _header_tokens(headers: Sequence[Header]) -> list[str]:
    """Every name, then words of values, each token once."""
    named = [(name, header.value) for header in headers if (name := header_name(header.name)) is not None]
    found = dict.fromkeys(name for name, _ in named)
    for name, value in named:
        if name in OWN_FIELDS or name.startswith(_OPAQUE):
            continue
        if len(found) >= MAX_HEADER_TOKENS:
            break
        found.update((header_word(name, word), None) for word in tokens(header_text(name, value), MAX_VALUE_TOKENS))
    return list(found)[:MAX_HEADER_TOKENS]


def _stems(texts: Texts, shown: Sequence[str], extracted: Sequence[str]) -> list[str]:
    """The language is told by what a reader sees, which is all that a snippet can go by."""
    subject = accented_words(texts.header("subject"))
    body = set[str]().union(*map(accented_words, shown))
    languages = languages_of(body | subject)
    attached = set[str]().union(*map(accented_words, (*texts.attached, *extracted)))
    found = [*stem_tokens(SUBJECT, subject, languages), *stem_tokens(BODY, body | attached, languages)]
    return found[:MAX_FIELD_TOKENS]
