"""Whatever the script, whatever the mail: a program or a `SieveError` with its place, and then a result."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homing.message import parse
from homing.sieve import SUPPORTED
from homing.sieve.engine import Environment, Keep, Mail, Result, Script, SieveError, compile_script, run
from homing.sieve.lexer import END, tokenise
from homing.sieve.vocabulary import COMMAND_WORDS, TEST_WORDS
from tests.unit.message.test_any_bytes import ANY_MAIL

TAGS = sorted({tag for word in (*COMMAND_WORDS.values(), *TEST_WORDS.values()) for tag in word.tags})
STRINGS = [
    '"from"', '"to"', '"subject"', '"*"', '"?*@*"', '"${1}"', '"${a}"', '"a"', '""', '"ge"', '"year"', '"+0100"',
    '"i;octet"', '"i;ascii-numeric"', '"a@b.example"', '"\\\\Seen x"', '"\\\\Junk"', '"INBOX"', '"${hex:ff}"',
    '"${unicode:fc}"', '["to", "cc"]', '["a", "${2}"]', "text:\n..a\n${a}\n.\n", '"text"', '"message-id"',
]  # fmt: skip
TOKENS = [
    *COMMAND_WORDS, *TEST_WORDS, *TAGS, *STRINGS, *(f'"{name}"' for name in SUPPORTED), *"[](){},;;;", "1", "2K", "0",
    "# x\n", "/* */", "\n", "\r\n", "é", "\\", '"', "text:", ".", "$",
]  # fmt: skip
PREFIX = "require [" + ", ".join(f'"{name}"' for name in SUPPORTED if name != "ihave") + "];\n"


def compiled(text: str) -> Script | None:
    """The script, or None if it is refused, as it must be: with a place within it and a sentence."""
    try:
        return compile_script(text)
    except SieveError as refused:
        error = refused
    lines = text.replace("\r\n", "\n").split("\n")
    assert 1 <= error.line <= len(lines)
    assert 1 <= error.column <= len(lines[error.line - 1]) + 1
    assert 0 < len(error.description) < 500
    return None


def check_result(result: Result) -> None:
    if result.error is not None:
        assert result.actions == (Keep(implicit=True),)
        assert result.remember == ()
    assert len(result.actions) <= 34
    for action in result.actions:
        for text in dataclasses.astuple(action):
            if isinstance(text, str):
                text.encode()


ANY_TEXT = st.text(max_size=200) | st.lists(st.sampled_from(TOKENS) | st.text(max_size=3), max_size=60).map(" ".join)


@settings(max_examples=1_000, deadline=None)
@given(ANY_TEXT)
def test_any_text_compiles_or_is_refused_with_a_place(text: str) -> None:
    compiled(text)
    compiled(PREFIX + text)
    compiled('require ["ihave", "variables"];' + text)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=60))
def test_any_characters_at_all_are_read_or_refused(text: str) -> None:
    compiled(text)
    compiled(f'redirect "{text}";')


@st.composite
def arguments(draw: st.DrawFn, word) -> str:
    tags = []
    for name in draw(st.lists(st.sampled_from(sorted(word.tags)), max_size=3, unique=True)) if word.tags else []:
        tags.append(f"{name} {_value(draw, word.tags[name].parameter, name)}")
    return " ".join([*tags, *(_value(draw, kind, "") for kind in word.positional)])


def _value(draw: st.DrawFn, kind: str, name: str) -> str:
    if not kind:
        return ""
    if kind == "a number":
        return str(draw(st.sampled_from([0, 1, 2, 7, 100_000])))
    if name in (":value", ":count"):
        return draw(st.sampled_from(['"gt"', '"le"', '"eq"']))
    if name == ":comparator":
        return draw(st.sampled_from(['"i;octet"', '"i;ascii-casemap"', '"i;ascii-numeric"']))
    single = [text for text in STRINGS if not text.startswith("[")]
    return draw(st.sampled_from(STRINGS if "list" in kind else single))


@st.composite
def conditions(draw: st.DrawFn, depth: int = 2) -> str:
    name = draw(st.sampled_from([name for name in sorted(TEST_WORDS) if name != "ihave"]))
    word = TEST_WORDS[name]
    if word.tests == "none":
        return f"{name} {draw(arguments(word))}"
    inner = [draw(conditions(depth=depth - 1)) if depth else "true" for _ in range(1 if word.tests == "one" else 2)]
    return f"{name} {inner[0]}" if word.tests == "one" else f"{name} ({', '.join(inner)})"


@st.composite
def commands(draw: st.DrawFn) -> str:
    """A command that is well formed; what its arguments say may still be refused."""
    names = [name for name in sorted(COMMAND_WORDS) if name not in ("require", "elsif", "else", "error")]
    name = draw(st.sampled_from([*names, "if", "if", "if", "set"]))
    if name == "if":
        return f"if {draw(conditions())} {{ {draw(commands())} }} else {{ {draw(commands())} }}"
    return f"{name} {draw(arguments(COMMAND_WORDS[name]))};"


ENVIRONMENT = Environment(
    now=1_795_000_000_000,
    addresses=("a@b.example",),
    mailbox_exists=lambda name: len(name) % 2 == 0,
    special_use_exists=lambda attribute, name: name is None,
    seen=lambda id: id < "8",
    items={"name": "x"},
)


@settings(max_examples=600, deadline=None)
@given(st.lists(commands(), max_size=8), ANY_MAIL, st.sampled_from(["", "x@y.example", "<>", "ü@", "\ud800"]))
def test_any_program_on_any_mail_gives_a_result(lines: list[str], raw: bytes, sender: str) -> None:
    parts = [line for line in lines if compiled(PREFIX + line) is not None]
    script = compiled(PREFIX + "\n".join(parts))
    if script is None:  # names of variables or actions may add up to too many
        return

    check_result(run(script, Mail(parse(raw), sender.encode("utf-8", "replace").decode(), "a@b.example"), ENVIRONMENT))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(TOKENS), max_size=40).map(" ".join))
def test_a_script_that_asks_for_extensions_while_it_runs_gives_a_result_too(text: str) -> None:
    script = compiled('require ["ihave", "variables", "fileinto"];' + text)
    if script is not None:
        check_result(run(script, Mail(parse(b"Subject: x\r\n\r\nbody")), ENVIRONMENT))


@pytest.mark.parametrize(
    "text",
    [
        "/*" * 100_000,
        '"' + "\\" * 200_001,
        "text:\n" + "..\n" * 60_000,
        "#\n" * 100_000,
        "(" * 200_000,
        "if anyof (" * 20_000,
        "{" * 200_000,
        'require "' + "x" * 200_000,
        'require ["variables", "encoded-character"]; set "a" "' + "${" * 80_000 + '";',
        'require ["variables", "encoded-character"]; set "a" "' + "${hex: " * 30_000 + '";',
        'require "variables"; keep "' + "${a.b" * 40_000 + '";',
        'if header ["' + '","'.join("x" * 60_000) + '"] "y" {}',
        'redirect "' + "<" * 200_000 + '";',
        'redirect "' + "a " * 100_000 + '<b>";',
        'redirect "' + '\\"' * 100_000 + '<b>";',
        'redirect "' + "a." * 100_000 + '@";',
        ":a" * 100_000,
        "1" * 200_000,
        "not " * 60_000,
    ],
)
def test_a_hostile_text_is_read_once(text: str) -> None:
    assert len(text) < 262_144
    compiled(text)


def test_reading_tokens_looks_at_each_character_once() -> None:
    text = "# comment\nkeep; /* x */ " * 5_000

    tokens = list(tokenise(text))

    assert len(tokens) == 10_001
    assert tokens[-1].kind == END
    assert tokens[-1].place.line == 5_001


@pytest.mark.parametrize(
    ("script", "raw", "too_long"),
    [
        (
            'if header :matches "subject" "' + "*a?" * 20_000 + 'b" {}',
            b"Subject: " + b"a" * 900_000 + b"\r\n\r\n",
            False,
        ),
        ('if body :matches "' + "*a" * 40_000 + 'b" {}', b"\r\n" + b"a" * 2_000_000, False),
        ('if body :raw :matches "*' + "?a" * 5_000 + 'b*" {}', b"\r\n" + b"a" * 5_000_000, True),
        (
            'if header :contains ["' + '","'.join("abcdefgh" * 5_000) + '"] ["' + '","'.join("xyz" * 8_000) + '"] {}',
            b"A: b\r\n" * 2_000 + b"\r\n",
            True,
        ),
        ('set "a" "x";' + 'set "a" "${a}${a}${a}";' * 4_000, b"\r\n", False),
        (
            'set "a" "' + "x" * 16_000 + '";' + 'if string "${a}${a}${a}${a}${a}${a}${a}${a}" "b" {}' * 2_500,
            b"\r\n",
            True,
        ),
    ],
)
def test_hostile_work_is_bounded(script: str, raw: bytes, too_long: bool) -> None:
    program = compile_script(PREFIX + script)

    result = run(program, Mail(parse(raw)), ENVIRONMENT)

    check_result(result)
    assert (result.error is not None and "takes too long" in result.error.description) == too_long
