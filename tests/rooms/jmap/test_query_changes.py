"""`/queryChanges` (RFC 8620 §5.6), on Mailbox; whatever it says must be true of every type: see `test_query_model`."""

from __future__ import annotations

import pytest

from tests.rooms.jmap.conftest import Client

BY_NAME = [{"property": "name"}]


def test_what_came_has_its_place_in_the_new_results(ann: Client) -> None:
    before = ann.call("Mailbox/query", sort=BY_NAME)
    id = ann.create_mailbox("Aardvarks")

    answer = ann.call("Mailbox/queryChanges", sort=BY_NAME, sinceQueryState=before["queryState"])

    assert answer == {
        "accountId": ann.account,
        "oldQueryState": before["queryState"],
        "newQueryState": ann.state("Mailbox"),
        "removed": [],
        "added": [{"id": id, "index": 0}],
    }


def test_what_moved_is_removed_and_added_again(ann: Client) -> None:
    before = ann.call("Mailbox/query", sort=BY_NAME)
    ann.update("Mailbox", "sent", name="Zebras")

    answer = ann.call("Mailbox/queryChanges", sort=BY_NAME, sinceQueryState=before["queryState"])

    assert answer["removed"] == ["sent"]
    assert answer["added"] == [{"id": "sent", "index": len(before["ids"]) - 1}]


def test_what_no_longer_matches_is_only_removed(ann: Client) -> None:
    id = ann.create_mailbox("Work")
    filter = {"name": "work"}
    before = ann.call("Mailbox/query", filter=filter)
    assert before["ids"] == [id]
    ann.update("Mailbox", id, name="Play")

    answer = ann.call("Mailbox/queryChanges", filter=filter, sinceQueryState=before["queryState"], calculateTotal=True)

    assert (answer["removed"], answer["added"], answer["total"]) == ([id], [], 0)


def test_nothing_changed(ann: Client) -> None:
    state = ann.call("Mailbox/query")["queryState"]

    answer = ann.call("Mailbox/queryChanges", sinceQueryState=state)

    assert (answer["removed"], answer["added"], answer["newQueryState"]) == ([], [], state)
    assert "total" not in answer


def test_more_changes_than_the_client_wants_are_too_many(ann: Client) -> None:
    state = ann.call("Mailbox/query")["queryState"]
    for number in range(3):
        ann.create_mailbox(f"box {number}")

    assert len(ann.call("Mailbox/queryChanges", sinceQueryState=state, maxChanges=3)["added"]) == 3
    assert ann.error("Mailbox/queryChanges", sinceQueryState=state, maxChanges=2)["type"] == "tooManyChanges"


@pytest.mark.parametrize("state", ["", "x", "-1", "999999", "1.5.2", "\x00"])
def test_a_state_that_never_was_cannot_be_calculated_from(ann: Client, state: str) -> None:
    assert ann.error("Mailbox/queryChanges", sinceQueryState=state)["type"] == "cannotCalculateChanges"


@pytest.mark.parametrize(
    ("arguments", "type"),
    [
        ({"filter": {"nonsense": 1}}, "unsupportedFilter"),
        ({"sort": [{"property": "nonsense"}]}, "unsupportedSort"),
        ({"filter": {"name": 1}}, "invalidArguments"),
        ({"limit": 5}, "invalidArguments"),
        ({"position": 5}, "invalidArguments"),
    ],
)
def test_a_query_that_is_none_has_no_changes(ann: Client, arguments: dict[str, object], type: str) -> None:
    assert ann.error("Mailbox/queryChanges", sinceQueryState="0", **arguments)["type"] == type
