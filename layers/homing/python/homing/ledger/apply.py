"""`apply`: changes in, row writes out. Pure but for reading what the changes build on.

The same function serves the live commit and the replay, so every row is a function of the entries.
Rows are decoded values here; `Applied` carries them as they are, and the caller encodes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from homing.errors import Permanent
from homing.ledger import keys
from homing.ledger.entry import Change, Touched, merge_patch
from homing.ledger.indexes import Counts, changed_emails, count_changes, list_row
from homing.ledger.rows import Body, Head, Read, Value

DELIVERY_SECONDS: Final = 30 * 24 * 3_600
"""How long a delivery is remembered: longer than any client retries (RFC 5321 §4.5.4.1: 4 to 5 days)."""

EMAIL_DELIVERY: Final = "EmailDelivery"
"""A type without objects: its state moves with every email that is new, however it came (RFC 8621 §1.5)."""

NOTED_EMAILS: Final = 1_000
"""Emails that a blob's row names: `Blob/lookup` knows no more (RFC 9404 §4.3), but every one is counted."""

ROWLESS: Final = frozenset({"Delivery", "Done", "Upload"})
"""Types whose changes write rows of their own form instead of `o/` rows."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What an entry writes besides itself: new values by key (None: removed), and what it touched."""

    rows: dict[str, Value | None]
    touched: dict[str, Touched]
    emails: int
    bytes: int

    def head(self, before: Head, seq: int, hash: str) -> Head:
        """The head after the entry."""
        states = before.states | dict.fromkeys(self.touched, seq)
        return Head(seq, hash, states, before.emails + self.emails, before.bytes + self.bytes)


def apply(changes: Iterable[Change], at: int, read: Read) -> Applied:
    """The rows that `changes`, made at `at` (ms), write on top of what `read` gives.

    Raises:
        Permanent: a change that does not fit: creating what exists, updating or destroying what does not.
    """
    writing = Writing(at, read)
    for change in changes:
        writing.change(change)
    return writing.finish()


class Writing:
    """The rows of one entry while they come together; `apply` is its whole life in one call."""

    def __init__(self, at: int, read: Read) -> None:
        self.at = at
        self._read = read
        self._rows: dict[str, Value | None] = {}
        self._touched: dict[str, dict[str, str]] = {}
        self.emails = 0
        self.bytes = 0

    def value(self, key: str) -> Value | None:
        """What stands under a key after the changes so far."""
        return self._rows[key] if key in self._rows else self._read(key)

    def written(self) -> Iterable[str]:
        """Keys of the rows that the changes so far write or remove."""
        return self._rows.keys()

    def row(self, key: str) -> Body | None:
        """The body under a key after the changes so far."""
        value = self.value(key)
        return value.body if value else None

    def put(self, key: str, body: Body | None, expires: int | None = None) -> None:
        """Write a row; a body of None removes it."""
        self._rows[key] = None if body is None else Value(body, expires)

    def change(self, change: Change) -> None:
        """Apply one more change. Raises as `apply`."""
        if change.type in ROWLESS:
            _DERIVE[change.type](self, change, None, change.create)
            return
        key = keys.object_key(change.type, change.id)
        before = self.row(key)
        after = _result(change, before)
        self.put(key, after)
        _DERIVE.get(change.type, _derive_plain)(self, change, before, after)

    def touch(self, type: str, id: str, how: str) -> None:
        """Note a change; several changes of one object in an entry are one."""
        ids = self._touched.setdefault(type, {})
        earlier = ids.get(id)
        if earlier is None:
            ids[id] = how
        elif how == "destroyed":
            if earlier == "created":
                del ids[id]
            else:
                ids[id] = how
        elif earlier == "counted":
            ids[id] = how
        elif earlier == "destroyed":
            ids[id] = "updated"

    def finish(self) -> Applied:
        """Everything so far."""
        touched = {type: _touched(ids) for type, ids in sorted(self._touched.items()) if ids}
        return Applied(self._rows, touched, self.emails, self.bytes)


