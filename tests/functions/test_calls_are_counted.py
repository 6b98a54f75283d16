"""What one delivery and one look at the inbox cost in the AWS home, counted where requests leave the SDK."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from homing.directory.credentials import Identity, create_token
from homing.jmap.push.vapid import application_server_key
from homing.lambda_shell import use_site
from homing.ledger.entry import Actor
from tests.doubles import CountingStore
from tests.functions.conftest import Home, created, queued
from tests.mail import message

pytestmark = pytest.mark.aws

MOST_CALLS_OF_A_DELIVERY = 8
MOST_CALLS_OF_AN_INBOX_VIEW = 4


@contextmanager
def requests(home: Home) -> Iterator[Counter[str]]:
    """Counts the requests of the site's store, blobs and landings, by operation."""
    counted: Counter[str] = Counter()

    def count(event_name: str, **_: Any) -> None:
        counted[event_name.rsplit(".", 1)[1]] += 1

    site: Any = home.site
    clients = [site.store.client, site.landings._connection.client]  # the one that blobs have, too
    for client in clients:
        client.meta.events.register_first("before-send.*.*", count)
    try:
        yield counted
    finally:
        for client in clients:
            client.meta.events.unregister("before-send.*.*", count)


@pytest.mark.parametrize("is_reply", [False, True], ids=["a new thread", "a reply"])
def test_a_message_to_one_recipient_costs_at_most_eight_calls(aws_home: Home, is_reply: bool) -> None:
    home = aws_home
    home.ingest(queued(created(home.put(message("Topic", message_id="1@sender.example")))))
    headers = {"in_reply_to": "1@sender.example"} if is_reply else {}
    event = queued(created(home.put(message("Re: Topic", message_id="2@sender.example", **headers))))

    with requests(home) as counted:
        failed = home.ingest(event)

    print(f"\none message, one recipient: {counted.total()} calls: {dict(counted)}")  # noqa: T201  # the figure itself
    assert failed == []
    assert len({email["threadId"] for email in home.inbox()}) == (1 if is_reply else 2)
    assert counted.total() <= MOST_CALLS_OF_A_DELIVERY


@pytest.mark.parametrize("signs_in_with", ["password", "token"])
def test_an_inbox_view_costs_at_most_four_calls(aws_home: Home, actor: Actor, signs_in_with: str) -> None:
    home = aws_home
    for number in range(3):
        home.ingest(queued(created(home.put(message(f"Message {number}")))))
    identity = Identity(home.user.login, home.user.account)
    token = create_token(home.site, actor, identity) if signs_in_with == "token" else ""
    application_server_key(home.site)  # which each process asks for once

    with requests(home) as counted:
        emails = home.inbox(token)

    print(f"\ninbox view, signed in with a {signs_in_with}: {counted.total()} calls: {dict(counted)}")  # noqa: T201  # the figure itself
    assert len(emails) == 3
    assert counted.total() <= MOST_CALLS_OF_AN_INBOX_VIEW


def test_the_counting_double_counts_what_the_sdk_sends(aws_home: Home) -> None:
    home = aws_home
    home.ingest(queued(created(home.put(message("One")))))
    store = CountingStore(home.site.store)
    use_site(replace(home.site, store=store))

    with requests(home) as counted:
        home.inbox()

    assert store.calls.total() == counted.total()
