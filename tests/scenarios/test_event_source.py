"""The event source (RFC 8620 §7.3): who listens hears of changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator

import pytest

from homing.bootstrap import local_home
from homing.directory.accounts import create_user, share_account, unshare_account
from homing.directory.credentials import Identity, authenticate_token, create_token, revoke_token
from homing.errors import Problem
from homing.host.event_source import MAX_PER_ACCOUNT, EventSource
from homing.host.tailer import Tailer
from homing.host.threads import Threads
from homing.jmap.push.event_stream import Wish, parse_wish
from homing.ledger.entry import Actor
from homing.ledger.transact import transact
from tests.mail import message
from tests.scenarios.serving import LOGIN, PASSWORD, EventStream, Running, call, client_of

Listen = Callable[..., EventStream]


@pytest.fixture
def listen(running: Running) -> Iterator[Listen]:
    streams: list[EventStream] = []

    def listen(query: str = "types=*&closeafter=no&ping=0", *headers: bytes) -> EventStream:
        streams.append(EventStream(running.addresses.http, query, *headers))
        return streams[-1]

    yield listen
    for stream in streams:
        stream.close()


def deliver(running: Running, *ids: str) -> None:
    with running.lmtp() as lmtp:
        for id in ids:
            lmtp.sendmail("bea@sender.example", [LOGIN], message(message_id=id))


def changed(event: dict[str, str] | None, account: str) -> dict[str, str]:
    assert event is not None
    assert event["event"] == "state"
    body = json.loads(event["data"])
    assert body["@type"] == "StateChange"
    assert list(body["changed"]) == [account]
    return dict(body["changed"][account])


def rename_inbox(running: Running, account: str, name: str) -> None:
    transact(
        running.home.site,
        Actor("tester", "test"),
        lambda t: t.draft(account).update("Mailbox", "inbox", {"name": name}),
    )


def source_of(running: Running, look: float = 30.0) -> EventSource:
    """An event source of its own, on the running loop."""
    site = running.home.site
    return EventSource(site, Tailer(site.store, asyncio.get_running_loop()), Threads(1, "call"), look)


def state_of(running: Running, type: str) -> str:
    with running.client() as client:
        arguments = {"accountId": running.user.account, "ids": []}
        state: str = call(client, [f"{type}/get", arguments, "g"])[0][1]["state"]
    return state


def test_a_delivery_is_told_with_the_states_that_get_then_gives(running: Running, listen: Listen) -> None:
    stream = listen()
    deliver(running, "one@x")

    states = changed(stream.next(), running.user.account)

    assert states.keys() == {"Email", "EmailDelivery", "Mailbox", "Thread"}
    for type in ("Email", "Mailbox", "Thread"):
        assert states[type] == state_of(running, type)


def test_it_is_an_event_stream_that_nobody_keeps(listen: Listen) -> None:
    head = listen().head.lower()

    assert b"content-type: text/event-stream" in head
    assert b"cache-control: no-store" in head


def test_a_client_hears_only_of_the_types_that_it_named(running: Running, listen: Listen) -> None:
    stream = listen("types=Mailbox,Nonsense&closeafter=no&ping=0")
    deliver(running, "one@x")

    assert changed(stream.next(), running.user.account).keys() == {"Mailbox"}


def test_a_flag_on_one_email_changes_no_thread(running: Running, listen: Listen) -> None:
    deliver(running, "one@x")
    stream = listen()
    with running.client() as client:
        account = running.user.account
        id = call(client, ["Email/query", {"accountId": account}, "q"])[0][1]["ids"][0]
        call(client, ["Email/set", {"accountId": account, "update": {id: {"keywords/$flagged": True}}}, "s"])

    assert changed(stream.next(), running.user.account).keys() == {"Email"}


def test_after_one_state_the_stream_ends_if_the_client_wants_it_so(running: Running, listen: Listen) -> None:
    stream = listen("types=*&closeafter=state&ping=0")
    deliver(running, "one@x")

    assert changed(stream.next(), running.user.account)
    assert stream.next() is None


def test_who_comes_back_hears_at_once_of_what_was_missed(running: Running, listen: Listen) -> None:
    first = listen("types=*&closeafter=state&ping=0")
    deliver(running, "one@x")
    seen = first.next()
    assert seen is not None
    deliver(running, "two@x")

    again = listen("types=*&closeafter=no&ping=0", b"Last-Event-ID: " + seen["id"].encode())

    assert changed(again.next(), running.user.account)["Email"] == state_of(running, "Email")


def test_an_id_from_the_future_is_answered_with_all_states(running: Running, listen: Listen) -> None:
    deliver(running, "one@x")
    stream = listen("types=*&closeafter=no&ping=0", b"Last-Event-ID: 999999")

    assert changed(stream.next(), running.user.account)["Email"] == state_of(running, "Email")


def test_every_listener_hears_of_the_last_state_however_many_there_were(running: Running, listen: Listen) -> None:
    streams = [listen() for _ in range(3)]
    deliver(running, *(f"{number}@x" for number in range(30)))
    last = state_of(running, "Email")

    for stream in streams:
        while changed(stream.next(), running.user.account)["Email"] != last:
            pass


def test_a_change_by_another_process_is_told(running: Running, listen: Listen) -> None:
    stream = listen()
    other = local_home(running.config, durable=False)
    account = running.user.account
    patch = {"name": "Post"}
    transact(other.site, Actor("other", "test"), lambda t: t.draft(account).update("Mailbox", "inbox", patch))
    other.close()

    assert changed(stream.next(), account).keys() == {"Mailbox"}


def test_nobody_hears_of_the_mail_of_others(running: Running, listen: Listen) -> None:
    create_user(running.home.site, Actor("tester", "test"), "bob@example.org", "another horse")
    stream = listen()
    with running.lmtp() as lmtp:
        lmtp.sendmail("bea@sender.example", ["bob@example.org"], message(message_id="bob@x"))
    deliver(running, "ann@x")

    assert changed(stream.next(), running.user.account)["Email"] == state_of(running, "Email")


def test_email_delivery_moves_with_new_mail_only(running: Running, listen: Listen) -> None:
    stream = listen("types=EmailDelivery,Email&closeafter=no&ping=0")
    deliver(running, "one@x")
    assert changed(stream.next(), running.user.account).keys() == {"Email", "EmailDelivery"}
    with running.client() as client:
        account = running.user.account
        id = call(client, ["Email/query", {"accountId": account}, "q"])[0][1]["ids"][0]
        call(client, ["Email/set", {"accountId": account, "update": {id: {"keywords/$seen": True}}}, "s"])

    assert changed(stream.next(), running.user.account).keys() == {"Email"}


def test_changes_of_a_shared_account_are_told_as_long_as_it_is_shared(running: Running, listen: Listen) -> None:
    site, actor = running.home.site, Actor("tester", "test")
    bob = create_user(site, actor, "bob@example.org", "another horse")
    stream = listen("types=Mailbox&closeafter=no&ping=0")

    share_account(running.home.site, actor, bob.login, LOGIN)  # while the stream is open
    assert changed(stream.next(), bob.account).keys() == {"Mailbox"}
    rename_inbox(running, bob.account, "Post")
    seen = stream.next()
    assert changed(seen, bob.account).keys() == {"Mailbox"}
    assert seen is not None
    rename_inbox(running, bob.account, "Mail")
    again = listen("types=Mailbox&closeafter=state&ping=0", b"Last-Event-ID: " + seen["id"].encode())
    assert changed(again.next(), bob.account).keys() == {"Mailbox"}
    assert changed(stream.next(), bob.account).keys() == {"Mailbox"}
    unshare_account(running.home.site, actor, bob.login, LOGIN)
    rename_inbox(running, bob.account, "Posteingang")
    rename_inbox(running, running.user.account, "Own")

    assert changed(stream.next(), running.user.account).keys() == {"Mailbox"}


def test_a_stream_ends_when_its_credentials_are_revoked(running: Running) -> None:
    site, actor = running.home.site, Actor("tester", "test")
    token = create_token(site, actor, Identity(LOGIN, running.user.account))

    async def until_it_ends() -> list[bytes]:
        events = source_of(running, look=0.0)
        identity = authenticate_token(site.store, token)
        assert identity is not None
        stream = events.open(identity, Wish())
        first = await anext(stream)
        revoke_token(site, actor, token.split("_")[1])
        return [first, *[event async for event in stream]]

    assert running.on_loop(until_it_ends()) == [b": listening\n\n"]


def test_a_ping_comes_with_its_interval_and_without_an_id(running: Running) -> None:
    async def first_ping() -> bytes:
        events = source_of(running)
        stream = events.open(Identity(LOGIN, running.user.account), Wish(ping=1))
        assert await anext(stream) == b": listening\n\n"
        return await anext(stream)

    assert running.on_loop(first_ping()) == b'event: ping\ndata: {"interval":1}\n\n'


@pytest.mark.parametrize(("asked", "given"), [("0", 0), ("1", 5), ("30", 30), ("300", 300), ("86400", 900), ("", None)])
def test_pings_are_neither_too_frequent_nor_too_rare(asked: str, given: int | None) -> None:
    if given is None:
        with pytest.raises(Problem):
            parse_wish(f"ping={asked}", {})
    else:
        assert parse_wish(f"ping={asked}", {}).ping == given


@pytest.mark.parametrize("query", ["closeafter=never", "ping=soon", "ping=-1", "ping=%D9%A3"])
def test_arguments_that_are_not_understood_are_refused(listen: Listen, query: str) -> None:
    assert b" 400 " in listen(query).head


def test_one_account_has_only_so_many_streams_and_gives_them_back(running: Running) -> None:
    streams = [EventStream(running.addresses.http) for _ in range(MAX_PER_ACCOUNT)]
    refused = EventStream(running.addresses.http)
    for stream in (*streams, refused):
        stream.close()

    assert b" 400 " in refused.head
    with client_of(running.url, auth=(LOGIN, PASSWORD)) as client:
        while True:  # the server notices a departure when it is told by the network
            with client.stream("GET", "/jmap/events?types=*&closeafter=no&ping=0") as again:
                if again.status_code == 200:
                    break


def test_streams_count_from_the_moment_on_that_they_are_given_out(running: Running) -> None:
    async def open_too_many() -> None:
        events = source_of(running)
        identity = Identity(LOGIN, running.user.account)
        streams = [events.open(identity, Wish()) for _ in range(MAX_PER_ACCOUNT)]
        with pytest.raises(Problem):
            events.open(identity, Wish())
        streams.pop()
        events.open(identity, Wish())

    running.on_loop(open_too_many())


def test_streams_end_when_the_host_stops(running: Running, listen: Listen) -> None:
    stream = listen()
    running.stop_serving()

    assert stream.next() is None
