"""How often each operation asks the store, the blobs and the landings: what the AWS home pays for.

    python -m bench.store_calls

Counted by doubles in front of the ports, on a local site; a call is one request of the AWS home.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.corpus import messages
from bench.site_process import PASSWORD
from functions.ingest.handler import handler as ingest
from functions.jmap.handler import handler as jmap
from homing.bootstrap import local_site
from homing.config import Config
from homing.directory.accounts import create_user
from homing.lambda_shell import use_site
from homing.ledger.entry import Actor
from homing.ports.landings import Envelope
from homing.site import Site
from tests.doubles import CountingBlobs, CountingLandings, CountingStore

USER = "bench@example.org"


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="homing-bench-") as folder:
        _run(Path(folder))


def _run(folder: Path) -> None:
    plain = local_site(Config(data=folder), durable=False)
    account = create_user(plain, Actor("bench", "bench"), USER, PASSWORD).account
    store, blobs, landings = CountingStore(plain.store), CountingBlobs(plain.blobs), CountingLandings(plain.landings)
    site = dataclasses.replace(plain, store=store, blobs=blobs, landings=landings)
    use_site(site)
    counters = {"store": store.calls, "blobs": blobs.calls, "landings": landings.calls}

    def count(name: str, work: Callable[[], object], per: int = 1) -> None:
        for calls in counters.values():
            calls.clear()
        work()
        total = sum(calls.total() for calls in counters.values())
        detail = "; ".join(f"{port} {calls.as_dict()}" for port, calls in counters.items() if calls.total())
        print(f"  {name:<42} {total / per:5.1f}   {detail}", flush=True)

    print("Calls of the ports per operation (landing itself and SQS not counted)")
    mail = [raw for _, _, raw in messages(80, seed=5, to=USER)]
    count("ingest one message, one recipient", lambda: ingest(_event(site, mail[:1]), None))
    count("ingest an answer (joins a thread)", lambda: ingest(_event(site, [_answer(mail[0])]), None))
    count("ingest ten messages in a batch, each", lambda: ingest(_event(site, mail[1:11]), None), per=10)
    ingest(_event(site, mail[11:]), None)
    inbox = _call(account, _inbox())
    ids = json.loads(inbox["body"])["methodResponses"][0][1]["ids"]
    state = json.loads(inbox["body"])["methodResponses"][1][1]["state"]
    count("inbox view (query 50 + get 50)", lambda: _call(account, _inbox()))
    opened = [["Email/get", {"ids": ids[:1], "fetchTextBodyValues": True}, "0"]]
    count("open one message", lambda: _call(account, opened))
    flag = [["Email/set", {"update": {ids[0]: {"keywords/$seen": True}}}, "0"]]
    count("set one flag", lambda: _call(account, flag))
    move = [["Email/set", {"update": {ids[1]: {"mailboxIds": {"archive": True}}}}, "0"]]
    count("move one email", lambda: _call(account, move))
    count("Email/changes", lambda: _call(account, [["Email/changes", {"sinceState": state}, "0"]]))
    count("Mailbox/get, all", lambda: _call(account, [["Mailbox/get", {"ids": None}, "0"]]))


def _event(site: Site, mail: list[bytes]) -> dict[str, Any]:
    names = [site.landings.land(Envelope("ann@example.net", (USER,), received_at=1), raw) for raw in mail]
    bodies = [json.dumps({"Records": [{"s3": {"object": {"key": name}}}]}) for name in names]
    site.landings.calls.clear()  # type: ignore[attr-defined]  # the double counts; landing is the relay's
    return {"Records": [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]}


def _answer(raw: bytes) -> bytes:
    head = raw.partition(b"\r\n\r\n")[0]
    id = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"message-id:"))[11:].strip()
    subject = head[head.index(b"Subject:") :].partition(b"\r\n")[0]
    return b"From: b@x.org\r\n" + subject + b"\r\nMessage-ID: <answer@x>\r\nIn-Reply-To: " + id + b"\r\n\r\nYes.\r\n"


def _inbox() -> list[Any]:
    sort = [{"property": "receivedAt", "isAscending": False}]
    reference = {"resultOf": "0", "name": "Email/query", "path": "/ids"}
    return [
        ["Email/query", {"filter": {"inMailbox": "inbox"}, "sort": sort, "limit": 50}, "0"],
        ["Email/get", {"#ids": reference, "properties": ["id", "subject", "from", "keywords"]}, "1"],
    ]


def _call(account: str, calls: list[Any]) -> dict[str, Any]:
    token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    full = [[name, {"accountId": account, **arguments}, id] for name, arguments, id in calls]
    using = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"]
    return jmap(
        {
            "requestContext": {"http": {"method": "POST"}, "domainName": "bench", "requestId": "bench"},
            "rawPath": "/jmap/api",
            "headers": {"authorization": f"Basic {token}", "content-type": "application/json"},
            "body": json.dumps({"using": using, "methodCalls": full}),
        },
        None,
    )


if __name__ == "__main__":
    main()
