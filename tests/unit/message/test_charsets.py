from __future__ import annotations

import pytest

from homing.message import decode_text
from homing.message.charsets import clean, codec_for

CYRILLIC = "Привет"
MATRIX = [
    ("会議の資料", "iso2022_jp", "ISO-2022-JP"),
    ("会議の資料", "shift_jis", "Shift_JIS"),
    ("①㈱", "cp932", "shift-jis"),
    ("会議の資料", "euc_jp", "EUC-JP"),
    ("会议資料", "gb18030", "GB18030"),
    ("会议朱镕基", "gb18030", "gb2312"),
    ("會議資料", "big5", "Big5"),
    ("회의 자료", "euc_kr", "EUC-KR"),
    ("똠방각하", "cp949", "ks_c_5601-1987"),
    ("会议", "hz", "HZ-GB-2312"),
    (CYRILLIC, "koi8-r", "KOI8-R"),
    ("Привіт", "koi8-u", "koi8-u"),
    (CYRILLIC, "cp1251", "windows-1251"),
    (CYRILLIC, "iso8859-5", "iso-8859-5"),
    ("Łódź", "iso8859-2", "ISO_8859-2"),
    ("“quoted” €", "cp1252", "iso-8859-1"),
    ("“quoted” €", "cp1252", "Windows-1252"),
    ("€", "iso8859-15", "latin9"),
    ("İstanbul", "cp1254", "iso-8859-9"),
    ("สวัสดี", "cp874", "TIS-620"),
    ("Hi Mom -☺-!", "utf-7", "UTF-7"),
    ("naïve", "utf-16", "utf-16"),
    ("naïve", "utf-16-be", "utf-16"),
    ("naïve ☺", "utf-8", '"UTF8"'),
    ("naïve ☺", "utf-8-sig", "utf-8"),
    ("naïve", "mac-roman", "macintosh"),
]


@pytest.mark.parametrize(("text", "codec", "label"), MATRIX)
def test_text_in_its_charset_is_read(text: str, codec: str, label: str) -> None:
    assert decode_text(text.encode(codec), label) == (text, False)


def test_vendor_characters_in_iso_2022_jp_are_read() -> None:
    assert decode_text(b"\x1b$B-!-j\x1b(B ok \x1b(I1\x1b(B", "iso-2022-jp") == ("①㈱ ok ｱ", False)


@pytest.mark.parametrize(
    ("content", "label", "expected"),
    [
        ("für".encode(), None, ("für", False)),
        ("für".encode(), "us-ascii", ("für", False)),
        (b"f\xfcr", None, ("für", True)),
        (b"f\xfcr", "us-ascii", ("für", True)),
        (b"f\xfcr", "utf-8", ("für", True)),
        (b"f\xfcr", "no-such-charset", ("für", True)),
        (b"plain", "no-such-charset", ("plain", True)),
        ("für".encode(), "gb2312", ("für".encode().decode("gb18030"), False)),
        ("日本語テキスト".encode(), "shift_jis", ("日本語テキスト", True)),
        ("日本語".encode() + b"\xff", "utf-8", ("日本語\ufffd", True)),
        (b"\x81", "big5", ("\ufffd", True)),
    ],
)
def test_a_wrong_or_missing_label_is_made_the_best_of(
    content: bytes, label: str | None, expected: tuple[str, bool]
) -> None:
    assert decode_text(content, label) == expected


def test_line_ends_become_line_feeds_and_other_carriage_returns_stay() -> None:
    assert decode_text(b"a\r\nb\rc\n", None) == ("a\nb\rc\n", False)


@pytest.mark.parametrize(
    "label",
    [
        "unicode_escape",
        "raw_unicode_escape",
        "punycode",
        "idna",
        "undefined",
        "base64",
        "zip",
        "rot13",
        "mbcs",
        "x" * 10_000,
        "",
        "\ud800",
        "a\0b",
    ],
)
def test_a_label_that_is_no_charset_reaches_no_codec(label: str) -> None:
    assert codec_for(label) is None


def test_what_json_cannot_carry_is_taken_out() -> None:
    assert clean("a\0b\ud800c\ufffed\U0001ffffe") == "ab\ufffdc\ufffdd\ufffde"
    assert decode_text(b"+2AA-", "utf-7")[0] == "\ufffd"


@pytest.mark.parametrize("plane", range(17))
def test_every_noncharacter_is_taken_out(plane: int) -> None:
    unfit = [plane * 0x10000 + 0xFFFE, plane * 0x10000 + 0xFFFF, *(range(0xFDD0, 0xFDF0) if plane == 0 else ())]

    assert [clean(f"é{chr(code)}") for code in unfit] == ["é\ufffd"] * len(unfit)
    assert clean("é\ufffd\ufdcf\ufdf0") == "é\ufffd\ufdcf\ufdf0"
