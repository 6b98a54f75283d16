"""Mailbox/query (RFC 8621 §2.3) and what every query does (RFC 8620 §5.5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rooms.jmap.conftest import Client

NAME = [{"property": "name"}]
ROLES = ["archive", "drafts", "inbox", "junk", "sent", "trash"]


@pytest.fixture
def tree(ann: Client) -> dict[str, str]:
    """Ids by name: b over b1 and b2 (over b2x), a over a1. All without a role."""
    made = ann.call(
        "Mailbox/set",
        create={
            "b": {"name": "b", "sortOrder": 1},
            "a": {"name": "a", "sortOrder": 2},
            "a1": {"name": "a1", "parentId": "#a", "isSubscribed": False},
            "b1": {"name": "B1", "parentId": "#b", "sortOrder": 9},
            "b2": {"name": "b2", "parentId": "#b", "sortOrder": 8},
            "b2x": {"name": "b2x", "parentId": "#b2"},
        },
    )["created"]
    return {key: one["id"] for key, one in made.items()}


def found(client: Client, tree: dict[str, str], **arguments: Any) -> list[str]:
    names = {id: name for name, id in tree.items()}
    return [names.get(id, id) for id in client.call("Mailbox/query", **arguments)["ids"]]


NO_ROLE = {"hasAnyRole": False}


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ({}, ["a", "a1", "b", "b1", "b2", "b2x", *ROLES]),
        (None, ["a", "a1", "b", "b1", "b2", "b2x", *ROLES]),
        (NO_ROLE, ["a", "a1", "b", "b1", "b2", "b2x"]),
        ({"hasAnyRole": True}, ROLES),
        ({"role": "inbox"}, ["inbox"]),
        ({"role": None}, ["a", "a1", "b", "b1", "b2", "b2x"]),
        ({"role": "nonsense"}, []),
        ({"name": "B"}, ["b", "b1", "b2", "b2x", "inbox"]),
        ({"name": ""}, ["a", "a1", "b", "b1", "b2", "b2x", *ROLES]),
        ({"isSubscribed": False}, ["a1"]),
        ({"parentId": None, "hasAnyRole": False}, ["a", "b"]),
        ({"parentId": "inbox"}, []),
        ({"parentId": "nothing"}, []),
        ({"operator": "OR", "conditions": [{"role": "inbox"}, {"role": "sent"}]}, ["inbox", "sent"]),
        ({"operator": "AND", "conditions": [{"name": "b"}, NO_ROLE]}, ["b", "b1", "b2", "b2x"]),
        ({"operator": "NOT", "conditions": [{"name": "b"}, {"hasAnyRole": True}]}, ["a", "a1"]),
        (
            {"operator": "AND", "conditions": [{"operator": "NOT", "conditions": [{"name": "1"}]}, NO_ROLE]},
            ["a", "b", "b2", "b2x"],
        ),
        ({"operator": "AND", "conditions": []}, ["a", "a1", "b", "b1", "b2", "b2x", *ROLES]),
        ({"operator": "OR", "conditions": []}, []),
        ({"operator": "NOT", "conditions": []}, ["a", "a1", "b", "b1", "b2", "b2x", *ROLES]),
    ],
)
def test_filters(ann: Client, tree: dict[str, str], filter: Any, expected: list[str]) -> None:
    assert sorted(found(ann, tree, filter=filter)) == sorted(expected)


def test_a_parent_is_matched_exactly(ann: Client, tree: dict[str, str]) -> None:
    assert sorted(found(ann, tree, filter={"parentId": tree["b"]})) == ["b1", "b2"]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (NAME, ["a", "a1", "b", "b1", "b2", "b2x"]),
        ([{"property": "name", "isAscending": False}], ["b2x", "b2", "b1", "b", "a1", "a"]),
        ([{"property": "name", "anchorOffset": None, "keyword": 1}], ["a", "a1", "b", "b1", "b2", "b2x"]),
        ([{"property": "name", "collation": "i;unicode-casemap"}], ["a", "a1", "b", "b1", "b2", "b2x"]),
        ([{"property": "sortOrder"}, *NAME], ["a1", "b2x", "b", "a", "b2", "b1"]),
        (
            [{"property": "sortOrder", "isAscending": False}, {"property": "name", "isAscending": False}],
            ["b1", "b2", "a", "b", "b2x", "a1"],
        ),
    ],
)
def test_sorting(ann: Client, tree: dict[str, str], sort: Any, expected: list[str]) -> None:
    assert found(ann, tree, filter=NO_ROLE, sort=sort) == expected


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (NAME, ["a", "a1", "b", "b1", "b2", "b2x"]),
        ([{"property": "name", "isAscending": False}], ["b", "b2", "b2x", "b1", "a", "a1"]),
        ([{"property": "sortOrder"}], ["b", "b2", "b2x", "b1", "a", "a1"]),
    ],
)
def test_sorting_as_a_tree(ann: Client, tree: dict[str, str], sort: Any, expected: list[str]) -> None:
    assert found(ann, tree, filter=NO_ROLE, sort=sort, sortAsTree=True) == expected


@pytest.mark.parametrize(
    ("collation", "expected"),
    [
        (None, ["AB", "ab c", "a_b", "B", "e", "\u00e9", "f"]),
        ("i;unicode-casemap", ["AB", "ab c", "a_b", "B", "e", "\u00e9", "f"]),
        ("i;ascii-casemap", ["AB", "ab c", "a_b", "B", "e", "f", "\u00e9"]),
    ],
)
def test_names_are_sorted_by_the_collation(ann: Client, collation: str | None, expected: list[str]) -> None:
    names = {ann.create_mailbox(name): name for name in ("f", "\u00e9", "a_b", "B", "ab c", "e", "AB")}
    sort = [{"property": "name"} if collation is None else {"property": "name", "collation": collation}]

    ids = ann.call("Mailbox/query", filter=NO_ROLE, sort=sort)["ids"]

    assert [names[id] for id in ids] == expected


def test_sorting_as_a_tree_goes_by_parents_that_the_filter_leaves_out(ann: Client, tree: dict[str, str]) -> None:
    filter = {"operator": "OR", "conditions": [{"name": "1"}, {"name": "x"}]}

    ids = found(ann, tree, filter={"operator": "AND", "conditions": [filter, NO_ROLE]}, sort=NAME, sortAsTree=True)

    assert ids == ["a1", "b1", "b2x"]


def test_filtering_as_a_tree_leaves_out_what_lies_below_what_is_left_out(ann: Client, tree: dict[str, str]) -> None:
    filter = {"operator": "AND", "conditions": [NO_ROLE, {"operator": "NOT", "conditions": [{"name": "b2"}]}]}
    without_b = {"name": "2"}

    assert found(ann, tree, filter=filter, sort=NAME, filterAsTree=True) == ["a", "a1", "b", "b1"]
    assert found(ann, tree, filter=without_b, filterAsTree=True) == []


def test_the_order_is_the_same_each_time(ann: Client, tree: dict[str, str]) -> None:
    first = found(ann, tree)

    assert all(found(ann, tree, sort=sort) == first for sort in (None, [], None))
    by_order = found(ann, tree, sort=[{"property": "sortOrder"}])
    assert all(found(ann, tree, sort=[{"property": "sortOrder"}]) == by_order for _ in range(3))


@pytest.mark.parametrize(
    ("arguments", "position", "slice_"),
    [
        ({}, 0, slice(0, 12)),
        ({"limit": 5}, 0, slice(0, 5)),
        ({"limit": 0}, 0, slice(0, 0)),
        ({"limit": 0, "position": 3}, 3, slice(0, 0)),
        ({"position": 4, "limit": 3}, 4, slice(4, 7)),
        ({"position": 11}, 11, slice(11, 12)),
        ({"position": 12}, 12, slice(0, 0)),
        ({"position": 2**53 - 1, "limit": 2**53 - 1}, 2**53 - 1, slice(0, 0)),
        ({"position": -1}, 11, slice(11, 12)),
        ({"position": -5, "limit": 2}, 7, slice(7, 9)),
        ({"position": -12}, 0, slice(0, 12)),
        ({"position": -99, "limit": 2}, 0, slice(0, 2)),
        ({"position": 4, "anchorOffset": 3, "limit": 1}, 4, slice(4, 5)),
    ],
)
def test_pages_by_position(
    ann: Client, tree: dict[str, str], arguments: dict[str, Any], position: int, slice_: slice
) -> None:
    whole = ann.call("Mailbox/query", sort=NAME)["ids"]

    answer = ann.call("Mailbox/query", sort=NAME, calculateTotal=True, **arguments)

    assert len(whole) == 12
    assert (answer["position"], answer["ids"], answer["total"]) == (position, whole[slice_], 12)


@pytest.mark.parametrize(
    ("anchor", "offset", "expected"), [(5, 0, 5), (5, 2, 7), (5, -2, 3), (5, -99, 0), (5, 99, 104), (0, -1, 0)]
)
def test_pages_by_anchor(ann: Client, tree: dict[str, str], anchor: int, offset: int, expected: int) -> None:
    whole = ann.call("Mailbox/query", sort=NAME)["ids"]

    answer = ann.call("Mailbox/query", sort=NAME, anchor=whole[anchor], anchorOffset=offset, position=3, limit=2)

    assert (answer["position"], answer["ids"]) == (expected, whole[expected : expected + 2])


def test_an_anchor_that_is_not_among_the_results_is_not_found(ann: Client, tree: dict[str, str]) -> None:
    assert ann.error("Mailbox/query", anchor="nothing") == {"type": "anchorNotFound"}
    assert ann.error("Mailbox/query", anchor="inbox", filter=NO_ROLE) == {"type": "anchorNotFound"}


def test_the_total_is_told_only_if_it_is_asked_for(ann: Client) -> None:
    assert "total" not in ann.call("Mailbox/query")
    assert "total" not in ann.call("Mailbox/query", calculateTotal=False)
    assert ann.call("Mailbox/query", calculateTotal=True, filter={"role": "sent"})["total"] == 1


def test_the_limit_is_told_only_if_it_is_the_servers(ann: Client) -> None:
    assert "limit" not in ann.call("Mailbox/query", limit=5)
    assert ann.call("Mailbox/query", limit=10**9)["limit"] == ann.call("Mailbox/query")["limit"]


def test_the_query_state_changes_with_the_results(ann: Client) -> None:
    before = ann.call("Mailbox/query")
    ann.create_mailbox("Work")
    after = ann.call("Mailbox/query")

    assert before["queryState"] != after["queryState"]
    assert before["canCalculateChanges"] is True


@pytest.mark.parametrize(
    ("filter", "type"),
    [
        ({"nonsense": 1}, "unsupportedFilter"),
        ({"operator": "NOT", "conditions": [{"nonsense": 1}]}, "unsupportedFilter"),
        ({"operator": "XOR", "conditions": []}, "invalidArguments"),
        ({"operator": "AND"}, "invalidArguments"),
        ({"operator": "AND", "conditions": {}}, "invalidArguments"),
        ({"operator": "AND", "conditions": [None]}, "invalidArguments"),
        ({"operator": "AND", "conditions": [[]]}, "invalidArguments"),
        ({"operator": "AND", "conditions": [], "name": "x"}, "invalidArguments"),
        ({"operator": ["AND"], "conditions": []}, "invalidArguments"),
        ({"operator": None, "conditions": []}, "invalidArguments"),
        ({"conditions": []}, "unsupportedFilter"),
        ({"operator": "OR", "conditions": [{"name": "x"}] * 300}, "unsupportedFilter"),
    ],
)
def test_filters_that_cannot_be(ann: Client, filter: Any, type: str) -> None:
    assert ann.error("Mailbox/query", filter=filter)["type"] == type


def test_a_filter_nested_without_end_is_unsupported(ann: Client) -> None:
    filter: dict[str, Any] = {"name": "x"}
    for _ in range(40):
        filter = {"operator": "NOT", "conditions": [filter]}

    assert ann.error("Mailbox/query", filter=filter)["type"] == "unsupportedFilter"


@pytest.mark.parametrize(
    ("sort", "type"),
    [
        ([{"property": "nonsense"}], "unsupportedSort"),
        ([{"property": "id"}], "unsupportedSort"),
        ([*NAME, {"property": "totalEmails"}], "unsupportedSort"),
        ([{"property": "name", "collation": "i;nonsense"}], "unsupportedSort"),
        ([{"property": "name", "collation": "i;ascii-numeric"}], "unsupportedSort"),
        (NAME * 17, "unsupportedSort"),
        ([{}], "invalidArguments"),
        ([{"property": None}], "invalidArguments"),
        ([{"property": ["name"]}], "invalidArguments"),
        ([{"property": "name", "isAscending": None}], "invalidArguments"),
        ([{"property": "name", "isAscending": "yes"}], "invalidArguments"),
        ([{"property": "name", "collation": 1}], "invalidArguments"),
    ],
)
def test_sorts_that_cannot_be(ann: Client, sort: Any, type: str) -> None:
    assert ann.error("Mailbox/query", sort=sort)["type"] == type
