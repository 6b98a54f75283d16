"""Mailboxes (RFC 8621 §2): what they are, and what `Mailbox/set` lets them become."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from homing.config import Limits
from tests.mail import message
from tests.rooms.jmap.conftest import Client

RIGHTS = {
    "mayReadItems", "mayAddItems", "mayRemoveItems", "maySetSeen", "maySetKeywords", "mayCreateChild", "mayRename",
    "mayDelete", "maySubmit",
}  # fmt: skip


def refusal(client: Client, **properties: Any) -> list[str]:
    """The properties for which a new mailbox is refused."""
    error = client.call("Mailbox/set", create={"new": {"name": "New", **properties}})["notCreated"]["new"]
    assert error["type"] in ("invalidProperties", "alreadyExists")
    return list(error["properties"])


def counts(client: Client, id: str) -> tuple[int, int, int, int]:
    found = client.mailbox(id)
    return found["totalEmails"], found["unreadEmails"], found["totalThreads"], found["unreadThreads"]


def test_a_new_account_has_the_usual_mailboxes_by_role(ann: Client) -> None:
    found = {one["role"]: one["name"] for one in ann.call("Mailbox/get")["list"]}

    assert found == {
        "inbox": "Inbox",
        "drafts": "Drafts",
        "sent": "Sent",
        "archive": "Archive",
        "junk": "Junk",
        "trash": "Trash",
    }


def test_a_user_has_every_right_but_to_destroy_inbox_and_trash(ann: Client) -> None:
    for one in ann.call("Mailbox/get")["list"]:
        rights = one["myRights"]
        assert set(rights) == RIGHTS
        assert all(rights[right] for right in RIGHTS - {"mayDelete"})
        assert rights["mayDelete"] is (one["id"] not in ("inbox", "trash"))


def test_a_new_mailbox_has_the_defaults_of_the_standard(ann: Client) -> None:
    found = ann.mailbox(ann.create_mailbox("Work"))

    del found["id"], found["myRights"]
    assert found == {
        "name": "Work",
        "parentId": None,
        "role": None,
        "sortOrder": 0,
        "isSubscribed": True,
        "totalEmails": 0,
        "unreadEmails": 0,
        "totalThreads": 0,
        "unreadThreads": 0,
    }


@pytest.mark.parametrize("name", ["a", " a ", "/", "Straße 😀", "*", ".", "INBOX", "x" * 255, "ü" * 127])
def test_names_may_be_of_any_text(ann: Client, name: str) -> None:
    assert ann.mailbox(ann.create_mailbox(name))["name"] == name


@pytest.mark.parametrize("name", ["", " ", "\u00a0", "a\nb", "\0", "a\x7f", "a\x85", "x" * 256, "ü" * 128])
def test_names_without_letters_or_with_control_characters_or_too_long_are_refused(ann: Client, name: str) -> None:
    assert refusal(ann, name=name) == ["name"]
    assert ann.update("Mailbox", "sent", name=name)["notUpdated"]["sent"]["properties"] == ["name"]


def test_a_name_is_kept_in_normal_form(ann: Client) -> None:
    answer = ann.call("Mailbox/set", create={"a": {"name": "Cafe\u0301"}})

    assert answer["created"]["a"]["name"] == "Caf\u00e9"
    assert refusal(ann, name="Caf\u00e9") == ["name"]


def test_siblings_have_different_names(ann: Client) -> None:
    parent = ann.create_mailbox("Work")

    assert refusal(ann, name="Work") == ["name"]
    child = ann.create_mailbox("Work", parentId=parent)
    assert refusal(ann, name="Work", parentId=parent) == ["name"]
    assert ann.update("Mailbox", child, parentId=None)["notUpdated"][child]["properties"] == ["name"]
    assert ann.update("Mailbox", "sent", name="Junk")["notUpdated"]["sent"]["properties"] == ["name"]
    assert ann.mailbox(ann.create_mailbox("work"))["name"] == "work"
    error = ann.call("Mailbox/set", create={"new": {"name": "Junk"}})["notCreated"]["new"]
    assert (error["type"], error["existingId"]) == ("alreadyExists", "junk")


def test_a_role_is_of_the_registry_and_each_is_given_once(ann: Client) -> None:
    important = ann.create_mailbox("A", role="important")

    for role in ("important", "inbox", "Inbox", "INBOX", "spam", ""):
        assert refusal(ann, role=role) == ["role"]
    assert ann.update("Mailbox", "archive", role="junk")["notUpdated"]["archive"]["properties"] == ["role"]
    ann.update("Mailbox", important, role=None)
    assert ann.mailbox(ann.create_mailbox("B", role="important"))["role"] == "important"


@pytest.mark.parametrize("id", ["inbox", "trash"])
def test_inbox_and_trash_keep_their_roles_and_may_be_renamed(ann: Client, id: str) -> None:
    for role in (None, "important"):
        assert ann.update("Mailbox", id, role=role)["notUpdated"][id]["properties"] == ["role"]
    assert ann.update("Mailbox", id, name="Renamed", role=id)["updated"] == {id: None}


@pytest.mark.parametrize("parent", ["nothing", "#nothing", "inbox "])
def test_a_parent_must_exist(ann: Client, parent: str) -> None:
    assert refusal(ann, parentId=parent) == ["parentId"]


def test_a_mailbox_cannot_lie_in_itself_nor_below(ann: Client) -> None:
    top = ann.create_mailbox("Top")
    middle = ann.create_mailbox("Middle", parentId=top)
    bottom = ann.create_mailbox("Bottom", parentId=middle)

    for parent in (top, middle, bottom):
        assert ann.update("Mailbox", top, parentId=parent)["notUpdated"][top]["properties"] == ["parentId"]


def test_the_tree_is_as_deep_as_the_session_says_whichever_end_is_moved(ann: Client) -> None:
    config = dataclasses.replace(ann.site.config, limits=Limits(max_mailbox_depth=3))
    client = Client(dataclasses.replace(ann.site, config=config), ann.user)
    one = client.create_mailbox("1")
    two = client.create_mailbox("2", parentId=one)
    three = client.create_mailbox("3", parentId=two)

    assert refusal(client, parentId=three) == ["parentId"]
    other = client.create_mailbox("other")
    assert client.update("Mailbox", one, parentId=other)["notUpdated"][one]["properties"] == ["parentId"]
    assert client.update("Mailbox", two, parentId=other)["updated"] == {two: None}


def test_two_mailboxes_may_swap_names_and_roles_in_one_call(ann: Client) -> None:
    answer = ann.call(
        "Mailbox/set",
        update={"sent": {"name": "Archive", "role": "archive"}, "archive": {"name": "Sent", "role": "sent"}},
    )

    assert answer["updated"] == {"sent": None, "archive": None}
    assert (ann.mailbox("sent")["name"], ann.mailbox("sent")["role"]) == ("Archive", "archive")


def test_a_tree_may_be_turned_round_in_one_call(ann: Client) -> None:
    top = ann.create_mailbox("Top")
    below = ann.create_mailbox("Below", parentId=top)

    answer = ann.call("Mailbox/set", update={top: {"parentId": below}, below: {"parentId": None}})

    assert set(answer["updated"]) == {top, below}
    assert ann.mailbox(top)["parentId"] == below


def test_a_name_may_be_taken_from_a_mailbox_that_goes_in_the_same_call(ann: Client) -> None:
    answer = ann.call(
        "Mailbox/set",
        create={"new": {"name": "Junk", "role": "junk"}},
        update={"sent": {"name": "Archive"}},
        destroy=["archive", "junk"],
    )

    assert answer["created"]
    assert answer["updated"]
    assert sorted(answer["destroyed"]) == ["archive", "junk"]


def test_when_a_call_contradicts_itself_its_objects_are_taken_one_after_the_other(ann: Client) -> None:
    answer = ann.call(
        "Mailbox/set",
        create={"a": {"name": "Same"}, "b": {"name": "Same"}},
        update={"sent": {"name": "Archive"}, "archive": {"name": "Sent"}},
        destroy=["drafts"],
    )

    assert list(answer["created"]) == ["a"]
    assert answer["notCreated"]["b"]["properties"] == ["name"]
    assert set(answer["notUpdated"]) == {"sent", "archive"}
    assert answer["destroyed"] == ["drafts"]


@pytest.mark.parametrize("parent_first", [True, False])
def test_a_parent_and_its_child_may_go_in_one_call(ann: Client, parent_first: bool) -> None:
    parent = ann.create_mailbox("Parent")
    child = ann.create_mailbox("Child", parentId=parent)
    doomed = [parent, child] if parent_first else [child, parent]

    assert sorted(ann.call("Mailbox/set", destroy=doomed)["destroyed"]) == sorted(doomed)


def test_a_mailbox_with_a_child_stays(ann: Client) -> None:
    parent = ann.create_mailbox("Parent")
    ann.create_mailbox("Child", parentId=parent)
    email = ann.deliver(message())[0]
    ann.patch(email, {"mailboxIds": {parent: True}})

    answer = ann.call("Mailbox/set", destroy=[parent], onDestroyRemoveEmails=True)

    assert answer["notDestroyed"] == {parent: {"type": "mailboxHasChild"}}
    assert counts(ann, parent) == (1, 1, 1, 1)


def test_a_mailbox_that_gets_a_child_in_the_same_call_keeps_its_emails(ann: Client) -> None:
    email = ann.deliver(message())[0]
    ann.patch(email, {"mailboxIds": {"archive": True}})

    answer = ann.call(
        "Mailbox/set",
        create={"a": {"name": "A", "parentId": "archive"}},
        destroy=["archive"],
        onDestroyRemoveEmails=True,
    )

    assert answer["notDestroyed"]["archive"]["type"] in ("mailboxHasChild", "mailboxHasEmail")
    assert counts(ann, "archive") == (1, 1, 1, 1)


def test_a_mailbox_with_emails_stays_unless_they_may_go(ann: Client) -> None:
    work = ann.create_mailbox("Work")
    only, both = ann.deliver(message("only"), message("both"))
    ann.patch(only, {"mailboxIds": {work: True}})
    ann.patch(both, {f"mailboxIds/{work}": True})

    assert ann.call("Mailbox/set", destroy=[work])["notDestroyed"] == {work: {"type": "mailboxHasEmail"}}
    assert ann.call("Mailbox/set", destroy=[work], onDestroyRemoveEmails=True)["destroyed"] == [work]

    assert ann.call("Email/get", ids=[only])["notFound"] == [only]
    assert ann.email(both, "mailboxIds")["mailboxIds"] == {"inbox": True}
    assert counts(ann, "inbox") == (1, 1, 1, 1)


@pytest.mark.parametrize("id", ["inbox", "trash"])
def test_inbox_and_trash_stay_with_their_emails(ann: Client, id: str) -> None:
    email = ann.deliver(message())[0]
    ann.patch(email, {"mailboxIds": {id: True}})

    answer = ann.call("Mailbox/set", destroy=[id], onDestroyRemoveEmails=True)

    assert answer["notDestroyed"][id]["type"] == "forbidden"
    assert counts(ann, id) == (1, 1, 1, 1)


def test_a_tree_full_of_emails_goes_in_one_call(ann: Client) -> None:
    parent = ann.create_mailbox("Parent")
    child = ann.create_mailbox("Child", parentId=parent)
    references = [f"r{i}@x" for i in range(9)]
    emails = ann.deliver(
        *(message(f"s{i // 3}", message_id=f"m{i}@x", references=references) for i in range(60)),
    )
    ann.call(
        "Email/set",
        update={id: {"mailboxIds": {parent if i % 2 else child: True}} for i, id in enumerate(emails)},
    )
    state = ann.state("Mailbox")

    answer = ann.call("Mailbox/set", ifInState=state, destroy=[parent, child], onDestroyRemoveEmails=True)

    assert sorted(answer["destroyed"]) == sorted([parent, child])
    assert (answer["oldState"], answer["newState"]) == (state, ann.state("Mailbox"))
    assert ann.call("Email/get")["list"] == []


def test_a_stale_state_keeps_a_mailbox_from_being_emptied(ann: Client) -> None:
    email = ann.deliver(message())[0]
    state = ann.state("Mailbox")
    ann.patch(email, {"mailboxIds": {"archive": True}})

    error = ann.error("Mailbox/set", ifInState=state, destroy=["archive"], onDestroyRemoveEmails=True)

    assert error["type"] == "stateMismatch"
    assert counts(ann, "archive") == (1, 1, 1, 1)


def test_counters_follow_emails_and_keywords(ann: Client) -> None:
    first = ann.deliver(message("s", message_id="a@x"))[0]
    ann.deliver(message("Re: s", in_reply_to="a@x"), message("t"))
    assert counts(ann, "inbox") == (3, 3, 2, 2)

    ann.patch(first, {"keywords/$seen": True})
    assert counts(ann, "inbox") == (3, 2, 2, 2)
    ann.patch(first, {"mailboxIds": {"archive": True}})
    assert counts(ann, "inbox") == (2, 2, 2, 2)
    assert counts(ann, "archive") == (1, 0, 1, 1)  # the thread's other email is unread, wherever it lies

    ann.call("Email/set", destroy=[first])
    assert counts(ann, "archive") == (0, 0, 0, 0)


def test_a_draft_is_not_unread(ann: Client) -> None:
    email = ann.deliver(message())[0]

    ann.patch(email, {"keywords/$draft": True})

    assert counts(ann, "inbox") == (1, 0, 1, 0)


def test_the_trash_is_as_if_it_were_another_thread(ann: Client) -> None:
    """The example of RFC 8621 §2: an unread email in the trash, a read one in the inbox."""
    read, unread = ann.deliver(message("s", message_id="a@x"), message("Re: s", in_reply_to="a@x"))
    ann.patch(read, {"keywords/$seen": True})
    ann.patch(unread, {"mailboxIds": {"trash": True}})

    assert counts(ann, "inbox") == (1, 0, 1, 0)
    assert counts(ann, "trash") == (1, 1, 1, 1)

    ann.patch(unread, {"mailboxIds/inbox": True})
    assert counts(ann, "inbox")[3] == 1

    ann.call(
        "Email/set",
        update={read: {"keywords": {}}, unread: {"keywords": {"$seen": True}, "mailboxIds": {"trash": True}}},
    )
    assert (counts(ann, "inbox")[3], counts(ann, "trash")[3]) == (1, 0)


def test_there_are_only_so_many_mailboxes_as_all_can_be_got_at_once(ann: Client) -> None:
    for start in (0, 500):
        answer = ann.call("Mailbox/set", create={f"k{n}": {"name": f"{n}"} for n in range(start, start + 500)})

    assert {error["type"] for error in answer["notCreated"].values()} == {"overQuota"}
    assert len(ann.call("Mailbox/get", ids=None)["list"]) == ann.site.config.limits.max_objects_in_get
