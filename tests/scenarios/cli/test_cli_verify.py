"""`homing verify` and `homing replay --check`: sound sites pass, damage is named."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from tests.mail import message
from tests.scenarios.cli.command import Commands


@pytest.fixture
def filled(ann: Commands, tmp_path: Path) -> Commands:
    (tmp_path / "1.eml").write_bytes(message("One"))
    ann.succeed("mail", "import", tmp_path / "1.eml", "--to", "ann@example.org")
    ann.add_user("ben@example.org")
    return ann


def damage(homing: Commands, sql: str) -> None:
    connection = apsw.Connection(str(homing.data / "site.db"))
    connection.execute(sql)
    connection.close()


@pytest.mark.parametrize("words", [["verify"], ["verify", "--fast"], ["replay", "--check"]], ids=" ".join)
def test_a_sound_site_passes(filled: Commands, words: list[str]) -> None:
    assert filled.succeed(*words).out.rstrip().endswith(": all is sound")

    told = filled.succeed(*words, "--json").json
    assert (told["isSound"], told["findings"]) == (True, [])
    assert told["ledgers"] == 4


@pytest.mark.parametrize("words", [["verify"], ["replay", "--check"]], ids=" ".join)
def test_a_row_that_was_altered_is_named(filled: Commands, words: list[str]) -> None:
    damage(filled, "UPDATE rows SET body = CAST(replace(body, 'Inbox', 'inbox') AS BLOB) WHERE key = 'o/Mailbox/inbox'")

    said = filled.run(*words)

    assert said.code == 1
    assert said.out.count("o/Mailbox/inbox: the row was altered (entry ") == 2
    assert said.out.splitlines()[-1].endswith(": 2 findings")


def test_an_entry_that_was_altered_is_named(filled: Commands) -> None:
    damage(filled, "UPDATE rows SET body = CAST(replace(body, 'cli', 'CLI') AS BLOB) WHERE key = 'g/000000000001'")

    said = filled.run("verify", "--json")

    assert said.code == 1
    assert said.json["isSound"] is False
    assert {(finding["key"], finding["seq"]) for finding in said.json["findings"]} == {("g/000000000001", 1)}


def test_a_message_that_is_missing_is_named(filled: Commands) -> None:
    damage(filled, "DELETE FROM blobs")

    said = filled.run("verify", "--fast")

    assert said.code == 1
    assert " is missing" in said.out.splitlines()[0]


def test_a_message_that_was_altered_is_found_unless_fast(filled: Commands) -> None:
    damage(filled, "UPDATE blobs SET content = CAST(replace(content, 'One', 'Two') AS BLOB)")

    assert filled.run("verify").code == 1
    assert filled.run("verify", "--fast").code == 0


def test_only_the_account_that_is_named_is_looked_at(filled: Commands) -> None:
    damage(filled, "DELETE FROM blobs")

    assert filled.run("verify", "--account", "ann@example.org").code == 1
    assert filled.succeed("verify", "--account", "ben@example.org", "--json").json["ledgers"] == 1
    assert "there is no user" in filled.fail("verify", "--account", "cat@example.org")
