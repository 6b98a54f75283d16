"""The `Search` port on OpenSearch: one index, all accounts, a document for each email and one for each account.

OpenSearch has no transactions, so a write goes in three steps. The indexer *claims* the account: its document
gets the next `epoch`, if it is still as it was read. It writes the emails, with the epoch as their version, and
OpenSearch keeps what has the higher one: who was overtaken can neither replace nor bring back anything. It moves
the position, if its claim still stands. Killed in between, the position stays behind and the span is written
again.

The index is created when the first account is written, with its mappings, by whoever finds that it is missing:
no right to more than this index is needed, and as a read comes before every write, none is ever made by guess.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from homing.adapters.opensearch_index import account_id, email_id, index_body, source_of
from homing.adapters.opensearch_query import query_of
from homing.ports.search import AllOf, Document, Expression, Hit

if TYPE_CHECKING:
    from homing.adapters.opensearch_client import Connection

FIRST_PAGE: Final = 64
LAST_PAGE: Final = 1_000
IDS: Final = 1_000
"""Emails in one `matching` request: OpenSearch gives up to 10,000 hits at once."""
BULK_BYTES: Final = 5_000_000
"""Of one write. The smallest domains of AWS take requests of 10 MiB."""
SHARDS: Final = 4

_MISSING: Final = "index_not_found_exception"
_THERE: Final = "resource_already_exists_exception"


@dataclass(frozen=True, slots=True)
class _Mark:
    """An account's own document, and by which write it became so (`written`; None if it is not there)."""

    position: int = 0
    epoch: int = 0
    written: tuple[int, int] | None = None


