"""`Email/query` on list rows (RFC 8621 §4.4): what an inbox shows costs one scan of as many rows as are shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from homing.errors import MethodError
from homing.ids import thread_of
from homing.jmap.context import Context, Opened
from homing.jmap.datatype import Found, Object
from homing.jmap.kinds import utc_ms
from homing.ledger import keys
from homing.ledger.entry import decode_body
from homing.ledger.view import View

MAX_TOKENS: Final = 100
"""Words of one condition, each of which is looked for in each email."""
LOOKAHEAD: Final = 100
"""Candidates whose threads or records are read together when a filter needs them: one call of the store."""

THREAD_CONDITIONS: Final = frozenset({"allInThreadHaveKeyword", "someInThreadHaveKeyword", "noneInThreadHaveKeyword"})
_TOKEN: Final = re.compile(r"""(?<!\S)"((?:\\.|[^"\\])*+)"(?!\S)|(?<!\S)'((?:\\.|[^'\\])*+)'(?!\S)|(\S++)""")
_ESCAPED: Final = re.compile(r"""\\(["'\\])""")
RECORD_CONDITIONS: Final = frozenset({"from", "to", "cc", "bcc", "subject"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """An email as its list row shows it."""

    id: str
    received_at: int
    row: Object


def find(_context: Context, view: Opened, filter: Object | None, sort: Sequence[Object], arguments: Object) -> Found:
    """The ids that match, lazily where the order of the list rows is the order asked for."""
    mailbox = _mailbox_of(filter)
    collapse = arguments["collapseThreads"]
    newest_first, by_date = _date_order(sort)
    if by_date and len(sort) < 2 and filter in (None, {}, {"inMailbox": mailbox}):
        ids = _listed_ids(view, mailbox, newest_first, _first_rows(arguments))
        return Found(_collapse(ids) if collapse else ids, _known_total(view, mailbox, collapse=collapse))
    candidates = _candidates(view, mailbox, newest_first)
    if filter is not None:
        matches = compile_filter(filter, view)
        candidates = (one for one in _read_ahead(view, candidates, filter, sort) if matches(one))
    if not by_date:
        candidates = iter(_sorted(_read_ahead(view, candidates, {}, sort), sort, view))
    elif len(sort) > 1:
        candidates = _sorted_within(_read_ahead(view, candidates, {}, sort), sort[1:], view)
    found = (one.id for one in candidates)
    return Found(_collapse(found) if collapse else found)


def compile_filter(filter: Object, view: View) -> Callable[[Candidate], bool]:
    """A predicate for a checked filter (RFC 8620 §5.5, RFC 8621 §4.4.1)."""
    if "operator" in filter:
        inner = [compile_filter(one, view) for one in filter["conditions"]]
        if filter["operator"] == "AND":
            return lambda one: all(test(one) for test in inner)
        if filter["operator"] == "OR":
            return lambda one: any(test(one) for test in inner)
        return lambda one: not any(test(one) for test in inner)
    tests = [_CONDITIONS[name](value, view) for name, value in filter.items()]
    return lambda one: all(test(one) for test in tests)


def _mailbox_of(filter: Object | None) -> str:
    """A mailbox that every match is in, so that only its list is scanned."""
    if filter is None:
        return keys.ALL_MAILBOXES
    if filter.get("operator") == "AND":
        found = (_mailbox_of(one) for one in filter["conditions"])
        return next((mailbox for mailbox in found if mailbox != keys.ALL_MAILBOXES), keys.ALL_MAILBOXES)
    mailbox: str = filter.get("inMailbox", keys.ALL_MAILBOXES) if "operator" not in filter else keys.ALL_MAILBOXES
    return mailbox


def _date_order(sort: Sequence[Object]) -> tuple[bool, bool]:
    """(newest first, whether the list rows are in the order asked for)."""
    if not sort:
        return True, True
    first = sort[0]
    return not first["isAscending"], first["property"] == "receivedAt"


def rows_known(arguments: Object) -> list[str]:
    """The mailbox whose counters give the total, so that it comes with the head."""
    mailbox = _mailbox_of(arguments["filter"])
    known = arguments["calculateTotal"] and mailbox != keys.ALL_MAILBOXES
    return [keys.object_key("Mailbox", mailbox)] if known else []


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
    for row in view.scan(start, end, reverse=newest_first, limit=limit):
        yield keys.id_of(row.key)


def _candidates(view: View, mailbox: str, newest_first: bool) -> Iterator[Candidate]:
    start, end = keys.prefix_range(keys.list_prefix(mailbox))
    for row in view.scan(start, end, reverse=newest_first):
        rest, _, id = row.key.rpartition("/")
        yield Candidate(id, int(rest.rpartition("/")[2]), decode_body(row.body))


def _collapse(ids: Iterable[str]) -> Iterator[str]:
    """Only the first email of each thread."""
    seen: set[str] = set()
    for id in ids:
        thread = thread_of(id)
        if thread not in seen:
            seen.add(thread)
            yield id


def _names(filter: Object) -> set[str]:
    if "operator" in filter:
        return {name for one in filter["conditions"] for name in _names(one)}
    return set(filter)


def _read_ahead(
    view: View, candidates: Iterable[Candidate], filter: Object, sort: Sequence[Object]
) -> Iterator[Candidate]:
    """The candidates, with the rows that filter or sort will read fetched a hundred at a time."""
    names = _names(filter) | {comparator["property"] for comparator in sort}
    threads, records = bool(names & THREAD_CONDITIONS), bool(_names(filter) & RECORD_CONDITIONS)
    if not threads and not records:
        yield from candidates
        return
    group: list[Candidate] = []
    for one in candidates:
        group.append(one)
        if len(group) == LOOKAHEAD:
            _fetch(view, group, threads=threads, records=records)
            yield from group
            group = []
    _fetch(view, group, threads=threads, records=records)
    yield from group


def _fetch(view: View, group: Sequence[Candidate], *, threads: bool, records: bool) -> None:
    wanted = [keys.object_key("Thread", thread_of(one.id)) for one in group] if threads else []
    wanted += [keys.object_key("Email", one.id) for one in group] if records else []
    view.load(wanted)


def _sorted(candidates: Iterable[Candidate], sort: Sequence[Object], view: View) -> list[Candidate]:
    """Stable sorts from the last comparator to the first; what is equal in all stays newest first."""
    found = sorted(candidates, key=lambda one: (one.received_at, one.id), reverse=True)
    for comparator in reversed(sort):
        key = _SORTS[comparator["property"]](comparator, view)
        found.sort(key=key, reverse=not comparator["isAscending"])
    return found


def _sorted_within(candidates: Iterable[Candidate], sort: Sequence[Object], view: View) -> Iterator[Candidate]:
    """Candidates in order of date, those of one moment sorted further."""
    for _, group in groupby(candidates, key=lambda one: one.received_at):
        yield from _sorted(group, sort, view)


def _thread_states(one: Candidate, view: View) -> list[Object]:
    thread = view.object("Thread", thread_of(one.id))
    return list(thread["emails"].values()) if thread else []


def _in_thread(keyword: str, view: View, judge: Callable[[Iterable[bool]], bool]) -> Callable[[Candidate], bool]:
    wanted = keyword.lower()
    return lambda one: judge(wanted in state["keywords"] for state in _thread_states(one, view))


def _addresses(name: str, text: str, view: View) -> Callable[[Candidate], bool]:
    wanted = tokens(text)

    def test(one: Candidate) -> bool:
        record = view.object("Email", one.id) or {}
        addresses = record.get(name) or []
        written = ", ".join(f"{item.get('name') or ''} <{item.get('email') or ''}>" for item in addresses).casefold()
        return all(token in written for token in wanted)

    return test


def _subject(text: str, view: View) -> Callable[[Candidate], bool]:
    wanted = tokens(text)

    def test(one: Candidate) -> bool:
        subject = str((view.object("Email", one.id) or {}).get("subject", "")).casefold()
        return all(token in subject for token in wanted)

    return test


def tokens(text: str) -> list[str]:
    """What must all be found: words, and phrases in quotes with `\\` before a quote (RFC 8621 §4.4.1).

    Raises:
        MethodError: `unsupportedFilter`, more than `MAX_TOKENS`.
    """
    found = (match[1] or match[2] or match[3] for match in _TOKEN.finditer(text))
    wanted = dict.fromkeys(_ESCAPED.sub(r"\1", token).casefold() for token in found if token)
    if len(wanted) > MAX_TOKENS:
        raise MethodError("unsupportedFilter", f"more than {MAX_TOKENS} words")
    return list(wanted)


def _other_than(mailboxes: list[str]) -> Callable[[Candidate], bool]:
    excluded = frozenset(mailboxes)
    return lambda one: any(mailbox not in excluded for mailbox in one.row["mailboxIds"])


def _before(moment: int) -> Callable[[Candidate], bool]:
    return lambda one: one.received_at < moment


def _has(keyword: str) -> Callable[[Candidate], bool]:
    wanted = keyword.lower()
    return lambda one: wanted in one.row["keywords"]


def _not(test: Callable[[Candidate], bool]) -> Callable[[Candidate], bool]:
    return lambda one: not test(one)


_CONDITIONS: Final[dict[str, Callable[[Any, View], Callable[[Candidate], bool]]]] = {
    "inMailbox": lambda value, _: lambda one: value in one.row["mailboxIds"],
    "inMailboxOtherThan": lambda value, _: _other_than(value),
    "before": lambda value, _: _before(utc_ms(value)),
    "after": lambda value, _: _not(_before(utc_ms(value))),
    "minSize": lambda value, _: lambda one: one.row["size"] >= value,
    "maxSize": lambda value, _: lambda one: one.row["size"] < value,
    "hasKeyword": lambda value, _: _has(value),
    "notKeyword": lambda value, _: _not(_has(value)),
    "allInThreadHaveKeyword": lambda value, view: _in_thread(value, view, all),
    "someInThreadHaveKeyword": lambda value, view: _in_thread(value, view, any),
    "noneInThreadHaveKeyword": lambda value, view: _not(_in_thread(value, view, any)),
    "hasAttachment": lambda value, _: lambda one: one.row["hasAttachment"] == value,
    "from": lambda value, view: _addresses("from", value, view),
    "to": lambda value, view: _addresses("to", value, view),
    "cc": lambda value, view: _addresses("cc", value, view),
    "bcc": lambda value, view: _addresses("bcc", value, view),
    "subject": _subject,
}


def _moment(sent_at: str) -> float:
    """Seconds since 1970 of a stored `sentAt`, whatever its offset; 0 where there is none."""
    try:
        return datetime.fromisoformat(sent_at).timestamp() if sent_at else 0.0
    except (ValueError, OverflowError):
        return 0.0


def _by_text(name: str) -> Callable[[Object, View], Callable[[Candidate], Any]]:
    return lambda _comparator, _view: lambda one: one.row[name].casefold()


_SORTS: Final[dict[str, Callable[[Object, View], Callable[[Candidate], Any]]]] = {
    "receivedAt": lambda _comparator, _view: lambda one: one.received_at,
    "size": lambda _comparator, _view: lambda one: one.row["size"],
    "sentAt": lambda _comparator, _view: lambda one: _moment(one.row["sentAt"]),
    "from": _by_text("from"),
    "to": _by_text("to"),
    "subject": _by_text("subject"),
    "hasKeyword": lambda comparator, _view: _has(comparator["keyword"]),
    "allInThreadHaveKeyword": lambda comparator, view: _in_thread(comparator["keyword"], view, all),
    "someInThreadHaveKeyword": lambda comparator, view: _in_thread(comparator["keyword"], view, any),
}
