from __future__ import annotations

import pytest

from homing.message import as_message_ids, as_raw, as_urls


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b" <a@b>", ["a@b"]),
        (b" <a@b>\r\n <c@d>\r\n\t<e@f>", ["a@b", "c@d", "e@f"]),
        (b"<a@b><c@d>", ["a@b", "c@d"]),
        (b"(a comment with <x@y>) <a@b> (another)", ["a@b"]),
        (b"<a(1)@b>", ["a(1)@b"]),
        (b"<a@\r\n b>", ["a@b"]),
        (b"<no-at-sign>", ["no-at-sign"]),
        (b"a@b", ["a@b"]),
        (b"a@b c@d", ["a@b", "c@d"]),
        (b"Your message of Monday", None),
        (b"<>", None),
        (b"", None),
        (b"(open <a@b>", None),
    ],
)
def test_message_ids_lose_brackets_and_comments(value: bytes, expected: list[str] | None) -> None:
    assert as_message_ids(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b" <mailto:list@example.org?subject=help> (List Instructions)", ["mailto:list@example.org?subject=help"]),
        (b"<https://example.org/\r\n  leave>, <mailto:x@y>", ["https://example.org/leave", "mailto:x@y"]),
        (b"NO (posting not allowed)", None),
    ],
)
def test_urls_of_list_headers_are_read(value: bytes, expected: list[str] | None) -> None:
    assert as_urls(value) == expected


def test_the_raw_form_keeps_folding_and_marks_what_is_not_utf_8() -> None:
    assert as_raw(" für\r\n  dich".encode()) == " für\r\n  dich"
    assert as_raw(b" a\0b\xff\xfec") == " ab\ufffdc"
