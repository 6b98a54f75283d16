"""`homing mail import`: old mail comes in, once, whatever interrupts it."""

from __future__ import annotations

import mailbox
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.mail import message
from tests.scenarios.cli.command import Commands

MANY = 1_400


def make_mbox(path: Path, count: int) -> Path:
    with path.open("wb") as file:
        for number in range(count):
            raw = message(f"Message {number}", message_id=f"{number}@sender.example", body="Text.\n" * 20)
            file.write(b"From bea@sender.example Fri Nov 20 10:00:00 2026\n" + raw.replace(b"\r\n", b"\n") + b"\n")
    return path


def users(homing: Commands) -> dict[str, Any]:
    return {user["login"]: user for user in homing.succeed("user", "list", "--json").json}


def test_a_message_is_imported_and_counted(ann: Commands, tmp_path: Path) -> None:
    (tmp_path / "1.eml").write_bytes(message("One"))

    said = ann.succeed("mail", "import", tmp_path / "1.eml", "--to", "ann@example.org")

    assert said.out.startswith("1 imported, 0 already there, 0 failed (eml, ")
    assert users(ann)["ann@example.org"]["messages"] == 1


def test_an_mbox_goes_to_the_mailbox_that_is_named(ann: Commands, tmp_path: Path) -> None:
    path = make_mbox(tmp_path / "old", 10)

    told = ann.succeed("mail", "import", path, "--to", "ann@example.org", "--mailbox", "Old/2019", "--json").json

    assert (told["kind"], told["imported"], told["alreadyThere"], told["failed"]) == ("mbox", 10, 0, 0)
    assert ann.succeed("verify", "--json").json["isSound"] is True


def test_a_maildir_of_the_standard_library_is_imported(ann: Commands, tmp_path: Path) -> None:
    box = mailbox.Maildir(tmp_path / "Maildir")
    box.add(message("One"))
    box.add_folder("Work").add(message("Two"))

    told = ann.succeed("mail", "import", tmp_path / "Maildir", "--to", "ann@example.org", "--json").json

    assert (told["kind"], told["imported"]) == ("maildir", 2)


@pytest.mark.parametrize(("interruption", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)])
def test_an_import_that_was_interrupted_is_finished_by_the_next(
    ann: Commands, tmp_path: Path, interruption: signal.Signals, code: int
) -> None:
    path = make_mbox(tmp_path / "old", MANY)
    process = ann.start("mail", "import", path, "--to", "ann@example.org")
    assert process.stderr is not None
    first = process.stderr.readline()
    process.send_signal(interruption)
    _, rest = process.communicate()
    before = users(ann)["ann@example.org"]["messages"]

    told = ann.succeed("mail", "import", path, "--to", "ann@example.org", "--json").json

    assert "messages" in first
    assert process.returncode == code
    assert "Traceback" not in rest
    assert 1_000 <= before < MANY
    assert (told["imported"], told["alreadyThere"]) == (MANY - before, before)
    assert users(ann)["ann@example.org"]["messages"] == MANY
    assert ann.succeed("verify", "--json").json["emails"] == MANY


def test_what_fails_is_told_with_its_reason_and_exit_code_one(ann: Commands, tmp_path: Path) -> None:
    (tmp_path / "1.eml").write_bytes(message("One"))
    (tmp_path / "2.eml").write_bytes(b"")

    said = ann.run("mail", "import", tmp_path, "--to", "ann@example.org")

    assert said.code == 1
    assert said.out.startswith("1 imported, 0 already there, 1 failed (folder, ")
    assert said.err == f"{tmp_path / '2.eml'}: it is empty\n"


def test_mail_above_the_quota_is_told(ann: Commands, tmp_path: Path) -> None:
    ann.succeed("user", "set", "ann@example.org", "--quota", "100")
    (tmp_path / "1.eml").write_bytes(message("One"))

    said = ann.run("mail", "import", tmp_path / "1.eml", "--to", "ann@example.org", "--json")

    assert said.code == 1
    assert [failure["reason"] for failure in said.json["failures"]] == ["This mailbox is full"]


@pytest.mark.parametrize(
    ("path", "to", "reason"),
    [
        ("nowhere", "ann@example.org", "No such file or directory"),
        (".", "ann@example.org", "this folder is no Maildir and holds no .eml or .mbox file"),
        (".", "ben@example.org", "there is no user with this login"),
        (".", "ben", "write the address as name@domain"),
    ],
)
def test_an_import_that_cannot_begin_is_refused_plainly(
    ann: Commands, tmp_path: Path, path: str, to: str, reason: str
) -> None:
    (tmp_path / "empty").mkdir()

    assert reason in ann.fail("mail", "import", tmp_path / "empty" / path, "--to", to)
