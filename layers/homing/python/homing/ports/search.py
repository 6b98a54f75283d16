"""The `Search` port: which emails of an account hold which words.

The index is derived: everything in it can be made again from the ledger and the blobs, and it knows for each
account up to which position (`seq`) of the ledger it has read. Words are made by `homing.search`, alike for
every adapter: an adapter splits at single spaces and compares tokens byte for byte, nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

FIELDS: Final = ("from", "to", "cc", "bcc", "subject", "body", "header", "stem")
"""What a document has. `header` and `stem` hold made-up tokens (see `homing.search`): a `Term` on them has one
token, which may be a prefix; of phrases there, adapters need not keep what they would need."""

MAX_FIELD_TOKENS: Final = 100_000
MAX_TOKEN_BYTES: Final = 256


@dataclass(frozen=True, slots=True)
class Document:
    """An email as the index takes it: per field (of `FIELDS`; absent means empty) tokens between single spaces."""

    email: str
    received_at: int
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Term:
    """Tokens that stand next to each other in this order in one of the fields; the last may be the beginning of one.

    Without fields or tokens, or with a token that is empty or has a space, nothing matches.
    """

    fields: tuple[str, ...]
    tokens: tuple[str, ...]
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds; without parts, every email."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of the parts holds; without parts, no email."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class NoneOf:
    """None of the parts holds (the NOT of RFC 8620 §5.5)."""

    parts: tuple[Expression, ...]


Expression = Term | AllOf | AnyOf | NoneOf


class Hit(NamedTuple):
    """An email that was found; `received_at` in ms since 1970."""

    email: str
    received_at: int


class Search(Protocol):
    """All methods are safe to call from several threads, and raise `Temporary` where the same call may succeed later.

    An account that was never indexed is at position 0 and holds nothing. A site without an index has one that raises
    `Permanent` ("noSearch") whatever it is asked.
    """

    def position(self, account: str) -> int:
        """The position in the account's ledger up to which the index has read."""
        ...

    def apply(
        self, account: str, since: int, until: int, documents: Sequence[Document], removed: Collection[str]
    ) -> bool:
        """Take in what the ledger says between two positions: put `documents` (replacing those of the same email),
        forget the emails in `removed`, and move from `since` to `until`. No email is in both; `removed` names also
        those that the span itself created.

        False, and nothing that a query could see, if the account is not at `since`: another indexer was first.
        What was applied is seen by every query that begins after this returns. `until` may equal `since` where a
        span of the ledger needs several calls: `apply` is idempotent.

        An index without transactions may show some of a call's documents before it returns, also of one that
        fails or that another indexer overtakes meanwhile (False): they are emails of the ledger, a little early.
        Whoever lists hits leaves out those that the ledger no longer has. Never does such a call replace, or
        bring back, what the other indexer wrote.
        """
        ...

    def query(self, account: str, expression: Expression, *, newest_first: bool = True) -> Iterator[Hit]:
        """The emails that match, in order of `received_at` (those of one moment in any order). Lazy: taking the
        first few of many costs little."""
        ...

    def count(self, account: str, expression: Expression) -> int:
        """How many emails match."""
        ...

    def matching(self, account: str, expression: Expression, emails: Collection[str]) -> set[str]:
        """Those of `emails` that match."""
        ...

    def forget(self, account: str) -> None:
        """Drop everything of an account; it is at position 0 again."""
        ...