class OpenSearchSearch:
    """An index of a cluster. Connects when it is first used."""

    def __init__(self, url: str, *, index: str = "homing-emails", shards: int = SHARDS) -> None:
        """`url` as `opensearch_client.Connection` takes it; `shards` counts only where the index is created."""
        self._url = url
        self._index = index
        self._shards = shards

    def position(self, account: str) -> int:
        """How far the index has read; 0 of an account that it does not know."""
        return self._mark(account).position

    def apply(
        self, account: str, since: int, until: int, documents: Sequence[Document], removed: Collection[str]
    ) -> bool:
        """Claim, write, move the position; False if another indexer was first or overtook this one."""
        mark: _Mark | None = self._mark(account)
        if mark is None or mark.position != since:
            return False
        if documents or removed:
            mark = self._put_mark(account, replace(mark, epoch=mark.epoch + 1))
            if mark is None or not self._write(account, mark.epoch, documents, removed):
                return False
        return self._put_mark(account, replace(mark, position=until)) is not None

    def query(self, account: str, expression: Expression, *, newest_first: bool = True) -> Iterator[Hit]:
        """The emails that match, page by page; each page begins behind the last hit of the one before."""
        order = "desc" if newest_first else "asc"
        body: dict[str, Any] = {
            "query": query_of(account, expression),
            "sort": [{"received_at": order}, {"email": order}],
            "track_total_hits": False,
            "_source": False,
            "size": FIRST_PAGE,
        }
        while True:
            hits = self._search(account, body)
            for received_at, email in hits:
                yield Hit(email, received_at)
            if len(hits) < body["size"]:
                return
            body |= {"search_after": hits[-1], "size": min(body["size"] * 4, LAST_PAGE)}

    def count(self, account: str, expression: Expression) -> int:
        """How many emails match."""
        body = {"query": query_of(account, expression)}
        return int(self._ask("POST", "_count", account, body, accept=(404,)).get("count", 0))

    def matching(self, account: str, expression: Expression, emails: Collection[str]) -> set[str]:
        """Those of `emails` that match, by a request for each `IDS` of them."""
        names, found = list(dict.fromkeys(emails)), set[str]()
        for start in range(0, len(names), IDS):
            some = names[start : start + IDS]
            body = {
                "query": query_of(account, expression, some),
                "sort": [{"received_at": "desc"}, {"email": "desc"}],
                "track_total_hits": False,
                "_source": False,
                "size": len(some),
            }
            found.update(email for _, email in self._search(account, body))
        return found

    def forget(self, account: str) -> None:
        """Delete the account's emails. What stays is its id, with the epoch and position 0: later writes must
        have a higher version than those that are deleted here."""
        mark: _Mark | None = None
        while mark is None:  # each failure is another indexer's progress
            known = self._mark(account)
            if known.written is None:
                return
            mark = self._put_mark(account, replace(known, position=0, epoch=known.epoch + 1))
        body = {"query": query_of(account, AllOf(()))}
        self._ask("POST", "_refresh", account, routed=False)
        self._ask("POST", "_delete_by_query", account, body, query={"refresh": "true", "conflicts": "proceed"})

    def delete_index(self) -> None:
        """Delete everything of every account, and the index with it."""
        self._connection.call("DELETE", f"/{self._index}", accept=(404,))

    @cached_property
    def _connection(self) -> Connection:
        from homing.adapters.opensearch_client import Connection  # noqa: PLC0415  # see there

        return Connection(self._url)

    def _mark(self, account: str) -> _Mark:
        """Read by id, so it is what was last written, whether searches see that yet or not."""
        answer = self._ask("GET", f"_doc/{quote(account_id(account), safe='')}", account, accept=(404,))
        if not answer.get("found"):
            if _error(answer) == _MISSING:
                self._create_index()
            return _Mark()
        source = answer["_source"]
        return _Mark(source["position"], source["epoch"], (answer["_seq_no"], answer["_primary_term"]))

    def _put_mark(self, account: str, mark: _Mark) -> _Mark | None:
        """The mark as it is now, or None if somebody else wrote it since it was read."""
        query: dict[str, Any] = {"op_type": "create"}
        if mark.written is not None:
            query = {"if_seq_no": mark.written[0], "if_primary_term": mark.written[1]}
        path, body = f"_doc/{quote(account_id(account), safe='')}", {"position": mark.position, "epoch": mark.epoch}
        answer = self._ask("PUT", path, account, body, query=query, accept=(409,))
        if _error(answer):
            return None
        return replace(mark, written=(answer["_seq_no"], answer["_primary_term"]))

    def _write(self, account: str, epoch: int, documents: Sequence[Document], removed: Collection[str]) -> bool:
        """Write the emails and let searches see them. False if one was written under a later claim."""
        gone = (_action("delete", account, email, epoch) for email in removed)
        put = (_action("index", account, one.email, epoch) + _line(source_of(account, one)) for one in documents)
        return all(self._bulk(account, chunk, last) for chunk, last in _chunks(chain(gone, put)))

    def _bulk(self, account: str, body: str, last: bool) -> bool:
        answer = self._ask("POST", "_bulk", account, body, query={"refresh": "true" if last else "false"})
        items = [next(iter(item.values())) for item in answer["items"]]
        for item in items:
            if item["status"] >= 400 and item["status"] != 409 and "error" in item:
                from homing.adapters.opensearch_client import refusal  # noqa: PLC0415  # is loaded by now

                raise refusal(item["status"], json.dumps(item["error"])[:1_000])
        return all(item["status"] != 409 for item in items)

    def _search(self, account: str, body: Mapping[str, Any]) -> list[list[Any]]:
        """The sort values of each hit: they are all that there is to know."""
        answer = self._ask("POST", "_search", account, body, accept=(404,))
        return [hit["sort"] for hit in answer.get("hits", {}).get("hits", ())]

    def _create_index(self) -> None:
        answer = self._connection.call("PUT", f"/{self._index}", index_body(self._shards), accept=(400,))
        if _error(answer) not in ("", _THERE):
            from homing.adapters.opensearch_client import refusal  # noqa: PLC0415  # is loaded by now

            raise refusal(400, json.dumps(answer)[:1_000])

    def _ask(
        self,
        method: str,
        path: str,
        account: str,
        body: Mapping[str, Any] | str | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        accept: Collection[int] = (),
        routed: bool = True,
    ) -> dict[str, Any]:
        routing = {"routing": account_id(account)} if routed else {}
        return self._connection.call(
            method, f"/{self._index}/{path}", body, query={**(query or {}), **routing}, accept=accept
        )


def _action(name: str, account: str, email: str, epoch: int) -> str:
    """What is to be done with one email's document, unless it was written under a later claim."""
    place = {"_id": email_id(account, email), "routing": account_id(account)}
    return _line({name: {**place, "version": epoch, "version_type": "external_gte"}})


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def _chunks(lines: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Lines in bodies of about `BULK_BYTES`, and whether each is the last."""
    chunk: list[str] = []
    size = 0
    for line in lines:
        length = len(line.encode())
        if chunk and size + length > BULK_BYTES:
            yield "".join(chunk), False
            chunk, size = [], 0
        chunk.append(line)
        size += length
    yield "".join(chunk), True


def _error(answer: Mapping[str, Any]) -> str:
    """The type of an error that was accepted as an answer, or ""."""
    error = answer.get("error", "")
    return str(error.get("type", "")) if isinstance(error, Mapping) else str(error)
