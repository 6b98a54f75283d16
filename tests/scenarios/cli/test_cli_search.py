"""`homing search`: the index can be made anew."""

from __future__ import annotations

from pathlib import Path

from homing.bootstrap import local_site
from homing.config import Config
from homing.directory.accounts import find_user
from homing.search.expression import parse_text
from tests.mail import message
from tests.scenarios.cli.command import Commands


def found(commands: Commands, address: str, text: str) -> int:
    site = local_site(Config(data=commands.data))
    return site.search.count(find_user(site, address).account, parse_text(("body",), text))


def test_the_index_is_made_anew(ann: Commands, tmp_path: Path) -> None:
    (tmp_path / "one.eml").write_bytes(message("One", body="an xylophone"))
    ann.succeed("mail", "import", tmp_path / "one.eml", "--to", "ann@example.org")

    assert ann.succeed("search", "rebuild", "--json").json == {"accounts": 1, "emails": 1}
    assert found(ann, "ann@example.org", "xylophone") == 1

    assert (
        ann.succeed("search", "rebuild", "--account", "ann@example.org").out == "1 emails of 1 accounts are indexed\n"
    )
    assert found(ann, "ann@example.org", "xylophone") == 1


def test_an_account_that_is_not_there_is_refused(ann: Commands) -> None:
    assert "bob@example.org" in ann.fail("search", "rebuild", "--account", "bob@example.org")
