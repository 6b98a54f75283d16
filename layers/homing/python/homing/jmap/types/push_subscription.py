"""PushSubscription (RFC 8620 §7.2): where a client wants to be pushed to.

A subscription belongs to the credentials it was created with: others of the same user do not see it, and it goes
when they are revoked. Its object lies in the ledger of the user's own account; the URL and the keys lie apart
(see `push/endpoint`), since they are never shown and must be forgotten with it. The methods take no account and
tell no state, so they are not quite the standard ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from homing.directory.credentials import Credential
from homing.errors import MethodError
from homing.jmap.capabilities import CORE
from homing.jmap.context import Context, Step
from homing.jmap.datatype import DataType, Object, Property, SetError, Setting
from homing.jmap.dispatch import Function
from homing.jmap.kinds import (
    ID,
    ID_OR_REFERENCE,
    OBJECT,
    STRING,
    UTC_DATE,
    list_of,
    map_of,
    nullable,
    utc_date,
    utc_ms,
)
from homing.jmap.methods.arguments import check_arguments
from homing.jmap.methods.set import set_
from homing.jmap.push.accounts import visible_accounts
from homing.jmap.push.encryption import parse_keys
from homing.jmap.push.endpoint import (
    VERIFY_TASK,
    Endpoint,
    creations_of,
    endpoint_of,
    erase,
    prolong,
    put_new,
    task_of,
)
from homing.ledger.rows import Body
from homing.ledger.tasks import put_task
from homing.ledger.view import View
from homing.ports.store import Batch

TYPE: Final = "PushSubscription"
LONGEST_MS: Final = 30 * 24 * 3_600_000
"""RFC 8620 §7.2: at least 48 hours, and better more than 7 days."""
MAX_PER_USER: Final = 16
MAX_PER_HOUR: Final = 32
"""Creations, each of which makes us post to somewhere (RFC 8620 §8.6)."""
MAX_DEVICE_ID: Final = 255
MAX_TYPES: Final = 100
_CODE_BYTES: Final = 20

SECRET: Final = frozenset({"url", "keys"})
"""Properties that are never shown."""

PROPERTIES: Final = {
    "id": Property(ID, server_set=True),
    "deviceClientId": Property(STRING, immutable=True),
    "url": Property(STRING, immutable=True),
    "keys": Property(nullable(OBJECT), immutable=True, default=None),
    "verificationCode": Property(nullable(STRING), default=None),
    "expires": Property(nullable(UTC_DATE), default=None),
    "types": Property(nullable(list_of(STRING)), default=None),
}

GET_ARGUMENTS: Final = {
    "ids": Property(nullable(list_of(ID_OR_REFERENCE)), default=None),
    "properties": Property(nullable(list_of(STRING)), default=None),
}
SET_ARGUMENTS: Final = {
    "create": Property(nullable(map_of(OBJECT)), default=None),
    "update": Property(nullable(map_of(OBJECT, ID_OR_REFERENCE.accepts)), default=None),
    "destroy": Property(nullable(list_of(ID_OR_REFERENCE)), default=None),
}


def push_get(context: Context, given: Object) -> Object:
    """`PushSubscription/get` (RFC 8620 §7.2.1)."""
    arguments = check_arguments(given, GET_ARGUMENTS)
    properties = _readable(arguments["properties"])
    asked = arguments["ids"]
    ids = None if asked is None else list(dict.fromkeys(map(context.resolve, asked)))
    context.check_got(len(ids or ()))
    found = {item["id"]: item for item in _load(context, context.view(context.identity.account), ids, properties, {})}
    return {"list": list(found.values()), "notFound": [id for id in ids or () if id not in found]}


def push_set(context: Context, given: Object) -> Object:
    """`PushSubscription/set` (RFC 8620 §7.2.2)."""
    arguments = check_arguments(given, SET_ARGUMENTS)
    account = context.identity.account
    recent = creations_of(context.site.store, account, context.site.clock.now()) if arguments["create"] else 0
    setting = dataclasses.replace(
        _SETTING,
        current=partial(_current, context.identity.credential),
        create=partial(_create, recent),
    )
    type = dataclasses.replace(PUSH_SUBSCRIPTION, setting=setting)
    response = set_(type, context, {**arguments, "accountId": account})
    _add_endpoints(context, arguments["create"] or {}, response["created"] or {})
    view = context.view(account)
    for id in response["updated"] or ():
        body = view.object(TYPE, id)
        if body is not None:
            prolong(context.site.store, account, id, body["expires"] // 1000, view.now)
    erase(context.site.store, account, response["destroyed"] or ())
    return {name: value for name, value in response.items() if name not in ("accountId", "oldState", "newState")}


FUNCTIONS: Final = {
    f"{TYPE}/get": Function(CORE, push_get, GET_ARGUMENTS),
    f"{TYPE}/set": Function(CORE, push_set, SET_ARGUMENTS),
}


def _readable(asked: Sequence[str] | None) -> list[str]:
    if asked is None:
        return [name for name in PROPERTIES if name not in SECRET]
    for name in asked:
        if name in SECRET:
            raise MethodError("forbidden", f"{name} is never shown")
        if name not in PROPERTIES:
            raise MethodError("invalidArguments", f"{TYPE} has no property {name!r}", arguments=["properties"])
    return list(dict.fromkeys(["id", *asked]))


def _load(
    context: Context, view: View, ids: Sequence[str] | None, properties: Sequence[str], _arguments: Object
) -> Iterator[Object]:
    bodies = view.all_objects(TYPE) if ids is None else view.objects(TYPE, ids)
    for id, body in bodies.items():
        if _belongs(body, context.identity.credential, view.now):
            shown = {"id": id, **_shown(body)}
            yield {name: shown[name] for name in properties if name in shown}


def _shown(body: Body) -> Object:
    return {
        "deviceClientId": body["deviceClientId"],
        "verificationCode": body.get("verificationCode"),
        "expires": utc_date(body["expires"]),
        "types": body.get("types"),
    }


def _belongs(body: Body, credential: Credential | None, now: int) -> bool:
    """Whether a subscription has not expired and was created with these credentials."""
    expires: int = body["expires"]
    return expires > now and body.get("credential") == (list(credential) if credential else None)


def _current(credential: Credential | None, view: View, id: str) -> Object | None:
    body = view.object(TYPE, id)
    return _shown(body) if body is not None and _belongs(body, credential, view.now) else None


def _create(recent: int, step: Step, given: Object) -> tuple[str, Object] | SetError:
    draft = step.draft
    known = draft.all_objects(TYPE)
    expired = [id for id, body in known.items() if body["expires"] <= draft.now]
    if len(known) - len(expired) >= MAX_PER_USER:
        return SetError("overQuota", f"a user has at most {MAX_PER_USER} push subscriptions")
    if recent + sum(change.create is not None for change in draft.changes) >= MAX_PER_HOUR:
        return SetError("rateLimit", f"at most {MAX_PER_HOUR} push subscriptions are created in an hour")
    wrong = _wrong(step.context, given, draft.now)
    if wrong:
        return SetError("invalidProperties", "; ".join(wrong.values()), tuple(wrong))
    for id in expired:
        draft.destroy(TYPE, id)
    id, expires = step.context.site.new_id("p"), _capped(given["expires"], draft.now)
    credential = step.context.identity.credential
    body: Body = {"deviceClientId": given["deviceClientId"], "expires": expires}
    if credential is not None:
        body["credential"] = list(credential)
    if given["types"] is not None:
        body["types"] = given["types"]
    draft.create(TYPE, id, body)
    return id, {"expires": utc_date(expires)}


def _update(step: Step, id: str, _current: Object, changed: Object) -> Object | SetError | None:
    wrong = _wrong_change(step, id, changed)
    if wrong:
        return SetError("invalidProperties", "; ".join(wrong.values()), tuple(wrong))
    patch: Body = {name: changed[name] for name in ("verificationCode", "types") if name in changed}
    if "expires" not in changed:
        step.draft.update(TYPE, id, patch)
        return None
    expires = _capped(changed["expires"], step.draft.now)
    step.draft.update(TYPE, id, {**patch, "expires": expires})
    told = utc_date(expires)
    return {"expires": told} if told != changed["expires"] else None


def _destroy(step: Step, id: str) -> SetError | None:
    step.draft.destroy(TYPE, id)
    return None


def _wrong(context: Context, given: Object, now: int) -> dict[str, str]:
    """Names of a new subscription's properties with what is wrong with each."""
    wrong = _wrong_values(given, now)
    if len(given["deviceClientId"]) > MAX_DEVICE_ID:
        wrong["deviceClientId"] = f"deviceClientId has at most {MAX_DEVICE_ID} characters"
    if (reason := context.site.notifier.check(given["url"])) is not None:
        wrong["url"] = reason
    if given["verificationCode"] is not None:
        wrong["verificationCode"] = "verificationCode is set once it has been pushed"
    if given["keys"] is not None:
        try:
            parse_keys(given["keys"])
        except ValueError as error:
            wrong["keys"] = str(error)
    return wrong


