"""`homing user`: what an administrator does with users."""

from __future__ import annotations

import os
import pty
from pathlib import Path

import pytest

from homing.bootstrap import local_site
from homing.config import Config
from homing.directory.credentials import authenticate_password
from tests.scenarios.cli.command import COMMAND, PASSWORD, Commands


def signs_in(homing: Commands, login: str, password: str) -> bool:
    return authenticate_password(local_site(Config(data=homing.data)).store, login, password) is not None


def test_a_user_who_is_added_is_listed_and_signs_in(homing: Commands) -> None:
    added = homing.add_user("Ann@Example.org", "--name", "Ann Able", "--quota", "5GB")

    (listed,) = homing.succeed("user", "list", "--json").json
    assert listed == added
    assert (listed["login"], listed["name"], listed["quota"]) == ("ann@example.org", "Ann Able", 5_000_000_000)
    assert signs_in(homing, "ann@example.org", PASSWORD)


def test_users_are_listed_in_a_table(ann: Commands) -> None:
    ann.add_user("ben@example.org", "--name", "\u7530\u4e2d\x1b[2J", "--quota", "1.5GiB")

    lines = ann.succeed("user", "list").out.splitlines()

    assert lines[0].split() == ["ADDRESS", "NAME", "MESSAGES", "USED", "QUOTA", "STATE", "ACCOUNT"]
    assert lines[1].split()[:7] == ["ann@example.org", "Ann", "0", "0", "B", "none", "enabled"]
    assert "\\x1b[2J" in lines[2]
    assert "1.61 GB" in lines[2]


def test_a_generated_password_is_shown_once_and_works(homing: Commands) -> None:
    said = homing.succeed("user", "add", "ann@example.org", "--generate-password")

    password = said.out.splitlines()[-1]
    assert len(password) >= 20
    assert signs_in(homing, "ann@example.org", password)
    assert password not in homing.succeed("user", "list", "--json").out


def test_a_password_is_read_from_a_file(homing: Commands, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(PASSWORD + "\nsecond line\n")

    said = homing.succeed("user", "add", "ann@example.org", "--password-file", tmp_path / "secret")

    assert signs_in(homing, "ann@example.org", PASSWORD)
    assert PASSWORD not in said.out + said.err


CTRL_D = "\x04"


def converse(homing: Commands, answers: list[str], *arguments: str) -> tuple[int, str]:
    """Run a command on a terminal and type an answer at each "password" prompt; (exit code, what it showed)."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(COMMAND[0], [*COMMAND, *arguments], homing.environment)  # noqa: S606  # our own command
    shown = b""
    for prompt, answer in zip((b"Password: ", b"Again: "), answers, strict=True):
        while not shown.endswith(prompt):
            shown += os.read(terminal, 1)
        os.write(terminal, answer.encode() + (b"" if answer == CTRL_D else b"\n"))
        if answer == CTRL_D:
            break
    try:
        while piece := os.read(terminal, 1_000):
            shown += piece
    except OSError:  # the other end was closed
        pass
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown.decode()


def test_a_password_is_asked_for_on_a_terminal_and_not_shown(homing: Commands) -> None:
    code, shown = converse(homing, [PASSWORD, PASSWORD], "user", "add", "ann@example.org")

    assert code == 0
    assert PASSWORD not in shown
    assert signs_in(homing, "ann@example.org", PASSWORD)


def test_who_ends_the_input_instead_of_typing_a_password_is_told_so_plainly(homing: Commands) -> None:
    code, shown = converse(homing, [CTRL_D, ""], "user", "add", "ann@example.org")

    assert code == 1
    assert "no password was typed" in shown
    assert "Traceback" not in shown


def test_a_password_that_is_typed_in_two_ways_is_refused(homing: Commands) -> None:
    code, shown = converse(homing, [PASSWORD, "wrong horse"], "user", "add", "ann@example.org")

    assert code == 1
    assert "the two passwords differ" in shown


@pytest.mark.parametrize(
    ("words", "stdin", "message"),
    [
        (["no-address", "--password-stdin"], PASSWORD, "write the address as name@domain"),
        (["ann@example.org", "--password-stdin"], PASSWORD, "this address is taken"),
        (["ben@example.org", "--password-stdin"], "short", "a password has at least 8 characters"),
        (["ben@example.org", "--password-stdin"], "", "there is no password in the first line of stdin"),
        (["ben@example.org"], "", "give a password with --password-file"),
        (["ben@example.org", "--password-file", "/nowhere"], "", "cannot read /nowhere: No such file"),
    ],
)
def test_a_user_who_cannot_be_added_is_refused_plainly(
    ann: Commands, words: list[str], stdin: str, message: str
) -> None:
    assert message in ann.fail("user", "add", *words, stdin=stdin)

    assert len(ann.succeed("user", "list", "--json").json) == 1


@pytest.mark.parametrize("quota", ["5XB", "-1", "much", "5 5GB", ""])
def test_a_quota_that_is_no_size_is_not_understood(ann: Commands, quota: str) -> None:
    assert "is not a size" in ann.fail("user", "set", "ann@example.org", f"--quota={quota}", code=2)


def test_no_command_takes_a_password_as_an_argument(homing: Commands) -> None:
    message = homing.fail("user", "add", "ann@example.org", "--password", PASSWORD, code=2)

    assert "ambiguous option: --password" in message


def test_a_user_is_disabled_and_enabled_again(ann: Commands) -> None:
    assert ann.succeed("user", "set", "ann@example.org", "--disable", "--json").json["disabled"] is True
    assert ann.succeed("user", "set", "ann@example.org", "--enable", "--json").json["disabled"] is False


def test_a_quota_is_set_and_taken_away(ann: Commands) -> None:
    assert ann.succeed("user", "set", "ann@example.org", "--quota", "500MB", "--json").json["quota"] == 500_000_000
    assert ann.succeed("user", "set", "ann@example.org", "--quota", "none", "--json").json["quota"] is None


def test_a_new_password_replaces_the_old_one(ann: Commands) -> None:
    ann.succeed("user", "set", "ann@example.org", "--password-stdin", stdin="another horse\n")

    assert signs_in(ann, "ann@example.org", "another horse")
    assert not signs_in(ann, "ann@example.org", PASSWORD)


def test_a_change_of_nothing_is_not_understood(ann: Commands) -> None:
    assert "name what is to change" in ann.fail("user", "set", "ann@example.org", code=2)


def test_an_unknown_user_is_refused(ann: Commands) -> None:
    assert "there is no user with this login" in ann.fail("user", "set", "ben@example.org", "--disable")


def test_mail_for_an_alias_is_the_users(ann: Commands, tmp_path: Path) -> None:
    ann.succeed("user", "alias", "ann@example.org", "sales@example.net")

    assert "this address is taken" in ann.fail("user", "alias", "ann@example.org", "sales@example.net")
    assert "this address is taken" in ann.fail("user", "add", "sales@example.net", "--generate-password")


def test_an_account_is_shared_and_no_longer(ann: Commands) -> None:
    ann.add_user("office@example.org")

    said = ann.succeed("user", "share", "office@example.org", "ann@example.org", "--read-only").out
    assert said == "ann@example.org looks into the account of office@example.org, too\n"
    stopped = ann.succeed("user", "share", "office@example.org", "ann@example.org", "--stop", "--json").json
    assert stopped == {"owner": "office@example.org", "login": "ann@example.org", "access": None}
    assert "another user" in ann.fail("user", "share", "ann@example.org", "ann@example.org")
