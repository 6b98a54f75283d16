"""The `Search` port of a site without an index."""

# ruff: noqa: ARG002  # every answer is the same, whatever is asked
from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from homing.errors import Permanent
from homing.ports.search import Document, Expression, Hit


def _none() -> Permanent:
    return Permanent("noSearch", "this site has no search index: set HOMING_SEARCH_URL")


class NoSearch:
    """Knows nothing and says so."""

    def position(self, account: str) -> int:
        raise _none()

    def apply(
        self, account: str, since: int, until: int, documents: Sequence[Document], removed: Collection[str]
    ) -> bool:
        raise _none()

    def query(self, account: str, expression: Expression, *, newest_first: bool = True) -> Iterator[Hit]:
        raise _none()

    def count(self, account: str, expression: Expression) -> int:
        raise _none()

    def matching(self, account: str, expression: Expression, emails: Collection[str]) -> set[str]:
        raise _none()

    def forget(self, account: str) -> None:
        raise _none()
