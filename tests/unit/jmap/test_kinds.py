"""The data types of RFC 8620 §1.2 to §1.4 and the keyword of RFC 8621 §4.1.1."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.jmap import kinds


@pytest.mark.parametrize("value", [0, 1, -1, 2**53 - 1, -(2**53) + 1])
def test_whole_numbers_that_a_double_holds_are_ints(value: int) -> None:
    assert kinds.INT.accepts(value)
    assert kinds.UNSIGNED_INT.accepts(value) is (value >= 0)
    assert kinds.POSITIVE_INT.accepts(value) is (value > 0)


@pytest.mark.parametrize("value", [2**53, -(2**53), 10**30, 1.5, 1.0, True, False, "1", None, [], {}])
def test_anything_else_is_no_int(value: object) -> None:
    assert not kinds.INT.accepts(value)
    assert not kinds.UNSIGNED_INT.accepts(value)
    assert not kinds.POSITIVE_INT.accepts(value)


@pytest.mark.parametrize(("value", "accepted"), [(0, True), (2**31 - 1, True), (2**31, False), (-1, False)])
def test_a_sort_order_has_31_bits(value: int, accepted: bool) -> None:
    assert kinds.UNSIGNED_INT_31.accepts(value) is accepted


@pytest.mark.parametrize("value", ["a", "A-_z09", "x" * 255])
def test_ids_are_base64_letters_for_urls(value: str) -> None:
    assert kinds.ID.accepts(value)
    assert kinds.ID_OR_REFERENCE.accepts("#" + value)
    assert not kinds.ID.accepts("#" + value)


@pytest.mark.parametrize("value", ["", "x" * 256, "a b", "a/b", "a.b", "a=", "ä", "a\n", "a\0", "##a", "#", 1, None])
def test_anything_else_is_no_id(value: object) -> None:
    assert not kinds.ID.accepts(value)
    assert not kinds.ID_OR_REFERENCE.accepts(value)


@pytest.mark.parametrize(
    ("value", "ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2014-10-30T06:12:00Z", 1_414_649_520_000),
        ("2014-10-30T06:12:00.50Z", 1_414_649_520_500),
        ("2014-10-30T06:12:00.123456789Z", 1_414_649_520_123),
        ("2024-02-29T23:59:59Z", 1_709_251_199_000),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000),
        ("9999-12-31T23:59:59Z", 253_402_300_799_000),
    ],
)
def test_a_utc_date_is_a_moment(value: str, ms: int) -> None:
    assert kinds.UTC_DATE.accepts(value)
    assert kinds.utc_ms(value) == ms


@pytest.mark.parametrize(
    "value",
    [
        "2014-10-30T06:12:00",
        "2014-10-30T06:12:00+00:00",
        "2014-10-30T06:12:00z",
        "2014-10-30t06:12:00Z",
        "2014-10-30 06:12:00Z",
        "2014-10-30T06:12Z",
        "2014-10-30",
        "2014-10-30T06:12:00.Z",
        "2014-02-30T06:12:00Z",
        "2014-13-01T06:12:00Z",
        "2014-10-30T24:12:00Z",
        "2014-10-30T06:60:00Z",
        "0000-01-01T00:00:00Z",
        "20141-10-30T06:12:00Z",
        "٢٠١٤-10-30T06:12:00Z",
        "2014-10-30T06:12:00Z\n",
        " 2014-10-30T06:12:00Z",
        "",
        0,
        None,
    ],
)
def test_anything_else_is_no_utc_date(value: object) -> None:
    assert not kinds.UTC_DATE.accepts(value)


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_a_moment_is_written_as_a_utc_date(ms: int) -> None:
    written = kinds.utc_date(ms)

    assert kinds.UTC_DATE.accepts(written)
    assert kinds.utc_ms(written) == ms


def test_a_fraction_of_zero_is_left_out() -> None:
    assert kinds.utc_date(1_414_649_520_000) == "2014-10-30T06:12:00Z"


@pytest.mark.parametrize("character", sorted(set(string.printable) | {"\x7f", "\x80", "é", "\0"}))
def test_a_keyword_is_printable_ascii_but_for_what_the_standard_forbids(character: str) -> None:
    allowed = 0x21 <= ord(character) <= 0x7E and character not in '(){]%*"\\'

    assert kinds.KEYWORD.accepts(character) is allowed
    assert kinds.KEYWORD_SET.accepts({f"a{character}": True}) is allowed


@pytest.mark.parametrize("value", ["", "x" * 256, "a b", "a\n", 1, None])
def test_anything_else_is_no_keyword(value: object) -> None:
    assert not kinds.KEYWORD.accepts(value)


@pytest.mark.parametrize("value", [False, None, 1, "true", {}])
def test_a_keyword_is_set_to_true_and_nothing_else(value: object) -> None:
    assert not kinds.KEYWORD_SET.accepts({"$seen": value})
    assert not kinds.ID_SET.accepts({"inbox": value})
