"""What a search expression means, said as plainly as possible: the adapters must agree with this."""

from __future__ import annotations

from homing.ports.search import AllOf, AnyOf, Document, Expression, Term


def holds(expression: Expression, document: Document) -> bool:
    """Whether the document matches."""
    if isinstance(expression, Term):
        return any(_stands_in(expression, document.fields.get(field, "")) for field in expression.fields)
    truths = [holds(part, document) for part in expression.parts]
    if isinstance(expression, AllOf):
        return all(truths)
    return any(truths) if isinstance(expression, AnyOf) else not any(truths)


def _stands_in(term: Term, text: str) -> bool:
    tokens, wanted = text.split(" "), term.tokens
    return any(
        tokens[start : start + len(wanted) - 1] == list(wanted[:-1]) and _is(term, tokens[start + len(wanted) - 1])
        for start in range(len(tokens) - len(wanted) + 1)
    )


def _is(term: Term, token: str) -> bool:
    return token.startswith(term.tokens[-1]) if term.prefix else token == term.tokens[-1]
