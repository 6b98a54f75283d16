"""What a user types, as an expression."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.errors import MethodError
from homing.ports.search import AllOf, AnyOf, Term
from homing.search.expression import (
    EVERYTHING,
    MAX_PHRASE_TOKENS,
    MAX_TOKENS,
    NOTHING,
    Sought,
    header_term,
    parse_text,
    parse_words,
)

FROM = ("from",)


def words(text: str) -> list[tuple[str, bool]]:
    return [(" ".join(one.tokens), one.prefix) for one in parse_words(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("one two ", [("one", False), ("two", False)]),
        ("one tw", [("one", False), ("tw", True)]),
        ("one t", [("one", False), ("t", False)]),
        ("one* two ", [("one", True), ("two", False)]),
        ("t*", [("t", True)]),
        ("done.", [("done", False)]),
        ('"two words" more ', [("two words", False), ("more", False)]),
        ("'two words'", [("two words", False)]),
        (r'"a \"b\" \\ c"', [("a b c", False)]),
        ('"unclosed phra', [("unclosed", False), ("phra", True)]),
        ("don't stop ", [("don t", False), ("stop", False)]),
        ('5"x3" ', [("5 x3", False)]),
        ("alice@exam", [("alice exam", True)]),
        ("same SAME same ", [("same", False), ("same", False)]),
        ("& one - two ", [("one", False), ("two", False)]),
        ("会議 資料", [("会議", False), ("資料", False)]),
        ("料", [("料", True)]),
        ('"料"', [("料", True)]),
        ('"会議 資料"', [("会議 議 資料", False)]),
        ("*", []),
    ],
)
def test_words_and_phrases(text: str, found: list[tuple[str, bool]]) -> None:
    assert words(text) == found


def test_a_single_word_is_a_term_with_its_other_forms() -> None:
    expression = parse_text(("from", "subject"), "Meetings ")

    assert isinstance(expression, AnyOf)
    first, *forms = expression.parts
    assert first == Term(("from", "subject"), ("meetings",))
    assert Term(("stem",), ("s~en~meet",)) in forms
    assert all(isinstance(form, Term) and form.tokens[0].startswith("s~") for form in forms)


def test_a_phrase_and_a_field_of_names_have_no_other_forms() -> None:
    assert parse_text(("body",), '"meetings"') == Term(("body",), ("meetings",))
    assert parse_text(FROM, "meetings ") == Term(FROM, ("meetings",))


def test_all_words_must_match() -> None:
    assert parse_text(FROM, "ann bea") == AllOf((Term(FROM, ("ann",)), Term(FROM, ("bea",), prefix=True)))


@pytest.mark.parametrize("text", ["", "  \n"])
def test_no_text_is_in_every_email(text: str) -> None:
    assert parse_text(FROM, text) == EVERYTHING


@pytest.mark.parametrize("text", ["...", '""', "-- !!"])
def test_what_has_no_words_is_in_none(text: str) -> None:
    assert parse_text(FROM, text) == NOTHING


@pytest.mark.parametrize(
    "text", [" ".join(f"w{n}" for n in range(MAX_TOKENS + 1)), ".".join(["w"] * (MAX_PHRASE_TOKENS + 1))]
)
def test_too_many_words_are_refused(text: str) -> None:
    with pytest.raises(MethodError) as caught:
        parse_text(FROM, text)

    assert caught.value.type == "unsupportedFilter"


def test_as_many_words_as_allowed_are_looked_for() -> None:
    assert len(parse_words(" ".join(f"w{n}" for n in range(MAX_TOKENS)))) == MAX_TOKENS


@pytest.mark.parametrize(
    ("name", "text", "expression"),
    [
        ("X-Custom", None, Term(("header",), ("x-custom",))),
        ("X-Custom", " ", Term(("header",), ("x-custom",))),
        ("X-Custom", "Value ", Term(("header",), ("x-custom=value",))),
        (
            "List-Id",
            "dev.exam",
            AllOf((Term(("header",), ("list-id=dev",)), Term(("header",), ("list-id=exam",), prefix=True))),
        ),
        ("From", "ann ", Term(("from",), ("ann",))),
        ("from", None, Term(("header",), ("from",))),
        ("X-Custom", "...", NOTHING),
        ("no name", None, NOTHING),
        ("", "x", NOTHING),
        ("é", None, NOTHING),
    ],
)
def test_a_header_is_looked_for_by_name_and_words(name: str, text: str | None, expression: object) -> None:
    assert header_term(name, text) == expression


@given(st.text(), st.text())
def test_any_text_is_an_expression_whose_tokens_have_no_spaces(text: str, name: str) -> None:
    terms: list[object] = [parse_text(("subject", "body"), text), header_term(name, text)]
    while terms:
        one = terms.pop()
        if isinstance(one, Term):
            assert one.tokens
            assert all(token.split() == [token] for token in one.tokens)
        else:
            terms.extend(one.parts)  # type: ignore[attr-defined]


def test_equal_words_are_looked_for_once() -> None:
    assert parse_words('"a b" "a  b" "A b"') == [Sought(("a", "b"), prefix=False)]
