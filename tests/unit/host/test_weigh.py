"""What a request will cost, told from its body."""

from __future__ import annotations

import json
from typing import Any

import pytest

from homing.config import Limits
from homing.host.weigh import HEAVY, LARGE_BYTES, Weight, may_be_given_up, weigh

LIMITS = Limits()
IDS = [f"e{number}" for number in range(500)]


def weight_of(*calls: Any) -> Weight:
    named = [[name, arguments, str(number)] for number, (name, arguments) in enumerate(calls)]
    return weigh(json.dumps({"using": [], "methodCalls": named}).encode(), LIMITS)


def found_by(call: int, name: str = "Email/query", path: str = "/ids") -> dict[str, str]:
    return {"resultOf": str(call), "name": name, "path": path}


LIGHT = {
    "an inbox view": [
        ("Email/query", {"filter": {"inMailbox": "inbox"}, "limit": 50, "calculateTotal": True}),
        ("Email/get", {"#ids": found_by(0), "properties": ["subject"]}),
        ("Thread/get", {"#ids": found_by(1, "Email/get", "/list/*/threadId")}),
        ("Mailbox/get", {"ids": None}),
    ],
    "one message with its text": [("Email/get", {"ids": ["e1"], "fetchTextBodyValues": True})],
    "a flag": [("Email/set", {"update": {"e1": {"keywords/$seen": True}}})],
    "a draft": [("Email/set", {"create": {"d": {"subject": "x"}}}), ("EmailSubmission/set", {"create": {"s": {}}})],
    "all that has changed": [(f"{type}/changes", {"sinceState": "1"}) for type in ("Email", "Mailbox", "Thread")],
    "an echo": [("Core/echo", {"x": "y"})],
    "a query without a limit, and all it finds": [("Email/query", {}), ("Email/get", {"#ids": found_by(0)})],
    "nothing": [],
}
MUCH = {
    "sixteen calls of 500": [("Email/get", {"ids": IDS})] * 16,
    "500 by reference": [("Email/query", {"limit": 500}), ("Email/get", {"#ids": found_by(0)})],
    "sixteen times all that is found": [("Email/query", {}), *[("Email/get", {"#ids": found_by(0)})] * 16],
    "a hundred threads and all their emails": [
        ("Email/query", {"limit": 100}),
        ("Email/get", {"#ids": found_by(0), "properties": ["threadId"]}),
        ("Thread/get", {"#ids": found_by(1, "Email/get", "/list/*/threadId")}),
        ("Email/get", {"#ids": found_by(2, "Thread/get", "/list/*/emailIds")}),
    ],
    "texts of fifty": [("Email/get", {"ids": IDS[:50], "fetchHTMLBodyValues": True})],
    "headers of fifty": [("Email/get", {"ids": IDS[:50], "properties": ["header:List-Id:asText"]})],
    "snippets of fifty": [("SearchSnippet/get", {"emailIds": IDS[:50], "filter": {"text": "x"}})],
    "a hundred flags": [("Email/set", {"update": {id: {"keywords/$seen": True} for id in IDS[:100]}})],
    "a hundred destroyed": [("Email/set", {"destroy": IDS[:100]})],
    "an import of thirty": [("Email/import", {"emails": {id: {} for id in IDS[:30]}})],
}


@pytest.mark.parametrize("calls", LIGHT.values(), ids=LIGHT.keys())
def test_what_a_person_does_is_light(calls: list[Any]) -> None:
    assert not weight_of(*calls).heavy


@pytest.mark.parametrize("calls", MUCH.values(), ids=MUCH.keys())
def test_what_holds_others_up_is_heavy(calls: list[Any]) -> None:
    assert weight_of(*calls).heavy


def test_a_large_body_is_heavy_unseen() -> None:
    assert weigh(b"{" + b" " * LARGE_BYTES, LIMITS).heavy


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"methodCalls":[[1]]}', b'{"methodCalls":[["Email/get",[],"a"]]}', b"\xff", b"[" * 9_000],
)
def test_what_is_not_understood_weighs_nothing(body: bytes) -> None:
    assert weigh(body, LIMITS).objects == 0


@pytest.mark.parametrize("reference", [None, 1, [], {}, {"resultOf": 1}, {"resultOf": "9"}, {"resultOf": ["0"]}])
def test_a_reference_that_leads_nowhere_brings_in_little(reference: Any) -> None:
    assert weight_of(("Email/get", {"#ids": reference})).objects < HEAVY


@pytest.mark.parametrize("value", [-1, "many", 1.5, None, [], 10**30])
def test_a_limit_that_makes_no_sense_is_none(value: Any) -> None:
    assert weight_of(("Email/query", {"limit": value})).objects <= LIMITS.max_objects_in_get


def test_calls_beyond_the_most_are_not_counted() -> None:
    call = ("Email/get", {"ids": ["e"]})

    assert weight_of(*[call] * 500).objects == weight_of(*[call] * LIMITS.max_calls_in_request).objects


def test_the_shape_tells_what_is_asked_and_not_of_what() -> None:
    first, second = (weight_of(("Email/query", {"filter": {"text": word}, "limit": 5})) for word in ("one", "two"))

    assert first.shape == second.shape != weight_of(("Email/query", {"filter": {"text": "one"}})).shape


@pytest.mark.parametrize(
    ("name", "given_up"),
    [
        ("Email/get", True),
        ("Email/queryChanges", True),
        ("Core/echo", True),
        ("Email/set", False),
        ("X/unknown", False),
    ],
)
def test_only_what_changes_nothing_may_be_given_up(name: str, given_up: bool) -> None:
    body = json.dumps({"using": [], "methodCalls": [["Email/get", {}, "0"], [name, {}, "1"]]}).encode()

    assert may_be_given_up(body) is given_up
