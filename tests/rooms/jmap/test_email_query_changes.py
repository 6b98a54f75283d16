"""Email/queryChanges (RFC 8620 §5.6, RFC 8621 §4.5): from any earlier state to the results as they are now."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import pytest

from tests.conftest import START, FakeClock
from tests.doubles import CountingStore
from tests.mail import message
from tests.rooms.jmap.conftest import Client, Object

NEWEST_FIRST = [{"property": "receivedAt", "isAscending": False}]
INBOX: Object = {"filter": {"inMailbox": "inbox"}, "sort": NEWEST_FIRST}


def splice(ids: list[str], changes: Object) -> list[str]:
    """What a client makes of its results (RFC 8620 §5.6)."""
    removed = set(changes["removed"])
    kept = [id for id in ids if id not in removed]
    for item in changes["added"]:
        kept.insert(item["index"], item["id"])
    return kept


def changes_of(client: Client, query: Object, since: str, **more: Any) -> Object:
    return client.call("Email/queryChanges", sinceQueryState=since, **query, **more)


def touched(changes: Object) -> set[str]:
    return {*changes["removed"], *(item["id"] for item in changes["added"])}


def state_of(client: Client, query: Object = INBOX) -> str:
    state: str = client.call("Email/query", limit=0, **query)["queryState"]
    return state


def test_without_changes_there_is_nothing_to_splice(ann: Client) -> None:
    ann.deliver(message())
    state = state_of(ann)

    assert changes_of(ann, INBOX, state) == {
        "accountId": ann.account,
        "oldQueryState": state,
        "newQueryState": state,
        "removed": [],
        "added": [],
    }
    assert ann.call("Email/query", **INBOX)["canCalculateChanges"] is True


def test_new_mail_is_added_with_its_place(ann: Client) -> None:
    old = ann.deliver(message("old"), at=START)[0]
    state = state_of(ann)
    new, older = ann.deliver(message("new"), at=START + 9)[0], ann.deliver(message("older"), at=START - 9)[0]

    changes = changes_of(ann, INBOX, state, calculateTotal=True)

    assert changes["removed"] == []
    assert changes["added"] == [{"id": new, "index": 0}, {"id": older, "index": 2}]
    assert (changes["total"], changes["newQueryState"]) == (3, state_of(ann))
    assert ann.query(**INBOX) == [new, old, older]


def test_what_leaves_the_mailbox_is_removed(ann: Client) -> None:
    moved, destroyed, kept = ann.deliver(message("a"), message("b"), message("c"))
    state = state_of(ann)
    ann.patch(moved, {"mailboxIds": {"archive": True}})
    ann.call("Email/set", destroy=[destroyed])

    changes = changes_of(ann, INBOX, state)

    assert (set(changes["removed"]), changes["added"]) == ({moved, destroyed}, [])
    assert kept not in touched(changes)


@pytest.mark.parametrize(
    ("query", "is_told"),
    [
        (INBOX, False),
        ({"filter": {"inMailbox": "inbox", "hasKeyword": "$flagged"}}, False),
        ({"filter": {"inMailbox": "inbox", "hasKeyword": "$SEEN"}}, True),
        ({"filter": {"operator": "NOT", "conditions": [{"hasKeyword": "$seen"}]}}, True),
        ({"filter": {"subject": "a"}}, False),
        ({"sort": [{"property": "hasKeyword", "keyword": "$seen"}]}, True),
        ({"sort": [{"property": "someInThreadHaveKeyword", "keyword": "$seen"}]}, True),
        ({"filter": {"someInThreadHaveKeyword": "$seen"}}, True),
        ({"filter": {"someInThreadHaveKeyword": "$flagged"}}, False),
        ({"filter": {"inMailbox": "inbox"}, "collapseThreads": True}, False),
    ],
)
def test_a_keyword_is_told_where_filter_or_order_ask_for_it(ann: Client, query: Object, is_told: bool) -> None:
    ids = ann.deliver(message("a"), message("b"))
    state = state_of(ann, query)
    ann.patch(ids[0], {"keywords/$seen": True})

    changes = changes_of(ann, query, state)

    assert touched(changes) == ({ids[0]} if is_told else set())
    assert changes["newQueryState"] != state


@pytest.mark.parametrize(
    ("filter", "is_told"),
    [
        ({"inMailbox": "inbox"}, False),
        ({"inMailbox": "archive"}, True),
        ({"inMailboxOtherThan": ["archive"]}, False),
        ({"inMailboxOtherThan": ["inbox"]}, True),
        ({"hasAttachment": False}, False),
    ],
)
def test_a_mailbox_is_told_where_the_filter_asks_for_it(ann: Client, filter: Object, is_told: bool) -> None:
    id = ann.deliver(message("a"))[0]
    state = state_of(ann, {"filter": filter})
    ann.patch(id, {"mailboxIds/archive": True})

    assert touched(changes_of(ann, {"filter": filter}, state)) == ({id} if is_told else set())


def test_with_collapsed_threads_another_email_takes_the_place(ann: Client) -> None:
    query = {**INBOX, "collapseThreads": True}
    first = ann.deliver(message("talk", message_id="a@x"), at=START)[0]
    other = ann.deliver(message("other"), at=START + 5)[0]
    ids, state = ann.query(**query), state_of(ann, query)
    answer = ann.deliver(message("Re: talk", in_reply_to="a@x"), at=START + 9)[0]

    changes = changes_of(ann, query, state)

    assert changes["removed"] == [first]
    assert changes["added"] == [{"id": answer, "index": 0}]
    assert splice(ids, changes) == ann.query(**query) == [answer, other]


def test_mail_that_comes_or_goes_alters_what_is_asked_of_its_whole_thread(ann: Client) -> None:
    query = {"filter": {"allInThreadHaveKeyword": "$seen"}}
    first = ann.deliver(message("talk", message_id="a@x"))[0]
    ann.patch(first, {"keywords/$seen": True})
    before = state_of(ann, query)
    answer = ann.deliver(message("Re: talk", in_reply_to="a@x"))[0]
    between = state_of(ann, query)

    came = changes_of(ann, query, before)
    ann.call("Email/set", destroy=[answer])
    went = changes_of(ann, query, between)

    assert (came["removed"], came["added"]) == ([first], [])
    assert (set(went["removed"]), went["added"]) == ({first, answer}, [{"id": first, "index": 0}])


def test_more_changes_than_asked_for_are_refused(ann: Client) -> None:
    state = state_of(ann)
    ann.deliver(message("a"), message("b"))

    error = ann.error("Email/queryChanges", sinceQueryState=state, maxChanges=1, **INBOX)

    assert error == {"type": "tooManyChanges"}
    assert len(changes_of(ann, INBOX, state, maxChanges=2)["added"]) == 2


@pytest.mark.parametrize("state", ["", "x", "-1", "99999", "1.1", "0.5"])
def test_a_state_that_never_was_cannot_be_told_from(ann: Client, state: str) -> None:
    ann.deliver(message("a"))

    error = ann.error("Email/queryChanges", sinceQueryState=state, **INBOX)

    assert error["type"] == "cannotCalculateChanges"


def test_a_hundred_flags_deep_in_the_mailbox_are_read_from_the_ledger_alone(ann: Client) -> None:
    ids = ann.deliver(*(message(f"s{i}") for i in range(30)))
    state = state_of(ann)
    for number in range(100):
        ann.patch(ids[number % 30], {"keywords/$flagged": True if number % 2 else None})
    store = CountingStore(ann.site.store)
    client = Client(dataclasses.replace(ann.site, store=store), ann.user)

    assert touched(changes_of(client, INBOX, state)) == set()
    calls = store.calls.as_dict()
    assert (calls["scan"], calls["get_many"]) == (1, 1)


QUERIES: list[Object] = [
    INBOX,
    {"filter": None},
    {"filter": {"inMailbox": "archive"}, "sort": [{"property": "receivedAt"}], "collapseThreads": True},
    {"filter": {"inMailboxOtherThan": ["inbox"]}, "sort": [{"property": "subject"}]},
    {"filter": {"inMailbox": "inbox", "notKeyword": "$seen"}, "sort": NEWEST_FIRST},
    {"filter": {"hasKeyword": "$flagged"}, "sort": [{"property": "size"}], "collapseThreads": True},
    {"filter": {"someInThreadHaveKeyword": "$flagged"}, "sort": NEWEST_FIRST},
    {"filter": {"noneInThreadHaveKeyword": "$seen"}, "collapseThreads": True},
    {"filter": {"allInThreadHaveKeyword": "$seen", "inMailbox": "inbox"}},
    {"sort": [{"property": "hasKeyword", "keyword": "$seen"}, *NEWEST_FIRST]},
    {"sort": [{"property": "allInThreadHaveKeyword", "keyword": "$seen", "isAscending": False}, {"property": "size"}]},
    {"sort": [{"property": "someInThreadHaveKeyword", "keyword": "$flagged"}], "collapseThreads": True},
    {"filter": {"subject": "kiwi"}, "sort": NEWEST_FIRST},
    {"filter": {"text": "kiwi", "inMailbox": "inbox", "notKeyword": "$seen"}, "collapseThreads": True},
    {
        "filter": {
            "operator": "OR",
            "conditions": [{"inMailbox": "archive"}, {"operator": "NOT", "conditions": [{"body": "lemon"}]}],
        },
        "sort": [{"property": "receivedAt", "isAscending": True}],
        "collapseThreads": True,
    },
]


class Play:
    """Random acts on one account; after each, what every query finds is written down."""

    def __init__(self, client: Client, clock: FakeClock, seed: int) -> None:
        self.client = client
        self.clock = clock
        self.random = random.Random(seed)
        self.sent = 0
        self.history: list[list[tuple[str, list[str]]]] = [[] for _ in QUERIES]

    def act(self) -> None:
        self.clock.advance(self.random.choice([0, 1, 1_000]))
        ids = self.client.query()
        if len(ids) < 5 or self.random.random() < 0.3:
            self.deliver()
        elif self.random.random() < 0.15:
            self.client.call("Email/set", destroy=self.random.sample(ids, 2))
        else:
            self.client.call("Email/set", update={id: self.patch() for id in self.random.sample(ids, 3)})

    def deliver(self) -> None:
        self.sent += 1
        earlier = f"m{self.random.randrange(self.sent)}@x" if self.random.random() < 0.5 else None
        subject = self.random.choice(["kiwi", "talk"])
        body = self.random.choice(["lemon\r\n", "lime\r\n" * 9])
        raw = message(subject, message_id=f"m{self.sent}@x", in_reply_to=earlier, body=body)
        self.client.deliver(raw, at=self.clock.now() - self.random.choice([0, 5_000]))

    def patch(self) -> Object:
        if self.random.random() < 0.4:
            return {"mailboxIds": dict.fromkeys(self.random.sample(["inbox", "archive", "junk"], 2), True)}
        keyword = self.random.choice(["$seen", "$flagged", "other"])
        return {f"keywords/{keyword}": self.random.choice([True, None])}

    def look(self) -> None:
        for query, known in zip(QUERIES, self.history, strict=True):
            answer = self.client.call("Email/query", **query)
            known.append((answer["queryState"], answer["ids"]))


@pytest.mark.parametrize("seed", range(3))
def test_every_earlier_state_leads_to_the_results_of_now(ann: Client, clock: FakeClock, seed: int) -> None:
    play = Play(ann, clock, seed)
    play.look()
    for _ in range(25):
        for _ in range(play.random.randint(1, 2)):
            play.act()
        play.look()

    for query, known in zip(QUERIES, play.history, strict=True):
        now_state, now = known[-1]
        for state, ids in known:
            changes = changes_of(ann, query, state, calculateTotal=True)
            assert splice(ids, changes) == now, (query, state)
            assert (changes["newQueryState"], changes["total"]) == (now_state, len(now))
            indices = [item["index"] for item in changes["added"]]
            assert indices == sorted(set(indices))
            assert not {item["id"] for item in changes["added"]} & (set(ids) - set(changes["removed"]))
