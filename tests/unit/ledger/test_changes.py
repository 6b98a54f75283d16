"""`changes`: what happened since a state, told once, in portions, or not at all (RFC 8620 §5.2)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from homing.errors import MethodError
from homing.ledger.changes import Changes, changes
from homing.ledger.transact import Draft
from homing.ledger.view import View
from homing.site import Site
from tests.doubles import CountingStore

from .conftest import ACCOUNT

Write = Callable[..., None]
Look = Callable[[], View]


def create(*ids: str, type: str = "Note") -> Callable[[Draft], None]:
    return lambda draft: [draft.create(type, id, {"n": 0}) for id in ids] and None


def update(*ids: str, type: str = "Note") -> Callable[[Draft], None]:
    return lambda draft: [draft.update(type, id, {"n": 1}) for id in ids] and None


def destroy(*ids: str, type: str = "Note") -> Callable[[Draft], None]:
    return lambda draft: [draft.destroy(type, id) for id in ids] and None


def told(found: Changes) -> tuple[list[str], list[str], list[str]]:
    return found.created, found.updated, found.destroyed


def test_an_empty_ledger_has_state_zero_and_no_changes(view: Look) -> None:
    found = changes(view(), "Note", "0")

    assert found == Changes("0", "0", False, [], [], [], False)


def test_everything_since_the_beginning_is_created(write: Write, view: Look) -> None:
    write(create("a", "b"))
    write(update("a"))

    found = changes(view(), "Note", "0")

    assert told(found) == (["a", "b"], [], [])
    assert (found.old_state, found.new_state, found.has_more) == ("0", "2", False)


def test_created_and_destroyed_within_the_span_is_not_told(write: Write, view: Look) -> None:
    write(create("a"))
    write(create("b"))
    write(destroy("b"))

    assert told(changes(view(), "Note", "1")) == ([], [], [])


def test_updated_and_destroyed_is_destroyed_and_created_and_updated_is_created(write: Write, view: Look) -> None:
    write(create("a"))
    write(create("b"), update("a"))
    write(update("b"), destroy("a"))

    assert told(changes(view(), "Note", "1")) == (["b"], [], ["a"])


def test_destroyed_and_created_again_is_updated(write: Write, view: Look) -> None:
    write(create("a"))
    write(destroy("a"))
    write(create("a"))

    assert told(changes(view(), "Note", "1")) == ([], ["a"], [])


def test_each_id_is_told_once(write: Write, view: Look) -> None:
    write(create("a"))
    for _ in range(3):
        write(update("a"))

    assert told(changes(view(), "Note", "1")) == ([], ["a"], [])


def test_the_state_of_a_type_moves_only_with_the_type(write: Write, view: Look) -> None:
    write(create("a"))
    write(create("x", type="Other"))

    assert changes(view(), "Note", "1").new_state == "1"
    assert changes(view(), "Other", "0").new_state == "2"


def test_a_maximum_cuts_within_an_entry_and_the_next_call_goes_on_there(write: Write, view: Look) -> None:
    write(create("a", "b", "c", "d", "e"))
    state, pages = "0", []

    while True:
        found = changes(view(), "Note", state, 2)
        pages.append((found.created, found.new_state, found.has_more))
        state = found.new_state
        if not found.has_more:
            break

    assert pages == [(["a", "b"], "0.2", True), (["c", "d"], "0.4", True), (["e"], "1", False)]


def test_a_portion_begun_within_an_entry_goes_on_into_later_entries(write: Write, view: Look) -> None:
    write(create("a", "b", "c"))
    write(update("a", "b"), create("d"))

    found = changes(view(), "Note", "0.2", 3)

    assert told(found) == (["c", "d"], ["a"], [])
    assert (found.new_state, found.has_more) == ("1.2", True)
    assert told(changes(view(), "Note", "1.2")) == ([], ["b"], [])


@pytest.mark.parametrize("maximum", [1, 2, 3, 7])
def test_portions_of_any_size_lead_to_the_same_objects(write: Write, view: Look, maximum: int) -> None:
    write(create(*"abcdefg"))
    write(destroy("a", "b"), update("c"), create("h"))
    write(destroy("h"), create("i"), update("d"))
    known: set[str] = set()
    state, more = "0", True

    while more:
        found = changes(view(), "Note", state, maximum)
        assert len(found.created) + len(found.updated) + len(found.destroyed) <= maximum
        known |= set(found.created)
        assert set(found.updated) <= known
        known -= set(found.destroyed)
        state, more = found.new_state, found.has_more

    assert known == set("cdefgi")
    assert state == "3"


def test_changes_say_when_only_counters_changed(write: Write, view: Look) -> None:
    record = {"size": 1, "blob": "b" * 64}
    email = {"mailboxIds": {"m": 1}, "keywords": {}, "receivedAt": 1}
    write(lambda draft: draft.create("Mailbox", "m", {"name": "m"}))
    write(
        lambda draft: draft.create("Email", "e", record),
        lambda draft: draft.create("Thread", "t", {"emails": {"e": email}, "messageIds": {}}),
    )
    write(lambda draft: draft.update("Mailbox", "m", {"name": "n"}))

    assert changes(view(), "Mailbox", "1", 1).only_counted is False
    assert changes(view(), "Mailbox", "2").only_counted is False
    write(lambda draft: draft.update("Thread", "t", {"emails": {"e": {"keywords": {"$seen": True}}}}))
    assert changes(view(), "Mailbox", "3").only_counted is True
    assert changes(view(), "Mailbox", "4").only_counted is False


@pytest.mark.parametrize(
    "state",
    ["3", "4", "999999999999999", "9" * 40, "", " ", "-1", "1.", ".1", "1.0", "01", "1.01", "1,2", "x", "1\n",
     "\u0661", "1.5", "0.3", "2.1", "1e3", "0x1", "null"],
)  # fmt: skip
def test_a_state_that_this_ledger_never_had_cannot_be_calculated(write: Write, view: Look, state: str) -> None:
    write(create("a", "b", "c"))
    write(update("a"))

    with pytest.raises(MethodError) as raised:
        changes(view(), "Note", state)

    assert raised.value.type == "cannotCalculateChanges"


def test_a_place_within_an_entry_of_another_type_cannot_be_calculated(write: Write, view: Look) -> None:
    write(create("a"))
    write(create("x", "y", type="Other"))
    write(create("b"))

    with pytest.raises(MethodError):
        changes(view(), "Note", "1.1")


def test_changes_since_now_read_no_entry(site: Site, write: Write) -> None:
    write(create("a"))
    for number in range(5):
        write(create(f"x{number}", type="Other"))
    store = CountingStore(site.store)
    look = View(store, ACCOUNT, site.clock.now())

    assert told(changes(look, "Note", "1")) == ([], [], [])
    assert store.calls.as_dict() == {"get": 1}


def test_a_view_tells_nothing_that_came_after_its_head(write: Write, view: Look) -> None:
    write(create("a"))
    before = view()
    assert before.head.seq == 1

    write(create("b"))

    assert told(changes(before, "Note", "0")) == (["a"], [], [])
