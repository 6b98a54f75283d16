"""RFC 5228 §2.7, RFC 5231, RFC 4790 §9.1: comparators, match types, wildcards."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homing.sieve.glob import read_glob
from homing.sieve.matching import COMPARATORS, NUMERIC
from tests.unit.sieve.scripts import fields, is_true, value_of

RECEIVED = fields(
    "received: ...", "received: ...", "subject: example", "to: foo@x.example, baz@x.example", "cc: q@x.example"
)


def captures(pattern: bytes, value: bytes) -> tuple[bytes, ...] | None:
    found = read_glob(pattern).match(value, value, lambda _: None)
    return None if found is None else found[1:]


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        (b"", b"", ()),
        (b"", b"a", None),
        (b"*", b"", (b"",)),
        (b"?", b"", None),
        (b"frop", b"frop", ()),
        (b"frop", b"fropp", None),
        (b"a*c", b"abbbc", (b"bbb",)),
        (b"a*a", b"a", None),
        (b"?*", b"x", (b"x", b"")),
        (b"*?X", b"X", None),
        (b"*a?", b"a", None),
        (b"*?*", b"ab", (b"", b"a", b"b")),
        (b"**", b"ab", (b"", b"ab")),
        (b"*??@x", b"foo1234@x", (b"foo12", b"3", b"4")),
        (b"?*frop*", b"frop.......frop.........frop....", (b"f", b"rop.......", b".........frop....")),
        (b"*fr??*top", b"klopfropstroptop", (b"klop", b"o", b"p", b"strop")),
        (b"*?op", b"klopfropstroptop", (b"klopfropstrop", b"t")),
        (b"*?op*", b"klopfropstroptop", (b"k", b"l", b"fropstroptop")),
        (b"*one?zero?five", b"zero:one:zero|three;one;zero/five", (b"zero:one:zero|three;", b";", b"/")),
        (b"*<*@*", b"Dovecot <dovecot@lists.example>", (b"Dovecot ", b"dovecot", b"lists.example>")),
        (b"[*] *", b"[acme-users] [fwd] version 1.0 is out", (b"acme-users", b"[fwd] version 1.0 is out")),
        (b"coyote@**.com", b"coyote@ACME.Example.com", (b"", b"ACME.Example")),
        (rb"\*\?", b"*?", ()),
        (rb"\*\?", b"xy", None),
        (rb"\\*", rb"\tail", (b"tail",)),
        (b"*slash\\", b"Slashy slash\\", (b"Slashy ",)),
        (rb"\f*", b"frop", (b"rop",)),
        (b"*<dovecot*.dovecot.org>", b"List <dovecot.dovecot.org>", (b"List ", b"")),
        (b"?", "ü".encode(), None),
        (b"??", "ü".encode(), (b"\xc3", b"\xbc")),
    ],
)
def test_wildcards_take_as_little_as_they_can(pattern: bytes, value: bytes, expected: tuple[bytes, ...] | None) -> None:
    assert captures(pattern, value) == expected


def as_regex(pattern: bytes) -> re.Pattern[bytes]:
    """The same pattern for another engine: the definition of `:matches`, in its words."""
    out, position = b"", 0
    while position < len(pattern):
        octet = pattern[position : position + 1]
        if octet == b"\\" and position + 1 < len(pattern):
            position += 1
            out += re.escape(pattern[position : position + 1])
        else:
            out += {b"*": b"(.*?)", b"?": b"(.)"}.get(octet, re.escape(octet))
        position += 1
    return re.compile(out, re.DOTALL)


@settings(max_examples=1_500, deadline=None)
@given(
    st.lists(st.sampled_from([b"a", b"b", b"*", b"?", b"\\", b"aba"]), max_size=9).map(b"".join),
    st.lists(st.sampled_from([b"a", b"b", b"*", b"\\", b"abab"]), max_size=14).map(b"".join),
)
def test_wildcards_agree_with_a_lazy_regular_expression(pattern: bytes, value: bytes) -> None:
    expected = as_regex(pattern).fullmatch(value)

    assert captures(pattern, value) == (None if expected is None else expected.groups())


@pytest.mark.parametrize(
    "pattern", [b"*a" * 500 + b"b", b"*a?" * 400 + b"b", b"*" + b"a?" * 500 + b"b*", b"*?" * 900 + b"b"]
)
def test_a_hostile_pattern_costs_no_more_than_its_length_times_the_value(pattern: bytes) -> None:
    charged: list[int] = []

    assert read_glob(pattern).match(b"a" * 50_000, b"a" * 50_000, charged.append) is None
    assert sum(charged) <= len(pattern) * 50_000


@pytest.mark.parametrize(
    ("less", "more"),
    [
        (b"0", b"1"),
        (b"1", b"4294967298"),
        (b"04294967298", b""),
        (b"9", b"10"),
        (b"002", b"010"),
        (b"5x", b"x5"),
        (b"9" * 6_000, b"1" + b"0" * 6_000),
    ],
)
def test_numbers_sort_by_value_and_what_is_none_is_infinite(less: bytes, more: bytes) -> None:
    key = COMPARATORS[NUMERIC]

    assert key(less) < key(more)


@pytest.mark.parametrize(
    "equal", [(b"4294967298", b"04294967298", b"4294967298b"), (b"", b"x", b"y"), (b"0", b"00", b"0x")]
)
def test_numbers_of_one_value_are_equal(equal: tuple[bytes, ...]) -> None:
    assert len({COMPARATORS[NUMERIC](text) for text in equal}) == 1


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('string :is "frobnitzm" "FROBNITZM"', True),
        ('string :is :comparator "i;octet" "frobnitzm" "FROBNITZM"', False),
        ('string "frobnitzm" "frob"', False),
        ('string :contains "frobnitzm" ["nit"]', True),
        ('string :contains "frobnitzm" "fbm"', False),
        ('string :contains "frobnitzm" ""', True),
        ('string :contains "" ""', True),
        ('string :is "frobnitzm" ""', False),
        ('string :is "" ""', True),
        ('string :is "Ä" "ä"', False),
        ('string :is ["a", "b"] ["c", "B"]', True),
        ('string :matches :comparator "i;octet" "This TEST" "this*"', False),
        ('string :matches "This TEST" "tHiS*"', True),
        ('string :is :comparator "i;ascii-numeric" "0010x" "10"', True),
        ('string :value "gt" :comparator "i;octet" "Z" "b"', False),
        ('string :value "gt" "Z" "b"', True),
        ('string :value "lt" "abc" "abcd"', True),
        ('string :value "ne" "a" "A"', False),
        ('string :value "ge" :comparator "i;ascii-numeric" ["3", "20"] "10"', True),
        ('string :value "eq" :comparator "i;ascii-numeric" "" "0"', False),
        ('string :value "gt" :comparator "i;ascii-numeric" "" "40"', True),
        ('string :count "eq" ["a", "b", "c"] "3"', True),
        ('string :count "eq" ["a", "", "c"] "2"', True),
        ('address :count "ge" :comparator "i;ascii-numeric" ["to", "cc"] ["3"]', True),
        ('address :count "ge" :comparator "i;ascii-numeric" ["to"] ["3"]', False),
        ('header :count "ge" :comparator "i;ascii-numeric" ["received"] ["3"]', False),
        ('header :count "ge" :comparator "i;ascii-numeric" ["received", "subject"] ["3"]', True),
        ('header :count "ge" :comparator "i;ascii-numeric" ["to", "cc"] ["3"]', False),
        ('header :count "eq" "x-none" "0"', True),
        ('header :count "lt" "received" "10"', True),
        ('header :count "eq" :comparator "i;octet" "received" "02"', False),
    ],
)
def test_values_are_compared_as_match_type_and_comparator_say(test: str, expected: bool) -> None:
    assert is_true(test, RECEIVED) is expected


def test_a_question_mark_is_one_octet_of_utf_8() -> None:
    assert is_true('string :matches "ü" "??"')
    assert not is_true('string :matches "ü" "?"')


def test_octets_of_one_character_that_were_matched_apart_make_it_up_again() -> None:
    assert value_of("${1}${2}", before='if string :matches "ü" "??" {}') == "ü"
