"""mbox files, as several programs write them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.move.mbox import date_of, flags_of, is_beginning, read_mbox
from homing.move.stored_mail import StoredMail, restore_line_ends

MAXIMUM = 10_000
FROM_ = b"From bea@sender.example Fri Nov 20 10:00:00 2026\n"


def read(tmp_path: Path, content: bytes, maximum: int = MAXIMUM) -> list[StoredMail]:
    path = tmp_path / "mail.mbox"
    path.write_bytes(content)
    return list(read_mbox(path, maximum))


def test_messages_end_before_the_empty_line_and_the_next_from_line(tmp_path: Path) -> None:
    first, second = read(tmp_path, FROM_ + b"Subject: 1\n\nOne.\n\n" + FROM_ + b"Subject: 2\n\nTwo.\n\n")

    assert (first.raw, second.raw) == (b"Subject: 1\r\n\r\nOne.\r\n", b"Subject: 2\r\n\r\nTwo.\r\n")
    assert first.place.endswith("mail.mbox, message 1")


def test_a_file_with_crlf_is_read_byte_for_byte(tmp_path: Path) -> None:
    line = FROM_.replace(b"\n", b"\r\n")

    (mail, _) = read(tmp_path, line + b"Subject: 1\r\n\r\nOne.\r\n\r\n" + line + b"Subject: 2\r\n\r\n")

    assert mail.raw == b"Subject: 1\r\n\r\nOne.\r\n"


def test_one_mark_of_quoting_is_taken_away(tmp_path: Path) -> None:
    (mail,) = read(tmp_path, FROM_ + b"Subject: 1\n\n>From here\n>>From there\n> From afar\n>Fro\n")

    assert mail.raw.split(b"\r\n")[2:] == [b"From here", b">From there", b"> From afar", b">Fro", b""]


@pytest.mark.parametrize("text", [b"From here on it is easy.", b"From me to you, 2026", b"From now: 10 apples"])
def test_text_after_an_empty_line_that_begins_with_from_is_text(tmp_path: Path, text: bytes) -> None:
    (mail,) = read(tmp_path, FROM_ + b"Subject: 1\n\nOne.\n\n" + text + b"\nTwo.\n")

    assert mail.raw.endswith(b"One.\r\n\r\n" + text + b"\r\nTwo.\r\n")


def test_a_from_line_that_follows_text_begins_nothing(tmp_path: Path) -> None:
    assert len(read(tmp_path, FROM_ + b"Subject: 1\n\nOne.\n" + FROM_ + b"Two.\n")) == 1


@pytest.mark.parametrize(
    "line",
    [
        b"From bea@sender.example Fri Nov 20 10:00:00 2026",
        b"From - Fri Nov 20 10:00:00 2026",
        b"From MAILER-DAEMON Fri Nov 20 10:00:00 2026",
        b"From 1783992@xxx Fri Nov 20 10:00:00 +0000 2026",
        b"From bea@sender.example  Fri, 20 Nov 2026 10:00:00 +0000",
        b'From "Bea S."@sender.example Fri Nov 20 10:00:00 2026',
        b"From bea Fri Nov 20 11:00:00 CET 2026",
    ],
)
def test_the_date_of_a_from_line_is_read(line: bytes) -> None:
    assert is_beginning(line)
    assert date_of(line) == int(datetime(2026, 11, 20, 10, tzinfo=UTC).timestamp() * 1_000)


@pytest.mark.parametrize("line", [b"From ", b"From -", b"From bea@sender.example", b"From MAILER-DAEMON\r\n"])
def test_a_from_line_may_lack_a_date(line: bytes) -> None:
    assert is_beginning(line)
    assert date_of(line) is None


def test_a_message_above_the_maximum_is_a_problem_and_the_next_one_is_read(tmp_path: Path) -> None:
    large = FROM_ + b"Subject: large\n\n" + b"x" * 200_000 + b"\n\n"

    first, second = read(tmp_path, large + FROM_ + b"Subject: 2\n\n")

    assert (first.problem, first.raw) == ("it is larger than the 10,000 bytes that this site takes", b"")
    assert second.raw == b"Subject: 2\r\n"


def test_an_empty_message_is_a_problem(tmp_path: Path) -> None:
    first, second = read(tmp_path, FROM_ + b"\n" + FROM_ + b"Subject: 2\n\n")

    assert (first.problem, second.problem) == ("it is empty", "")


@pytest.mark.parametrize(
    ("header", "keywords", "is_deleted"),
    [
        (b"Status: RO", {"$seen"}, False),
        (b"Status: O\r\nX-Status: AF", {"$answered", "$flagged"}, False),
        (b"X-Status: D", set(), True),
        (b"X-Mozilla-Status: 0005", {"$seen", "$flagged"}, False),
        (b"X-Mozilla-Status: 0009", {"$seen"}, True),
        (b"X-Mozilla-Status: what", set(), False),
        (b"Subject: RAFT", set(), False),
    ],
)
def test_flags_are_read_from_the_headers_of_several_programs(
    header: bytes, keywords: set[str], is_deleted: bool
) -> None:
    assert flags_of(header + b"\r\n\r\n\r\nStatus: R\r\n") == (keywords, is_deleted)


LINES = st.lists(st.sampled_from([b"From bea", b">From x", b">>From ", b"", b"text", b"From a@b.example", b"\xff\x00"]))


@given(LINES)
def test_what_an_mboxrd_writer_quotes_is_read_as_it_was(lines: list[bytes]) -> None:
    text = b"".join(line + b"\n" for line in (b"Subject: 1", b"", *lines))
    quoted = b"".join(
        (b">" if line.lstrip(b">").startswith(b"From ") else b"") + line for line in text.splitlines(keepends=True)
    )
    with NamedTemporaryFile() as file:
        file.write(FROM_ + quoted + b"\n" + FROM_ + quoted + b"\n")
        file.flush()
        mails = list(read_mbox(Path(file.name), MAXIMUM))

    assert [mail.raw for mail in mails] == [restore_line_ends(text)] * 2
