"""`Email/get` (RFC 8621 §4.2): stored emails; the raw message is read only for what it alone has.

Rendering lies in `email_render`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from homing.ids import blob_id, part_blob_id, thread_of
from homing.jmap.context import Context
from homing.jmap.datatype import Object
from homing.jmap.kinds import utc_date
from homing.jmap.types.email_render import Options, Rendering
from homing.ledger import keys
from homing.ledger.view import View
from homing.message import Part


def load(
    context: Context, view: View, ids: Sequence[str] | None, properties: Sequence[str], arguments: Object
) -> Iterator[Object]:
    """Email objects with the properties asked for, and their body values as the arguments say."""
    wanted = context.first_ids(view, keys.list_prefix(keys.ALL_MAILBOXES)) if ids is None else ids
    options = Options.of(arguments)
    threads = [keys.object_key("Thread", thread_of(id)) for id in wanted]
    view.load([*threads, *(keys.object_key("Email", id) for id in wanted)])
    for id in wanted:
        email = _Stored.of(context, view, id, options)
        if email is not None:
            yield email.render(properties)


class _Stored(Rendering):
    """An email of an account: record, thread and blob."""

    def __init__(self, context: Context, id: str, record: Object, state: Object, options: Options) -> None:
        super().__init__(context, record, options)
        self.id = id
        self.state = state

    @classmethod
    def of(cls, context: Context, view: View, id: str, options: Options) -> _Stored | None:
        thread = view.object("Thread", thread_of(id))
        record = view.object("Email", id)
        if thread is None or record is None or id not in thread["emails"]:
            return None
        return cls(context, id, record, thread["emails"][id], options)

    def read(self, start: int, end: int) -> bytes:
        return self.context.site.blobs.get(self.record["blob"], start, end - start) or b""

    def part_blob(self, part: Part) -> str:
        return part_blob_id(self.record["blob"], part.body, part.end - part.body, part.encoding)

    def metadata(self, name: str) -> Any:
        match name:
            case "id":
                return self.id
            case "blobId":
                return blob_id(self.record["blob"])
            case "threadId":
                return thread_of(self.id)
            case "mailboxIds":
                return dict.fromkeys(self.state["mailboxIds"], True)
            case "keywords":
                return self.state["keywords"]
        return utc_date(self.state["receivedAt"])
