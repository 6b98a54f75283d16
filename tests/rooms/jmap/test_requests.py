"""Requests and their errors (RFC 8620 §3.1 to §3.6)."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from homing.errors import Permanent, Problem, Temporary
from homing.jmap.api import handle
from homing.jmap.http import Request
from homing.jmap.request import MAX_DEPTH
from tests.rooms.jmap.conftest import CORE, MAIL, ORIGIN, Client

NOT_JSON = "urn:ietf:params:jmap:error:notJSON"
NOT_REQUEST = "urn:ietf:params:jmap:error:notRequest"
GOOD: dict[str, Any] = {"using": [CORE], "methodCalls": [["Core/echo", {"hello": True}, "b3ff"]]}


def echoing(value: str) -> bytes:
    return b'{"using":["%s"],"methodCalls":[["Core/echo",{"x":%s},"a"]]}' % (CORE.encode(), value.encode())


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def test_echo_gives_back_its_arguments(ann: Client) -> None:
    status, answer = ann.post(json.dumps(GOOD).encode())

    assert status == 200
    assert answer["methodResponses"] == [["Core/echo", {"hello": True}, "b3ff"]]
    assert set(answer) == {"methodResponses", "sessionState"}


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON", "application/json"])
def test_the_content_type_may_have_parameters(ann: Client, content_type: str) -> None:
    assert ann.post(json.dumps(GOOD).encode(), content_type)[0] == 200


@pytest.mark.parametrize("content_type", ["text/plain", "", "application/jsonp", "application/x-www-form-urlencoded"])
def test_another_content_type_is_not_json(ann: Client, content_type: str) -> None:
    status, answer = ann.post(json.dumps(GOOD).encode(), content_type)

    assert (status, answer["type"], answer["status"]) == (400, NOT_JSON, 400)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"using": 1, ',
        json.dumps(GOOD).encode() + b"x",
        json.dumps(GOOD).encode("utf-16"),
        b"\xef\xbb\xbf" + json.dumps(GOOD).encode(),
        echoing("NaN"),
        echoing("Infinity"),
        echoing("-"),
        echoing("01"),
        echoing("1e999"),
        echoing("'a'"),
        echoing("1,"),
        echoing('"\\ud800"'),
        echoing('"\\udc00\\ud800"'),
        echoing('"\\x"'),
        echoing('"\x01"'),
        echoing('"?"').replace(b"?", b"\xff"),
        echoing('"?"').replace(b"?", b"\xed\xa0\x80"),
        echoing('"\uffff"'),
        echoing('"\\uFFFE"'),
        echoing('"\ufdd0"'),
        echoing('{"\U0001ffff":1}'),
        echoing('"\\udbff\\udfff"'),
        echoing('{"a":1,"a":2}'),
        echoing('[[{"a":{"b":null,"b":null}}]]'),
        echoing('{"a":1,"\\u0061":2}'),
        b'{"using":[],"using":["%s"],"methodCalls":[]}' % CORE.encode(),
        b'{"using":[],"methodCalls":[],"methodCalls":[["Core/echo",{},"a"]]}',
        echoing(nested(10_000)),
        echoing(nested(500_000)),
        echoing(nested(MAX_DEPTH)),
        echoing('{"a":' * 10_000 + "1" + "}" * 10_000),
        nested(10_000).encode(),
        b'{"using":1,"x":' + nested(10_000).encode() + b"}",
    ],
)
def test_what_is_not_i_json_is_refused_as_a_whole(ann: Client, body: bytes) -> None:
    status, answer = ann.post(body)

    assert (status, answer["type"], answer["status"]) == (400, NOT_JSON, 400)


@pytest.mark.parametrize(
    "text", ["\ufffd", "\ufdf0", "\ufffd\U0001fffd", "\\\\uFFFF", "\\ud83d\\ude00", "\u07ff\u1fff"]
)
def test_characters_beside_those_that_are_none_are_fine(ann: Client, text: str) -> None:
    assert ann.post(echoing(f'"{text}"'))[0] == 200


def test_values_may_be_nested_deep_but_not_without_end(ann: Client) -> None:
    deep = nested(MAX_DEPTH - 5)

    status, answer = ann.post(echoing(deep))

    assert status == 200
    assert json.dumps(answer["methodResponses"][0][1]["x"]) == deep


@pytest.mark.parametrize(
    "body",
    [
        None,
        1,
        [],
        "text",
        {},
        {"using": [CORE]},
        {"methodCalls": []},
        {"using": CORE, "methodCalls": []},
        {"using": [1], "methodCalls": []},
        {"using": None, "methodCalls": []},
        {"using": {CORE: True}, "methodCalls": []},
        {"using": [], "methodCalls": {}},
        {"using": [], "methodCalls": None},
        {"using": [], "methodCalls": [{}]},
        {"using": [], "methodCalls": [[]]},
        {"using": [], "methodCalls": [["Core/echo", {}]]},
        {"using": [], "methodCalls": [["Core/echo", {}, "a", "b"]]},
        {"using": [], "methodCalls": [["Core/echo", [], "a"]]},
        {"using": [], "methodCalls": [["Core/echo", None, "a"]]},
        {"using": [], "methodCalls": [["Core/echo", {}, 1]]},
        {"using": [], "methodCalls": [[1, {}, "a"]]},
        {"using": [], "methodCalls": [], "createdIds": []},
        {"using": [], "methodCalls": [], "createdIds": {"a": 1}},
        {"using": [], "methodCalls": [], "createdIds": {"a": "not an id"}},
        {"using": [], "methodCalls": [], "createdIds": {"": "a"}},
        {"Using": [], "methodcalls": []},
    ],
)
def test_json_of_another_form_is_not_a_request(ann: Client, body: Any) -> None:
    status, answer = ann.post(json.dumps(body).encode())

    assert (status, answer["type"], answer["status"]) == (400, NOT_REQUEST, 400)


def test_properties_that_the_server_does_not_know_are_ignored(ann: Client) -> None:
    assert ann.post(json.dumps({**GOOD, "future": {"deep": [1]}}).encode())[0] == 200


def test_an_unknown_capability_is_refused(ann: Client) -> None:
    status, answer = ann.post(json.dumps({**GOOD, "using": [CORE, "https://example.com/apis/foobar"]}).encode())

    assert (status, answer["type"]) == (400, "urn:ietf:params:jmap:error:unknownCapability")
    assert "https://example.com/apis/foobar" in answer["detail"]


def test_too_many_calls_are_refused_by_the_name_of_the_limit(ann: Client) -> None:
    maximum = ann.site.config.limits.max_calls_in_request
    calls = [["Core/echo", {}, str(i)] for i in range(maximum + 1)]

    status, answer = ann.post(json.dumps({**GOOD, "methodCalls": calls}).encode())

    assert (status, answer["type"]) == (400, "urn:ietf:params:jmap:error:limit")
    assert (answer["limit"], answer["status"]) == ("maxCallsInRequest", 400)
    assert ann.post(json.dumps({**GOOD, "methodCalls": calls[1:]}).encode())[0] == 200


@pytest.mark.parametrize("streamed", [False, True])
def test_a_request_that_is_too_large_is_refused_by_the_name_of_the_limit(ann: Client, streamed: bool) -> None:
    body = b" " * (ann.site.config.limits.max_size_request + 1)

    answer = json.loads(
        ann.http("POST", "/jmap/api", iter([body]) if streamed else body, {"content-type": "application/json"}).body
    )

    assert (answer["type"], answer["limit"]) == ("urn:ietf:params:jmap:error:limit", "maxSizeRequest")


def test_a_request_may_come_in_pieces(ann: Client) -> None:
    body = json.dumps(GOOD).encode()

    response = ann.http("POST", "/jmap/api", iter([body[:20], body[20:]]), {"content-type": "application/json"})

    assert json.loads(response.body)["methodResponses"][0][0] == "Core/echo"


def test_a_problem_is_problem_json(ann: Client) -> None:
    response = ann.http("POST", "/jmap/api", b"", {"content-type": "application/json"})

    assert response.headers["content-type"] == "application/problem+json"


def test_an_answer_is_json_and_not_stored_by_caches(ann: Client) -> None:
    response = ann.http("POST", "/jmap/api", json.dumps(GOOD).encode(), {"content-type": "application/json"})

    assert response.headers["content-type"].startswith("application/json")
    assert response.headers["cache-control"] == "no-store"


def test_responses_are_in_the_order_of_the_calls_and_an_error_ends_only_its_own(ann: Client) -> None:
    answer = ann.request(
        ("Core/echo", {"n": 1}, "one"),
        ("Foo/bar", {}, "two"),
        ("Mailbox/get", {}, "three"),
        ("Core/echo", {"n": 4}, "one"),
    )

    names = [(name, call) for name, _, call in answer["methodResponses"]]
    assert names == [("Core/echo", "one"), ("error", "two"), ("error", "three"), ("Core/echo", "one")]


@pytest.mark.parametrize(
    "name",
    ["", "Foo/get", "mailbox/get", "Mailbox/Get", "Mailbox", "Mailbox/", "Thread/set", "Thread/query", "error",
     "Core/get", "Thread/queryChanges", "Mailbox/copy", "VacationResponse/query", "SearchSnippet/query"],
)  # fmt: skip
def test_a_method_that_is_not_there_is_unknown(ann: Client, name: str) -> None:
    assert ann.error(name) == {"type": "unknownMethod"}


def test_a_method_is_unknown_without_its_capability(ann: Client) -> None:
    for using, known in (([CORE], False), ([MAIL], True)):
        body = {"using": using, "methodCalls": [["Mailbox/get", {"accountId": ann.account, "ids": []}, "a"]]}
        name, given, _ = ann.post(json.dumps(body).encode())[1]["methodResponses"][0]
        assert (name == "Mailbox/get") is known
        assert known or given["type"] == "unknownMethod"


def test_created_ids_are_answered_only_if_given(ann: Client) -> None:
    call = ("Mailbox/set", {"accountId": ann.account, "create": {"new": {"name": "Work"}}}, "a")

    assert "createdIds" not in ann.request(("Core/echo", {}, "a"))
    assert ann.request(("Core/echo", {}, "a"), createdIds={}) | {"sessionState": ""} == {
        "methodResponses": [["Core/echo", {}, "a"]],
        "createdIds": {},
        "sessionState": "",
    }
    answer = ann.request(call, createdIds={"old": "inbox"})
    made = answer["methodResponses"][0][1]["created"]["new"]["id"]
    assert answer["createdIds"] == {"old": "inbox", "new": made}


def test_created_ids_of_an_earlier_request_stand_for_their_ids(ann: Client) -> None:
    answer = ann.request(
        ("Mailbox/set", {"accountId": ann.account, "create": {"new": {"name": "Sub", "parentId": "#old"}}}, "a"),
        ("Mailbox/get", {"accountId": ann.account, "ids": ["#new", "#old", "#never"], "properties": ["parentId"]}, "b"),
        createdIds={"old": "archive"},
    )

    made = answer["methodResponses"][0][1]["created"]["new"]["id"]
    got = answer["methodResponses"][1][1]
    assert got["list"] == [{"id": made, "parentId": "archive"}, {"id": "archive", "parentId": None}]
    assert got["notFound"] == ["#never"]


class Failing:
    """A store that fails in one way or another once it is asked for an account."""

    def __init__(self, store: Any, account: str, error: Exception) -> None:
        self._store = store
        self._account = account
        self._error = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def get_many(self, keys: Any) -> Any:
        if any(partition == self._account for partition, _ in keys):
            raise self._error
        return self._store.get_many(keys)


@pytest.mark.parametrize(
    ("error", "type"),
    [(Temporary("throttled", "slow down"), "serverUnavailable"), (Permanent("broken", "it broke"), "serverFail")],
)
def test_a_failing_store_fails_the_call_and_not_the_request(ann: Client, error: Exception, type: str) -> None:
    site: Any = dataclasses.replace(ann.site, store=Failing(ann.site.store, ann.account, error))

    answer = Client(site, ann.user).responses(("Mailbox/get", {}), ("Core/echo", {}))

    assert answer[0][1]["type"] == type
    assert answer[0][1]["description"]
    assert answer[1][0] == "Core/echo"


def test_an_error_that_nobody_foresaw_fails_the_call_and_not_the_request(ann: Client) -> None:
    class Broken(Failing):
        def scan(self, *_: Any, **__: Any) -> Any:
            raise self._error

        def get_many(self, keys: Any) -> Any:
            return self._store.get_many(keys)

    site: Any = dataclasses.replace(ann.site, store=Broken(ann.site.store, ann.account, RuntimeError("a secret")))

    answer = Client(site, ann.user).responses(("Core/echo", {"n": 1}), ("Mailbox/get", {}), ("Core/echo", {}))

    assert [name for name, _ in answer] == ["Core/echo", "error", "Core/echo"]
    assert answer[1][1]["type"] == "serverFail"
    assert "secret" not in answer[1][1]["description"]


def test_a_store_that_is_busy_while_signing_in_asks_to_come_back(ann: Client) -> None:
    class Busy:
        def get(self, partition: str, key: str) -> None:
            raise Temporary("throttled")

    site: Any = dataclasses.replace(ann.site, store=Busy())

    with pytest.raises(Problem) as caught:
        handle(site, Request("GET", "/jmap/session", ann.headers, ORIGIN))

    assert caught.value.status == 503
