"""RFC 5228 §8.1: tokens, and where they are."""

from __future__ import annotations

import pytest

from homing.sieve import MAX_SCRIPT
from homing.sieve.engine import SieveError, compile_script
from homing.sieve.lexer import END, IDENTIFIER, NUMBER, STRING, TAG, tokenise
from homing.sieve.limits import MAX_NUMBER
from tests.unit.sieve.scripts import refusal


def values(text: str) -> list[tuple[str, str | int]]:
    return [(token.kind, token.value) for token in tokenise(text)][:-1]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"plain"', "plain"),
        (r'"\a\b"', "ab"),
        (r'"\"\\"', '"\\'),
        ('"two\r\nlines"', "two\r\nlines"),
        ('"two\nlines"', "two\r\nlines"),
        ("text:\r\nHello\r\n.\r\n", "Hello\r\n"),
        ("text: # a comment\nHello\n.\n", "Hello\r\n"),
        ("TEXT:\t \nHello\n.\n", "Hello\r\n"),
        ("text:\n.\n", ""),
        ("text:\n..\n.foo\n..bar\n...\n.\n", ".\r\n.foo\r\n.bar\r\n..\r\n"),
        ('"# no /* comment */"', "# no /* comment */"),
    ],
)
def test_strings_are_read_without_their_escapes(text: str, value: str) -> None:
    assert values(text) == [(STRING, value)]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("100", 100),
        ("007", 7),
        ("1k", 1_024),
        ("1K", 1_024),
        ("2M", 2_097_152),
        ("1G", 1_073_741_824),
        ("2147483647", 2**31 - 1),
        (str(MAX_NUMBER), MAX_NUMBER),
        ("0" * 5_000 + "1", 1),
    ],
)
def test_numbers_may_have_a_unit(text: str, number: int) -> None:
    assert values(text) == [(NUMBER, number)]


def test_words_and_tags_are_read_in_any_case() -> None:
    assert values("Keep :CoPy _x9;") == [(IDENTIFIER, "keep"), (TAG, ":copy"), (IDENTIFIER, "_x9"), (";", ";")]


def test_comments_are_blank() -> None:
    assert values("# one\n/* two\n * / **/keep/**/;#end") == [(IDENTIFIER, "keep"), (";", ";")]


def test_tokens_know_their_line_and_column() -> None:
    places = [token.place for token in tokenise('\ufeffkeep;\r\n  /* a\n */ stop "x\ny" z')]

    assert places == [(1, 1), (1, 5), (3, 5), (3, 10), (4, 4), (4, 5)]


def test_an_empty_script_is_its_end() -> None:
    assert [token.kind for token in tokenise("")] == [END]
    assert compile_script(" # nothing\n").commands == ()


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ('keep;\n redirect "a', (2, 11), "quotation mark"),
        ("keep; /* never", (1, 7), "comment"),
        ("redirect text:\nfoo\n..\n", (1, 10), '"."'),
        ("redirect text: foo\n.\n;", (1, 10), "line of its own"),
        ("if size :over 10kb { }", (1, 15), "K, M or G"),
        ("if size :over 1_0 { }", (1, 15), "K, M or G"),
        ("if size :over 9223372036854775808 { }", (1, 15), "too large"),
        ("if size :over 9000000000000G { }", (1, 15), "too large"),
        ("if size :over " + "9" * 5_000 + " { }", (1, 15), "too large"),
        ("keep $;", (1, 6), "'$'"),
        ("keep : x;", (1, 6), "':'"),
        ("kéep;", (1, 2), "'é'"),
        ("keep;\n\0", (2, 1), "NUL"),
        ("keep;\rkeep;", (1, 6), "carriage return"),
        ('redirect "\ud800";', (1, 11), "UTF-8"),
    ],
)
def test_what_is_no_token_is_refused_at_its_place(text: str, place: tuple[int, int], says: str) -> None:
    error = refusal(text, ())

    assert (error.line, error.column) == place
    assert says in error.description
    assert str(error).startswith(f"line {place[0]}, column {place[1]}: ")


def test_a_script_of_more_than_the_limit_is_refused_unread() -> None:
    compile_script("#" * MAX_SCRIPT)
    for text in ("#" * (MAX_SCRIPT + 1), "#" + "é" * (MAX_SCRIPT // 2)):
        with pytest.raises(SieveError, match="larger than"):
            compile_script(text)
