"""`homing token create`: a program signs in with what it prints."""

from __future__ import annotations

from homing.bootstrap import local_site
from homing.config import Config
from homing.directory.credentials import authenticate_token
from tests.scenarios.cli.command import Commands


def test_a_token_signs_in_as_the_user(ann: Commands) -> None:
    token = ann.succeed("token", "create", "ann@example.org", "--label", "backup").out.strip()

    identity = authenticate_token(local_site(Config(data=ann.data)).store, token)
    assert identity is not None
    assert identity.login == "ann@example.org"


def test_a_token_is_printed_as_json(ann: Commands) -> None:
    told = ann.succeed("token", "create", "ann@example.org", "--label", "backup", "--json").json

    assert (told["login"], told["label"]) == ("ann@example.org", "backup")
    assert authenticate_token(local_site(Config(data=ann.data)).store, told["token"]) is not None


def test_a_token_for_nobody_is_refused(ann: Commands) -> None:
    assert "there is no user with this login" in ann.fail("token", "create", "ben@example.org")