def _touched(ids: dict[str, str]) -> Touched:
    return Touched(**{how: tuple(id for id, was in ids.items() if was == how) for how in sorted(set(ids.values()))})


def _result(change: Change, before: Body | None) -> Body | None:
    if change.create is not None:
        if before is not None:
            raise Permanent("badChange", "the object exists", object=change.type, id=change.id)
        return change.create
    if before is None:
        raise Permanent("badChange", "the object does not exist", object=change.type, id=change.id)
    return None if change.destroy else merge_patch(before, change.update or {})


def _how(before: Body | None, after: Body | None) -> str:
    return "created" if before is None else "destroyed" if after is None else "updated"


def _derive_plain(writing: Writing, change: Change, before: Body | None, after: Body | None) -> None:
    writing.touch(change.type, change.id, _how(before, after))


def _derive_mailbox(writing: Writing, change: Change, before: Body | None, after: Body | None) -> None:
    """A mailbox's counters and its next IMAP uid stand in its row and are never set by a change."""
    if before is None and after is not None:
        writing.put(keys.object_key("Mailbox", change.id), {**after, "counts": list(Counts()), "uidNext": 1})
    if before is not None and after is None and before["counts"][0]:
        raise Permanent("badChange", "a mailbox that goes still holds emails", id=change.id)
    writing.touch("Mailbox", change.id, _how(before, after))


def _derive_email(writing: Writing, change: Change, before: Body | None, after: Body | None) -> None:
    """The record counts towards usage and lets its account read the raw message. A new one is told to who waits
    for new mail only."""
    if change.update is not None:
        raise Permanent("badChange", "the record of an email never changes", id=change.id)
    record = after or before or {}
    sign = 1 if after else -1
    writing.emails += sign
    writing.bytes += sign * record["size"]
    _use_blob(writing, record["blob"], change.id, sign)
    writing.touch("Email", change.id, _how(before, after))
    if before is None:
        writing.touch(EMAIL_DELIVERY, change.id, "created")


def _derive_sieve_script(writing: Writing, change: Change, before: Body | None, after: Body | None) -> None:
    """A script keeps its text."""
    old, new = (before or {}).get("blob"), (after or {}).get("blob")
    if old != new:
        for digest, uses in ((new, 1), (old, -1)):
            if digest is not None:
                _use_blob(writing, digest, None, uses)
    _derive_plain(writing, change, before, after)


def _derive_thread(writing: Writing, change: Change, before: Body | None, after: Body | None) -> None:
    """List rows, look-up rows and counters follow from a thread; an empty thread has no row."""
    if after is not None and not after["emails"]:
        after = None
        writing.put(keys.object_key("Thread", change.id), None)
    old = before["emails"] if before else {}
    new = after["emails"] if after else {}
    for id in changed_emails(before, after):
        _list_email(writing, id, old.get(id), new.get(id))
    _index_message_ids(writing, change.id, before, after)
    for mailbox, difference in count_changes(before, after).items():
        _count(writing, mailbox, difference)
    if old.keys() != new.keys():
        writing.touch("Thread", change.id, _how(before, after))


def _list_email(writing: Writing, id: str, before: Body | None, after: Body | None) -> None:
    if before is not None:
        for mailbox in (*before["mailboxIds"], keys.ALL_MAILBOXES):
            writing.put(keys.list_key(mailbox, before["receivedAt"], id), None)
    if after is not None:
        record = writing.row(keys.object_key("Email", id))
        if record is None:
            raise Permanent("badChange", "a thread names an email that does not exist", id=id)
        body = list_row(record, after)
        for mailbox in (*after["mailboxIds"], keys.ALL_MAILBOXES):
            writing.put(keys.list_key(mailbox, after["receivedAt"], id), body)
        _take_uids(writing, after, before)
    if before is not None and after is not None:
        writing.touch("Email", id, "updated")


def _take_uids(writing: Writing, after: Body, before: Body | None) -> None:
    """`uidNext` stays above every uid that was ever given in the mailbox (RFC 9051 §2.3.1.1)."""
    for mailbox, uid in after["mailboxIds"].items():
        if before is None or mailbox not in before["mailboxIds"]:
            row = _mailbox(writing, mailbox)
            if uid >= row["uidNext"]:
                writing.put(keys.object_key("Mailbox", mailbox), {**row, "uidNext": uid + 1})


