from __future__ import annotations

import base64

import pytest

from homing.message import as_text
from homing.message.encoded_words import decode_words


def b_word(octets: bytes, charset: str) -> str:
    return f"=?{charset}?B?{base64.b64encode(octets).decode()}?="


SPLIT = "日本語".encode()
SPLIT_JIS = "日本語".encode("iso2022_jp")
CASES = [
    ("plain", "plain"),
    ("=?utf-8?q?caf=C3=A9_au_lait?=", "café au lait"),
    ("=?UTF-8?B?Y2Fmw6k=?=", "café"),
    ("=?utf-8*fr?Q?caf=C3=A9?=", "café"),
    ("a =?utf-8?q?b?= c", "a b c"),
    ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
    ("=?utf-8?q?a?=\t =?iso-8859-1?q?=E9?=", "aé"),
    ("=?utf-8?q?a?==?utf-8?q?b?=", "ab"),
    (f"{b_word(SPLIT[:4], 'utf-8')} {b_word(SPLIT[4:], 'UTF-8')}", "日本語"),
    (f"=?utf-8?Q?=E6=97?= {b_word(SPLIT[2:], 'utf-8')}", "日本語"),
    (f"{b_word(SPLIT_JIS[:5], 'iso-2022-jp')} {b_word(SPLIT_JIS[5:], 'iso-2022-jp')}", "日本語"),
    ("=?utf-8?q?in?=side", "=?utf-8?q?in?=side"),
    ("in=?utf-8?q?side?=", "in=?utf-8?q?side?="),
    ("(=?utf-8?q?a?=)", "(a)"),
    ("=?utf-8?q?two words?=", "=?utf-8?q?two words?="),
    ("=?no-such-charset?q?a?=", "=?no-such-charset?q?a?="),
    ("=?unicode_escape?q?=5Cx41?=", "=?unicode_escape?q?=5Cx41?="),
    ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
    ("=?utf-8?q??=", ""),
    ("=?utf-8?q?a=00=0A=7Fb?=", "ab"),
    ("=?utf-8?b?YQ?=", "a"),
    ("=?utf-8?q?=ZZ?=", "=ZZ"),
    ("=?us-ascii?q?=E9?=", "é"),
    ("=?utf-7?q?+2AA-?=", "\ufffd"),
    ("=?gb2312?B?vL3A+w==?=", "冀利"),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_encoded_words_are_read(text: str, expected: str) -> None:
    assert decode_words(text) == expected


def test_a_text_is_unfolded_trimmed_and_composed() -> None:
    assert as_text("  Cafe\u0301\r\n  =?utf-8?q?cre=CC=80me?= \t".encode()) == "Caf\u00e9  cr\u00e8me"


def test_raw_8_bit_text_is_utf_8_or_else_windows_1252() -> None:
    assert as_text("für".encode()) == "für"
    assert as_text(b"f\xfcr \x80") == "für €"
