"""How a script can be wrong: before it runs (`SieveError`) and while it runs (`ScriptFailure`).

The second never leaves this package: `run` turns it into the `error` of its result (RFC 5228 §2.10.6).
"""

from __future__ import annotations

from typing import NamedTuple

from homing.errors import HomingError


class Place(NamedTuple):
    """Where in a script: line and column, both counted from one, in characters."""

    line: int
    column: int


class SieveError(HomingError):
    """A script cannot be compiled. `description` is a sentence for its author, and `str()` puts the place before
    it; the type is the SetError of RFC 9661 §2.4."""

    def __init__(self, line: int, column: int, description: str) -> None:
        super().__init__("invalidSieve", description, line=line, column=column)
        self.line = line
        self.column = column

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.description}"


class ScriptFailure(HomingError):
    """A script that is running cannot go on."""

    def __init__(self, description: str) -> None:
        super().__init__("sieveFailure", description)