def _index_message_ids(writing: Writing, id: str, before: Body | None, after: Body | None) -> None:
    old = before["messageIds"] if before else {}
    new = after["messageIds"] if after else {}
    for hash in sorted(old.keys() - new.keys()):
        row = writing.row(keys.message_id_key(hash))
        if row is None or row["thread"] == id:  # another thread may have taken it over in this entry
            writing.put(keys.message_id_key(hash), None)
    for hash in sorted(new.keys() - old.keys()):
        writing.put(keys.message_id_key(hash), {"thread": id})


def _count(writing: Writing, mailbox: str, difference: Counts) -> None:
    row = _mailbox(writing, mailbox)
    counts = Counts(*row["counts"]).plus(difference)
    writing.put(keys.object_key("Mailbox", mailbox), {**row, "counts": list(counts)})
    writing.touch("Mailbox", mailbox, "counted")


def _mailbox(writing: Writing, mailbox: str) -> Body:
    row = writing.row(keys.object_key("Mailbox", mailbox))
    if row is None:
        raise Permanent("badChange", "an email is put into a mailbox that does not exist", id=mailbox)
    return row


def _use_blob(writing: Writing, digest: str, email: str | None, uses: int) -> None:
    """Count a use of a blob in or out. Of emails, whose raw message it is, note which they are."""
    key = keys.blob_key(digest)
    row = writing.row(key) or {"uses": 0}
    emails = [id for id in row.get("emails", ()) if id != email]
    if email is not None and uses > 0 and len(emails) < NOTED_EMAILS:
        emails.append(email)
    _put_blob(writing, key, {**row, "uses": row["uses"] + uses, "emails": emails}, row.get("upload", 0))


def _put_blob(writing: Writing, key: str, use: Body, upload: int) -> None:
    """A blob in use stays; one that was only uploaded expires (RFC 8620 §6.1)."""
    body = {name: value for name, value in use.items() if (value or name == "uses") and name not in ("upload", "by")}
    if upload * 1000 > writing.at:
        body["upload"] = upload
        if use.get("by"):
            body["by"] = use["by"]
    elif body["uses"] <= 0:
        writing.put(key, None)
        return
    writing.put(key, body, upload if body["uses"] <= 0 else None)


def _derive_upload(writing: Writing, change: Change, _before: Body | None, after: Body | None) -> None:
    """An upload: `{"expires": <Unix seconds>, "by": <account>}` under the blob's digest. `by` is whose user sent it,
    who alone may read it until something uses it (RFC 8620 §6.1); what the site itself keeps has none."""
    key = keys.blob_key(change.id)
    row = writing.row(key) or {"uses": 0}
    body = after or {}
    by = sorted({*row.get("by", ()), body["by"]}) if "by" in body else row.get("by")
    _put_blob(writing, key, {**row, "by": by}, max(row.get("upload", 0), body["expires"]))


def _derive_delivery(writing: Writing, change: Change, _before: Body | None, after: Body | None) -> None:
    """What was delivered is remembered, so that a client's second attempt brings no second copy."""
    writing.put(keys.delivery_key(change.id), after, writing.at // 1000 + DELIVERY_SECONDS)


def _derive_done(writing: Writing, change: Change, _before: Body | None, after: Body | None) -> None:
    """Something that is not to be done again before `{"expires": <Unix seconds>}`: mail was thrown away, a sender
    answered, an id seen. No client hears of it."""
    body = after or {}
    writing.put(keys.delivery_key(change.id), body, body["expires"])


_DERIVE: Final[dict[str, Callable[[Writing, Change, Body | None, Body | None], None]]] = {
    "Mailbox": _derive_mailbox,
    "Email": _derive_email,
    "Thread": _derive_thread,
    "SieveScript": _derive_sieve_script,
    "Upload": _derive_upload,
    "Delivery": _derive_delivery,
    "Done": _derive_done,
}
