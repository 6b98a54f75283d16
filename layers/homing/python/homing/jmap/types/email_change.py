"""Changes of an email: keywords, mailboxes, destruction (RFC 8621 §4.6). Noted in a draft."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from homing.config import Limits
from homing.delivery.threads import destroy_record
from homing.errors import LimitExceeded
from homing.ids import is_id, thread_of
from homing.jmap.context import Step
from homing.jmap.datatype import Commit, Object, SetError
from homing.jmap.patch import InvalidPatch
from homing.ledger import keys
from homing.ledger.indexes import UNCOUNTED
from homing.ledger.transact import Draft
from homing.ledger.view import View

KEYWORDS: Final = "keywords/"
MAILBOXES: Final = "mailboxIds/"
EMPTIED_AT_ONCE: Final = 8
"""Emails that one commit takes out of a mailbox which is to be destroyed."""
SHRUNK_AT_ONCE: Final = 80
"""Message ids that one commit takes out of a thread which is to vanish."""


def state_of(view: View, email: str) -> Object | None:
    """The changing state of an email, kept in its thread; None if there is no such email."""
    thread = view.object("Thread", thread_of(email))
    return None if thread is None else thread["emails"].get(email)


def settable(view: View, email: str) -> Object | None:
    """What `Email/set` may update."""
    state = state_of(view, email)
    if state is None:
        return None
    return {"mailboxIds": dict.fromkeys(state["mailboxIds"], True), "keywords": state["keywords"]}


def lower_keywords(patch: Object) -> Object:
    """The patch with keywords in lower case, as they are stored (RFC 8621 §4.1.1).

    Raises:
        InvalidPatch: two paths are the same then.
    """
    lowered: Object = {}
    for path, value in patch.items():
        name = path.lower() if path.startswith(KEYWORDS) and path.isascii() else path
        if name in lowered:
            raise InvalidPatch(f"{path}: keywords are the same in upper and lower case")
        lowered[name] = value
    return lowered


def fetch(draft: Draft, updates: Mapping[str, Object], destroys: Sequence[str]) -> None:
    """Bring what these changes read: two calls of the store for all of them."""
    rows = [keys.object_key(type, id) for id in destroys for type in ("Email", "Provenance")]
    rows += [keys.object_key("Email", id) for id in updates]
    draft.load([*(keys.object_key("Thread", thread_of(id)) for id in (*updates, *destroys)), *rows])
    recounted = [id for id, patch in updates.items() if any(map(_recounts, patch))]
    states = [state for id in (*recounted, *destroys) if (state := state_of(draft, id)) is not None]
    mailboxes = [mailbox for state in states for mailbox in state["mailboxIds"]]
    mailboxes += [id for patch in updates.values() for id in _targets(patch) if is_id(id)]
    wanted = [keys.object_key("Mailbox", mailbox) for mailbox in mailboxes]
    for id in destroys:
        wanted += _derived_rows(draft, id)
    draft.load(wanted)


def update_email(step: Step, email: str, current: Object, changed: Object) -> Object | SetError | None:
    """Note new keywords or mailboxes; return what differs from what was asked (keywords in lower case)."""
    limits = step.context.site.config.limits
    patch: Object = {}
    answer: Object = {}
    if "keywords" in changed:
        keywords = find_keywords(changed["keywords"], limits)
        if isinstance(keywords, SetError):
            return keywords
        patch["keywords"] = _difference(current["keywords"], keywords)
        if keywords != changed["keywords"]:
            answer["keywords"] = keywords
    if "mailboxIds" in changed:
        mailboxes = find_mailboxes(step, changed["mailboxIds"], limits)
        if isinstance(mailboxes, SetError):
            return mailboxes
        patch["mailboxIds"] = _difference(current["mailboxIds"], mailboxes)
    patch = {name: difference for name, difference in patch.items() if difference}
    if patch:
        step.draft.update("Thread", thread_of(email), {"emails": {email: patch}})
    return answer or None


def find_keywords(wanted: Object, limits: Limits) -> Object | SetError:
    """The keywords of an email as they are stored, in lower case (RFC 8621 §4.1.1)."""
    keywords = {keyword.lower(): True for keyword in wanted}
    if len(keywords) > limits.max_keywords_per_email:
        return SetError("tooManyKeywords", f"at most {limits.max_keywords_per_email}")
    return keywords


def find_mailboxes(step: Step, wanted: Object, limits: Limits) -> Object | SetError:
    """The mailboxes that an email is to be in, each with the uid that it would get there."""
    ids = [step.resolve(id) for id in wanted]
    rows = step.draft.objects("Mailbox", [id for id in ids if id is not None])
    if not ids or len(rows) < len(set(ids)):
        return SetError("invalidProperties", "an email is in at least one mailbox, and each exists", ("mailboxIds",))
    if len(rows) > limits.max_mailboxes_per_email:
        return SetError("tooManyMailboxes", f"at most {limits.max_mailboxes_per_email}")
    return {id: row["uidNext"] for id, row in rows.items()}


def destroy_email(draft: Draft, email: str) -> None:
    """Note that an email goes, wherever it is."""
    draft.load(keys.object_key(type, email) for type in ("Email", "Provenance"))
    draft.update("Thread", thread_of(email), {"emails": {email: None}})
    destroy_record(draft, email)


def shrink_thread(draft: Draft, email: str) -> bool:
    """Take message ids out of the thread of its last email: all of them at once may not fit into a commit."""
    thread = draft.object("Thread", thread_of(email))
    if thread is None or list(thread["emails"]) != [email] or not thread["messageIds"]:
        return False
    hashes = sorted(thread["messageIds"])[:SHRUNK_AT_ONCE]
    draft.load(map(keys.message_id_key, hashes))
    draft.update("Thread", thread_of(email), {"messageIds": dict.fromkeys(hashes)})
    return True


def empty_mailbox(mailbox: str, commit: Commit) -> None:
    """Take every email out of a mailbox, a few at a time; those that are in no other are destroyed."""
    most = EMPTIED_AT_ONCE
    while True:
        try:
            if not commit(_first_emails(mailbox, most, _remove_all)):
                return
        except LimitExceeded:
            if most > 1:
                most //= 2
            elif not commit(_first_emails(mailbox, 1, lambda draft, emails, _: shrink_thread(draft, emails[0]))):
                raise


def _first_emails(
    mailbox: str, most: int, work: Callable[[Draft, Sequence[str], str], bool]
) -> Callable[[Draft], bool]:
    """Work on a mailbox's first emails; false if it has none."""

    def decide(draft: Draft) -> bool:
        rows = draft.scan(*keys.prefix_range(keys.list_prefix(mailbox)), limit=most)
        emails = [keys.id_of(row.key) for row in rows]
        return bool(emails) and work(draft, emails, mailbox)

    return decide


