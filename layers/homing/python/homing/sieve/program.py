"""A checked script: what `check` makes of a tree, and what the interpreter runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from homing.sieve.errors import Place
from homing.sieve.matching import Matching
from homing.sieve.strings import Template

Value = int | tuple[Template, ...]
"""An argument: a number (1 for a tag without parameter), or its strings, one or more."""


@dataclass(frozen=True, slots=True)
class Call:
    """A command or test that keeps its declaration in `vocabulary`.

    `needs` are the extensions that an ihave test must have enabled before (RFC 5463 §4); what is not known
    at all needs itself.
    """

    name: str
    place: Place
    tags: Mapping[str, Value] = field(default_factory=dict)
    arguments: tuple[Value, ...] = ()
    tests: tuple[Call, ...] = ()
    block: tuple[Call, ...] = ()
    matching: Matching = field(default_factory=Matching)
    needs: frozenset[str] = frozenset()

    def has(self, tag: str) -> bool:
        """Whether the tag is given."""
        return tag in self.tags

    def one_of(self, tags: Mapping[str, object], default: str) -> str:
        """Which of the tags is given."""
        return next((tag for tag in tags if tag in self.tags), default)

    def number(self, tag: str) -> int | None:
        """The number that a tag has, or None without the tag."""
        value = self.tags.get(tag)
        return value if isinstance(value, int) else None

    def strings(self, tag: str) -> tuple[Template, ...]:
        """The strings that a tag has; none without the tag."""
        value = self.tags.get(tag)
        return value if isinstance(value, tuple) else ()

    def string(self, tag: str) -> Template | None:
        """The string that a tag has, or None without the tag."""
        return next(iter(self.strings(tag)), None)

    def texts(self, index: int) -> tuple[Template, ...]:
        """The strings of a positional argument."""
        value = self.arguments[index]
        return value if isinstance(value, tuple) else ()

    def text(self, index: int) -> Template:
        """The string of a positional argument."""
        return self.texts(index)[0]


@dataclass(frozen=True, slots=True)
class Script:
    """A script that can be run. `extensions` are those it requires, sorted; `available` those that ihave finds."""

    commands: tuple[Call, ...]
    extensions: tuple[str, ...] = ()
    available: frozenset[str] = frozenset()
