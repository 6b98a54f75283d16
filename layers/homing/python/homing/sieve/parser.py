"""Tokens to a tree of commands and tests (RFC 5228 §8.2), whatever their names and arguments.

Bounded in depth and size, so that what follows may recurse over the tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from homing.sieve.errors import Place, SieveError
from homing.sieve.lexer import END, IDENTIFIER, NUMBER, STRING, TAG, Token, tokenise
from homing.sieve.limits import MAX_NESTING, MAX_NODES

STRINGS: Final = "string list"


@dataclass(frozen=True, slots=True)
class Literal:
    """A string with its place, escapes resolved."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument: `kind` is `STRING`, `STRINGS`, `NUMBER` or `TAG`; only what belongs to the kind is set."""

    kind: str
    place: Place
    strings: tuple[Literal, ...] = ()
    number: int = 0
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A command or a test. `is_list` tells tests in parentheses, `(a)`, from `a`; `block` is None without one."""

    name: str
    place: Place
    arguments: tuple[Argument, ...] = ()
    tests: tuple[Node, ...] = ()
    is_list: bool = False
    block: tuple[Node, ...] | None = None


def parse(text: str) -> tuple[Node, ...]:
    """The commands of a script. Raises `SieveError` for what is not of the grammar."""
    parser = _Parser(tokenise(text))
    return parser.script()


class _Parser:
    """One token of look-ahead over the tokens of a script."""

    def __init__(self, tokens: Iterator[Token]) -> None:
        self._tokens = tokens
        self._token = next(tokens)
        self._nodes = 0

    def script(self) -> tuple[Node, ...]:
        commands = self._commands(0)
        if self._token.kind == "}":
            raise _error(self._token.place, 'This "}" closes nothing.')
        return commands

    def _take(self) -> Token:
        token = self._token
        if token.kind != END:
            self._token = next(self._tokens)
        return token

    def _expect(self, kind: str, description: str) -> Token:
        if self._token.kind != kind:
            raise _error(self._token.place, f"{description} {_found(self._token)}")
        return self._take()

    def _commands(self, depth: int) -> tuple[Node, ...]:
        if depth > MAX_NESTING:
            raise _error(self._token.place, f"Blocks may be nested {MAX_NESTING} deep.")
        commands = []
        while self._token.kind not in ("}", END):
            commands.append(self._command(depth))
        return tuple(commands)

    def _command(self, depth: int) -> Node:
        name = self._expect(IDENTIFIER, "A command must stand here.")
        arguments = self._arguments()
        tests, is_list = self._tests(1)
        block = None
        if self._token.kind == "{":
            opened = self._take()
            block = self._commands(depth + 1)
            if self._token.kind != "}":
                raise _error(opened.place, 'This block has no end; "}" is missing.')
            self._take()
        else:
            self._expect(";", f'";" is missing after "{name.value}".')
        return self._node(name, arguments, tests, is_list, block)

    def _node(
        self,
        name: Token,
        arguments: tuple[Argument, ...],
        tests: tuple[Node, ...],
        is_list: bool,
        block: tuple[Node, ...] | None = None,
    ) -> Node:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _error(name.place, f"A script may have {MAX_NODES} commands and tests.")
        return Node(str(name.value), name.place, arguments, tests, is_list, block)

    def _tests(self, depth: int) -> tuple[tuple[Node, ...], bool]:
        if self._token.kind == IDENTIFIER:
            return (self._test(depth),), False
        if self._token.kind != "(":
            return (), False
        self._take()
        tests = [self._test(depth)]
        while self._token.kind == ",":
            self._take()
            tests.append(self._test(depth))
        self._expect(")", '"," or ")" is missing in this list of tests.')
        return tuple(tests), True

    def _test(self, depth: int) -> Node:
        if depth > MAX_NESTING:
            raise _error(self._token.place, f"Tests may be nested {MAX_NESTING} deep.")
        name = self._expect(IDENTIFIER, "A test must stand here.")
        arguments = self._arguments()
        tests, is_list = self._tests(depth + 1)
        return self._node(name, arguments, tests, is_list)

    def _arguments(self) -> tuple[Argument, ...]:
        arguments = []
        while self._token.kind in (STRING, NUMBER, TAG, "["):
            arguments.append(self._argument())
        return tuple(arguments)

    def _argument(self) -> Argument:
        token = self._take()
        if token.kind == STRING:
            return Argument(STRING, token.place, strings=(_literal(token),))
        if token.kind == NUMBER:
            return Argument(NUMBER, token.place, number=int(token.value))
        if token.kind == TAG:
            return Argument(TAG, token.place, tag=str(token.value))
        strings = [_literal(self._expect(STRING, "A list holds one string at least."))]
        while self._token.kind == ",":
            self._take()
            strings.append(_literal(self._expect(STRING, "A string must stand here.")))
        self._expect("]", '"," or "]" is missing in this list of strings.')
        return Argument(STRINGS, token.place, strings=tuple(strings))


def _literal(token: Token) -> Literal:
    return Literal(str(token.value), token.place)


def _found(token: Token) -> str:
    if token.kind == STRING:
        return "There is a string."
    return "The script ends." if token.kind == END else f'There is "{token.value}".'


def _error(place: Place, description: str) -> SieveError:
    return SieveError(place.line, place.column, description)
