"""What a path is taken for."""

from __future__ import annotations

import mailbox
import os
from pathlib import Path

import pytest

from homing.errors import Permanent
from homing.move.mail_source import open_source
from homing.move.stored_mail import LINK, restore_line_ends

MAXIMUM = 10_000


def test_a_file_is_one_message(tmp_path: Path) -> None:
    path = tmp_path / "1"
    path.write_bytes(b"Subject: 1\r\n\r\nOne.\n")

    source = open_source(path, MAXIMUM)

    assert (source.kind, source.total) == ("eml", 19)
    assert [mail.raw for mail in source.mails] == [b"Subject: 1\r\n\r\nOne.\n"]


def test_a_file_that_begins_with_from_is_an_mbox_by_the_standard_library_too(tmp_path: Path) -> None:
    path = tmp_path / "old"
    box = mailbox.mbox(path)
    for number in range(3):
        box.add(f"Subject: {number}\n\nFrom here\n\nto there\n")
    box.close()

    source = open_source(path, MAXIMUM)

    assert source.kind == "mbox"
    assert [mail.raw for mail in source.mails] == [
        b"Subject: %d\r\n\r\nFrom here\r\n\r\nto there\r\n" % number for number in range(3)
    ]


def test_a_folder_gives_its_eml_and_mbox_files_at_any_depth(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "b.EML").write_bytes(b"Subject: b\r\n\r\n")
    (tmp_path / "c.mbox").write_bytes(b"From -\nSubject: c1\n\n\nFrom -\nSubject: c2\n\n")
    (tmp_path / "a.eml").write_bytes(b"Subject: a\r\n\r\n")
    (tmp_path / "notes.txt").write_bytes(b"Subject: no\r\n\r\n")

    source = open_source(tmp_path, MAXIMUM)

    assert source.kind == "folder"
    assert sorted(mail.raw.split()[1] for mail in source.mails) == [b"a", b"b", b"c1", b"c2"]


def test_a_file_above_the_maximum_and_an_empty_one_are_problems(tmp_path: Path) -> None:
    (tmp_path / "1.eml").write_bytes(b"x" * (MAXIMUM + 1))
    (tmp_path / "2.eml").write_bytes(b"")

    problems = [mail.problem for mail in open_source(tmp_path, MAXIMUM).mails]

    assert problems == ["it is larger than the 10,000 bytes that this site takes", "it is empty"]


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_a_path_without_mail_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Permanent) as refused:
        open_source(tmp_path / name, MAXIMUM)

    assert refused.value.type == "noMail"


@pytest.mark.parametrize(
    ("kept", "wire"),
    [
        (b"A: 1\n\nx\n", b"A: 1\r\n\r\nx\r\n"),
        (b"A: 1\nB: 2\r\n\nx", b"A: 1\r\nB: 2\r\n\r\nx"),
        (b"\nx\n", b"\r\nx\r\n"),
        (b"A: 1\r\n\r\nlone\nfeed", b"A: 1\r\n\r\nlone\nfeed"),
        (b"A: 1\rB", b"A: 1\rB"),
        (b"", b""),
    ],
)
def test_line_ends_are_restored_unless_the_first_one_is_whole(kept: bytes, wire: bytes) -> None:
    assert restore_line_ends(kept) == wire


def test_in_a_folder_links_are_told_and_what_is_no_file_is_left_aside(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"root:x")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "1.eml").write_bytes(b"Subject: 1\r\n\r\n")
    (folder / "2.eml").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "3.eml")

    found = [(Path(mail.place).name, mail.raw, mail.problem) for mail in open_source(folder, MAXIMUM).mails]

    assert found == [("1.eml", b"Subject: 1\r\n\r\n", ""), ("2.eml", b"", LINK)]
