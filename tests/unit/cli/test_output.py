"""Sizes, times and tables as people read them."""

from __future__ import annotations

import argparse

import pytest

from homing.cli.output import print_table, printable, size_text, time_text
from homing.cli.user import parse_size


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1 kB"),
        (1_610_612_736, "1.61 GB"),
        (999_499, "999 kB"),
        (10**18, "1e+03 PB"),
    ],
)
def test_a_size_has_three_digits(size: int, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("text", "size"),
    [("5GB", 5 * 10**9), ("5gb", 5 * 10**9), ("1.5 GiB", 3 * 2**29), ("500M", 5 * 10**8), ("42", 42), ("none", 0)],
)
def test_a_size_is_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GB", "5 apples", "-5", "5GBB", "1e9"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        parse_size(text)


def test_a_time_is_in_utc() -> None:
    assert time_text(1_795_000_000_123) == "2026-11-18T11:06:40Z"


def test_text_from_mail_moves_no_cursor() -> None:
    assert printable("a\x1b[31m\r\n\x07\u009b\ud800") == "a\\x1b[31m\\x0d\\x0a\\x07\\x9b\\xd800"


def test_columns_are_aligned_by_what_a_terminal_shows(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("A", "B"), [("\u7530\u4e2d", "1"), ("e\u0301", "2"), ("long name", "3")])

    assert capsys.readouterr().out.splitlines() == [
        "A          B",
        "\u7530\u4e2d       1",
        "e\u0301          2",
        "long name  3",
    ]
