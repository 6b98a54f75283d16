"""Pushing: to each subscription of whoever sees an account, the states that have moved since the last push.

Nothing waits for it and nothing depends on it: a push that is lost costs a client time, not mail (RFC 8620 §7).
What moves while a service is unwell comes with the next try, as one message. RFC 8620 §7.2, RFC 8030.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import msgspec

from homing.directory.credentials import Credential, Identity
from homing.errors import MethodError, Permanent, StoreConflict, Temporary
from homing.jmap.catalogue import wanted_types
from homing.jmap.context import Context, Opened
from homing.jmap.push.accounts import visible_accounts
from homing.jmap.push.changes import Changed, Heads, changed_since, state_change, told_of
from homing.jmap.push.encryption import MAX_MESSAGE, SALT_BYTES, base64url, encrypt, parse_keys
from homing.jmap.push.endpoint import (
    PUSH_TASK,
    VERIFY_TASK,
    Endpoint,
    endpoint_of,
    endpoints_of,
    erase,
    replace,
    task_of,
)
from homing.jmap.push.vapid import authorization
from homing.jmap.types.push_subscription import TYPE
from homing.ledger import keys
from homing.ledger.apply import EMAIL_DELIVERY
from homing.ledger.entry import Actor
from homing.ledger.rows import Body
from homing.ledger.tasks import Task, delay, put_task
from homing.ledger.transact import Transaction, transact
from homing.ledger.view import View
from homing.ports.store import Batch
from homing.site import Site

STATE_SECONDS: Final = 7 * 24 * 3_600
"""How long a push service keeps a StateChange for a device that is away."""
VERIFY_SECONDS: Final = 3_600
MAX_RETRIES: Final = 8
"""Failures in a row after which only a new change makes another try, an hour later."""
VERIFY_ATTEMPTS: Final = 4
_RESTING_MS: Final = 3_600_000
_TOPIC_CHARACTERS: Final = 32

_encode: Final = msgspec.json.Encoder().encode


class Fate(Enum):
    """What became of a push."""

    SENT = "sent"
    UNREACHED = "unreached"
    LATER = "later"
    REFUSED = "refused"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Message:
    """What is posted, before it is sealed. `topic` lets a service replace one that still waits (RFC 8030 §5.4)."""

    body: Mapping[str, Any]
    seconds: int
    urgency: str
    topic: str = ""


def push_changes(site: Site, account: str) -> None:
    """An account has moved: tell everybody who sees it and asked for it."""
    settings = View(site.store, account, site.clock.now()).object("Account", keys.SELF)
    for listener in (account, *(settings or {}).get("sharedWith", {})):
        _push_to(site, listener)


def push_again(site: Site, _actor: Actor, task: Task) -> None:
    """A task: try a subscription again whose service was unwell."""
    _push_to(site, task.partition, only=task.arguments["subscription"])


def verify(site: Site, actor: Actor, task: Task) -> None:
    """A task: post the PushVerification of a new subscription (RFC 8620 §7.2.2).

    It is posted once, whatever the answer (RFC 9749 §6); only a service that could not be reached is tried again.
    """
    account, now = task.partition, site.clock.now()
    endpoint = endpoint_of(site.store, account, task.arguments["subscription"], now)
    if endpoint is None:
        return
    body = {"@type": "PushVerification", "pushSubscriptionId": endpoint.id, "verificationCode": endpoint.code}
    fate = _post(site, endpoint, Message(body, VERIFY_SECONDS, "high"))
    failures = endpoint.failures + 1
    if fate is Fate.GONE:
        destroy(site, actor, account, endpoint.id)
    elif fate is Fate.UNREACHED and failures < VERIFY_ATTEMPTS:
        again = task_of(site, VERIFY_TASK, account, endpoint.id, now + delay(failures))
        _write(site, Batch((replace(account, endpoint, failures=failures)[1], put_task(again))))


def destroy(site: Site, actor: Actor, account: str, id: str) -> None:
    """Remove a subscription of which nothing can come any more, and erase where it led."""

    def decide(transaction: Transaction) -> None:
        draft = transaction.draft(account)
        if draft.object(TYPE, id) is not None:
            draft.destroy(TYPE, id)

    transact(site, actor, decide)
    erase(site.store, account, [id])


def messages_of(subscription: str, changed: Changed, urgency: str) -> Iterator[Message]:
    """As few StateChanges as the size of a push message allows; an account is never cut."""
    part: Changed = {}
    for account, states in changed.items():
        if part and len(_encode(state_change({**part, account: states}))) > MAX_MESSAGE:
            yield _message(subscription, part, urgency)
            part = {}
        part = {**part, account: states}
    if part:
        yield _message(subscription, part, urgency)


def _message(subscription: str, changed: Changed, urgency: str) -> Message:
    """It may take the place of a waiting one that told of just the same types: then nothing is lost by that."""
    told = _encode([subscription, *([account, *sorted(states)] for account, states in sorted(changed.items()))])
    topic = base64url(hashlib.sha256(told).digest())[:_TOPIC_CHARACTERS]
    return Message(state_change(changed), STATE_SECONDS, urgency, topic)


def _push_to(site: Site, listener: str, only: str = "") -> None:
    now = site.clock.now()
    found = [one for one in endpoints_of(site.store, listener, now) if only in ("", one.id)]
    if not found:
        return
    context = Context(site, Identity("push", listener), "")
    wanted = [keys.object_key(TYPE, endpoint.id) for endpoint in found]
    try:
        view = context.view(listener, wanted)
        heads = {account: context.view(account).head for account in visible_accounts(context)}
    except MethodError:  # disabled: nothing is told
        return
    live = _live(site, view, found, now)
    for endpoint in found:
        if endpoint.id not in live:
            destroy(site, Actor("push", "push"), listener, endpoint.id)
        elif "verificationCode" in live[endpoint.id] and endpoint.not_before <= now:
            _push(site, listener, endpoint, heads, wanted_types(live[endpoint.id].get("types")))


def _live(site: Site, view: Opened, found: Sequence[Endpoint], now: int) -> dict[str, Body]:
    """The subscriptions that still stand: not expired, and created with a credential that still holds."""
    bodies = {one.id: body for one in found if (body := view.early(TYPE, one.id)) is not None}
    credentials = {id: Credential(*body["credential"]) for id, body in bodies.items() if body.get("credential")}
    rows = site.store.get_many([(one.partition, one.key) for one in credentials.values()]) if credentials else {}
    revoked = {id for id, one in credentials.items() if not one.holds(rows.get((one.partition, one.key)))}
    return {id: body for id, body in bodies.items() if id not in revoked and body["expires"] > now}


def _push(site: Site, account: str, endpoint: Endpoint, heads: Heads, types: Collection[str]) -> None:
    changed = changed_since(heads, endpoint.told, types)
    if not changed:
        return
    urgency = "normal" if changed_since(heads, endpoint.told, {EMAIL_DELIVERY}) else "low"
    for message in messages_of(endpoint.id, changed, urgency):
        fate = _post(site, endpoint, message)
        if fate is Fate.GONE:
            destroy(site, Actor("push", "push"), account, endpoint.id)
            return
        if fate is not Fate.SENT:
            _put_off(site, account, endpoint, again=fate is not Fate.REFUSED)
            return
    _write(site, Batch((replace(account, endpoint, told=told_of(heads), failures=0, not_before=0)[1],)))


def _put_off(site: Site, account: str, endpoint: Endpoint, *, again: bool) -> None:
    failures, now = endpoint.failures + 1, site.clock.now()
    again = again and failures <= MAX_RETRIES
    due = now + (delay(failures) if again else _RESTING_MS)
    _, put = replace(account, endpoint, failures=failures, not_before=due)
    tasks = [put_task(task_of(site, PUSH_TASK, account, endpoint.id, due))] if again else []
    _write(site, Batch((put, *tasks)))


def _write(site: Site, batch: Batch) -> None:
    """Unless another push of the same subscription, or its destruction, was first: then theirs counts."""
    try:
        site.store.commit(batch)
    except StoreConflict:
        return


def _post(site: Site, endpoint: Endpoint, message: Message) -> Fate:
    body = _encode(message.body)
    headers = {
        "content-type": "application/json",
        "ttl": str(message.seconds),
        "urgency": message.urgency,
        "authorization": authorization(site, endpoint.url),
    }
    if message.topic:
        headers["topic"] = message.topic
    if endpoint.keys is not None:
        headers["content-encoding"] = "aes128gcm"
        body = encrypt(body, parse_keys(endpoint.keys), site.ids.random(SALT_BYTES))
    try:
        return fate_of(site.notifier.post(endpoint.url, headers, body))
    except Temporary as error:
        return Fate.UNREACHED if error.type == "pushUnreachable" else Fate.LATER
    except Permanent:
        return Fate.GONE


def fate_of(status: int) -> Fate:
    """What an answer means (RFC 8030 §5, §7.3, §8.4)."""
    if 200 <= status < 300:
        return Fate.SENT
    if status in (404, 410):
        return Fate.GONE
    return Fate.LATER if status == 429 or status >= 500 else Fate.REFUSED
