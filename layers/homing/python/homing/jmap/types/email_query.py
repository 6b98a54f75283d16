"""`Email/query` (RFC 8621 §4.4): what an inbox shows costs one scan of as many rows as are shown.

Any filter goes one way: its top-level conditions are split into a question to the search index and the rest.
Candidates come from the index where words are asked for, else from the list rows of a mailbox, lazily and newest or
oldest first; the rest is put to them in groups that grow. After as many hits as the mailbox has emails, those left
are read from its list: a word that is common elsewhere costs no more than twice the shorter way. Never reads the
record of an email.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice, takewhile
from typing import Final, TypeVar

from homing.ids import thread_of
from homing.jmap.context import Context, Opened
from homing.jmap.datatype import Found, Object
from homing.jmap.kinds import utc_ms
from homing.jmap.types.email_query_filter import (
    ROWLESS_CONDITIONS,
    Candidate,
    Group,
    Node,
    Test,
    Words,
    conditions,
    conjuncts,
    has_words,
    is_positive,
    load_threads,
    parse_filter,
    select,
)
from homing.jmap.types.email_query_sort import THREAD_SORTS, date_order, in_order, in_order_within
from homing.jmap.types.email_query_text import TEXT_CONDITIONS, Index
from homing.ledger import keys
from homing.ledger.entry import decode_body
from homing.ledger.view import View
from homing.ports.search import Expression, Hit
from homing.ports.store import Row

T = TypeVar("T")

FIRST_GROUP: Final = 50
LARGEST_GROUP: Final = 1_024
"""Candidates that are tested together: a page at first, since it may be full with these."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A filter, split: `words` is the question to the index, None without one; `rest` what is tested besides."""

    words: Expression | None
    rest: tuple[Node, ...]
    mailbox: str
    after: int | None
    before: int | None

    @property
    def is_mailbox(self) -> bool:
        """Whether all emails of one mailbox, or of the account, are asked for."""
        alone = self.rest in ((), (Test("inMailbox", self.mailbox),))
        return self.words is None and alone


def plan_query(filter: Object | None) -> Plan:
    """Split a checked filter.

    Raises:
        MethodError: `unsupportedFilter`, too many words.
    """
    parts = list(conjuncts(parse_filter(filter)))
    words = next((node.expression for node in parts if isinstance(node, Words)), None)
    rest = tuple(node for node in parts if not isinstance(node, Words))
    tests = [node for node in rest if isinstance(node, Test)]
    mailboxes = [node.value for node in tests if node.name == "inMailbox"]
    return Plan(
        words,
        rest,
        mailboxes[0] if mailboxes else keys.ALL_MAILBOXES,
        max((utc_ms(node.value) for node in tests if node.name == "after"), default=None),
        min((utc_ms(node.value) for node in tests if node.name == "before"), default=None),
    )


def find(context: Context, view: Opened, filter: Object | None, sort: Sequence[Object], arguments: Object) -> Found:
    """The ids that match, lazily where the order of the list rows is the order asked for."""
    plan = plan_query(filter)
    collapse = arguments["collapseThreads"]
    newest_first, by_date = date_order(sort)
    if by_date and len(sort) < 2 and plan.is_mailbox:
        ids = _listed_ids(view, plan.mailbox, newest_first, _first_rows(arguments))
        return Found(_collapse(ids) if collapse else ids, _known_total(view, plan.mailbox, collapse=collapse))
    search = EmailSearch(context, view, plan, sort)
    candidates = search.candidates(newest_first=newest_first)
    if not by_date:
        candidates = iter(in_order(search.with_threads(candidates), sort, view))
    elif len(sort) > 1:
        candidates = in_order_within(search.with_threads(candidates), sort[1:], view)
    found = (one.id for one in candidates)
    return Found(_collapse(found), None) if collapse else Found(found, search.known_total)


def rows_known(arguments: Object) -> list[str]:
    """The mailbox whose counters give the total, or tell how to search, so that it comes with the head."""
    filter = arguments["filter"]
    mailbox = _mailbox_of(filter)
    known = arguments["calculateTotal"] or (
        filter is not None and not TEXT_CONDITIONS.keys().isdisjoint(_names(filter))
    )
    return [keys.object_key("Mailbox", mailbox)] if known and mailbox != keys.ALL_MAILBOXES else []


