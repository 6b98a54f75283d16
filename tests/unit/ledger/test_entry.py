"""Entries: sealed, unsealed, and the merge patches that their changes carry."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.errors import Permanent
from homing.ledger.entry import GENESIS, Change, Entry, Touched, merge_patch, seal, touched_of, unseal

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text('aä\u2028\0"\\😀', max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.sampled_from("abcd"), JSON, max_size=4)

RFC_7396_EXAMPLES = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]
"""RFC 7396, appendix A, but for the patch `null`, which a member cannot be."""


def an_entry(**changes: Any) -> Entry:
    values: dict[str, Any] = {
        "seq": 7,
        "at": 1_795_000_000_000,
        "actor": "ann@example.org",
        "protocol": "jmap",
        "correlation": "c1",
        "previous": GENESIS,
        "changes": (
            Change("Mailbox", "m1", create={"name": 'Ä\u2028"\\\n', "parentId": None}),
            Change("Thread", "t1", update={"emails": {"e1": None}}),
            Change("Email", "e1", destroy=True),
        ),
        "touched": {"Mailbox": Touched(created=("m1",)), "Email": Touched(destroyed=("e1",))},
    }
    return Entry(**(values | changes))


@pytest.mark.parametrize(("target", "patch", "result"), RFC_7396_EXAMPLES)
def test_a_patch_merges_as_in_the_examples_of_rfc_7396(target: Any, patch: Any, result: Any) -> None:
    assert merge_patch({"member": target}, {"member": patch}) == {"member": result}


@given(OBJECTS, OBJECTS)
def test_merging_alters_neither_target_nor_patch(target: dict[str, Any], patch: dict[str, Any]) -> None:
    before = copy.deepcopy((target, patch))

    merged = merge_patch(target, patch)

    assert (target, patch) == before
    assert merge_patch(merged, patch) == merged


def test_an_unsealed_entry_is_the_one_that_was_sealed() -> None:
    entry = an_entry()
    body, digest = seal(entry)

    assert unseal(body) == (entry, digest)


@given(OBJECTS)
def test_any_object_survives_sealing(body: dict[str, Any]) -> None:
    entry = an_entry(changes=(Change("X", "1", create=body),))

    assert unseal(seal(entry)[0])[0] == entry


def test_equal_entries_are_equal_bytes_whatever_the_order_of_their_members() -> None:
    one = an_entry(changes=(Change("X", "1", create={"a": 1, "b": {"c": 2, "d": 3}}),))
    other = an_entry(changes=(Change("X", "1", create={"b": {"d": 3, "c": 2}, "a": 1}),))

    assert seal(one) == seal(other)


def test_every_altered_byte_of_an_entry_is_noticed() -> None:
    body, _ = seal(an_entry())
    chance = random.Random(5)

    for position in range(len(body)):
        altered = bytearray(body)
        altered[position] ^= chance.randrange(1, 256)
        with pytest.raises(Permanent, match=r"entry"):
            unseal(bytes(altered))


@pytest.mark.parametrize("cut", [0, 1, 40, 80, 200, -1])
def test_a_cut_entry_is_refused(cut: int) -> None:
    with pytest.raises(Permanent):
        unseal(seal(an_entry())[0][:cut])


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"null",
        b'{"hash":1,"entry":{}}',
        b'{"entry":{"seq":1}}',
        b"[" * 100_000,
        b'{"hash":"","entry":{"seq":1,"at":1,"actor":"\\ud800"}}',
        b'\xff\xfe{"hash":""}',
    ],
)
def test_what_is_no_entry_is_refused(text: bytes) -> None:
    with pytest.raises(Permanent):
        unseal(text)


def test_the_same_entry_written_with_other_white_space_is_refused() -> None:
    body, _ = seal(an_entry())

    with pytest.raises(Permanent):
        unseal(body.replace(b'","entry":', b'", "entry":'))


def test_the_touched_objects_are_read_without_the_changes() -> None:
    body, _ = seal(an_entry())

    assert touched_of(body) == an_entry().touched


def test_an_entry_is_stored_as_plain_json() -> None:
    stored = json.loads(seal(an_entry())[0])

    assert stored["entry"]["changes"][2] == {"type": "Email", "id": "e1", "destroy": True}
