"""Every argument and property of every type, given values of every kind of JSON.

Made from the declarations: what a kind does not accept is answered as RFC 8620 §3.6.2 and §5.3 ask, and
changes nothing.
"""

from __future__ import annotations

from typing import Any

import pytest

from homing.jmap.datatype import NO_DEFAULT
from tests.rooms.jmap.conftest import Client
from tests.rooms.jmap.samples import (
    ARGUMENTS,
    BY_NAME,
    CREATABLE,
    GOOD,
    QUERYABLE,
    SETTABLE,
    VALUES,
    needed,
    readable,
    some_object,
)


@pytest.mark.parametrize("method", ARGUMENTS)
def test_an_argument_of_a_wrong_kind_is_invalid_and_changes_nothing(ann: Client, method: str) -> None:
    before = ann.position()
    tried = 0

    for name, argument in ARGUMENTS[method].items():
        for value in VALUES:
            if not argument.kind.accepts(value):
                error = ann.error(method, **{**needed(method), name: value})
                assert (error["type"], error["arguments"]) == ("invalidArguments", [name]), (name, value)
                tried += 1

    assert tried > 15 * len(ARGUMENTS[method])
    assert ann.position() == before


@pytest.mark.parametrize("method", ARGUMENTS)
def test_an_argument_that_is_unknown_or_missing_is_invalid(ann: Client, method: str) -> None:
    account = {"accountId": ann.account} if "accountId" in ARGUMENTS[method] else {}

    assert ann.error(method, **needed(method), nonsense=1)["type"] == "invalidArguments"
    for name, argument in ARGUMENTS[method].items():
        if argument.default is NO_DEFAULT:
            given = {key: value for key, value in {**account, **needed(method)}.items() if key != name}
            answer = ann.request((method, given, "a"))["methodResponses"][0]
            assert (answer[0], answer[1]["type"]) == ("error", "invalidArguments")


@pytest.mark.parametrize("name", SETTABLE)
def test_a_property_of_a_wrong_kind_is_invalid_in_an_update(ann: Client, name: str) -> None:
    type = BY_NAME[name]
    id = some_object(ann, name)
    before = ann.position()

    for property, declared in type.properties.items():
        for value in VALUES:
            means_default = value is None and declared.default is not NO_DEFAULT
            if not declared.kind.accepts(value) and not means_default:
                error = ann.call(f"{name}/set", update={id: {property: value}})["notUpdated"][id]
                assert (error["type"], error["properties"]) == ("invalidProperties", [property]), (property, value)

    assert ann.position() == before


@pytest.mark.parametrize("name", CREATABLE)
def test_a_property_of_a_wrong_kind_is_invalid_in_a_creation(ann: Client, name: str) -> None:
    type = BY_NAME[name]
    good = GOOD[name](ann)
    before = ann.position()

    for property, declared in type.properties.items():
        for value in VALUES:
            if not declared.kind.accepts(value):
                error = ann.call(f"{name}/set", create={"new": {**good, property: value}})["notCreated"]["new"]
                assert (error["type"], error["properties"]) == ("invalidProperties", [property]), (property, value)

    assert ann.position() == before


@pytest.mark.parametrize("name", SETTABLE)
def test_a_property_that_only_the_server_sets_may_be_given_if_it_says_what_is(ann: Client, name: str) -> None:
    id = some_object(ann, name)
    whole = ann.call(f"{name}/get", ids=[id], properties=readable(name))["list"][0]
    before = ann.position()

    assert ann.call(f"{name}/set", update={id: whole})["updated"] == {id: None}
    for property, value in whole.items():
        assert ann.call(f"{name}/set", update={id: {property: value}})["updated"] == {id: None}, property

    assert ann.position() == before


