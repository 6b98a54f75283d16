"""Changes of an email: keywords, mailboxes, destruction (RFC 8621 §4.6). Noted in a draft."""

from __future__ import annotations

from typing import Any

from homing.config import Limits
from homing.delivery.threads import destroy_record
from homing.ids import thread_of
from homing.jmap.context import Step
from homing.jmap.datatype import SetError
from homing.ledger import keys
from homing.ledger.transact import Draft
from homing.ledger.view import View

Object = dict[str, Any]


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


def rows_of(emails: list[str]) -> list[str]:
    """Keys of the rows that changing these emails reads."""
    types = ("Thread", "Email")
    return [keys.object_key(type, thread_of(id) if type == "Thread" else id) for id in emails for type in types]


def update_email(step: Step, email: str, current: Object, changed: Object) -> Object | SetError | None:
    """Note new keywords or mailboxes; return what differs from what was asked (keywords in lower case)."""
    limits = step.context.site.config.limits
    patch: Object = {}
    answer: Object = {}
    if "keywords" in changed:
        keywords = {keyword.lower(): True for keyword in changed["keywords"]}
        if len(keywords) > limits.max_keywords_per_email:
            return SetError("tooManyKeywords", f"at most {limits.max_keywords_per_email}")
        patch["keywords"] = _difference(current["keywords"], keywords)
        if keywords != changed["keywords"]:
            answer["keywords"] = keywords
    if "mailboxIds" in changed:
        mailboxes = _mailboxes(step, changed["mailboxIds"], limits)
        if isinstance(mailboxes, SetError):
            return mailboxes
        patch["mailboxIds"] = _difference(current["mailboxIds"], mailboxes)
    if any(patch.values()):
        step.draft.update("Thread", thread_of(email), {"emails": {email: patch}})
    return answer or None


def destroy_email(draft: Draft, email: str) -> None:
    """Note that an email goes, wherever it is."""
    draft.load(keys.object_key(type, email) for type in ("Email", "Provenance"))
    draft.update("Thread", thread_of(email), {"emails": {email: None}})
    destroy_record(draft, email)


def remove_from_mailbox(draft: Draft, email: str, mailbox: str) -> None:
    """Take an email out of a mailbox; if it is in no other, it is destroyed."""
    state = state_of(draft, email)
    if state is None:
        return
    if set(state["mailboxIds"]) == {mailbox}:
        destroy_email(draft, email)
    else:
        draft.update("Thread", thread_of(email), {"emails": {email: {"mailboxIds": {mailbox: None}}}})


def _mailboxes(step: Step, wanted: Object, limits: Limits) -> Object | SetError:
    """The uid that the email gets in each mailbox (only the new ones are used)."""
    ids = [step.resolve(id) for id in wanted]
    rows = step.draft.objects("Mailbox", [id for id in ids if id is not None])
    if not ids or len(rows) < len(set(ids)):
        return SetError("invalidProperties", "an email is in at least one mailbox, and each exists", ("mailboxIds",))
    if len(rows) > limits.max_mailboxes_per_email:
        return SetError("tooManyMailboxes", f"at most {limits.max_mailboxes_per_email}")
    return {id: row["uidNext"] for id, row in rows.items()}


def _difference(before: Object, after: Object) -> Object:
    """The merge patch that adds what is new and removes what is gone."""
    added = {name: value for name, value in after.items() if name not in before}
    return added | dict.fromkeys(name for name in before if name not in after)
