"""What the operator reads."""

from __future__ import annotations

import logging
import sys

from homing.host.log import LineFormatter


def line(text: str, *arguments: object, **fields: object) -> str:
    record = logging.LogRecord("homing.host.x", logging.INFO, __file__, 1, text, arguments, None)
    record.__dict__.update(fields)
    return LineFormatter().format(record)


def test_an_event_is_one_line_with_its_fields() -> None:
    told = line("filed", size=12, client="127.0.0.1", mail_from="")

    assert told.endswith(" INFO    homing.host.x: filed size=12 client=127.0.0.1 mail_from=''")


def test_what_a_client_says_starts_no_line_of_its_own() -> None:
    told = line("GET %s", "/a\r\n2026-11-21 forged", path="a b\nforged")

    assert len(told.splitlines()) == 1


def test_what_a_client_says_gives_the_terminal_no_orders() -> None:
    told = line("GET %s", "/a\x1b[31m\x9b2J\u202e\u2028\ud800", path="\x1b[0m")

    assert told.isprintable()
    assert "GET /a\\x1b[31m\\x9b2J\\u202e\\u2028\\ud800" in told


def test_a_fault_is_told_with_its_traceback() -> None:
    try:
        raise ValueError("why")
    except ValueError:
        record = logging.LogRecord("homing", logging.ERROR, __file__, 1, "failed", (), sys.exc_info())

    assert LineFormatter().format(record).splitlines()[-1] == "ValueError: why"
