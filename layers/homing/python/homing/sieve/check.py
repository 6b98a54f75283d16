"""A tree against the vocabulary: what comes out can be run (RFC 5228 §2.6, §2.10.5, §3.2).

Knows the shape of every word; what a particular word's arguments must say is in `meaning`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final, NoReturn

from homing.sieve import lexer, parser
from homing.sieve.errors import Place, SieveError
from homing.sieve.extensions import BUILT_IN, IMPLIED, SUPPORTED
from homing.sieve.matching import (
    CASEMAP,
    COMPARATORS,
    CONTAINS,
    COUNT,
    MATCHES,
    NUMERIC,
    RELATIONS,
    SUBSTRING,
    Matching,
)
from homing.sieve.meaning import check_meaning
from homing.sieve.parser import Argument, Node
from homing.sieve.program import Call, Script, Value
from homing.sieve.strings import read_template
from homing.sieve.vocabulary import (
    COMMAND_WORDS,
    CONSTANT,
    CONSTANTS,
    NO_TEST,
    NUMBER,
    ONE_TEST,
    STRING,
    STRINGS,
    TEST_WORDS,
    Tag,
    Word,
)

_ACCEPTED: Final = {
    lexer.STRING: frozenset({STRING, CONSTANT, STRINGS, CONSTANTS}),
    parser.STRINGS: frozenset({STRINGS, CONSTANTS}),
    lexer.NUMBER: frozenset({NUMBER}),
    lexer.TAG: frozenset[str](),
}
_CHAIN: Final = frozenset({"if", "elsif"})


def compile_script(text: str, extensions: Collection[str] = SUPPORTED) -> Script:
    """The program that `text` is, using no extensions but these. Raises `SieveError` with a place and a sentence."""
    checker = _Checker(frozenset(extensions) | BUILT_IN)
    commands = checker.check_script(parser.parse(text))
    return Script(commands, tuple(sorted(checker.required)), checker.available)


def _refuse(place: Place, description: str) -> NoReturn:
    raise SieveError(place.line, place.column, description)


class _Unknown(Exception):
    """A word or tag that does not exist, in a script that may ask for extensions while it runs."""


class _Checker:
    """One pass over a script; `enabled` grows with each `require`."""

    def __init__(self, available: frozenset[str]) -> None:
        self.available = available
        self.required: set[str] = set()
        self.enabled: set[str] = set(BUILT_IN)
        self.variables: set[str] = set()
        self._needs: set[str] = set()

    def check_script(self, nodes: tuple[Node, ...]) -> tuple[Call, ...]:
        position = 0
        while position < len(nodes) and nodes[position].name == "require":
            self._require(nodes[position])
            position += 1
        return self._check_block(nodes[position:])

    def _check_block(self, nodes: tuple[Node, ...]) -> tuple[Call, ...]:
        calls: list[Call] = []
        for node in nodes:
            if node.name in ("elsif", "else") and (not calls or calls[-1].name not in _CHAIN):
                _refuse(node.place, f'"{node.name}" must follow "if" or "elsif".')
            if node.name == "require":
                _refuse(node.place, '"require" must stand at the very beginning of the script.')
            calls.append(self._check_command(node))
        return tuple(calls)

    def _check_command(self, node: Node) -> Call:
        word = COMMAND_WORDS.get(node.name)
        if word is None and node.name in TEST_WORDS:
            _refuse(node.place, f'"{node.name}" is a test, not a command; it may stand after "if".')
        call = self._check_call(node, word)
        return replace(call, block=self._check_block(node.block)) if node.block else call

    def _check_test(self, node: Node) -> Call:
        word = TEST_WORDS.get(node.name)
        if word is None and node.name in COMMAND_WORDS:
            _refuse(node.place, f'"{node.name}" is a command and no test.')
        return self._check_call(node, word)

    def _check_call(self, node: Node, word: Word | None) -> Call:
        """The call that a node is. Where extensions may turn up at run time, what is unknown fails only then."""
        outer, self._needs = self._needs, set()
        try:
            call = self._read_call(node, word)
        except _Unknown as unknown:
            call = Call(node.name, node.place, needs=frozenset({str(unknown)}))
        finally:
            self._needs = outer
        return call

    def _read_call(self, node: Node, word: Word | None) -> Call:
        if word is None:
            self._unknown(node.place, f'"{node.name}"')
        self._use(word.extension, f'"{node.name}"', node.place)
        tags, rest = self._read_tags(node, word)
        arguments = self._read_positional(node, word, rest)
        self._check_shape(node, word)
        call = Call(node.name, node.place, tags, arguments, matching=self._read_matching(node, tags))
        check_meaning(call, self.enabled, self.variables)
        needs = frozenset(self._needs)
        return replace(call, tests=tuple(self._check_test(test) for test in node.tests), needs=needs)

    def _unknown(self, place: Place, what: str) -> NoReturn:
        if "ihave" in self.enabled:
            raise _Unknown(what)
        _refuse(place, f"{what} is not known here.")

    def _use(self, extension: str, what: str, place: Place) -> None:
        """Note that an extension is used (RFC 5228 §2.10.5)."""
        if not extension or extension in self.enabled:
            return
        if "ihave" not in self.enabled:
            _refuse(place, f'{what} needs require "{extension}".')
        self._needs.add(extension)

    def _require(self, node: Node) -> None:
        word = COMMAND_WORDS["require"]
        self._check_shape(node, word)
        if len(node.arguments) != 1 or node.arguments[0].kind not in (lexer.STRING, parser.STRINGS):
            _refuse(node.place, '"require" takes a string or a list of strings.')
        for name in node.arguments[0].strings:
            if name.text not in self.available:
                _refuse(name.place, f'The extension "{name.text[:80]}" is not supported.')
            self.required.add(name.text)
            self.enabled |= {name.text, IMPLIED.get(name.text, name.text)}

    def _read_tags(self, node: Node, word: Word) -> tuple[dict[str, Value], tuple[Argument, ...]]:
        """The tagged arguments, and the positional ones after them."""
        tags: dict[str, Value] = {}
        position = 0
        arguments = node.arguments
        while position < len(arguments) and arguments[position].kind == lexer.TAG:
            argument = arguments[position]
            tag = self._find_tag(node, word, argument, tags)
            position += 1
            if not tag.parameter:
                tags[argument.tag] = 1
                continue
            if position == len(arguments):
                _refuse(argument.place, f'"{argument.tag}" must be followed by {tag.parameter}.')
            what = f'"{argument.tag}" must be followed by'
            tags[argument.tag] = self._read_value(arguments[position], tag.parameter, what)
            position += 1
        return tags, arguments[position:]

    def _find_tag(self, node: Node, word: Word, argument: Argument, given: Mapping[str, Value]) -> Tag:
        tag = word.tags.get(argument.tag)
        if tag is None:
            if "ihave" in self.enabled:
                raise _Unknown(f'"{argument.tag}"')
            _refuse(argument.place, f'"{node.name}" does not know "{argument.tag}".')
        if argument.tag in given:
            _refuse(argument.place, f'"{argument.tag}" is given twice.')
        rivals = [other for other in given if tag.group and word.tags[other].group == tag.group]
        if rivals:
            _refuse(argument.place, f'"{argument.tag}" cannot be used together with "{rivals[0]}".')
        self._use(tag.extension, f'"{argument.tag}"', argument.place)
        return tag

    def _read_positional(self, node: Node, word: Word, arguments: tuple[Argument, ...]) -> tuple[Value, ...]:
        for argument in arguments:
            if argument.kind == lexer.TAG:
                _refuse(argument.place, f'"{argument.tag}" must stand before the other arguments.')
        kinds = word.positional
        if word.optional and len(arguments) == len(kinds) - word.optional:
            kinds = kinds[word.optional :]
        if len(arguments) > len(kinds):
            _refuse(arguments[len(kinds)].place, f'"{node.name}" takes no further argument.')
        if len(arguments) < len(kinds):
            _refuse(node.place, f'"{node.name}" lacks an argument: {kinds[len(arguments)]}.')
        what = f'"{node.name}" takes here'
        return tuple(self._read_value(argument, kind, what) for argument, kind in zip(arguments, kinds, strict=True))

    def _read_value(self, argument: Argument, kind: str, what: str) -> Value:
        if kind not in _ACCEPTED[argument.kind]:
            _refuse(argument.place, f"{what} {kind}.")
        if argument.kind == lexer.NUMBER:
            return argument.number
        encoded, variables = "encoded-character" in self.enabled, "variables" in self.enabled
        templates = tuple(
            read_template(literal.text, literal.place, encoded=encoded, variables=variables)
            for literal in argument.strings
        )
        if kind in (CONSTANT, CONSTANTS) and any(template.constant is None for template in templates):
            _refuse(argument.place, f"{what} {kind}.")
        return templates

    def _check_shape(self, node: Node, word: Word) -> None:
        """Tests and blocks are where they belong, and nowhere else."""
        if word.tests == NO_TEST and node.tests:
            after = f'"{node.name}" takes no test; is ";" missing before "{node.tests[0].name}"?'
            _refuse(node.tests[0].place, f'"{node.name}" takes no list of tests.' if node.is_list else after)
        if word.tests != NO_TEST and not node.tests:
            _refuse(node.place, f'"{node.name}" lacks a test.')
        if word.tests == ONE_TEST and node.is_list:
            _refuse(node.tests[0].place, f'"{node.name}" takes one test, not a list; "anyof" and "allof" take lists.')
        if word.has_block and node.block is None:
            _refuse(node.place, f'"{node.name}" must be followed by a block in braces.')
        if not word.has_block and node.block is not None:
            _refuse(node.place, f'"{node.name}" takes no block.')

    def _read_matching(self, node: Node, tags: Mapping[str, Value]) -> Matching:
        """How a test compares. Numbers are what `:count` compares unless another comparator is asked for."""
        kind = next((tag[1:] for tag in (":is", ":contains", ":matches", ":value", ":count") if tag in tags), "is")
        relation = _constant(tags.get(f":{kind}"))
        if kind in ("value", "count") and relation not in RELATIONS:
            _refuse(node.place, f'":{kind}" compares by "gt", "ge", "lt", "le", "eq" or "ne".')
        if ":comparator" not in tags:
            return Matching(kind, relation, NUMERIC if kind == COUNT else CASEMAP)
        comparator = _constant(tags[":comparator"])
        if comparator not in COMPARATORS or f"comparator-{comparator}" not in self.available:
            self._unknown(node.place, f'The comparator "{comparator[:80]}"')
        self._use(f"comparator-{comparator}", f'The comparator "{comparator}"', node.place)
        if kind in (CONTAINS, MATCHES) and comparator not in SUBSTRING:
            _refuse(node.place, f'The comparator "{comparator}" does not work with ":{kind}".')
        return Matching(kind, relation, comparator)


def _constant(value: Value | None) -> str:
    """The constant string of a tag, "" without one."""
    if not isinstance(value, tuple):
        return ""
    return (value[0].constant or b"").decode("utf-8", "replace")
