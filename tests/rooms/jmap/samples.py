"""For the tests that are made from the declarations: what each type and each method needs to get past its check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from homing.jmap.catalogue import FUNCTIONS, TYPES
from homing.jmap.methods import changes, get, query, query_changes
from homing.jmap.methods import set as set_
from homing.jmap.types.push_subscription import PUSH_SUBSCRIPTION, SECRET
from tests.mail import message
from tests.rooms.jmap.conftest import Client, Object

VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2**53, 10**40, 0.5, -1.5, 1e300, "", "a", "a b", "#", "#a", "/", "é", "x" * 256,
    "2026-11-21T00:00:00Z", "NaN", "\x00", [], [None], [1], ["a"], ["a b"], [[]], [{}], [True], {}, {"": 1}, {"a": 1},
    {"a": None}, {"a": True}, {"a": False}, {"a b": True}, {"a": {}}, {"a": []}, {"a": "b"}, {"a b": {}},
    {"a": {"b": 1}},
]  # fmt: skip
"""Every kind of JSON, and what lies at the borders of the kinds."""

BY_NAME = {type.name: type for type in (*TYPES, PUSH_SUBSCRIPTION)}
SETTABLE = [type.name for type in TYPES if type.setting] + ["PushSubscription"]
CREATABLE = [name for name in SETTABLE if not BY_NAME[name].singleton]
QUERYABLE = [type.name for type in TYPES if type.querying]

ARGUMENTS = {name: function.arguments for name, function in FUNCTIONS.items()}
"""What each method takes."""
for _type in TYPES:
    ARGUMENTS[f"{_type.name}/get"] = {**get.ARGUMENTS, **_type.get_arguments}
    if _type.has_changes:
        ARGUMENTS[f"{_type.name}/changes"] = dict(changes.ARGUMENTS)
    if _type.setting:
        ARGUMENTS[f"{_type.name}/set"] = {**set_.ARGUMENTS, **_type.setting.arguments}
    if _type.querying:
        ARGUMENTS[f"{_type.name}/query"] = {**query.ARGUMENTS, **_type.querying.arguments}
        ARGUMENTS[f"{_type.name}/queryChanges"] = {**query_changes.ARGUMENTS, **_type.querying.arguments}

_NEEDED: dict[str, Any] = {
    "sinceState": "0",
    "sinceQueryState": "0",
    "fromAccountId": "nobody",
    "blobIds": [],
    "typeNames": [],
    "identityId": "default",
    "emailIds": [],
    "send": {},
    "emails": {},
    "blobId": "b",
    "scriptContent": "keep;",
}


def needed(method: str) -> Object:
    """Good values of the arguments without which the method says no, apart from the account."""
    if method == "Blob/upload":
        return {"create": {}}
    if method.startswith("Quota/") and method.endswith("hanges"):
        return {"sinceState" if method == "Quota/changes" else "sinceQueryState": "0.none"}
    if method in ("Blob/get", "Blob/lookup"):
        return {name: [] for name in ("ids", "typeNames") if name in ARGUMENTS[method]}
    if method.endswith("/copy") and "create" in ARGUMENTS[method]:
        return {"fromAccountId": "nobody", "create": {}}
    return {name: value for name, value in _NEEDED.items() if name in ARGUMENTS[method]}


def upload(client: Client, content: bytes) -> str:
    """The id of a blob."""
    digest: str = client.call("Blob/upload", create={"a": {"data": [{"data:asText": content.decode()}]}})[
        "created"]["a"]["id"]  # fmt: skip
    return digest


def a_submission(client: Client) -> Object:
    return {"identityId": "default", "emailId": client.deliver(message(sender="Ann <ann@example.org>"))[0]}


GOOD: dict[str, Callable[[Client], Object]] = {
    "Mailbox": lambda _client: {"name": "Work"},
    "Email": lambda _client: {"mailboxIds": {"inbox": True}},
    "Identity": lambda client: {"email": client.user.login},
    "EmailSubmission": a_submission,
    "VacationResponse": lambda _client: {},
    "SieveScript": lambda client: {"name": "one", "blobId": upload(client, b"keep;")},
    "PushSubscription": lambda _client: {"deviceClientId": "phone", "url": "https://push.example.org/1"},
}
"""By type, what `/set` creates something from."""


def readable(name: str) -> list[str]:
    """The properties of a type that `/get` shows."""
    secret = SECRET if name == "PushSubscription" else frozenset()
    return [property for property in BY_NAME[name].properties if property not in secret]


def some_object(client: Client, name: str) -> str:
    """The id of an object of the type."""
    if BY_NAME[name].singleton:
        return "singleton"
    if name == "Email":
        return client.deliver(message())[0]
    made = client.call(f"{name}/set", create={"new": GOOD[name](client)})
    assert made["created"], made
    id: str = made["created"]["new"]["id"]
    return id