def _wrong_change(step: Step, id: str, changed: Object) -> dict[str, str]:
    wrong = _wrong_values(changed, step.draft.now)
    if "verificationCode" in changed:
        context = step.context
        endpoint = endpoint_of(context.site.store, context.identity.account, id, step.draft.now)
        if endpoint is None or endpoint.code != changed["verificationCode"]:
            wrong["verificationCode"] = "this is not the code that was pushed"
    return wrong


def _wrong_values(given: Mapping[str, Any], now: int) -> dict[str, str]:
    wrong = {}
    if given.get("expires") is not None and utc_ms(given["expires"]) <= now:
        wrong["expires"] = "expires is in the past"
    if len(given.get("types") or ()) > MAX_TYPES:
        wrong["types"] = f"types has at most {MAX_TYPES} names"
    return wrong


def _capped(asked: str | None, now: int) -> int:
    """When a subscription ends, in ms and of whole seconds."""
    latest = now + LONGEST_MS
    return (latest if asked is None else min(utc_ms(asked), latest)) // 1000 * 1000


def _add_endpoints(context: Context, given: Mapping[str, Object], created: Mapping[str, Object]) -> None:
    """Where the new ones lead, and the tasks that verify it; those of one subscription together."""
    site, account = context.site, context.identity.account
    if not created:
        return
    told = {one: context.view(one).head.seq for one in visible_accounts(context)}
    now = site.clock.now()
    for key, made in created.items():
        code = site.ids.random(_CODE_BYTES).hex()
        asked = given[key]
        expires = utc_ms(made["expires"]) // 1000
        endpoint = Endpoint(made["id"], asked["url"], asked.get("keys"), code, expires, told)
        task = task_of(site, VERIFY_TASK, account, endpoint.id, now)
        site.store.commit(Batch((*put_new(account, endpoint, now), put_task(task))))


_SETTING: Final = Setting(partial(_current, None), partial(_create, 0), _update, _destroy)

PUSH_SUBSCRIPTION: Final = DataType(TYPE, CORE, PROPERTIES, _load, has_changes=False, setting=_SETTING)
"""Its declaration. It is not among the types whose methods are made of it alone."""
