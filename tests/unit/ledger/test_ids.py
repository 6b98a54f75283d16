"""Identifiers: their alphabet, their order, and what can be read from them."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing import ids

CHANCE = st.binary(min_size=4, max_size=4)
TIMES = st.integers(0, 2**45 - 1)


@given(TIMES, CHANCE)
def test_an_id_is_short_and_safe_for_file_systems_without_case(at: int, chance: bytes) -> None:
    assert re.fullmatch(r"t[0-9a-v]{15}", ids.time_id("t", at, chance))


@given(st.lists(TIMES, min_size=2, max_size=9, unique=True), CHANCE)
def test_ids_sort_by_age(times: list[int], chance: bytes) -> None:
    made = [ids.time_id("t", at, chance) for at in sorted(times)]

    assert all(older < newer for older, newer in pairwise(made))


@given(TIMES, TIMES, CHANCE, CHANCE)
def test_the_thread_of_an_email_is_read_from_its_id(began: int, came: int, one: bytes, other: bytes) -> None:
    thread = ids.time_id("t", began, one)
    email = ids.email_id(thread, came, other)

    assert ids.thread_of(email) == thread
    assert ids.is_id(email)


def test_different_chance_gives_different_ids() -> None:
    made = {ids.time_id("t", 5, number.to_bytes(4)) for number in range(1_000)}

    assert len(made) == 1_000


@pytest.mark.parametrize("text", ["", "a b", "a/b", "ä", "a" * 256, "a\n", None, 5, "../x"])
def test_what_is_no_id_of_rfc_8620_is_told(text: object) -> None:
    assert not ids.is_id(text)


@pytest.mark.parametrize("text", ["", "e", "../../etc/passwd", "x" * 255, "ü"])
def test_the_thread_of_a_foreign_id_is_one_that_nobody_has(text: str) -> None:
    assert not re.fullmatch(r"t[0-9a-v]{15}", ids.thread_of(text))


def test_a_blob_id_is_read_back() -> None:
    digest = "0123456789abcdef" * 4

    assert ids.parse_blob_id(ids.blob_id(digest)) == (digest, None)
    assert ids.parse_blob_id(ids.part_blob_id(digest, 3, 40, "base64")) == (digest, (3, 40, "base64"))
    assert ids.parse_blob_id(ids.part_blob_id(digest, 0, 0, "8bit")) == (digest, (0, 0, "binary"))


@pytest.mark.parametrize(
    "text",
    [
        "", "b", "../b" + "0" * 64, "b" + "0" * 63, "b" + "0" * 65, "B" + "0" * 64, "b" + "A" * 64,
        "b" + "0" * 64 + "-1", "b" + "0" * 64 + "-1-2-x", "b" + "0" * 64 + "--1-2-n", "b" + "0" * 64 + "\n",
        "b" + "0" * 64 + "-" + "9" * 11 + "-1-n", "b" + "0" * 64 + "-\u0661-1-n",
    ],
)  # fmt: skip
def test_what_is_no_blob_id_is_none(text: str) -> None:
    assert ids.parse_blob_id(text) is None
