"""Text conditions of Email/query (RFC 8621 §4.4.1), alone and among others."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from homing.adapters.no_search import NoSearch
from homing.errors import Temporary
from homing.jmap.kinds import utc_date
from homing.jmap.types import email_query
from homing.ports.store import Row
from homing.site import Site
from tests.conftest import START
from tests.doubles import CountingBlobs, CountingStore
from tests.mail import message
from tests.rooms.jmap.conftest import Client, Object

HTML = "<html><head><title>hidden</title><style>p {color: red}</style></head><body><p>Grand <b>opening</b></p></body>"
OLDEST_FIRST = [{"property": "receivedAt"}]
AND, OR, NOT = "AND", "OR", "NOT"


def op(operator: str, *conditions: Object) -> Object:
    return {"operator": operator, "conditions": list(conditions)}


@pytest.fixture
def box(ann: Client, deliver_at: Callable[..., str]) -> dict[str, str]:
    """Emails by name, received in this order a second apart."""
    made = {
        "plan": deliver_at(0, subject="Project Alpha", message_id="a@x", body="The xylophone arrives on Monday.\r\n"),
        "reply": deliver_at(
            1_000, subject="Re: Project Alpha", in_reply_to="a@x", body="Fine.\r\n", to="Yan <y@x.example>"
        ),
        "page": deliver_at(2_000, subject="News", body=HTML, headers=["X-Campaign: spring sale"]),
        "note": deliver_at(3_000, subject=None, body="alpha beta\r\n", sender="Zoë Zimt <zoe@x.example>"),
        "list": deliver_at(4_000, subject="Meetings", headers=["X-Campaign: autumn", "Cc: Carl <carl@x.example>"]),
    }
    ann.patch(made["plan"], {"mailboxIds": {"archive": True}})
    ann.patch(made["reply"], {"keywords/$seen": True})
    ann.patch(made["note"], {"keywords/$seen": True})
    return made


@pytest.fixture
def html_box(ann: Client) -> str:
    raw = message("Page", body=HTML).replace(b"text/plain", b"text/html")
    return ann.deliver(raw)[0]


def found(client: Client, box: dict[str, str], **arguments: Any) -> list[str]:
    names = {id: name for name, id in box.items()}
    return [names[id] for id in client.query(**{"sort": OLDEST_FIRST, **arguments})]


CASES: list[tuple[Object, list[str]]] = [
    ({"text": "xylophone"}, ["plan"]),
    ({"text": "XYLO"}, ["plan"]),
    ({"text": "ylophone"}, []),
    ({"text": "alpha"}, ["plan", "reply", "note"]),
    ({"text": "alpha beta"}, ["note"]),
    ({"text": '"alpha beta"'}, ["note"]),
    ({"text": '"beta alpha"'}, []),
    ({"text": "project monday"}, ["plan"]),
    ({"text": "zoe"}, ["note"]),
    ({"from": "Zoe zimt"}, ["note"]),
    ({"from": "zoe@x.example"}, ["note"]),
    ({"to": "yan"}, ["reply"]),
    ({"cc": "carl@x.example"}, ["list"]),
    ({"bcc": "carl"}, []),
    ({"subject": "meeting"}, ["list"]),
    ({"subject": "alpha"}, ["plan", "reply"]),
    ({"body": "alpha"}, ["note"]),
    ({"body": "project"}, []),
    ({"subject": "alpha", "body": "xylophone"}, ["plan"]),
    ({"header": ["X-Campaign"]}, ["page", "list"]),
    ({"header": ["x-campaign", "spring"]}, ["page"]),
    ({"header": ["X-Campaign", "Spring SALE"]}, ["page"]),
    ({"header": ["X-Campaign", "winter"]}, []),
    ({"header": ["X-Nothing"]}, []),
    ({"header": ["Subject"]}, ["plan", "reply", "page", "list"]),
    ({"header": ["Subject", "alpha"]}, ["plan", "reply"]),
    ({"text": ""}, ["plan", "reply", "page", "note", "list"]),
    ({"text": "  ", "inMailbox": "archive"}, ["plan"]),
    ({"text": "alpha", "inMailbox": "inbox"}, ["reply", "note"]),
    ({"text": "alpha", "inMailbox": "archive"}, ["plan"]),
    ({"text": "alpha", "inMailbox": "nothing"}, []),
    ({"text": "alpha", "hasKeyword": "$seen"}, ["reply", "note"]),
    ({"text": "alpha", "before": utc_date(START + 3_000)}, ["plan", "reply"]),
    ({"text": "alpha", "after": utc_date(START + 1_000)}, ["reply", "note"]),
    ({"text": "alpha", "someInThreadHaveKeyword": "$seen"}, ["plan", "reply", "note"]),
    ({"text": "alpha", "noneInThreadHaveKeyword": "$seen"}, []),
    (op(NOT, {"text": "alpha"}), ["page", "list"]),
    (op(NOT, {"text": "alpha"}, {"header": ["X-Campaign"]}), []),
    (op(OR, {"text": "beta"}, {"subject": "news"}), ["page", "note"]),
    (op(OR, {"text": "beta"}, {"inMailbox": "archive"}), ["plan", "note"]),
    (op(AND, {"text": "alpha"}, op(NOT, {"body": "beta"})), ["plan", "reply"]),
    (op(AND, {"text": "alpha"}, op(NOT, {"inMailbox": "archive"}, {"body": "beta"})), ["reply"]),
    (op(AND, {"inMailbox": "inbox"}, op(OR, {"hasKeyword": "$seen"}, {"text": "news"})), ["reply", "page", "note"]),
    (op(AND, {"inMailbox": "inbox"}, op(NOT, {"text": "alpha"})), ["page", "list"]),
    (op(OR), []),
    (op(AND, {"text": "alpha"}, op(OR)), []),
    (op(AND, {"text": "alpha"}, op(NOT), op(AND)), ["plan", "reply", "note"]),
    (op(OR, {"text": ""}, {"text": "alpha"}), ["plan", "reply", "page", "note", "list"]),
]


@pytest.mark.parametrize(("filter", "expected"), CASES)
def test_text_is_found(ann: Client, box: dict[str, str], filter: Object, expected: list[str]) -> None:
    assert found(ann, box, filter=filter) == expected
    assert found(ann, box, filter=filter, sort=None) == expected[::-1]
    assert ann.call("Email/query", filter=filter, calculateTotal=True, limit=1)["total"] == len(expected)
    by_size = found(ann, box, filter=filter, sort=[{"property": "size"}])
    assert sorted(by_size) == sorted(expected)


@pytest.mark.parametrize(("filter", "expected"), CASES)
def test_however_few_are_looked_at_together_the_same_is_found(
    ann: Client, box: dict[str, str], monkeypatch: pytest.MonkeyPatch, filter: Object, expected: list[str]
) -> None:
    monkeypatch.setattr(email_query, "FIRST_GROUP", 1)

    assert found(ann, box, filter=filter) == expected
    assert found(ann, box, filter=filter, sort=None) == expected[::-1]


def test_a_word_that_is_common_elsewhere_is_not_followed_through_the_account(
    ann: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(email_query, "FIRST_GROUP", 4)
    ids = sorted(ann.deliver(*(message(f"common {i}") for i in range(60))))
    ann.patch(ids[30], {"mailboxIds": {"archive": True}})
    ann.patch(ids[3], {"mailboxIds": {"archive": True}})
    ann.query(filter={"text": "common"})
    store = WatchedStore(ann.site)
    client = Client(dataclasses.replace(ann.site, store=store), ann.user)

    hits = client.query(filter={"text": "common", "inMailbox": "archive"}, sort=OLDEST_FIRST)

    assert hits == [ids[3], ids[30]]
    assert len([key for key in store.read if key.startswith("x/list/")]) == 4


def test_markup_is_not_text(ann: Client, html_box: str) -> None:
    assert ann.query(filter={"text": "grand opening"}) == [html_box]
    assert ann.query(filter={"body": '"grand opening"'}) == [html_box]
    assert ann.query(filter={"text": "color"}) == ann.query(filter={"text": "html"}) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("text", 1), ("text", None), ("subject", ["a"]), ("header", "a"), ("header", []), ("header", ["a", "b", "c"]),
     ("header", ["a", None]), ("header", [1])],
)  # fmt: skip
def test_a_text_of_a_wrong_kind_is_refused(ann: Client, name: str, value: Any) -> None:
    for filter in ({name: value}, op(NOT, {name: value})):
        error = ann.error("Email/query", filter=filter)
        assert (error["type"], error["arguments"]) == ("invalidArguments", ["filter"])


def test_too_many_words_are_unsupported(ann: Client) -> None:
    words = " ".join(f"w{i}" for i in range(101))

    assert ann.error("Email/query", filter={"text": words})["type"] == "unsupportedFilter"
    assert (
        ann.error("Email/query", filter=op(OR, {"inMailbox": "inbox"}, {"text": words}))["type"] == "unsupportedFilter"
    )


def test_conditions_that_are_too_many_words_together_are_unsupported(ann: Client) -> None:
    conditions = [{"text": " ".join(f"w{i}x{k}" for i in range(100))} for k in range(60)]

    assert ann.error("Email/query", filter=op(OR, *conditions))["type"] == "unsupportedFilter"
    assert ann.query(filter=op(OR, *conditions[:20])) == []


def test_what_a_request_changes_is_found_by_its_next_call(ann: Client) -> None:
    kept, gone = ann.deliver(message("zebra one"), message("zebra two"))
    query = ("Email/query", {"filter": {"subject": "zebra"}, "sort": OLDEST_FIRST, "calculateTotal": True})

    answers = ann.responses(query, ("Email/set", {"destroy": [gone]}), query)

    assert [answers[0][1]["ids"], answers[2][1]["ids"]] == [[kept, gone], [kept]]
    assert [answers[0][1]["total"], answers[2][1]["total"]] == [2, 1]


def test_mail_is_found_as_soon_as_it_is_listed(ann: Client) -> None:
    for number in range(5):
        id = ann.deliver(message(f"number{number}"))[0]
        assert ann.query(filter={"text": f"number{number}"}) == [id]


def test_emails_of_one_moment_have_one_order(ann: Client) -> None:
    ann.deliver(*(message("same word") for _ in range(12)))

    for sort in (None, OLDEST_FIRST, [{"property": "subject"}]):
        listed = ann.query(sort=sort)
        assert ann.query(filter={"text": "word"}, sort=sort) == listed
        assert [ann.query(filter={"text": "word"}, sort=sort, position=i, limit=1)[0] for i in range(12)] == listed


def test_accounts_do_not_find_each_others_mail(ann: Client, bob: Client) -> None:
    mine = ann.deliver(message("shared secret"))
    theirs = bob.deliver(message("shared secret"))

    assert ann.query(filter={"text": "secret"}) == mine
    assert bob.query(filter={"text": "secret"}) == theirs


def test_a_site_without_an_index_serves_all_but_text(ann: Client, box: dict[str, str]) -> None:
    client = Client(dataclasses.replace(ann.site, search=NoSearch()), ann.user)

    assert client.error("Email/query", filter={"text": "alpha"})["type"] == "unsupportedFilter"
    assert (
        client.error("Email/query", filter=op(OR, {"inMailbox": "inbox"}, {"text": "x"}))["type"] == "unsupportedFilter"
    )
    assert found(client, box, filter={"inMailbox": "archive"}) == ["plan"]
    assert found(client, box, filter={"hasKeyword": "$seen"}) == ["reply", "note"]


class BusySearch(NoSearch):
    """An index that is out of service for a while."""

    def position(self, account: str) -> int:
        raise Temporary("unavailable", "the index does not answer")


def test_an_index_out_of_service_fails_only_what_asks_it(ann: Client, box: dict[str, str]) -> None:
    client = Client(dataclasses.replace(ann.site, search=BusySearch()), ann.user)

    answers = client.responses(
        ("Email/query", {"filter": {"text": "alpha"}}), ("Email/query", {"filter": {"inMailbox": "archive"}})
    )

    assert (answers[0][0], answers[0][1]["type"]) == ("error", "serverUnavailable")
    assert answers[1][1]["ids"] == [box["plan"]]


class WatchedStore(CountingStore):
    """Remembers which rows were read."""

    def __init__(self, site: Site) -> None:
        super().__init__(site.store)
        self.read: list[str] = []

    def get_many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
        self.read += [key for _, key in keys]
        return super().get_many(keys)

    def get(self, partition: str, key: str) -> Row | None:
        self.read.append(key)
        return super().get(partition, key)


@pytest.mark.parametrize(
    "filter",
    [{"from": "bea"}, {"text": "hello", "inMailbox": "inbox"}, op(OR, {"subject": "x"}, {"hasKeyword": "$seen"})],
)
def test_a_search_reads_no_email_and_no_message(ann: Client, box: dict[str, str], filter: Object) -> None:
    ann.query(filter=filter)
    store, blobs = WatchedStore(ann.site), CountingBlobs(ann.site.blobs)
    client = Client(dataclasses.replace(ann.site, store=store, blobs=blobs), ann.user)

    client.query(filter=filter)

    assert not [key for key in store.read if key.startswith("o/Email/")]
    assert blobs.calls.total() == 0


def test_a_page_of_hits_needs_no_row_of_the_store(ann: Client) -> None:
    ann.deliver(*(message(f"common {i}") for i in range(150)))
    ann.query(filter={"text": "common"})
    store = CountingStore(ann.site.store)
    client = Client(dataclasses.replace(ann.site, store=store), ann.user)

    ids = client.query(filter={"text": "common"}, limit=50)

    assert len(ids) == 50
    calls = store.calls.as_dict()
    assert ("scan" not in calls, calls["get_many"]) == (True, 1)


WORDS = ["kiwi", "lemon", "mango", "olive"]


class Box:
    """Random emails, and a reading of filters that is too simple to be wrong."""

    def __init__(self, client: Client, seed: int) -> None:
        self.random = random.Random(seed)
        self.emails: dict[str, tuple[set[str], set[str], set[str], set[str], str, int]] = {}
        for number in range(40):
            subject, body = ({w for w in WORDS if self.random.random() < 0.4} for _ in range(2))
            thread = number % 15
            raw = message(
                f"t{thread} {' '.join(sorted(subject))}",
                body=" ".join(sorted(body)) + "\r\n",
                message_id=f"m{number}@x",
            )
            at = START + number // 3 * 1_000
            id = client.deliver(raw, at=at)[0]
            boxes = set(self.random.sample(["inbox", "archive", "junk"], self.random.randint(1, 2)))
            keywords = {k for k in ("$seen", "work") if self.random.random() < 0.5}
            client.patch(id, {"mailboxIds": dict.fromkeys(boxes, True), "keywords": dict.fromkeys(keywords, True)})
            self.emails[id] = (subject, body, boxes, keywords, id[:16], at)

    def condition(self) -> Object:
        chance = self.random
        return chance.choice([
            lambda: {"subject": chance.choice(WORDS)}, lambda: {"body": chance.choice(WORDS)},
            lambda: {"text": " ".join(chance.sample(WORDS, 2))},
            lambda: {"inMailbox": chance.choice(["inbox", "junk"])}, lambda: {"inMailboxOtherThan": ["inbox"]},
            lambda: {"hasKeyword": "$seen"}, lambda: {"notKeyword": "work"}, lambda: {},
            lambda: {"after": utc_date(START + chance.randrange(14) * 1_000)},
            lambda: {"before": utc_date(START + chance.randrange(14) * 1_000), "subject": chance.choice(WORDS)},
        ])()  # fmt: skip

    def filter(self, depth: int = 3) -> Object:
        if depth == 0 or self.random.random() < 0.3:
            return self.condition()
        inner = [self.filter(depth - 1) for _ in range(self.random.choice([0, 1, 2, 2, 3]))]
        return op(self.random.choice([AND, AND, OR, NOT]), *inner)

    def matches(self, id: str, filter: Object) -> bool:
        if "operator" in filter:
            inner = [self.matches(id, one) for one in filter["conditions"]]
            return {AND: all(inner), OR: any(inner), NOT: not any(inner)}[filter["operator"]]
        subject, body, boxes, keywords, _, at = self.emails[id]
        tests = {
            "subject": lambda value: value in subject,
            "body": lambda value: value in body,
            "text": lambda value: set(value.split()) <= subject | body,
            "inMailbox": lambda value: value in boxes,
            "inMailboxOtherThan": lambda value: bool(boxes - set(value)),
            "hasKeyword": lambda value: value in keywords,
            "notKeyword": lambda value: value not in keywords,
            "after": lambda value: utc_date(at) >= value,
            "before": lambda value: utc_date(at) < value,
        }
        return all(tests[name](value) for name, value in filter.items())

    def ordered(self, filter: Object, *, newest_first: bool) -> list[str]:
        ids = [id for id in self.emails if self.matches(id, filter)]
        return sorted(ids, key=lambda id: (self.emails[id][5], id), reverse=newest_first)


@pytest.mark.parametrize("seed", range(3))
def test_any_tree_of_conditions_finds_what_a_look_at_each_email_finds(
    ann: Client, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(email_query, "FIRST_GROUP", 3)
    box = Box(ann, seed)

    for number in range(120):
        filter, newest_first = box.filter(), number % 3 > 0
        expected = box.ordered(filter, newest_first=newest_first)
        sort = [{"property": "receivedAt", "isAscending": not newest_first}]
        assert ann.query(filter=filter, sort=sort) == expected, filter
        page = ann.call("Email/query", filter=filter, sort=sort, position=2, limit=3, calculateTotal=True)
        assert (page["ids"], page["total"]) == (expected[2:5], len(expected)), filter
        threads = list({id[:16]: id for id in reversed(expected)}.values())
        collapsed = ann.query(filter=filter, sort=sort, collapseThreads=True)
        assert sorted(collapsed) == sorted(threads), filter
        assert sorted(collapsed, key=expected.index) == collapsed
