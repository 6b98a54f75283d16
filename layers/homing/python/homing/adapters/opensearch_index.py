"""The shape of the OpenSearch index, and a document as it is put there. Pure.

One index for all accounts. A document of an email has the id `account/email`; an account's own, which says
how far its index has read, the id `account` (with what is special in URLs written as in URLs, so that no
slash of an account is mistaken for this one). All of an account lie on one shard, by routing.

The `whitespace` tokenizer splits at every kind of space, the port only at U+0020: other kinds inside of
tokens are written as U+0001 and their code. Nothing is kept of a text but its words.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote

from homing.ports.search import FIELDS, Document

PREFIX_LETTERS: Final = 4
"""Beginnings of up to so many letters are words of the index themselves; longer ones are looked for among all."""
WITHOUT_PHRASES: Final = ("header", "stem")

_SIGN: Final = "\x01"
_WRITTEN: Final = re.compile(r"[^\S ]|\x01")


def _text(field: str) -> dict[str, Any]:
    whole = {"type": "text", "analyzer": "spaces", "norms": False}
    if field in WITHOUT_PHRASES:
        return {**whole, "index_options": "docs"}
    return {**whole, "index_prefixes": {"min_chars": 1, "max_chars": PREFIX_LETTERS}}


_KEPT_ONLY: Final = {"type": "long", "index": False, "doc_values": False}

MAPPINGS: Final[dict[str, Any]] = {
    "dynamic": "strict",
    "_routing": {"required": True},
    "_source": {"includes": ["position", "epoch"]},
    "properties": {
        "account": {"type": "keyword"},
        "email": {"type": "keyword"},
        "received_at": {"type": "long"},
        "position": _KEPT_ONLY,
        "epoch": _KEPT_ONLY,
        **{field: _text(field) for field in FIELDS},
    },
}

SETTINGS: Final[dict[str, Any]] = {
    "refresh_interval": "-1",  # each write that must be seen asks for it
    "gc_deletes": "1h",  # for how long a removed email is fenced against an indexer that was overtaken
    "analysis": {
        "tokenizer": {"spaces": {"type": "whitespace", "max_token_length": 1_024}},
        "analyzer": {"spaces": {"type": "custom", "tokenizer": "spaces"}},
    },
}


def index_body(shards: int) -> dict[str, Any]:
    """What the index is created with. The number of replicas is the domain's own."""
    return {"settings": {"number_of_shards": shards, **SETTINGS}, "mappings": MAPPINGS}


def account_id(account: str) -> str:
    """The id of the account's own document; also what it is routed by (commas would mean several)."""
    return quote(account, safe="")


def email_id(account: str, email: str) -> str:
    """The id of an email's document."""
    return f"{quote(account, safe='')}/{email}"


def source_of(account: str, document: Document) -> dict[str, Any]:
    """The document as OpenSearch takes it."""
    texts = {field: written(document.fields[field]) for field in FIELDS if document.fields.get(field)}
    return {"account": account, "email": document.email, "received_at": document.received_at, **texts}


def written(text: str) -> str:
    """Tokens as the index has them. No code is the beginning of another, so prefixes stay prefixes."""
    return _WRITTEN.sub(lambda found: f"{_SIGN}{ord(found[0]):04x}", text) if _WRITTEN.search(text) else text
