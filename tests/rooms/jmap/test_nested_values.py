"""Every value within every argument, however deep, replaced by every kind of JSON.

What a declaration does not see (parts of a body, addresses, envelopes, data sources) must end in an error that the
RFCs know, or be taken; never in a fault, and never half done.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from tests.mail import message
from tests.rooms.jmap.conftest import Client, Object
from tests.rooms.jmap.samples import VALUES, upload

METHOD_ERRORS = {
    "invalidArguments", "unsupportedFilter", "unsupportedSort", "accountNotFound", "fromAccountNotFound",
    "requestTooLarge", "anchorNotFound", "cannotCalculateChanges", "stateMismatch", "blobNotFound", "unknownDataType",
    "tooManyChanges",
}  # fmt: skip
SET_ERRORS = {
    "invalidProperties", "notFound", "invalidPatch", "willDestroy", "singleton", "tooLarge", "overQuota", "forbidden",
    "blobNotFound", "tooManyKeywords", "tooManyMailboxes", "alreadyExists", "invalidEmail", "forbiddenFrom",
    "forbiddenMailFrom", "forbiddenToSend", "invalidRecipients", "noRecipients", "tooManyRecipients", "cannotUnsend",
    "mailboxHasChild", "mailboxHasEmail", "invalidSieve", "sieveIsActive", "mdnAlreadySent", "rateLimit", "unknown",
}  # fmt: skip


def calls(client: Client) -> dict[str, tuple[str, Object]]:
    """A good call of each method that takes nested values."""
    email = client.deliver(message(headers=["Disposition-Notification-To: <b@example.org>"]))[0]
    blob = upload(client, b"some text")
    raw = client.email(email, "blobId")["blobId"]
    own = client.deliver(message(sender="Ann <ann@example.org>"))[0]
    part = {"partId": "1", "type": "text/plain", "cid": None, "language": ["en"], "location": None}
    attachment = {
        "blobId": blob,
        "type": "text/plain",
        "name": "a.txt",
        "disposition": "attachment",
        "charset": "utf-8",
    }
    draft = {
        "mailboxIds": {"drafts": True},
        "keywords": {"$draft": True},
        "from": [{"name": "Ann", "email": "ann@example.org"}],
        "to": [{"name": None, "email": "bob@example.org"}],
        "messageId": ["one@example.org"],
        "subject": "hello",
        "sentAt": "2026-11-21T10:00:00+01:00",
        "header:X-One:asText": "one",
        "bodyValues": {"1": {"value": "hello", "isEncodingProblem": False, "isTruncated": False}},
    }
    parted = {"type": "multipart/mixed", "subParts": [part, attachment]}
    envelope = {
        "mailFrom": {"email": "ann@example.org", "parameters": {"HOLDFOR": "60"}},
        "rcptTo": [{"email": "bob@example.org", "parameters": None}],
    }
    identity = {"name": "Ann", "email": "ann@example.org", "replyTo": [{"name": "A", "email": "ann@example.org"}]}
    filter = {"operator": "AND", "conditions": [{"inMailbox": "inbox", "text": "hello"}, {"header": ["X-One", "one"]}]}
    sort = [{"property": "hasKeyword", "keyword": "$seen", "isAscending": False, "collation": "i;unicode-casemap"}]
    data = [{"data:asText": "abc"}, {"blobId": blob, "offset": 1, "length": 2}, {"data:asBase64": "YWJj"}]
    mdn = {
        "forEmailId": email,
        "subject": "read",
        "textBody": "read",
        "includeOriginalMessage": True,
        "disposition": {"actionMode": "manual-action", "sendingMode": "mdn-sent-manually", "type": "displayed"},
        "extensionFields": {"X-One": "two"},
    }
    sent = {"#a": {"keywords/$mdnsent": True}}
    return {
        "Email/set create with a structure": ("Email/set", {"create": {"a": {**draft, "bodyStructure": parted}}}),
        "Email/set create with lists": (
            "Email/set",
            {"create": {"a": {**draft, "textBody": [part], "attachments": [attachment]}}},
        ),
        "Email/set update": ("Email/set", {"update": {email: {"keywords/$seen": True, "mailboxIds": {"inbox": True}}}}),
        "Email/import": (
            "Email/import",
            {"emails": {"a": {"blobId": raw, "mailboxIds": {"inbox": True}, "keywords": {"$seen": True}}}},
        ),
        "Email/parse": ("Email/parse", {"blobIds": [raw], "properties": ["subject"], "bodyProperties": ["size"]}),
        "Email/query": ("Email/query", {"filter": filter, "sort": sort}),
        "Email/queryChanges": ("Email/queryChanges", {"filter": filter, "sort": sort, "sinceQueryState": "1"}),
        "SearchSnippet/get": ("SearchSnippet/get", {"filter": filter, "emailIds": [email]}),
        "Mailbox/set": (
            "Mailbox/set",
            {"create": {"a": {"name": "x", "parentId": "inbox"}}, "update": {"sent": {"name": "y", "sortOrder": 3}}},
        ),
        "Identity/set": ("Identity/set", {"create": {"a": identity}, "update": {"default": {"bcc": None}}}),
        "EmailSubmission/set": (
            "EmailSubmission/set",
            {
                "create": {"a": {"identityId": "default", "emailId": own, "envelope": envelope}},
                "onSuccessUpdateEmail": {"#a": {"keywords/$seen": True}},
            },
        ),
        "VacationResponse/set": (
            "VacationResponse/set",
            {"update": {"singleton": {"isEnabled": True, "fromDate": "2026-11-21T00:00:00Z", "textBody": "away"}}},
        ),
        "SieveScript/set": ("SieveScript/set", {"create": {"a": {"name": "one", "blobId": upload(client, b"keep;")}}}),
        "PushSubscription/set": (
            "PushSubscription/set",
            {
                "create": {
                    "a": {
                        "deviceClientId": "phone",
                        "url": "https://push.example.org/1",
                        "keys": {"p256dh": "x", "auth": "y"},
                        "types": ["Email"],
                        "expires": "2026-12-01T00:00:00Z",
                    }
                }
            },
        ),
        "Blob/upload": ("Blob/upload", {"create": {"a": {"data": data, "type": "text/plain"}}}),
        "Blob/get": (
            "Blob/get",
            {"ids": [blob], "properties": ["data:asText", "digest:sha"], "offset": 1, "length": 2},
        ),
        "Blob/lookup": ("Blob/lookup", {"ids": [raw], "typeNames": ["Email"]}),
        "MDN/send": ("MDN/send", {"identityId": "default", "send": {"a": mdn}, "onSuccessUpdateEmail": sent}),
        "MDN/parse": ("MDN/parse", {"blobIds": [raw]}),
    }


NAMES = [
    "Email/set create with a structure", "Email/set create with lists", "Email/set update", "Email/import",
    "Email/parse", "Email/query", "Email/queryChanges", "SearchSnippet/get", "Mailbox/set", "Identity/set",
    "EmailSubmission/set", "VacationResponse/set", "SieveScript/set", "PushSubscription/set", "Blob/upload", "Blob/get",
    "Blob/lookup", "MDN/send", "MDN/parse",
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where there is a value, from the outside in."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*path, key)
        yield from places(one, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    whole = copy.deepcopy(value)
    parent = whole
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = by
    return whole


def errors(answer: Object) -> Iterator[str]:
    """Types of the SetErrors in an answer."""
    for name in ("notCreated", "notUpdated", "notDestroyed", "notSent"):
        for error in (answer.get(name) or {}).values():
            yield error["type"]


@pytest.mark.parametrize("name", NAMES)
def test_a_strange_value_at_any_depth_is_taken_or_told_as_the_standard_words_it(ann: Client, name: str) -> None:
    known = calls(ann)
    assert sorted(known) == sorted(NAMES)
    method, good = known[name]

    tried = 0
    for path in places(good):
        for value in VALUES:
            tried += 1
            given = replaced(good, path, value)
            for answered, answer in ann.responses((method, given)):
                if answered == "error":
                    assert answer["type"] in METHOD_ERRORS, (path, value, answer)
                else:
                    assert set(errors(answer)) <= SET_ERRORS, (path, value, answer)
    assert tried >= 2 * len(VALUES)


@pytest.mark.parametrize("name", NAMES)
def test_the_good_call_is_good(ann: Client, name: str) -> None:
    method, good = calls(ann)[name]

    answered, answer = ann.responses((method, good))[0]

    assert answered == method, answer
    if name not in ("PushSubscription/set",):  # its keys are none: `test_push_subscription` has such
        assert list(errors(answer)) == [], answer
