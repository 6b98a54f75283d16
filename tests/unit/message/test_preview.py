from __future__ import annotations

import pytest

from homing.message import parse, render_html_text
from homing.message.preview import MAX_PREVIEW


def html(source: str) -> str:
    return parse(b"Content-Type: text/html; charset=utf-8\r\n\r\n" + source.encode()).preview


def plain(text: str) -> str:
    return parse(b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + text.encode()).preview


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<p>One</p><p>Two</p>", "One Two"),
        ("a<b>b</b>c", "abc"),
        ("a<br>b<BR/>c", "a b c"),
        ("<head><title>T</title><style>p{}</style></head>x<script>if (a<b) {}</script>y", "x y"),
        ("a<!-- <p>no</p> -->b", "ab"),
        ("<!DOCTYPE html><?xml?>a", "a"),
        ("1 &lt; 2 &amp;&#32;&eacute;&nbsp;&#x20AC; &unknown;", "1 < 2 & é € &unknown;"),
        ("&lt;b&gt;not a tag", "<b>not a tag"),
        ("1 < 2", "1 < 2"),
        ("a <b", "a"),
        ("a<!-- open", "a"),
        ("a<style>open", "a"),
        ("<td>a</td><td>b</td>", "a b"),
        ("x&zwnj;&nbsp;&zwnj;&nbsp;&#847; y", "x y"),
        ("\u0645\u06cc\u200c\u062e\u0648", "\u0645\u06cc\u200c\u062e\u0648"),
        ("&#0;&#xD800;&#" + "9" * 6_000 + ";", "\ufffd\ufffd\ufffd"),
    ],
)
def test_html_becomes_the_text_that_a_reader_sees(source: str, expected: str) -> None:
    assert html(source) == expected


def test_white_space_is_collapsed_and_the_length_bounded() -> None:
    assert plain("a\r\n\r\n\t b" + " c" * 500)[:9] == "a b c c c"
    assert len(plain("c" * 5_000)) == MAX_PREVIEW


def test_quoted_lines_and_signature_are_left_out_if_there_is_more() -> None:
    assert plain("> old\nNew\n> old\n-- \nAnn") == "New"
    assert plain("> only\n> quotes") == "> only > quotes"


def test_an_empty_body_gives_way_to_the_next() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n \n--b\nContent-Type: text/html\n\n<p>Hi\n--b--"

    assert parse(raw).preview == "Hi"


def test_an_empty_text_gives_way_to_the_html() -> None:
    raw = b"Content-Type: multipart/alternative; boundary=b\n\n--b\n\n\n--b\nContent-Type: text/html\n\n<p>Hi\n--b--"

    assert parse(raw).preview == "Hi"


def test_a_character_cut_at_the_end_of_what_is_read_leaves_no_mark() -> None:
    assert "\ufffd" not in plain(" " * 4_001 + "é" * 200)


def test_no_body_no_preview() -> None:
    assert parse(b"Content-Type: application/pdf\n\n%PDF").preview == ""


def test_rendering_all_of_a_document_is_not_cut() -> None:
    assert render_html_text("<p>" + "word <i>" * 3_000).count("word") == 3_000
