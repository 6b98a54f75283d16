"""What a person waits for in a mailbox of 50,000: searches in text, and keeping a list up to date.

    python -m bench.search [--size 50000] [--data FOLDER]

Each line has its ratio to the inbox view (query 50 + get 50 in one request) of the same run. With `--data` the filled
site is kept in the folder, and taken from there the next time.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

from bench.jmap import LIST, PAGE, USER, fill
from bench.measure import row, timed
from bench.site_process import PASSWORD, SiteProcess, add_user
from bench.wire import JmapClient
from homing.bootstrap import local_site
from homing.config import Config
from homing.directory.accounts import find_user
from homing.search.index import catch_up

REPEATS = 200
CHANGES = 100
INDEXED_AT_ONCE = 500
NEWEST_FIRST = [{"property": "receivedAt", "isAscending": False}]
INBOX = {"filter": {"inMailbox": "inbox"}, "sort": NEWEST_FIRST}
FLAGGED = {"filter": {"inMailbox": "inbox", "hasKeyword": "$flagged"}, "sort": NEWEST_FIRST}


def main() -> None:
    """Fill a site unless it is there, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=50_000)
    parser.add_argument("--data", type=Path)
    arguments = parser.parse_args()
    if arguments.data is not None:
        _run(arguments.data, arguments.size)
    else:
        with tempfile.TemporaryDirectory(prefix="homing-bench-") as folder:
            _run(Path(folder), arguments.size)


def _run(folder: Path, size: int) -> None:
    if not (folder / "filled").exists():
        folder.mkdir(parents=True, exist_ok=True)
        _fill(folder, size)
        (folder / "filled").touch()
    site = SiteProcess(folder).start()
    try:
        client = JmapClient(site.http, USER, PASSWORD)
        floor = _reading(client)
        _changing(client, floor)
    finally:
        site.stop()


def _fill(folder: Path, size: int) -> None:
    add_user(folder, USER)
    started = time.perf_counter()
    fill(folder, size)
    filled = time.perf_counter()
    site = local_site(Config(data=folder), durable=False)
    account = find_user(site, USER).account
    while not catch_up(site, account, INDEXED_AT_ONCE):
        pass
    indexed = time.perf_counter() - filled
    print(f"{size:,} emails: filed in {filled - started:.0f} s, indexed in {indexed:.0f} s ({size / indexed:,.0f}/s)")


def _query(**query: Any) -> tuple[str, dict[str, Any], str]:
    return "Email/query", {"sort": NEWEST_FIRST, "limit": PAGE, **query}, "0"


def _with_emails(*more: tuple[str, dict[str, Any], str], **query: Any) -> list[tuple[str, dict[str, Any], str]]:
    reference = {"resultOf": "0", "name": "Email/query", "path": "/ids"}
    return [_query(**query), ("Email/get", {"#ids": reference, "properties": LIST}, "1"), *more]


def _snippets(filter: dict[str, Any]) -> tuple[str, dict[str, Any], str]:
    reference = {"resultOf": "0", "name": "Email/query", "path": "/ids"}
    return "SearchSnippet/get", {"#emailIds": reference, "filter": filter}, "2"


def _reading(client: JmapClient) -> float:
    """Searches; the median of the inbox view, with which all else is compared."""
    inbox = timed(partial(client.send, client.prepare(*_with_emails(**INBOX))), REPEATS)
    floor = statistics.median(inbox)
    print(row("inbox view (query 50 + get 50)", inbox, floor))
    rare = {"text": '"meeting" "17"'}
    common, some = {"text": "meeting"}, {"subject": "quarterly"}
    mixed = {"operator": "OR", "conditions": [{"hasKeyword": "$flagged"}, some]}
    requests = {
        "text: a word of almost every mail": [_query(filter=common)],
        "text: the same, with total": [_query(filter=common, calculateTotal=True)],
        "text: two words": [_query(filter={"text": "meeting budget"})],
        "text: the beginning of a word": [_query(filter={"text": "meet"})],
        "text: a phrase": [_query(filter={"text": '"the figures for the quarter"'})],
        "text: a rare word": [_query(filter={"text": '"24999"'})],
        "text: no mail": [_query(filter={"text": "nowhere"})],
        "subject: a word of every tenth mail": [_query(filter=some)],
        "from": [_query(filter={"from": "yamada"})],
        "text in a mailbox": [_query(filter={**common, "inMailbox": "inbox"})],
        "text, unread, since a date": [
            _query(filter={**common, "notKeyword": "$seen", "after": "2026-10-01T00:00:00Z"})
        ],
        "text or a keyword": [_query(filter=mixed)],
        "not text": [_query(filter={"operator": "NOT", "conditions": [some]})],
        "text, collapsed": [_query(filter=common, collapseThreads=True)],
        "text: query 50 + get 50": _with_emails(filter=common),
        "text: query 50 + get 50 + snippets": _with_emails(_snippets(common), filter=common),
        "rare: query + get + snippets": _with_emails(_snippets(rare), filter=rare),
    }
    for name, calls in requests.items():
        print(row(name, timed(partial(client.send, client.prepare(*calls)), REPEATS), floor), flush=True)
    return floor


def _changing(client: JmapClient, floor: float) -> None:
    """Flags, and what `Email/queryChanges` tells after a hundred of them, of moves, of deep changes."""
    ids = client.call("Email/query", **INBOX, limit=2_000)["ids"]
    flags = cycle(
        client.prepare(("Email/set", {"update": {id: {"keywords/$flagged": value}}}, "0"))
        for value in (True, None)
        for id in ids[:PAGE]
    )
    print(row("set one flag", timed(lambda: client.send(next(flags)), REPEATS), floor))
    _query_changes(client, floor, "flags, of no concern to the query", INBOX, ids[:PAGE], {"keywords/$seen": True})
    _query_changes(client, floor, "flags that the query asks for", FLAGGED, ids[:PAGE], {"keywords/$flagged": True})
    _query_changes(client, floor, "mail moved away", INBOX, ids[:CHANGES], {"mailboxIds": {"archive": True}})
    _query_changes(client, floor, "mail moved back", INBOX, ids[:CHANGES], {"mailboxIds": {"inbox": True}})
    deep = ids[-CHANGES:]
    _query_changes(client, floor, "the same, 2,000 deep: away", INBOX, deep, {"mailboxIds": {"archive": True}})
    _query_changes(client, floor, "the same, 2,000 deep: back", INBOX, deep, {"mailboxIds": {"inbox": True}})
    collapsed = {**INBOX, "collapseThreads": True}
    _query_changes(client, floor, "flags, threads collapsed", collapsed, ids[:PAGE], {"keywords/$seen": None})
    text = {"filter": {"subject": "quarterly", "inMailbox": "inbox"}, "sort": NEWEST_FIRST}
    _query_changes(client, floor, "flags, a query for text", text, ids[:PAGE], {"keywords/$seen": True})


def _query_changes(
    client: JmapClient, floor: float, name: str, query: dict[str, Any], ids: list[str], patch: dict[str, Any]
) -> None:
    """A hundred changes, each in a commit of its own, and then what they did to a query."""
    state = client.call("Email/query", **query, limit=0)["queryState"]
    for number in range(CHANGES):
        client.call("Email/set", update={ids[number % len(ids)]: patch if number < len(ids) else {"keywords/x": True}})
    request = client.prepare(("Email/queryChanges", {**query, "sinceQueryState": state}, "0"))
    print(row(f"queryChanges: {name}", timed(partial(client.send, request), REPEATS), floor), flush=True)


if __name__ == "__main__":
    main()
