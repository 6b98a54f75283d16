"""Thread (RFC 8621 §3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from homing.jmap.capabilities import MAIL
from homing.jmap.context import Context
from homing.jmap.datatype import DataType, Object, Property
from homing.jmap.kinds import ID, list_of
from homing.ledger import keys
from homing.ledger.view import View


def _load(
    context: Context, view: View, ids: Sequence[str] | None, properties: Sequence[str], _arguments: Object
) -> Iterator[Object]:
    wanted = context.first_ids(view, keys.object_key("Thread", "")) if ids is None else ids
    for id, thread in view.objects("Thread", wanted).items():
        full = {"id": id, "emailIds": email_ids(thread)}
        yield {name: full[name] for name in properties}


def email_ids(thread: dict[str, Any]) -> list[str]:
    """A thread's emails, the oldest first."""
    emails = thread["emails"]
    return sorted(emails, key=lambda id: (emails[id]["receivedAt"], id))


THREAD: Final = DataType(
    name="Thread",
    capability=MAIL,
    properties={
        "id": Property(ID, immutable=True, server_set=True),
        "emailIds": Property(list_of(ID), server_set=True),
    },
    load=_load,
)
