"""A filter of `Email/query` as a tree that is put to many emails at once (RFC 8620 §5.5, RFC 8621 §4.4.1).

What list rows tell is tested here; what only the text of a message tells is a node that a search index is asked
about, once for each group of emails. Conditions on text that stand side by side are one question. Pure but for
threads, which are read through the view. Never sees records of emails or raw messages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from homing.errors import MethodError
from homing.ids import thread_of
from homing.jmap.datatype import Object
from homing.jmap.kinds import utc_ms
from homing.jmap.types.email_query_text import TEXT_CONDITIONS, text_expression
from homing.ledger import keys
from homing.ledger.view import View
from homing.ports.search import AllOf, AnyOf, Expression, NoneOf, Term

THREAD_CONDITIONS: Final = frozenset({"allInThreadHaveKeyword", "someInThreadHaveKeyword", "noneInThreadHaveKeyword"})
ROWLESS_CONDITIONS: Final = frozenset({"before", "after"})
"""What is known of an email without its list row."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An email as its list row shows it; `row` is empty where nothing in it is asked for."""

    id: str
    received_at: int
    row: Object


@dataclass(frozen=True, slots=True)
class Test:
    """One condition on list rows."""

    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Words:
    """Conditions on text, as one question to the index."""

    expression: Expression


@dataclass(frozen=True, slots=True)
class Group:
    """A FilterOperator over conditions of which not all are on text."""

    operator: str
    parts: tuple[Node, ...]


Node = Test | Words | Group
Matching = Callable[[Expression, Sequence[str]], set[str]]
"""Which of some emails match an expression."""
EVERY: Final = Group("AND", ())
MAX_TERMS: Final = 5_000
"""What the conditions of one filter may ask of the index together: each word asks for its other forms, too."""
_COMBINED: Final[Mapping[str, Callable[[tuple[Expression, ...]], Expression]]] = {
    "AND": AllOf,
    "OR": AnyOf,
    "NOT": NoneOf,
}


def parse_filter(filter: Object | None) -> Node:
    """The tree of a checked filter.

    Raises:
        MethodError: `unsupportedFilter`, too many words in a condition, or in all of them.
    """
    node = EVERY if filter is None else _parse(filter)
    if _count_terms(node) > MAX_TERMS:
        raise MethodError("unsupportedFilter", "too many words in this filter")
    return node


def _parse(filter: Object) -> Node:
    if "operator" in filter:
        return _group(filter["operator"], [_parse(one) for one in filter["conditions"]])
    return _group("AND", [_condition(name, value) for name, value in filter.items()])


def _count_terms(node: Node | Expression) -> int:
    if isinstance(node, Words):
        return _count_terms(node.expression)
    return 1 if isinstance(node, Test | Term) else sum(map(_count_terms, node.parts))


def conjuncts(node: Node) -> Iterator[Node]:
    """Nodes that must all hold for the tree to hold, as many as show at its top; text among them is one node."""
    if not isinstance(node, Group) or node.operator != "AND":
        yield node
        return
    parts = [part for one in node.parts for part in conjuncts(one)]
    words = [part.expression for part in parts if isinstance(part, Words)]
    if words:
        yield Words(words[0] if len(words) == 1 else AllOf(tuple(words)))
    yield from (part for part in parts if not isinstance(part, Words))


def conditions(nodes: Iterable[Node]) -> Iterator[Test]:
    """Every condition on list rows, wherever it stands."""
    for node in nodes:
        if isinstance(node, Test):
            yield node
        elif isinstance(node, Group):
            yield from conditions(node.parts)


def has_words(nodes: Iterable[Node]) -> bool:
    """Whether the index is to be asked."""
    return any(isinstance(node, Words) or (isinstance(node, Group) and has_words(node.parts)) for node in nodes)


def is_positive(expression: Expression) -> bool:
    """Whether an email must hold some word to match, so that the index finds few."""
    if isinstance(expression, Term):
        return True
    if isinstance(expression, AllOf):
        return any(map(is_positive, expression.parts))
    if isinstance(expression, AnyOf):
        return all(map(is_positive, expression.parts))
    return False


