"""`Blob/lookup` (RFC 9404 §4.3): which emails, and so which threads and mailboxes, a blob is found in.

The row that lets an account read a blob names the emails that it is the raw message of, so nothing is scanned. A
part is a range of such a message; that it is one, the email's structure says. Who may not read a blob gets the same
answer as for one that does not exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from homing.errors import MethodError
from homing.ids import parse_blob_id, part_blob_id, thread_of
from homing.jmap.capabilities import MAIL
from homing.jmap.context import Context
from homing.jmap.datatype import Object, Property
from homing.jmap.kinds import ID, STRING, list_of
from homing.jmap.methods.arguments import check_arguments
from homing.ledger import keys
from homing.ledger.view import View
from homing.message import Part

SUPPORTED_TYPES: Final[Mapping[str, str]] = {"Email": MAIL, "Thread": MAIL, "Mailbox": MAIL}
"""Types that can be asked about, with the capability that a request must use for each."""
LOOKUP_ARGUMENTS: Final = {
    "accountId": Property(ID),
    "typeNames": Property(list_of(STRING)),
    "ids": Property(list_of(ID)),
}


def blob_lookup(context: Context, given: Object) -> Object:
    """Objects that hold the blobs, by type."""
    arguments = check_arguments(given, LOOKUP_ARGUMENTS)
    types = list(dict.fromkeys(arguments["typeNames"]))
    for name in types:
        if SUPPORTED_TYPES.get(name) not in context.using:
            raise MethodError("unknownDataType", f"{name!r} is not looked up here")
    ids = list(dict.fromkeys(map(context.resolve, arguments["ids"])))
    context.check_got(len(ids))
    view = context.view(arguments["accountId"])
    emails = _emails_of(view, ids, context.site.config.limits.max_objects_in_get)
    found = [{"id": id, "matchedIds": {name: _matched(view, name, emails[id]) for name in types}} for id in ids]
    return {"accountId": arguments["accountId"], "list": found, "notFound": []}


def _emails_of(view: View, ids: Sequence[str], maximum: int) -> dict[str, list[str]]:
    """The emails that hold each blob, with their threads read."""
    parsed = {id: parse_blob_id(id) for id in ids}
    view.load(keys.blob_key(blob[0]) for blob in parsed.values() if blob is not None)
    noted = {id: [] if blob is None else _noted(view, blob[0]) for id, blob in parsed.items()}
    every = {email for some in noted.values() for email in some}
    if len(every) > maximum:
        raise MethodError("requestTooLarge", f"these blobs are found in more than {maximum} emails")
    view.load(keys.object_key("Thread", thread_of(email)) for email in sorted(every))
    parts = {id for id, blob in parsed.items() if blob is not None and blob[1] is not None}
    view.load(keys.object_key("Email", email) for id in parts for email in noted[id])
    return {id: [one for one in some if id not in parts or _has_part(view, one, id)] for id, some in noted.items()}


def _noted(view: View, digest: str) -> list[str]:
    emails: list[str] = (view.body(keys.blob_key(digest)) or {}).get("emails", [])
    return emails


def _has_part(view: View, email: str, id: str) -> bool:
    record = view.object("Email", email)
    if record is None:
        return False
    parts = Part.from_dict(record["structure"]).walk()
    return any(
        part_blob_id(record["blob"], part.body, part.end - part.body, part.encoding) == id
        for part in parts
        if part.part_id is not None
    )


def _matched(view: View, type: str, emails: Iterable[str]) -> list[str]:
    if type == "Email":
        return sorted(emails)
    if type == "Thread":
        return sorted(set(map(thread_of, emails)))
    threads = ((email, view.object("Thread", thread_of(email))) for email in emails)
    states = (thread["emails"].get(email) for email, thread in threads if thread is not None)
    return sorted({mailbox for state in states if state is not None for mailbox in state["mailboxIds"]})