def _remove_all(draft: Draft, emails: Sequence[str], mailbox: str) -> bool:
    fetch(draft, {}, emails)
    for email in emails:
        if set((state_of(draft, email) or {})["mailboxIds"]) == {mailbox}:
            destroy_email(draft, email)
        else:
            draft.update("Thread", thread_of(email), {"emails": {email: {"mailboxIds": {mailbox: None}}}})
    return True


def _recounts(path: str) -> bool:
    """Whether a patch with this path may change a mailbox's counters."""
    return not path.startswith(KEYWORDS) or path.removeprefix(KEYWORDS).lower() in UNCOUNTED


def _targets(patch: Object) -> Iterator[str]:
    """Mailboxes that a patch names."""
    for path, value in patch.items():
        if path.startswith(MAILBOXES):
            yield path.removeprefix(MAILBOXES)
        elif path == "mailboxIds" and isinstance(value, dict):
            yield from value


def _derived_rows(draft: Draft, email: str) -> list[str]:
    """Keys of the rows that go with an email: its blob's, and the thread's message ids when it is the last."""
    record, thread = draft.object("Email", email), draft.object("Thread", thread_of(email))
    rows = [] if record is None else [keys.blob_key(record["blob"])]
    if thread is not None and len(thread["emails"]) == 1:
        rows += map(keys.message_id_key, thread["messageIds"])
    return rows


def _difference(before: Object, after: Object) -> Object:
    """The merge patch that adds what is new and removes what is gone."""
    added = {name: value for name, value in after.items() if name not in before}
    return added | dict.fromkeys(name for name in before if name not in after)
