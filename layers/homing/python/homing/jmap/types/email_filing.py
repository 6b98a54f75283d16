"""How an email that a client creates, imports or copies gets into an account: as mail that arrives does.

Shared by `email_create`, `email_import` and `email_copy`; each makes an `Arrival` before the commit, and this files it
within. The state of EmailDelivery moves with it (RFC 8621 §1.5); no delivery is remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from homing.delivery.arrival import Arrival
from homing.delivery.file import file_one, load_threads, rows_needed
from homing.errors import Refused
from homing.ids import blob_id, thread_of
from homing.jmap.capabilities import MAIL
from homing.jmap.context import Context, Opened, Step
from homing.jmap.datatype import Commit, DataType, Object, Property, SetError, Setting
from homing.jmap.kinds import is_utc_date, utc_date, utc_ms
from homing.jmap.types.email_change import find_keywords, find_mailboxes
from homing.ledger import keys

PROTOCOL: Final = "jmap"
"""By which way an email came that a client has created or imported, as its provenance says."""
GROUP: Final = 7
"""Emails that one commit tries to file: each writes about twelve rows of a batch's hundred."""


@dataclass(frozen=True, slots=True)
class Filing:
    """An email that is ready to be filed. `answer` is what the response says beyond its id, blobId, threadId and size:
    what the client did not send."""

    arrival: Arrival
    answer: Object = field(default_factory=dict)


Prepared = Mapping[str, Filing | SetError]
"""What the creations of a call have become before its commits, by creation id."""

Create = Callable[[Step, Object], tuple[str, Object] | SetError]
Prepare = Callable[[Context, Opened, Object, Commit], Prepared]
"""Hooks of a `Setting`."""


def filed_by_client(protocol: str = PROTOCOL) -> dict[str, Any]:
    """The provenance of an email that came in no envelope."""
    return {"envelope": {"mailFrom": "", "protocol": protocol, "helo": "", "clientAddress": "", "tls": False}}


def received(asked: object, otherwise: int) -> tuple[int, Object]:
    """When an email was received (ms): as the client says if that is a UTCDate, else `otherwise`; and what the
    response has to say of it, unless it is just as the client says. Before 1970 or after 2286 there is no place in a
    list: what claims to be of then is of the nearest moment that there is."""
    given = utc_ms(asked) if isinstance(asked, str) and is_utc_date(asked) else otherwise
    at = keys.clamp_ms(given)
    text = utc_date(at)
    return at, {} if text == asked else {"receivedAt": text}


def file_email(step: Step, given: Object) -> tuple[str, Object] | SetError:
    """File what was prepared under the step's creation id, in the mailboxes and with the keywords of `given`."""
    prepared = step.prepared[step.key]
    if isinstance(prepared, SetError):
        return prepared
    limits = step.context.site.config.limits
    keywords = find_keywords(given["keywords"], limits)
    if isinstance(keywords, SetError):
        return keywords
    _load(step)
    mailboxes = find_mailboxes(step, given["mailboxIds"], limits)
    if isinstance(mailboxes, SetError):
        return mailboxes
    arrival = replace(prepared.arrival, mailbox_ids=tuple(mailboxes), keywords=frozenset(keywords))
    filed = file_one(step.context.site, step.transaction, step.draft, arrival)
    if isinstance(filed, Refused):
        return _refusal(filed)
    answer = {"blobId": blob_id(arrival.digest), "threadId": thread_of(filed), "size": arrival.record["size"]}
    lowered = {} if keywords == given["keywords"] else {"keywords": keywords}
    return filed, {**answer, **prepared.answer, **lowered}


def only_created(properties: Mapping[str, Property], create: Create, prepare: Prepare) -> DataType:
    """Emails as a type of which objects can only be created, from these properties: what `/set` then does is all of
    Email/import and Email/copy."""
    setting = Setting(
        current=lambda _view, _id: None,
        create=create,
        update=lambda _step, _id, _current, _changed: None,
        destroy=lambda _step, _id: None,
        group=GROUP,
        prepare=prepare,
    )
    return DataType("Email", MAIL, properties, lambda *_: iter(()), setting=setting)


def _load(step: Step) -> None:
    """Fetch what filing reads, in two calls of the store for `GROUP` emails of the call."""
    creations = list(step.prepared)
    start = creations.index(step.key) // GROUP * GROUP
    some = [step.prepared[key] for key in creations[start : start + GROUP]]
    arrivals = [one.arrival for one in some if isinstance(one, Filing)]
    step.draft.load(rows_needed(arrivals))
    load_threads(step.draft, arrivals)


def _refusal(refused: Refused) -> SetError:
    """RFC 8620 §5.3. What an account cannot have for another reason than its quota, it can have at no size."""
    return SetError("overQuota" if refused.code == 552 else "forbidden", refused.text)
