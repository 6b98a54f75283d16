"""Maildir and Maildir++: flags, folders and what is left aside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from homing.move.mail_source import open_source
from homing.move.maildir import decode_folder_name, flags_of
from homing.move.stored_mail import LINK, StoredMail

MAXIMUM = 10_000
RAW = b"Subject: 1\r\n\r\nOne.\r\n"


def make(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(RAW)
    return root


def read(root: Path) -> list[StoredMail]:
    source = open_source(root, MAXIMUM)
    assert source.kind == "maildir"
    return list(source.mails)


@pytest.mark.parametrize(
    ("name", "keywords", "is_deleted"),
    [
        ("1.host:2,S", {"$seen"}, False),
        ("1.host:2,DFPRS", {"$draft", "$flagged", "$forwarded", "$answered", "$seen"}, False),
        ("1.host:2,ST", {"$seen"}, True),
        ("1.host,S=100,W=102:2,a", set(), False),
        ("1.host;2,F", {"$flagged"}, False),
        ("1.host:2,", set(), False),
        ("1.S", set(), False),
    ],
)
def test_flags_in_the_name_become_keywords(name: str, keywords: set[str], is_deleted: bool) -> None:
    assert flags_of(name) == (keywords, is_deleted)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Sent", "Sent"),
        ("Entw&APw-rfe", "Entw\u00fcrfe"),
        ("&ZeVnLIqe-", "\u65e5\u672c\u8a9e"),
        ("R&-D", "R&D"),
        ("&2D3eCg-", "\U0001f60a"),
        ("A & B", "A & B"),
        ("&AAAAA-", "&AAAAA-"),
    ],
)
def test_folder_names_are_in_modified_utf_7(name: str, text: str) -> None:
    assert decode_folder_name(name) == text


def test_folders_and_their_levels_are_found(tmp_path: Path) -> None:
    make(
        tmp_path, "cur/1:2,S", "new/2", ".Sent/cur/3:2,S", ".Work.2020/new/4", "Plain/cur/5:2,", "Plain/.Deep/cur/6:2,"
    )

    found = {Path(mail.place).name: mail.folder for mail in read(tmp_path)}

    assert found == {
        "1:2,S": (),
        "2": (),
        "3:2,S": ("Sent",),
        "4": ("Work", "2020"),
        "5:2,": ("Plain",),
        "6:2,": ("Plain", "Deep"),
    }


def test_what_is_no_message_is_left_aside(tmp_path: Path) -> None:
    make(tmp_path, "cur/1:2,S", "tmp/2", "cur/.nfs0001", "dovecot-uidlist", "cur/folder/3")

    assert [Path(mail.place).name for mail in read(tmp_path)] == ["1:2,S"]


def test_a_message_is_as_old_as_its_file(tmp_path: Path) -> None:
    make(tmp_path, "cur/1:2,S")
    os.utime(tmp_path / "cur/1:2,S", (1_600_000_000, 1_600_000_000))

    (mail,) = read(tmp_path)

    assert mail.dated == 1_600_000_000_000


def test_a_file_that_has_gone_meanwhile_is_a_problem(tmp_path: Path) -> None:
    source = open_source(make(tmp_path, "cur/1:2,", "cur/2:2,"), MAXIMUM)
    first = next(source.mails)
    (tmp_path / "cur/2:2,").rename(tmp_path / "cur/2:2,S")

    (second,) = source.mails

    assert (first.problem, second.problem) == ("", "No such file or directory")


def test_a_broken_link_is_no_message(tmp_path: Path) -> None:
    make(tmp_path, "cur/1:2,")
    (tmp_path / "cur/2:2,").symlink_to(tmp_path / "nowhere")

    assert len(read(tmp_path)) == 1


def test_links_are_told_and_not_followed(tmp_path: Path) -> None:
    secret = make(tmp_path / "elsewhere", "secret", "cur/secret")
    root = make(tmp_path / "Maildir", "cur/1", "new/2", ".Sent/cur/3")
    (root / "cur" / "0:2,S").symlink_to(secret / "secret")
    (root / ".Other").symlink_to(secret)
    (root / ".Loop").symlink_to(root)
    (root / ".Sent" / "new").symlink_to(secret / "cur")

    found = [(mail.place.removeprefix(f"{root}/"), mail.raw, mail.problem) for mail in read(root)]

    assert sorted(found) == [
        (".Loop", b"", LINK),
        (".Other", b"", LINK),
        (".Sent/cur/3", RAW, ""),
        (".Sent/new", b"", LINK),
        ("cur/0:2,S", b"", LINK),
        ("cur/1", RAW, ""),
        ("new/2", RAW, ""),
    ]


def test_a_maildir_that_is_itself_reached_by_a_link_is_read(tmp_path: Path) -> None:
    make(tmp_path / "Maildir", "cur/1")
    (tmp_path / "link").symlink_to(tmp_path / "Maildir")

    assert [mail.raw for mail in read(tmp_path / "link")] == [RAW]