class EmailSearch:
    """One query's way through the index and the list rows of an account."""

    def __init__(self, context: Context, view: Opened, plan: Plan, sort: Sequence[Object]) -> None:
        self._context = context
        self._view = view
        self._plan = plan
        tests = list(conditions(plan.rest))
        sorts = {comparator["property"] for comparator in sort}
        self._sorts_by_thread = bool(sorts & THREAD_SORTS)
        self._needs_rows = any(test.name not in ROWLESS_CONDITIONS for test in tests) or bool(sorts - {"receivedAt"})
        self._asks_index = plan.words is not None or has_words(plan.rest)

    @cached_property
    def index(self) -> Index:
        """The search index, which by now holds what the view shows."""
        return Index(self._context, self._view)

    @property
    def known_total(self) -> Callable[[], int] | None:
        """The index counts what is nothing but a question to it."""
        words = self._plan.words
        return None if words is None or self._plan.rest else lambda: self.index.count(words)

    def candidates(self, *, newest_first: bool) -> Iterator[Candidate]:
        """All that match, by date."""
        if self._asks_index:
            _ = self.index  # what cannot be asked is known before the first id is told
        groups = self._found(newest_first) if self._asks_first else self._of_list(newest_first)
        return chain.from_iterable(groups)

    def match(self, ids: Sequence[str], moments: Sequence[int]) -> list[Candidate]:
        """Those of some emails, received at those moments, that match."""
        hits = [Hit(id, keys.clamp_ms(at)) for id, at in zip(ids, moments, strict=True)]
        return self._select(self._with_rows(hits, always=True), words=True)

    def with_threads(self, candidates: Iterable[Candidate]) -> Iterator[Candidate]:
        """The candidates, with the threads that the order reads fetched for many at a time."""
        if not self._sorts_by_thread:
            yield from candidates
            return
        for group in _groups(candidates):
            load_threads(self._view, (one.id for one in group))
            yield from group

    @property
    def _asks_first(self) -> bool:
        """Whether candidates come from the index: not where all emails but some are asked for by their words."""
        plan = self._plan
        return plan.words is not None and (is_positive(plan.words) or not plan.rest)

    def _select(self, group: Sequence[Candidate], *, words: bool) -> list[Candidate]:
        """Those that match the rest, and the words if these are not known to be there."""
        plan = self._plan
        every = (*plan.rest, Words(plan.words)) if words and plan.words is not None else plan.rest
        return select(Group("AND", every), group, self._view, self._matching)

    def _matching(self, expression: Expression, ids: Sequence[str]) -> set[str]:
        return self.index.matching(expression, ids)

    def _found(self, newest_first: bool) -> Iterator[list[Candidate]]:
        """What matches, out of the index, and after too many hits out of the list."""
        assert self._plan.words is not None  # noqa: S101  # for the type checker: see `_asks_first`
        hits = self.index.hits(self._plan.words, newest_first=newest_first)
        after, before = self._plan.after, self._plan.before
        if newest_first and after is not None:
            hits = takewhile(lambda hit: hit.received_at >= after, hits)
        if not newest_first and before is not None:
            hits = takewhile(lambda hit: hit.received_at < before, hits)
        is_tested = self._needs_rows or self._plan.rest
        looked_at = 0
        for group in _groups(hits) if is_tested else ([hit] for hit in hits):
            yield self._select(self._with_rows(group), words=False)
            looked_at += len(group)
            if self._plan.mailbox != keys.ALL_MAILBOXES and looked_at > self._mailbox_size:
                yield from self._of_list(newest_first, group[-1])
                return

    @property
    def _mailbox_size(self) -> int:
        row = self._view.early("Mailbox", self._plan.mailbox)
        return row["counts"][0] if row else 0

    def _of_list(self, newest_first: bool, behind: Hit | None = None) -> Iterator[list[Candidate]]:
        """What matches, out of the list rows of a mailbox: between the dates asked for, and behind an email."""
        start, end = self._bounds()
        last = None
        if behind is not None:
            last = keys.list_key(self._plan.mailbox, behind.received_at, behind.email)
            start, end = (start, min(end, last)) if newest_first else (max(start, last), end)
        rows = self._view.scan(start, end, reverse=newest_first) if start < end else iter(())
        for group in _groups(_candidate(row) for row in rows if row.key != last):
            yield self._select(group, words=True)

    def _bounds(self) -> tuple[str, str]:
        """Between which keys the list rows of the dates asked for lie."""
        prefix = keys.list_prefix(self._plan.mailbox)
        start, end = keys.prefix_range(prefix)
        after, before = self._plan.after, self._plan.before
        if after is not None:
            start = f"{prefix}{keys.clamp_ms(after):013d}/"
        if before is not None and keys.clamp_ms(before) == before:
            end = f"{prefix}{before:013d}/"
        return start, end

    def _with_rows(self, hits: Sequence[Hit], *, always: bool = False) -> list[Candidate]:
        """Emails with their list rows, if anything asks for these; without those that are not in the mailbox."""
        if not self._needs_rows and not always:
            return [Candidate(hit.email, hit.received_at, {}) for hit in hits]
        account = self._view.partition
        places = [(account, keys.list_key(self._plan.mailbox, hit.received_at, hit.email)) for hit in hits]
        rows = self._context.site.store.get_many(places)
        return [_candidate(row) for place in places if (row := rows.get(place)) is not None]


