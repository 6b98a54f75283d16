"""An expression as a query of OpenSearch's: filters only, nothing is scored. Pure.

Only what has no syntax of its own is used (`term`, `prefix`, `match_phrase`, `bool`), and every token is a
value of JSON: nothing that a user types can be more than a word. Operators are written as flat as they can
be: OpenSearch takes twenty `bool` within one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from homing.adapters.opensearch_index import WITHOUT_PHRASES, written
from homing.ports.search import AllOf, AnyOf, Expression, NoneOf, Term

MAX_EXPANSIONS: Final = 10_000
"""A phrase that ends in a beginning of more than `PREFIX_LETTERS` letters is looked for with the first so many
words of the shard that begin so."""

Query = dict[str, Any]
_EVERYTHING: Final[Query] = {"match_all": {}}
_NOTHING: Final[Query] = {"match_none": {}}


def query_of(account: str, expression: Expression, emails: Sequence[str] = ()) -> Query:
    """Emails of the account that match; with `emails`, only those."""
    filters: list[Query] = [{"term": {"account": account}}]
    if emails:
        filters.append({"terms": {"email": list(emails)}})
    return _conjunction((expression,), filters)


def _query(expression: Expression) -> Query:
    if isinstance(expression, AllOf | NoneOf):
        return _conjunction((expression,), [])
    return _disjunction(_alternatives((expression,)))


def _conjunction(parts: Sequence[Expression], filters: list[Query]) -> Query:
    excluded: list[Query] = []
    pending = list(reversed(parts))
    while pending:
        part = pending.pop()
        if isinstance(part, AllOf):
            pending.extend(reversed(part.parts))
        elif isinstance(part, NoneOf):
            excluded.extend(_alternatives(part.parts))
        else:
            filters.append(_query(part))
    if not excluded:
        return filters[0] if len(filters) == 1 else {"bool": {"filter": filters}} if filters else _EVERYTHING
    return {"bool": {"filter": filters, "must_not": [_disjunction(excluded)]}}


def _alternatives(parts: Sequence[Expression]) -> list[Query]:
    found: list[Query] = []
    for part in parts:
        if isinstance(part, AnyOf):
            found.extend(_alternatives(part.parts))
        elif isinstance(part, Term):
            found.extend(_in_fields(part))
        else:
            found.append(_query(part))
    return found


def _disjunction(alternatives: list[Query]) -> Query:
    """Words of one field become one clause: OpenSearch counts clauses, and takes 1,024."""
    words: dict[str, list[str]] = {}
    clauses: list[Query] = []
    for alternative in alternatives:
        for field, word in alternative.get("term", {}).items():
            words.setdefault(field, []).append(word["value"])
        if "term" not in alternative:
            clauses.append(alternative)
    clauses += [{"terms": {field: values}} for field, values in words.items()]
    if len(clauses) == 1:
        return clauses[0]
    return {"bool": {"should": clauses, "minimum_should_match": 1}} if clauses else _NOTHING


def _in_fields(term: Term) -> list[Query]:
    if not term.tokens or any(not token or " " in token for token in term.tokens):
        return []
    return [_in_field(field, term) for field in term.fields]


def _in_field(field: str, term: Term) -> Query:
    if len(term.tokens) == 1:
        return {"prefix" if term.prefix else "term": {field: {"value": written(term.tokens[0])}}}
    if field in WITHOUT_PHRASES:
        return _NOTHING
    phrase = " ".join(written(token) for token in term.tokens)
    if term.prefix:
        return {"match_phrase_prefix": {field: {"query": phrase, "max_expansions": MAX_EXPANSIONS}}}
    return {"match_phrase": {field: {"query": phrase}}}
