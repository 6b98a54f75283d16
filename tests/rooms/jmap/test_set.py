"""Foo/set (RFC 8620 §5.3), on mailboxes and emails."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from homing.config import Limits
from homing.errors import Temporary
from homing.ports.store import Batch
from tests.mail import message
from tests.rooms.jmap.conftest import Client


def test_an_empty_set_tells_the_state_and_changes_nothing(ann: Client) -> None:
    before = ann.position()

    for arguments in ({}, {"create": {}, "update": {}, "destroy": []}, {"create": None, "update": None}):
        answer = ann.call("Mailbox/set", **arguments)
        assert answer["oldState"] == answer["newState"] == ann.state("Mailbox")
        for name in ("created", "updated", "destroyed", "notCreated", "notUpdated", "notDestroyed"):
            assert answer[name] is None

    assert ann.position() == before


def test_the_states_are_those_of_get_before_and_after(ann: Client) -> None:
    before = ann.state("Mailbox")

    answer = ann.call("Mailbox/set", create={"a": {"name": "A"}}, update={"sent": {"name": "B"}}, destroy=["junk"])

    assert (answer["oldState"], answer["newState"]) == (before, ann.state("Mailbox"))
    assert answer["oldState"] != answer["newState"]


def test_a_creation_is_answered_with_all_that_the_client_did_not_send(ann: Client) -> None:
    made = ann.call("Mailbox/set", create={"a": {"name": "A", "sortOrder": 3}})["created"]["a"]

    whole = ann.mailbox(made["id"])
    assert made == {name: value for name, value in whole.items() if name not in ("name", "sortOrder")}


def test_an_update_is_answered_with_what_differs_from_the_patch(ann: Client) -> None:
    answer = ann.call("Mailbox/set", update={"sent": {"name": "Sent"}, "junk": {"name": "u\u0308"}})

    assert answer["updated"] == {"sent": None, "junk": {"name": "\u00fc"}}


def test_a_state_that_is_no_longer_ends_the_call(ann: Client) -> None:
    old = ann.state("Mailbox")
    ann.create_mailbox("Work")
    before = ann.position()

    for state in (old, "", "x"):
        error = ann.error("Mailbox/set", ifInState=state, create={"a": {"name": "A"}}, destroy=["junk"])
        assert error["type"] == "stateMismatch"

    assert ann.position() == before
    answer = ann.call("Mailbox/set", ifInState=ann.state("Mailbox"), create={"a": {"name": "A"}})
    assert answer["created"]


def test_the_state_of_another_type_does_not_matter(ann: Client) -> None:
    email = ann.deliver(message())[0]
    state = ann.state("Mailbox")
    ann.patch(email, {"keywords/$flagged": True})

    assert ann.call("Mailbox/set", ifInState=state, create={"a": {"name": "A"}})["created"]


def test_the_expected_state_is_that_before_the_whole_call(ann: Client) -> None:
    emails = ann.deliver(*(message(f"s{i}") for i in range(60)))
    state = ann.state("Email")

    answer = ann.call("Email/set", ifInState=state, update={id: {"keywords/$seen": True} for id in emails})

    assert len(answer["updated"]) == 60
    assert (answer["oldState"], answer["newState"]) == (state, ann.state("Email"))


def test_more_objects_than_the_limit_are_refused(ann: Client) -> None:
    config = dataclasses.replace(ann.site.config, limits=Limits(max_objects_in_set=5))
    client = Client(dataclasses.replace(ann.site, config=config), ann.user)
    given: dict[str, Any] = {
        "create": {f"k{i}": {"name": f"n{i}"} for i in range(2)},
        "update": {"sent": {"name": "S"}, "junk": {"name": "J"}},
    }

    assert client.error("Mailbox/set", **given, destroy=["archive", "drafts"])["type"] == "requestTooLarge"
    assert len(client.call("Mailbox/set", **given, destroy=["archive"])["created"]) == 2


def test_each_object_is_judged_for_itself(ann: Client) -> None:
    answer = ann.call(
        "Mailbox/set",
        create={"good": {"name": "Good"}, "bad": {"name": ""}},
        update={"sent": {"name": "Done"}, "nothing": {"name": "x"}, "junk": {"name": 5}},
        destroy=["drafts", "nowhere", "inbox"],
    )

    assert list(answer["created"]) == ["good"]
    assert answer["notCreated"]["bad"]["type"] == "invalidProperties"
    assert answer["updated"] == {"sent": None}
    assert {id: error["type"] for id, error in answer["notUpdated"].items()} == {
        "nothing": "notFound",
        "junk": "invalidProperties",
    }
    assert answer["destroyed"] == ["drafts"]
    assert {id: error["type"] for id, error in answer["notDestroyed"].items()} == {
        "nowhere": "notFound",
        "inbox": "forbidden",
    }


def test_what_is_destroyed_is_not_updated_before(ann: Client) -> None:
    answer = ann.call("Mailbox/set", update={"junk": {"name": "J"}}, destroy=["junk", "junk"])

    assert answer["notUpdated"] == {"junk": {"type": "willDestroy"}}
    assert answer["destroyed"] == ["junk"]


@pytest.mark.parametrize("order", [("a", "b", "c"), ("c", "b", "a"), ("b", "c", "a")])
def test_creations_may_refer_to_each_other_in_any_order(ann: Client, order: tuple[str, ...]) -> None:
    given = {
        "a": {"name": "A"},
        "b": {"name": "B", "parentId": "#a"},
        "c": {"name": "C", "parentId": "#b"},
    }

    made = ann.call("Mailbox/set", create={key: given[key] for key in order})["created"]

    assert made["b"]["parentId"] == made["a"]["id"]
    assert ann.mailbox(made["c"]["id"])["parentId"] == made["b"]["id"]


def test_a_chain_as_long_as_a_call_is_put_in_order(ann: Client) -> None:
    count = ann.site.config.limits.max_objects_in_set
    create = {f"k{i}": {"name": f"n{i}", "parentId": f"#k{i + 1}"} for i in range(count)}

    answer = ann.call("Mailbox/set", create={**create, f"k{count - 1}": {"name": "top"}})

    assert len(answer["created"]) == ann.site.config.limits.max_mailbox_depth
    assert len(answer["notCreated"]) == count - len(answer["created"])


def test_creations_that_refer_to_each_other_in_a_circle_are_invalid(ann: Client) -> None:
    answer = ann.call(
        "Mailbox/set",
        create={
            "a": {"name": "A", "parentId": "#b"},
            "b": {"name": "B", "parentId": "#a"},
            "c": {"name": "C", "parentId": "#c"},
            "d": {"name": "D", "parentId": "#never"},
        },
    )

    assert answer["created"] is None
    for error in answer["notCreated"].values():
        assert (error["type"], error["properties"]) == ("invalidProperties", ["parentId"])


def test_a_creation_may_be_referred_to_by_updates_and_by_later_calls(ann: Client) -> None:
    email = ann.deliver(message())[0]

    answers = ann.responses(
        ("Mailbox/set", {"create": {"a": {"name": "A"}}, "update": {"archive": {"parentId": "#a"}}}),
        ("Email/set", {"update": {email: {"mailboxIds/#a": True}}}),
        ("Mailbox/set", {"update": {"#a": {"name": "Renamed"}}}),
        ("Mailbox/get", {"ids": ["#a"], "properties": ["name", "totalEmails"]}),
        ("Mailbox/set", {"create": {"a": {"name": "Another"}}}),
        ("Mailbox/set", {"destroy": ["#a"]}),
    )

    made = answers[0][1]["created"]["a"]["id"]
    another = answers[4][1]["created"]["a"]["id"]
    assert answers[2][1]["updated"] == {made: None}
    assert answers[3][1]["list"] == [{"id": made, "name": "Renamed", "totalEmails": 1}]
    assert answers[5][1]["destroyed"] == [another]
    assert ann.mailbox("archive")["parentId"] == made


def test_a_reference_to_what_was_not_created_is_not_found(ann: Client) -> None:
    answer = ann.call("Mailbox/set", create={"a": {"name": ""}}, update={"#a": {"name": "x"}}, destroy=["#b"])

    assert answer["notUpdated"] == {"#a": {"type": "notFound"}}
    assert answer["notDestroyed"] == {"#b": {"type": "notFound"}}


def test_a_reference_at_the_end_of_a_path_stands_for_its_id(ann: Client) -> None:
    id = ann.deliver(message())[0]
    (_, made), (_, added), (_, removed) = ann.responses(
        ("Mailbox/set", {"create": {"new": {"name": "New"}}}),
        ("Email/set", {"update": {id: {"mailboxIds/#new": True}}}),
        ("Email/set", {"update": {id: {"mailboxIds/#new": None, "mailboxIds/sent": True}}}),
    )

    assert made["created"]
    assert added["updated"] == removed["updated"] == {id: None}
    assert added["newState"] != removed["newState"]
    assert ann.email(id, "mailboxIds")["mailboxIds"] == {"inbox": True, "sent": True}


def test_a_member_of_a_set_has_one_path_whether_by_reference_or_by_id(ann: Client) -> None:
    id, mailbox = ann.deliver(message())[0], ann.create_mailbox("New")
    patch = {"mailboxIds/#new": True, f"mailboxIds/{mailbox}": None}

    answer = ann.request(
        ("Email/set", {"accountId": ann.account, "update": {id: patch}}, "0"), createdIds={"new": mailbox}
    )

    assert answer["methodResponses"][0][1]["notUpdated"][id]["type"] == "invalidPatch"


def test_a_keyword_that_looks_like_a_reference_is_a_keyword(ann: Client) -> None:
    id, mailbox = ann.deliver(message())[0], ann.create_mailbox("New")

    ann.request(
        ("Email/set", {"accountId": ann.account, "update": {id: {"keywords/#new": True}}}, "0"),
        createdIds={"new": mailbox},
    )

    assert ann.email(id, "keywords")["keywords"] == {"#new": True}


def test_what_is_destroyed_by_its_id_and_by_its_reference_is_destroyed_once(ann: Client) -> None:
    mailbox = ann.create_mailbox("New")

    answer = ann.request(
        ("Mailbox/set", {"accountId": ann.account, "destroy": ["#new", mailbox]}, "0"), createdIds={"new": mailbox}
    )["methodResponses"][0][1]

    assert (answer["destroyed"], answer["notDestroyed"]) == ([mailbox], None)


def test_mailboxes_named_by_their_references_are_emptied_and_destroyed(ann: Client) -> None:
    id = ann.deliver(message())[0]
    *_, (_, answer) = ann.responses(
        ("Mailbox/set", {"create": {"a": {"name": "A"}, "b": {"name": "B", "parentId": "#a"}}}),
        ("Email/set", {"update": {id: {"mailboxIds": {"#b": True}}}}),
        ("Mailbox/set", {"destroy": ["#a", "#b"], "onDestroyRemoveEmails": True}),
    )

    assert (len(answer["destroyed"]), answer["notDestroyed"]) == (2, None)
    assert ann.call("Email/get", ids=[id])["notFound"] == [id]


def test_what_is_not_there_is_not_found_even_where_it_is_to_be_destroyed(ann: Client) -> None:
    answer = ann.call("Mailbox/set", update={"nothing": {"name": "A"}}, destroy=["nothing"])

    assert answer["notUpdated"]["nothing"]["type"] == answer["notDestroyed"]["nothing"]["type"] == "notFound"


def test_whole_objects_may_be_sent_back_as_patches(ann: Client) -> None:
    id = ann.deliver(message("Hello"))[0]
    emails = [
        ann.email(id),
        ann.email(id, "id", "headers", "bodyStructure", "header:Subject:asText", "header:x-none:all", "keywords"),
        {"bodyStructure/type": ann.email(id, "bodyStructure")["bodyStructure"]["type"]},
    ]

    for whole in emails:
        assert ann.call("Email/set", update={id: whole})["updated"] == {id: None}
    for patch in ({"header:Subject:asText": "Other"}, {"bodyStructure/type": "image/png"}, {"header:X:asText": "x"}):
        refusal = ann.call("Email/set", update={id: patch})["notUpdated"][id]
        assert (refusal["type"], refusal["properties"]) == ("invalidProperties", [next(iter(patch)).partition("/")[0]])


def test_an_object_updated_by_its_reference_is_not_updated_before_it_is_destroyed(ann: Client) -> None:
    answers = ann.responses(
        ("Mailbox/set", {"create": {"a": {"name": "A"}}}),
        ("Mailbox/set", {"create": {"b": {"name": "B"}}, "update": {"#a": {"name": "C"}}, "destroy": ["#a"]}),
    )

    made = answers[0][1]["created"]["a"]["id"]
    assert answers[1][1]["notUpdated"] == {made: {"type": "willDestroy"}}
    assert answers[1][1]["destroyed"] == [made]


@pytest.mark.parametrize(
    "patch",
    [
        {"name/x": 1},
        {"parentId/x": "inbox"},
        {"nothing/x": 1},
        {"myRights": {}, "myRights/mayDelete": True},
        {"/name": "x"},
        {"myRights/~2": True},
    ],
)
def test_a_patch_against_the_rules_is_refused(ann: Client, patch: dict[str, Any]) -> None:
    before = ann.position()

    error = ann.call("Mailbox/set", update={"archive": patch})["notUpdated"]["archive"]

    assert error["type"] == "invalidPatch"
    assert ann.position() == before


def test_null_sets_the_default_and_a_property_without_one_cannot_be_null(ann: Client) -> None:
    ann.update("Mailbox", "archive", sortOrder=7, isSubscribed=False, parentId="inbox")

    ann.update("Mailbox", "archive", sortOrder=None, isSubscribed=None, parentId=None, role=None)

    found = ann.mailbox("archive")
    assert (found["sortOrder"], found["isSubscribed"], found["parentId"], found["role"]) == (0, True, None, None)
    answer = ann.update("Mailbox", "archive", name=None)
    assert answer["notUpdated"]["archive"]["properties"] == ["name"]


def test_a_patch_of_nothing_changes_nothing(ann: Client) -> None:
    before = ann.position()

    answer = ann.call("Mailbox/set", update={"archive": {}, "sent": {"name": "Sent"}})

    assert answer["updated"] == {"archive": None, "sent": None}
    assert ann.position() == before


class SomebodyElse:
    """A store in front of which another client acts just before a certain commit."""

    def __init__(self, store: Any, commit: int, act: Any) -> None:
        self._store = store
        self._left = commit
        self._act = act

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, batch: Batch) -> None:
        self._left -= 1
        if self._left == 0:
            self._act()
        self._store.commit(batch)


def disturbed(client: Client, commit: int, act: Any) -> Client:
    site: Any = dataclasses.replace(client.site, store=SomebodyElse(client.site.store, commit, act))
    return Client(site, client.user)


def test_a_change_of_another_in_between_is_heard_of_afterwards(ann: Client) -> None:
    emails = ann.deliver(*(message(f"s{i}") for i in range(60)))
    other = disturbed(ann, 2, lambda: ann.patch(emails[0], {"keywords/$flagged": True}))

    answer = other.call("Email/set", update={id: {"keywords/$seen": True} for id in emails})

    assert len(answer["updated"]) == 60
    assert emails[0] in ann.call("Email/changes", sinceState=answer["newState"])["updated"]
    assert ann.email(emails[0], "keywords")["keywords"] == {"$seen": True, "$flagged": True}


def test_a_change_of_another_just_before_is_seen_by_the_expected_state(ann: Client) -> None:
    other = disturbed(ann, 1, lambda: ann.create_mailbox("Theirs"))

    error = other.error("Mailbox/set", ifInState=ann.state("Mailbox"), create={"a": {"name": "Mine"}})

    assert error["type"] == "stateMismatch"
    assert "Mine" not in [one["name"] for one in ann.call("Mailbox/get")["list"]]


def test_a_name_that_another_took_just_before_is_refused(ann: Client) -> None:
    other = disturbed(ann, 1, lambda: ann.create_mailbox("Work"))

    answer = other.call("Mailbox/set", create={"a": {"name": "Work"}})

    assert answer["notCreated"]["a"]["properties"] == ["name"]


@pytest.mark.parametrize(("failing", "type"), [(1, "serverUnavailable"), (2, "serverPartialFail")])
def test_a_store_that_fails_after_a_part_was_written_says_so(ann: Client, failing: int, type: str) -> None:
    emails = ann.deliver(*(message(f"s{i}") for i in range(60)))

    def fail() -> None:
        raise Temporary("throttled", "slow down")

    other = disturbed(ann, failing, fail)

    error = other.error("Email/set", update={id: {"keywords/$seen": True} for id in emails})

    assert error["type"] == type
    assert (ann.mailbox("inbox")["unreadEmails"] < 60) is (type == "serverPartialFail")
