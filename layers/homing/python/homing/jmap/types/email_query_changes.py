"""What may have become of the results of an `Email/query` since a state (RFC 8621 §4.5).

Of an email only its mailboxes and its keywords change. So an update matters only if filter or order ask for the very
mailboxes or keywords that it touched; one email alters the place of others only through its thread, where the filter
looks at the keywords of threads or threads are collapsed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from homing.ids import thread_of
from homing.jmap.context import Context, Opened
from homing.jmap.datatype import Altered, Object
from homing.jmap.types.email_query import EmailSearch, Plan, plan_query
from homing.jmap.types.email_query_filter import THREAD_CONDITIONS, conditions
from homing.jmap.types.email_query_sort import THREAD_SORTS
from homing.ledger.email_history import EmailHistory, email_history

_OWN_KEYWORD = frozenset({"hasKeyword", "notKeyword"})


@dataclass(frozen=True, slots=True)
class _Watched:
    """What of an email, and of its thread, the results depend on."""

    mailboxes: frozenset[str]
    besides: tuple[frozenset[str], ...]
    keywords: frozenset[str]
    thread_keywords: frozenset[str]

    @classmethod
    def of(cls, plan: Plan, sort: Sequence[Object]) -> _Watched:
        asked = [(test.name, test.value) for test in conditions(plan.rest)]
        asked += [(one["property"], one["keyword"]) for one in sort if "keyword" in one]
        threads = THREAD_CONDITIONS | THREAD_SORTS
        return cls(
            frozenset(value for name, value in asked if name == "inMailbox"),
            tuple(frozenset(value) for name, value in asked if name == "inMailboxOtherThan"),
            frozenset(value.lower() for name, value in asked if name in _OWN_KEYWORD),
            frozenset(value.lower() for name, value in asked if name in threads),
        )

    def is_mailbox_watched(self, mailboxes: Iterable[str]) -> bool:
        """Whether coming into, or leaving, one of these may change the results."""
        changed = frozenset(mailboxes)
        return bool(changed & self.mailboxes) or any(changed - excluded for excluded in self.besides)


def altered(context: Context, view: Opened, arguments: Object, sort: Sequence[Object], since: str) -> Altered:
    """What left or may have moved since a state, and what of it matches now.

    Raises:
        MethodError: `cannotCalculateChanges`, for a state that no query of this account ever had.
    """
    plan = plan_query(arguments["filter"])
    history = email_history(view, since)
    touched, threads = _touched(history, _Watched.of(plan, sort), collapse=arguments["collapseThreads"])
    present = _present(view, touched, threads)
    gone = {*present, *touched, *history.destroyed} - history.created
    matching = EmailSearch(context, view, plan, sort).match(list(present), list(present.values()))
    back = [one.id for one in matching]
    if arguments["collapseThreads"]:
        return Altered(gone, back, {thread_of(id) for id in back}, thread_of)
    return Altered(gone, back)


def _touched(history: EmailHistory, watched: _Watched, *, collapse: bool) -> tuple[set[str], set[str]]:
    """Emails whose own place may have changed, and threads of which all emails' places may have."""
    updated = {id for id, changed in history.mailboxes.items() if watched.is_mailbox_watched(changed)}
    updated |= {id for id, changed in history.keywords.items() if changed & watched.keywords}
    appeared = history.created | history.destroyed
    threads = set()
    if watched.thread_keywords:
        threads = {thread_of(id) for id, changed in history.keywords.items() if changed & watched.thread_keywords}
        threads |= {thread_of(id) for id in appeared}
    if collapse:
        threads |= {thread_of(id) for id in updated | appeared}
    return updated | history.created, threads


def _present(view: Opened, touched: set[str], threads: set[str]) -> dict[str, int]:
    """When those of the emails that exist were received: the touched ones, and all of the threads."""
    found: dict[str, int] = {}
    for id, thread in view.objects("Thread", sorted(threads | set(map(thread_of, touched)))).items():
        emails = thread["emails"]
        found |= {email: emails[email]["receivedAt"] for email in emails if id in threads or email in touched}
    return found
