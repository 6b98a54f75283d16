"""Text to tokens: by language and script, the same with places and without, whatever the text."""

# ruff: noqa: RUF001  # letters of many scripts look alike
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.ports.search import MAX_TOKEN_BYTES
from homing.search.tokens import accented_words, places, query_tokens, tokens


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ""),
        (" -- !? ...", ""),
        ("Hello, World!", "hello world"),
        ("Café CAFÉ cafe\u0301", "cafe cafe cafe"),
        ("Straße STRASSE", "strasse strasse"),
        ("Ærø Øresund Łódź þing", "aero oresund lodz thing"),
        ("İstanbul ISTANBUL Diyarbakır DIYARBAKIR", "istanbul istanbul diyarbakir diyarbakir"),
        ("ΟΔΟΣ οδός", "οδοσ οδοσ"),
        ("Ёлка мой мои", "елка мой мои"),
        ("за\u0301мок", "замок"),
        ("مُحَمَّد أحمد إيران مـدرسة", "محمد احمد ايران مدرسه"),
        ("کتاب كتاب", "كتاب كتاب"),
        ("שָׁלוֹם", "שלום"),
        ("हिन्दी में", "हिन्दी में"),
        ("alice@example.org", "alice example org"),
        ("https://www.example.org/a_b?c=d-e", "https www example org a b c d e"),
        ("3.14 1,000 2026-11-20 ３ ٣", "3 14 1 000 2026 11 20 3 3"),
        ("camelCase don't l’été", "camelcase don t l ete"),
        ("soft\u00adhyphen zero\u200bwidth", "softhyphen zero width"),
        ("ﬁne ①½", "fine 11 2"),
        ("会議", "会議 議"),
        ("会議の資料 A料", "会議 議の の資 資料 料 a 料"),
        ("ｶﾞｲﾄﾞ", "ガイ イド ド"),
        ("한국어", "한국 국어 어"),
        ("\u1112\u1161\u11ab\u1100\u116e\u11a8", "한국 국"),
        ("ดีครับ", "ดี ีค คร รั ับ บ"),
        ("👍🏽 ok 👩\u200d👧 ❤\ufe0f", "👍 ok 👩 👧 ❤"),
    ],
)
def test_a_text_becomes_these_tokens(text: str, found: str) -> None:
    assert tokens(text) == found.split()
    assert [place.token for place in places(text)] == found.split()


@given(st.text())
def test_places_are_those_of_the_tokens(text: str) -> None:
    found = list(places(text))

    assert [place.token for place in found] == tokens(text)
    assert all(0 <= place.start < place.end <= len(text) for place in found)
    assert [place.start for place in found] == sorted(place.start for place in found)


@given(st.text())
def test_a_token_has_no_space_and_is_within_the_limit(text: str) -> None:
    assert all(token.split() == [token] and len(token.encode()) <= MAX_TOKEN_BYTES for token in tokens(text))


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(), st.text())
def test_any_piece_between_spaces_is_found_in_the_whole(piece: str, before: str, after: str) -> None:
    sought, open_end = query_tokens(piece)

    whole = tokens(f"{before} {piece} {after}")

    size = len(sought)
    assert not sought or any(
        whole[start : start + size - 1] == sought[:-1]
        and (whole[start + size - 1] == sought[-1] or (open_end and whole[start + size - 1].startswith(sought[-1])))
        for start in range(len(whole) - size + 1)
    )


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_any_part_of_a_run_without_spaces_is_found(size: int) -> None:
    run = "東京特許許可局長今日急遽休暇許可拒否"
    whole = tokens(run)

    for start in range(len(run) - size + 1):
        sought, open_end = query_tokens(run[start : start + size])
        assert open_end is (size == 1)
        starts = [place for place, token in enumerate(whole) if token.startswith(sought[0])]
        assert any(open_end or whole[place : place + len(sought)] == sought for place in starts)


def test_a_long_token_is_cut_alike_in_text_and_query() -> None:
    (whole,) = tokens("ё" * 1_000)

    assert whole == "е" * (MAX_TOKEN_BYTES // 2)
    assert query_tokens("ё" * 1_000) == ([whole], False)


def test_no_more_tokens_are_made_than_asked_for() -> None:
    assert tokens("a b c d", 2) == ["a", "b"]
    assert tokens("ä b c d", 2) == ["a", "b"]


def test_words_for_stemmers_keep_their_accents() -> None:
    assert accented_words("Häuser, HÄUSER! 会議 Straße") == {"häuser", "straße"}


def test_a_flood_of_combining_marks_is_cut_before_it_is_sorted() -> None:
    flood = "a" + "\u0301\u0316" * 500_000  # sorting these would take hours

    assert tokens(flood) == ["a"]
    assert [place.token for place in places(flood)] == ["a"]
