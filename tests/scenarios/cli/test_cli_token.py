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


def test_a_revoked_token_signs_in_no_more(ann: Commands) -> None:
    token = ann.succeed("token", "create", "ann@example.org", "--label", "backup").out.strip()
    kept = ann.succeed("token", "create", "ann@example.org", "--label", "phone").out.strip()
    told = ann.succeed("token", "list", "ann@example.org", "--json").json
    id = next(item["id"] for item in told if item["label"] == "backup")

    ann.succeed("token", "revoke", id)

    store = local_site(Config(data=ann.data)).store
    assert [item["label"] for item in told] == ["backup", "phone"]
    assert authenticate_token(store, token) is None
    assert authenticate_token(store, kept) is not None


def test_a_token_that_is_not_there_cannot_be_revoked(ann: Commands) -> None:
    assert "there is no token with this id" in ann.fail("token", "revoke", "k000")
