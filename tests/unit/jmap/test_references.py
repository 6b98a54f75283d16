"""Back-references (RFC 8620 §3.7)."""

from __future__ import annotations

from typing import Any

import pytest

from homing.errors import MethodError
from homing.jmap.references import Invocation, References, evaluate_pointer

RESPONSES: list[Invocation] = [
    ("Foo/changes", {"created": ["f1", "f4"], "updated": [], "nested": {"a/b": {"m~n": [[1], [2, [3]]]}}}, "t0"),
    ("error", {"type": "unknownMethod"}, "t1"),
    ("Foo/get", {"list": [{"id": "x", "ids": ["a", "b"]}, {"id": "y", "ids": ["b"]}]}, "t2"),
    ("Foo/other", {"second": True}, "t2"),
]


def resolve(reference: Any, maximum: int = 1_000, **more: Any) -> Any:
    return References(RESPONSES, maximum).resolve({"#ids": reference, **more})


def failure(reference: Any, **more: Any) -> str:
    with pytest.raises(MethodError) as caught:
        resolve(reference, **more)
    return caught.value.type


@pytest.mark.parametrize(
    ("call", "name", "path", "expected"),
    [
        ("t0", "Foo/changes", "/created", ["f1", "f4"]),
        ("t0", "Foo/changes", "/updated", []),
        ("t0", "Foo/changes", "/created/1", "f4"),
        ("t0", "Foo/changes", "/created/*", ["f1", "f4"]),
        ("t0", "Foo/changes", "/updated/*", []),
        ("t0", "Foo/changes", "/updated/*/x", []),
        ("t0", "Foo/changes", "/nested/a~1b/m~0n/0", [1]),
        ("t0", "Foo/changes", "/nested/a~1b/m~0n/*", [1, 2, [3]]),
        ("t2", "Foo/get", "/list/*/id", ["x", "y"]),
        ("t2", "Foo/get", "/list/*/ids", ["a", "b", "b"]),
        ("t2", "Foo/get", "/list/*/ids/*", ["a", "b", "b"]),
        ("t2", "Foo/get", "/list/*/ids/0", ["a", "b"]),
        ("t2", "Foo/get", "", RESPONSES[2][1]),
    ],
)
def test_a_reference_is_replaced_by_what_it_points_to(call: str, name: str, path: str, expected: Any) -> None:
    assert resolve({"resultOf": call, "name": name, "path": path}, other=1) == {"ids": expected, "other": 1}


@pytest.mark.parametrize(
    "reference",
    [
        {"resultOf": "t9", "name": "Foo/get", "path": "/list"},
        {"resultOf": "t0", "name": "Foo/get", "path": "/created"},
        {"resultOf": "t1", "name": "Foo/get", "path": "/list"},
        {"resultOf": "t2", "name": "Foo/other", "path": "/second"},
        {"resultOf": "t0", "name": "Foo/changes", "path": "created"},
        {"resultOf": "t0", "name": "Foo/changes", "path": "/Created"},
        {"resultOf": "t0", "name": "Foo/changes", "path": "/created/2"},
        {"resultOf": "t0", "name": "Foo/changes", "path": "/created/-1"},
        {"resultOf": "t0", "name": "Foo/changes", "path": "/created/-"},
        {"resultOf": "t0", "name": "Foo/changes", "path": "/created/01"},
        {"resultOf": "t0", "name": "Foo/changes", "path": "/created/\u0660"},
        {"resultOf": "t0", "name": "Foo/changes", "path": "/created/" + "1" * 10_000},
        {"resultOf": "t0", "name": "Foo/changes", "path": "/created/0/x"},
        {"resultOf": "t0", "name": "Foo/changes", "path": "/created/*/x"},
        {"resultOf": "t0", "name": "Foo/changes", "path": "/nested/*"},
        {"resultOf": "t0", "name": "Foo/changes", "path": "/nested/a~2b"},
        {"resultOf": "t0", "name": "Foo/changes", "path": "/nested~"},
        {"resultOf": "t0", "name": "Foo/changes", "path": "/created/"},
        {"resultOf": "t0", "name": "Foo/changes", "path": "/" * 100_000},
        {"resultOf": "t0", "name": "Foo/changes"},
        {"resultOf": "t0", "path": "/created"},
        {"resultOf": 0, "name": "Foo/changes", "path": "/created"},
        {"resultOf": "t0", "name": "Foo/changes", "path": ["created"]},
        {},
        None,
        "t0",
        ["t0", "Foo/changes", "/created"],
    ],
)
def test_a_reference_that_leads_nowhere_is_refused(reference: Any) -> None:
    assert failure(reference) == "invalidResultReference"


def test_an_argument_by_value_and_by_reference_is_refused_even_if_the_reference_is_bad() -> None:
    assert failure({"resultOf": "t9"}, ids=[]) == "invalidArguments"


def test_arguments_without_references_stay_as_they_are() -> None:
    arguments = {"ids": ["#a"], "x": {"#y": 1}}

    assert References(RESPONSES, 0).resolve(arguments) is arguments


def test_references_together_bring_in_no_more_than_the_maximum() -> None:
    reference = {"resultOf": "t0", "name": "Foo/changes", "path": "/created"}  # 11 bytes of JSON
    references = References(RESPONSES, 25)

    references.resolve({"#a": reference, "#b": reference})

    with pytest.raises(MethodError) as caught:
        references.resolve({"#c": reference})
    assert caught.value.type == "requestTooLarge"


def test_the_example_of_the_standard() -> None:
    """RFC 8620 §3.7: ids of a query, then threads of those, then all emails of the threads."""
    emails = {"list": [{"id": "msg1023", "threadId": "trd194"}, {"id": "msg223", "threadId": "trd114"}]}
    threads = {"list": [{"id": "trd194", "emailIds": ["msg1020", "msg1021"]}, {"id": "trd114", "emailIds": ["msg201"]}]}

    assert evaluate_pointer(emails, "/list/*/threadId") == ["trd194", "trd114"]
    assert evaluate_pointer(threads, "/list/*/emailIds") == ["msg1020", "msg1021", "msg201"]
