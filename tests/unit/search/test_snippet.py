"""Snippets: what matched is marked, everything else is escaped, and a preview is short."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.ports.search import AllOf, AnyOf, Expression, NoneOf
from homing.search.expression import parse_text
from homing.search.snippet import ELLIPSIS, MAX_PREVIEW_OCTETS, Snippets

FIELDS = ("from", "to", "cc", "bcc", "subject", "body")
MARKED = re.compile("<mark>(.*?)</mark>", re.DOTALL)
ANY = st.characters(exclude_categories=["Cs"])


def snippet(expression: Expression, subject: str, body: str) -> tuple[str | None, str | None]:
    return Snippets(expression).of(subject, body)


def subject(text: str, subject: str) -> str | None:
    return snippet(parse_text(FIELDS, text), subject, "")[0]


def preview(text: str, body: str) -> str:
    found = snippet(parse_text(FIELDS, text), "", body)[1]
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "written", "marked"),
    [
        ("foo ", "The Foo", "The <mark>Foo</mark>"),
        ("foo", "The Football", "The <mark>Foo</mark>tball"),
        ("foo ", "The Football", None),
        ("cafe ", "Ein Cafe\u0301!", "Ein <mark>Cafe\u0301</mark>!"),
        ("cafe", "Die Caféteria", "Die <mark>Café</mark>teria"),
        ("strass", "Die Straßen", "Die <mark>Straßen</mark>"),
        ("meetings ", "Meeting at noon", "<mark>Meeting</mark> at noon"),
        ("annual report ", "Report, annual", "<mark>Report</mark>, <mark>annual</mark>"),
        ('"annual report"', "Report: annual report", "Report: <mark>annual report</mark>"),
        ("alice@example.org ", "To Alice@example.org.", "To <mark>Alice@example.org</mark>."),
        ("会議", "次の会議は", "次の<mark>会議</mark>は"),
        ("議の資", "会議の資料", "会<mark>議の資</mark>料"),
        ("料", "会議の資料", "会議の資<mark>料</mark>"),
        ("ครับ", "สวัสดีครับผม", "สวัสดี<mark>ครับ</mark>ผม"),
        ("👍 ", "fine 👍🏽!", "fine <mark>👍</mark>🏽!"),
        ("a ", "<a> & \"a'", "&lt;<mark>a</mark>&gt; &amp; &quot;<mark>a</mark>&#39;"),
        ("amp ", "R&D & amp", "R&amp;D &amp; <mark>amp</mark>"),
        ("nowhere ", "The Foo", None),
    ],
)
def test_what_matches_in_a_subject_is_marked(text: str, written: str, marked: str | None) -> None:
    assert subject(text, written) == marked


def test_nothing_is_marked_where_nothing_matches() -> None:
    assert snippet(parse_text(FIELDS, "xylophone"), "A subject", "and a body") == (None, None)


def test_fields_are_kept_apart() -> None:
    assert snippet(parse_text(("subject",), "both "), "both", "both") == ("<mark>both</mark>", None)
    assert snippet(parse_text(("body",), "both "), "both", "both") == (None, "<mark>both</mark>")
    assert snippet(parse_text(("from",), "both "), "both", "both") == (None, None)


def test_forms_are_those_of_the_language_of_the_text() -> None:
    assert preview("meetings ", "We have a meeting and it is with you") == (
        "We have a <mark>meeting</mark> and it is with you"
    )
    assert snippet(parse_text(("body",), "note "), "", "It is not for you and the end is near") == (None, None)


def test_what_is_excluded_is_not_marked() -> None:
    wanted, excluded = parse_text(("body",), "wanted "), parse_text(("body",), "excluded ")

    _, found = snippet(AllOf((wanted, NoneOf((excluded,)))), "", "wanted and excluded")

    assert found == "<mark>wanted</mark> and excluded"


def test_every_branch_is_marked() -> None:
    either = AnyOf((parse_text(("body",), "one "), parse_text(("body",), "two ")))

    assert snippet(either, "", "one two three")[1] == "<mark>one</mark> <mark>two</mark> three"


def test_the_preview_shows_the_passage_with_most_of_the_words() -> None:
    filler = "lorem ipsum " * 40
    body = f"{filler} apples {filler} pears and apples and plums {filler} plums {filler}"

    found = preview("apples pears plums ", body)

    assert MARKED.findall(found) == ["pears", "apples", "plums"]
    assert found.startswith(f"{ELLIPSIS}ipsum lorem ipsum ")
    assert found.endswith(f" lorem{ELLIPSIS}") or found.endswith(f" ipsum{ELLIPSIS}")


def test_a_preview_is_on_one_line() -> None:
    assert preview("two ", "one\r\n\r\n two\tthree\n") == "one <mark>two</mark> three"


@pytest.mark.parametrize("body", ["x" * 1_000, "&" * 500 + " xx " + "&" * 500, "xx&" * 300, "資料" * 300 + "xx"])
def test_a_preview_of_long_words_is_cut_within_them(body: str) -> None:
    found = preview("xx", body)

    assert "<mark>xx</mark>" in found or MARKED.findall(found)
    assert len(found.encode()) <= MAX_PREVIEW_OCTETS


def test_a_phrase_longer_than_a_preview_is_marked_as_far_as_it_shows() -> None:
    phrase = "word " * 80

    found = preview(f'"{phrase}"', f"Here: {phrase} end")

    assert found.count("<mark>") == found.count("</mark>") == 1
    assert len(found.encode()) <= MAX_PREVIEW_OCTETS


@given(st.text(ANY, max_size=30), st.text(ANY, max_size=400), st.integers(0, 380))
def test_any_snippet_is_escaped_text_of_the_email_with_marks(sought: str, text: str, at: int) -> None:
    body = text[:at] + " " + sought + " " + text[at:]

    for found, whole, limit in zip(
        snippet(parse_text(FIELDS, sought), text, body), (text, " ".join(body.split())), (10**9, 255), strict=True
    ):
        if found is None:
            continue
        assert len(found.encode()) <= limit
        assert MARKED.search(found)
        bare = MARKED.sub(r"\1", found)
        assert "<" not in bare
        assert ">" not in bare
        assert html.unescape(bare).strip(ELLIPSIS) in whole


@given(st.text(ANY, min_size=1, max_size=20))
def test_what_can_be_looked_for_is_marked_where_it_stands(sought: str) -> None:
    quoted = '"' + sought.replace("\\", "\\\\").replace('"', '\\"').replace("'", "\\'") + '"'
    expression = parse_text(("body",), quoted)

    _, found = snippet(expression, "", f"before {sought} after")

    assert (found is None) is (expression == AnyOf(()))


@pytest.mark.parametrize(
    ("text", "written", "marked"),
    [
        ("one", "会議one料", "会議<mark>one</mark>料"),
        ('"one two"', "one 会議 two, one-two", "one 会議 two, <mark>one-two</mark>"),
        ('"a b a"', "a b a b a c", "<mark>a b a b a</mark> c"),
        ('"会議 one"', "会議one会議 two", "<mark>会議one</mark>会議 two"),
        ('"one 料 two"', "one会料 two one料 two", "one会料 two <mark>one料 two</mark>"),
        ("x" * 70 + " ", "y " + "x" * 70 + " z", "y <mark>" + "x" * 70 + "</mark> z"),
        ("é" * 200, "y " + "é" * 300 + " z", "y <mark>" + "é" * 300 + "</mark> z"),
    ],
)
def test_words_stand_where_spaces_and_other_scripts_part_them(text: str, written: str, marked: str) -> None:
    assert subject(text, written) == marked