@pytest.mark.parametrize("name", SETTABLE)
def test_a_property_that_only_the_server_sets_may_not_be_changed_nor_created(ann: Client, name: str) -> None:
    type = BY_NAME[name]
    id = some_object(ann, name)
    whole = ann.call(f"{name}/get", ids=[id], properties=readable(name))["list"][0]
    other = {str: "other", int: 77, bool: None, dict: {"x": True}, list: [{"x": 1}]}
    before = ann.position()

    for property, declared in type.properties.items():
        if property in whole and (declared.server_set or declared.immutable):
            value = not whole[property] if isinstance(whole[property], bool) else other.get(whole[property].__class__)
            value = "2001-01-01T00:00:00Z" if property == "receivedAt" else value
            if value is None or value == whole[property]:
                value = "other"
            error = ann.call(f"{name}/set", update={id: {property: value}})["notUpdated"][id]
            assert (error["type"], error["properties"]) == ("invalidProperties", [property])
        if declared.server_set and name in CREATABLE:
            error = ann.call(f"{name}/set", create={"new": {"name": "x", property: whole[property]}})
            assert property in error["notCreated"]["new"]["properties"]

    assert ann.position() == before


@pytest.mark.parametrize("name", CREATABLE)
def test_all_properties_that_are_wrong_are_listed(ann: Client, name: str) -> None:
    type = BY_NAME[name]
    wrong: dict[str, Any] = dict.fromkeys(type.properties, 0.5) | {"nonsense": 1, "x:y": "z"}

    error = ann.call(f"{name}/set", create={"new": wrong})["notCreated"]["new"]

    assert error["type"] == "invalidProperties"
    assert sorted(error["properties"]) == sorted(wrong)


@pytest.mark.parametrize("name", QUERYABLE)
def test_a_filter_of_a_wrong_kind_is_invalid(ann: Client, name: str) -> None:
    querying = BY_NAME[name].querying
    assert querying is not None

    for condition, kind in querying.conditions.items():
        for value in VALUES:
            if not kind.accepts(value):
                for filter in ({condition: value}, {"operator": "NOT", "conditions": [{condition: value}]}):
                    error = ann.error(f"{name}/query", filter=filter)
                    assert error["type"] == "invalidArguments", (condition, value)


@pytest.mark.parametrize("name", QUERYABLE)
def test_a_comparator_of_a_wrong_kind_is_invalid(ann: Client, name: str) -> None:
    querying = BY_NAME[name].querying
    assert querying is not None

    for property, more in querying.sorts.items():
        good = dict.fromkeys(more, "$seen")
        assert "ids" in ann.call(f"{name}/query", sort=[{"property": property, **good}])
        for value in VALUES:
            for member in ("isAscending", *more):
                if (member == "isAscending" and isinstance(value, bool)) or (
                    member in more and more[member].accepts(value)
                ):
                    continue
                error = ann.error(f"{name}/query", sort=[{"property": property, **good, member: value}])
                assert error["type"] == "invalidArguments", (property, member, value)
        for missing in more:
            assert ann.error(f"{name}/query", sort=[{"property": property}])["arguments"] == [missing]


@pytest.mark.parametrize("method", [f"{name}/get" for name in BY_NAME if name != "PushSubscription"])
def test_properties_that_the_type_does_not_have_are_invalid(ann: Client, method: str) -> None:
    for name in ("nonsense", "", "Id", "keywords/$seen", "header", "header:", "#id"):
        error = ann.error(method, ids=[], properties=["id", name])
        assert (error["type"], error["arguments"]) == ("invalidArguments", ["properties"])


def test_there_is_one_of_a_singleton_and_it_stays(ann: Client) -> None:
    before = ann.position()

    for name in set(SETTABLE) - set(CREATABLE):
        answer = ann.call(f"{name}/set", create={"new": {}}, destroy=["singleton"])
        assert answer["notCreated"] == {"new": {"type": "singleton"}}
        assert answer["notDestroyed"] == {"singleton": {"type": "singleton"}}

    assert ann.position() == before
