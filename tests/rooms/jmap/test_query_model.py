"""Whoever had the results of a query at any moment has today's by what `/queryChanges` tells (RFC 8620 §5.6).

The clients and their acts are those of `test_model`; the queries are many, and each is followed from every state.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import Any

import pytest

from homing.adapters.sqlite import SqliteStore
from homing.jmap.kinds import utc_date
from homing.ledger.verify import verify
from tests.conftest import START, FakeClock
from tests.mail import message
from tests.rooms.jmap.conftest import Client, Object
from tests.rooms.jmap.test_model import Cache, Play, fetch
from tests.rooms.jmap.test_model import follow as follow_changes

STEPS = 60


def upload(client: Client, content: bytes) -> str:
    id: str = json.loads(client.http("POST", f"/jmap/upload/{client.account}/", content).body)["blobId"]
    return id


def by(property: str, *, up: bool = True, **more: Any) -> Object:
    return {"property": property, "isAscending": up, **more}


def both(*conditions: Object, operator: str = "AND") -> Object:
    return {"operator": operator, "conditions": list(conditions)}


EMAIL_QUERIES: list[Object] = [
    {},
    {"filter": {"inMailbox": "inbox"}},
    {"filter": {"inMailbox": "inbox"}, "sort": [by("receivedAt", up=False)], "collapseThreads": True},
    {"filter": {"inMailbox": "trash"}, "sort": [by("receivedAt")]},
    {"filter": {"inMailboxOtherThan": ["inbox", "trash"]}, "sort": [by("subject"), by("receivedAt", up=False)]},
    {"filter": {"hasKeyword": "$seen"}},
    {"filter": {"notKeyword": "$flagged"}, "collapseThreads": True},
    {"filter": {"someInThreadHaveKeyword": "$flagged"}},
    {"filter": {"allInThreadHaveKeyword": "$seen"}, "collapseThreads": True},
    {"filter": {"noneInThreadHaveKeyword": "work"}, "sort": [by("receivedAt")]},
    {"sort": [by("hasKeyword", keyword="$flagged", up=False), by("receivedAt", up=False)]},
    {"sort": [by("someInThreadHaveKeyword", keyword="$seen"), by("receivedAt")], "collapseThreads": True},
    {"sort": [by("allInThreadHaveKeyword", keyword="$seen", up=False)]},
    {"filter": both({"inMailbox": "inbox"}, both({"hasKeyword": "$seen"}, operator="NOT"))},
    {"filter": both({"inMailbox": "inbox"}, {"hasKeyword": "$flagged"}, operator="OR"), "collapseThreads": True},
    {"filter": {"after": utc_date(START + 2_000)}},
    {"filter": {"before": utc_date(START + 5_000), "inMailbox": "inbox"}, "sort": [by("size"), by("receivedAt")]},
    {"filter": {"subject": "subject"}, "collapseThreads": True},
    {"filter": both({"text": "subject"}, {"inMailbox": "inbox"})},
    {"filter": both({"text": "nowhere"}, {"hasKeyword": "$seen"}, operator="OR")},
    {"filter": {"hasAttachment": False}, "sort": [by("sentAt"), by("receivedAt")]},
    {"filter": {"from": "bea"}, "sort": [by("from", collation="i;ascii-casemap"), by("to", up=False)]},
    {"filter": {"to": "ann@example.org", "body": "written"}, "collapseThreads": True},
    {"filter": both({"header": ["Message-ID"]}, {"inMailbox": "inbox"}, operator="NOT"), "sort": [by("sentAt")]},
    {"sort": [by("subject", collation="i;unicode-casemap"), by("hasKeyword", keyword="work")]},
]
MAILBOX_QUERIES: list[Object] = [
    {},
    {"sort": [by("name")]},
    {"sort": [by("sortOrder"), by("name", up=False)], "sortAsTree": True},
    {"filter": {"hasAnyRole": False}, "sort": [by("name")]},
    {"filter": {"parentId": None}},
    {"filter": {"name": "box"}, "filterAsTree": True, "sortAsTree": True, "sort": [by("name")]},
]


OTHER_QUERIES: list[tuple[str, Object]] = [
    ("EmailSubmission", {"sort": [by("sentAt")]}),
    ("EmailSubmission", {"filter": {"undoStatus": "pending"}}),
    ("SieveScript", {"sort": [by("name", up=False)]}),
    ("SieveScript", {"filter": {"isActive": True}}),
]
SMALL_TYPES = {"Identity": None, "EmailSubmission": None, "SieveScript": None}


@dataclass
class Results:
    """What a client has of one query."""

    type: str
    arguments: Object
    state: str
    ids: list[str]
    total: int


def ask(client: Client, type: str, arguments: Object) -> Results:
    answer = client.call(f"{type}/query", **arguments, calculateTotal=True)
    return Results(type, arguments, answer["queryState"], answer["ids"], answer["total"])


def follow(client: Client, results: Results) -> None:
    """Splice as RFC 8620 §5.6 says."""
    answer = client.call(
        f"{results.type}/queryChanges", **results.arguments, sinceQueryState=results.state, calculateTotal=True
    )
    removed = set(answer["removed"])
    assert len(removed) == len(answer["removed"])
    results.ids = [id for id in results.ids if id not in removed]
    assert [one["index"] for one in answer["added"]] == sorted(one["index"] for one in answer["added"])
    for one in answer["added"]:
        assert one["id"] not in results.ids
        results.ids.insert(one["index"], one["id"])
    results.state, results.total = answer["newQueryState"], answer["total"]


class QueryPlay(Play):
    """More acts: mailboxes move in their tree, clients write emails and send them, have identities and scripts."""

    def act(self) -> None:
        if self.random.random() < 0.35:
            self.clock.advance(self.random.choice([0, 1, 1_000]))
            acts = [self.rename_box, self.write, self.write, self.identity, self.script, self.submit, self.submit]
            self.random.choice(acts)(self.random.choice(self.clients))
        else:
            super().act()

    def identity(self, client: Client) -> None:
        self.change_one(client, "Identity", {"email": client.user.login}, {"name": f"Ann {self.random.random()}"})

    def script(self, client: Client) -> None:
        new = {"name": f"script {self.random.random()}", "blobId": upload(client, b"keep;")}
        self.change_one(client, "SieveScript", new, {"name": f"script {self.random.random()}"})
        ids = client.call("SieveScript/query")["ids"]
        chosen = self.random.choice([None, *ids])
        client.call("SieveScript/set", onSuccessActivateScript=chosen, onSuccessDeactivateScript=chosen is None)

    def submit(self, client: Client) -> None:
        raw = message(sender=f"Ann <{client.user.login}>", to="eve@elsewhere.example")
        blob = upload(client, raw)
        email = client.call("Email/import", emails={"a": {"blobId": blob, "mailboxIds": {"inbox": True}}})["created"][
            "a"
        ]
        self.model.emails[email["id"]] = ({"inbox"}, set(), email["threadId"])
        envelope = {
            "mailFrom": {"email": client.user.login, "parameters": {"HOLDFOR": "3600"}},
            "rcptTo": [{"email": "eve@elsewhere.example"}],
        }
        new = {"identityId": "default", "emailId": email["id"], "envelope": envelope}
        self.change_one(client, "EmailSubmission", new, {"undoStatus": "canceled"})

    def change_one(self, client: Client, type: str, new: Object, patch: Object) -> None:
        """Make one, change one, destroy one; whatever cannot be is refused."""
        ids = client.call(f"{type}/get")["list"]
        some = [self.random.choice(ids)["id"]] if ids else []
        last = [self.random.choice(ids)["id"]] if len(ids) > 2 else []
        assert client.call(f"{type}/set", create={"new": new})["created"]
        client.call(f"{type}/set", update=dict.fromkeys(some, patch), destroy=last)

    def rename_box(self, client: Client) -> None:
        id = self.random.choice(sorted(self.model.mailboxes))
        parent = self.random.choice([None, *sorted(self.model.mailboxes)])
        patch = {"name": f"box {self.random.random()}", "parentId": parent, "sortOrder": self.random.randint(0, 9)}
        client.call("Mailbox/set", update={id: patch})

    def write(self, client: Client) -> None:
        boxes = self.some(self.model.mailboxes)
        new = {
            "mailboxIds": dict.fromkeys(boxes, True),
            "keywords": {"$draft": True},
            "subject": "subject",
            "references": self.some(self.sent, 1) if self.sent else None,
            "bodyValues": {"1": {"value": "written by a client"}},
            "textBody": [{"partId": "1", "type": "text/plain"}],
        }
        made = client.call("Email/set", create={"new": new})["created"]["new"]
        self.model.emails[made["id"]] = (set(boxes), {"$draft"}, made["threadId"])


@pytest.mark.parametrize("seed", range(4))
def test_every_result_that_follows_its_changes_is_what_a_new_query_gives(
    ann: Client, clock: FakeClock, scratch: SqliteStore, seed: int
) -> None:
    play = QueryPlay(seed, [ann, Client(ann.site, ann.user)], clock)
    queries = [("Email", one) for one in EMAIL_QUERIES] + [("Mailbox", one) for one in MAILBOX_QUERIES] + OTHER_QUERIES
    remembered: list[Results] = []

    for step in range(STEPS):
        if step % 4 == 0:
            remembered += [ask(ann, type, arguments) for type, arguments in queries]
        play.act()

    today = {id(arguments): ask(ann, type, arguments) for type, arguments in queries}
    for results in remembered:
        followed = copy.deepcopy(results)
        follow(ann, followed)
        truth = today[id(results.arguments)]
        assert (followed.ids, followed.total, followed.state) == (truth.ids, truth.total, truth.state), results
    assert verify(ann.site.store, ann.account, scratch, clock.now()) == []


@pytest.mark.parametrize("seed", range(3))
def test_caches_of_the_smaller_types_follow_their_changes(ann: Client, clock: FakeClock, seed: int) -> None:
    play = QueryPlay(seed, [ann, Client(ann.site, ann.user)], clock)
    remembered: list[dict[str, Cache]] = []

    for step in range(STEPS):
        if step % 5 == 0:
            remembered.append({type: fetch(ann, type) for type in SMALL_TYPES})
        play.random.choice([play.identity, play.script, play.submit, play.flag])(ann)

    for caches in remembered:
        for type, cache in caches.items():
            truth = fetch(ann, type)
            for maximum in (None, 1, 3):
                followed = copy.deepcopy(cache)
                follow_changes(ann, type, followed, maximum)
                assert followed == truth, type


@pytest.mark.parametrize("arguments", EMAIL_QUERIES[:4] + EMAIL_QUERIES[7:9])
def test_results_that_are_followed_step_by_step_stay_right(ann: Client, clock: FakeClock, arguments: Object) -> None:
    play = QueryPlay(99, [ann], clock)
    results = ask(ann, "Email", arguments)

    for _ in range(STEPS // 2):
        play.act()
        follow(ann, results)
        truth = ask(ann, "Email", arguments)
        assert (results.ids, results.total) == (truth.ids, truth.total)