def select(node: Node, group: Sequence[Candidate], view: View, matching: Matching) -> list[Candidate]:
    """Those of a group of candidates that match, in their order."""
    if not group:
        return []
    if isinstance(node, Test):
        if node.name in THREAD_CONDITIONS:
            load_threads(view, (one.id for one in group))
        accepts = _TESTS[node.name](node.value, view)
        return [one for one in group if accepts(one)]
    if isinstance(node, Words):
        found = matching(node.expression, [one.id for one in group])
        return [one for one in group if one.id in found]
    if node.operator == "AND":
        for part in _cheap_first(node.parts):
            group = select(part, group, view, matching)
        return list(group)
    accepted = _any(node.parts, group, view, matching)
    return [one for one in group if (one.id in accepted) == (node.operator == "OR")]


def _any(parts: Sequence[Node], group: Sequence[Candidate], view: View, matching: Matching) -> set[str]:
    """Ids that match one of the parts; each part is put only to those that none before it accepted."""
    accepted: set[str] = set()
    for part in _cheap_first(parts):
        left = [one for one in group if one.id not in accepted]
        accepted.update(one.id for one in select(part, left, view, matching))
    return accepted


def _cheap_first(parts: Sequence[Node]) -> list[Node]:
    """Row conditions before those that read threads, and these before the index."""
    return sorted(parts, key=lambda part: 2 if has_words([part]) else int(_reads_threads(part)))


def _reads_threads(node: Node) -> bool:
    return any(test.name in THREAD_CONDITIONS for test in conditions([node]))


def _condition(name: str, value: Any) -> Node:
    if name not in TEXT_CONDITIONS:
        return Test(name, value)
    expression = text_expression(name, value)
    return EVERY if expression == AllOf(()) else Words(expression)


def _group(operator: str, parts: Sequence[Node]) -> Node:
    """The parts under an operator, with all text among them in one node."""
    if operator == "AND" and len(parts) == 1:
        return parts[0]
    words = tuple(part.expression for part in parts if isinstance(part, Words))
    if parts and len(words) == len(parts):
        return Words(_COMBINED[operator](words))
    if len(words) > 1:
        together = Words(AllOf(words) if operator == "AND" else AnyOf(words))
        parts = [*(part for part in parts if not isinstance(part, Words)), together]
    return Group(operator, tuple(parts))


def in_thread(keyword: str, view: View, judge: Callable[[Iterable[bool]], bool]) -> Callable[[Candidate], bool]:
    """Whether `judge` (`any` or `all`) holds of the emails of the candidate's thread that have a keyword."""
    wanted = keyword.lower()

    def test(one: Candidate) -> bool:
        thread = view.object("Thread", thread_of(one.id))
        return judge(wanted in state["keywords"] for state in (thread["emails"].values() if thread else ()))

    return test


def has_keyword(keyword: str) -> Callable[[Candidate], bool]:
    """Whether the candidate has a keyword, in whatever case it is given."""
    wanted = keyword.lower()
    return lambda one: wanted in one.row["keywords"]


def _not(test: Callable[[Candidate], bool]) -> Callable[[Candidate], bool]:
    return lambda one: not test(one)


def _before(moment: int) -> Callable[[Candidate], bool]:
    return lambda one: one.received_at < moment


def _other_than(mailboxes: Sequence[str]) -> Callable[[Candidate], bool]:
    excluded = frozenset(mailboxes)
    return lambda one: any(mailbox not in excluded for mailbox in one.row["mailboxIds"])


_TESTS: Final[Mapping[str, Callable[[Any, View], Callable[[Candidate], bool]]]] = {
    "inMailbox": lambda value, _: lambda one: value in one.row["mailboxIds"],
    "inMailboxOtherThan": lambda value, _: _other_than(value),
    "before": lambda value, _: _before(utc_ms(value)),
    "after": lambda value, _: _not(_before(utc_ms(value))),
    "minSize": lambda value, _: lambda one: one.row["size"] >= value,
    "maxSize": lambda value, _: lambda one: one.row["size"] < value,
    "hasKeyword": lambda value, _: has_keyword(value),
    "notKeyword": lambda value, _: _not(has_keyword(value)),
    "allInThreadHaveKeyword": lambda value, view: in_thread(value, view, all),
    "someInThreadHaveKeyword": lambda value, view: in_thread(value, view, any),
    "noneInThreadHaveKeyword": lambda value, view: _not(in_thread(value, view, any)),
    "hasAttachment": lambda value, _: lambda one: one.row["hasAttachment"] == value,
}


def load_threads(view: View, ids: Iterable[str]) -> None:
    """Fetch the threads of some emails in one call of the store."""
    view.load(keys.object_key("Thread", thread_of(id)) for id in ids)
