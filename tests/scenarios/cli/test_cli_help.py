"""Every command explains itself, with an example that it would take."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator

import pytest

from homing.cli.main import _parser
from tests.scenarios.cli.command import Commands

VERBS = {
    "user add": "ADDRESS",
    "user list": "--json",
    "user set": "--disable",
    "user alias": "ALIAS",
    "token create": "--label",
    "mail import": "--mailbox",
    "verify": "--fast",
    "replay": "--check",
    "task list": "--limit",
    "task dead": "--limit",
    "task revive": "ID",
    "search rebuild": "--account",
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_explains_itself_with_an_example(homing: Commands, verb: str) -> None:
    said = homing.succeed(*verb.split(), "--help")

    assert VERBS[verb] in said.out
    assert "--data" in said.out
    assert re.search(rf"example:\n  homing {verb}\b", said.out)


@pytest.mark.parametrize("noun", ["user", "token", "mail", "task", "search"])
def test_a_noun_lists_its_verbs(homing: Commands, noun: str) -> None:
    said = homing.succeed(noun, "--help")

    assert all(verb.split()[1] in said.out for verb in VERBS if verb.startswith(noun + " "))


def test_the_command_lists_its_nouns(homing: Commands) -> None:
    said = homing.succeed("--help")

    assert all(verb.split()[0] in said.out for verb in VERBS)


def examples(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Every example in the help of a parser and of those below it."""
    lines = (parser.epilog or "").splitlines()
    yield from (line.strip() for line in lines if line.startswith("  homing "))
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from examples(below)


def test_every_example_is_understood() -> None:
    found = list(examples(_parser()))

    assert len(found) > len(VERBS)
    for line in found:
        words = shlex.split(re.sub(r"   +.*| > .*", "", line))[1:]
        assert callable(_parser().parse_args(words).run)


@pytest.mark.parametrize(
    "words",
    [[], ["user"], ["mail"], ["nonsense"], ["user", "add"], ["mail", "import", "x"], ["replay"], ["verify", "x"]],
)
def test_what_is_not_understood_is_told_with_exit_code_two(homing: Commands, words: list[str]) -> None:
    assert "usage: homing" in homing.fail(*words, code=2)


@pytest.mark.parametrize(
    "words",
    [
        ["user", "list"],
        ["user", "set", "ann@example.org", "--disable"],
        ["user", "alias", "ann@example.org", "a@example.org"],
        ["token", "create", "ann@example.org"],
        ["mail", "import", ".", "--to", "ann@example.org"],
        ["verify"],
        ["replay", "--check"],
        ["task", "list"],
        ["task", "dead"],
        ["task", "revive", "k1"],
        ["search", "rebuild"],
    ],
    ids=" ".join,
)
def test_a_folder_without_a_site_is_refused_and_left_alone(homing: Commands, words: list[str]) -> None:
    message = homing.fail(*words)

    assert message.startswith(f"homing: there is no site in {homing.data}")
    assert not homing.data.exists()


def test_a_file_that_is_no_site_is_refused(homing: Commands) -> None:
    homing.data.mkdir()
    (homing.data / "site.db").write_bytes(b"Dear diary, this is no database. " * 100)

    assert "homing: " in homing.fail("user", "list")


def test_the_option_wins_over_the_environment(homing: Commands, ann: Commands) -> None:
    other = homing.data.parent / "other"

    assert str(other) in homing.fail("user", "list", "--data", other)