def _candidate(row: Row) -> Candidate:
    rest, _, id = row.key.rpartition("/")
    return Candidate(id, int(rest.rpartition("/")[2]), decode_body(row.body))


def _groups(items: Iterable[T]) -> Iterator[list[T]]:
    size = FIRST_GROUP
    rest = iter(items)
    while group := list(islice(rest, size)):
        yield group
        size = min(2 * size, LARGEST_GROUP)


def _mailbox_of(filter: Object | None) -> str:
    """A mailbox that every match is in, so that only its list is scanned."""
    if filter is None:
        return keys.ALL_MAILBOXES
    if filter.get("operator") == "AND":
        found = (_mailbox_of(one) for one in filter["conditions"])
        return next((mailbox for mailbox in found if mailbox != keys.ALL_MAILBOXES), keys.ALL_MAILBOXES)
    mailbox: str = filter.get("inMailbox", keys.ALL_MAILBOXES) if "operator" not in filter else keys.ALL_MAILBOXES
    return mailbox


def _names(filter: Object) -> set[str]:
    if "operator" in filter:
        return {name for one in filter["conditions"] for name in _names(one)}
    return set(filter)


def _first_rows(arguments: Object) -> int | None:
    """How many list rows a page needs, where that is known: the scan then asks for no more."""
    simple = arguments["anchor"] is None and arguments["position"] >= 0 and not arguments["collapseThreads"]
    return arguments["position"] + arguments["limit"] if simple and arguments["limit"] is not None else None


def _known_total(view: Opened, mailbox: str, *, collapse: bool) -> Callable[[], int] | None:
    """The counters know it for a whole mailbox; the head for the account, unless threads are collapsed."""
    if mailbox == keys.ALL_MAILBOXES:
        return None if collapse else lambda: view.head.emails

    def count() -> int:
        row = view.early("Mailbox", mailbox)
        return int(row["counts"][2 if collapse else 0]) if row else 0

    return count


def _listed_ids(view: View, mailbox: str, newest_first: bool, limit: int | None) -> Iterator[str]:
    """Ids out of the keys alone."""
    start, end = keys.prefix_range(keys.list_prefix(mailbox))
    rows = view.scan(start, end, reverse=newest_first, limit=limit)
    return (keys.id_of(row.key) for row in rows)


def _collapse(ids: Iterable[str]) -> Iterator[str]:
    """Only the first email of each thread."""
    seen: set[str] = set()
    for id in ids:
        thread = thread_of(id)
        if thread not in seen:
            seen.add(thread)
            yield id
