"""Email/query (RFC 8621 §4.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from homing.jmap.kinds import utc_date
from tests.conftest import START
from tests.mail import message
from tests.rooms.jmap.conftest import Client

OLDEST_FIRST = [{"property": "receivedAt"}]


def utc(ms: int) -> str:
    return utc_date(START + ms)


@pytest.fixture
def box(ann: Client, deliver_at: Callable[..., str]) -> dict[str, str]:
    """Emails by name, in three threads: a, a2 (Re: a), b, b2 (Re: b), c; received in this order a second apart."""
    made = {
        "a": deliver_at(0, subject="Apples", message_id="a@x", sender="Zoe <zoe@x.example>", to="Yan <y@x.example>"),
        "b": deliver_at(1_000, subject="Bananas", message_id="b@x", sender="anna@x.example", body="x" * 3_000),
        "a2": deliver_at(2_000, subject="Re: Apples", in_reply_to="a@x", sender="Mia <mia@x.example>"),
        "c": deliver_at(3_000, subject="cherries", attachments=[("c.bin", b"1")], headers=["Cc: Carl <c@x.example>"]),
        "b2": deliver_at(4_000, subject="Re: Bananas", in_reply_to="b@x", headers=["Bcc: Hidden <h@x.example>"]),
    }
    ann.patch(made["a"], {"keywords": {"$seen": True, "$flagged": True}})
    ann.patch(made["a2"], {"keywords/$seen": True})
    ann.patch(made["b"], {"keywords/$seen": True})
    ann.patch(made["b2"], {"mailboxIds": {"archive": True, "junk": True}})
    ann.patch(made["c"], {"mailboxIds/archive": True})
    return made


def found(client: Client, box: dict[str, str], **arguments: Any) -> list[str]:
    names = {id: name for name, id in box.items()}
    return [names[id] for id in client.query(**{"sort": OLDEST_FIRST, **arguments})]


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        (None, ["a", "b", "a2", "c", "b2"]),
        ({}, ["a", "b", "a2", "c", "b2"]),
        ({"inMailbox": "inbox"}, ["a", "b", "a2", "c"]),
        ({"inMailbox": "archive"}, ["c", "b2"]),
        ({"inMailbox": "sent"}, []),
        ({"inMailbox": "nothing"}, []),
        ({"inMailbox": "archive", "notKeyword": "$seen"}, ["c", "b2"]),
        ({"inMailboxOtherThan": ["inbox"]}, ["c", "b2"]),
        ({"inMailboxOtherThan": ["archive", "junk"]}, ["a", "b", "a2", "c"]),
        ({"inMailboxOtherThan": ["inbox", "archive"]}, ["b2"]),
        ({"inMailboxOtherThan": []}, ["a", "b", "a2", "c", "b2"]),
        ({"inMailboxOtherThan": ["nothing"]}, ["a", "b", "a2", "c", "b2"]),
        ({"before": utc(1_000)}, ["a"]),
        ({"before": utc(1_001)}, ["a", "b"]),
        ({"after": utc(3_000)}, ["c", "b2"]),
        ({"after": utc(1_000), "before": utc(3_000)}, ["b", "a2"]),
        ({"after": "0001-01-01T00:00:00Z", "before": "9999-12-31T23:59:59Z"}, ["a", "b", "a2", "c", "b2"]),
        ({"minSize": 3_000}, ["b"]),
        ({"maxSize": 3_000}, ["a", "a2", "c", "b2"]),
        ({"minSize": 0, "maxSize": 0}, []),
        ({"hasKeyword": "$seen"}, ["a", "b", "a2"]),
        ({"hasKeyword": "$FLAGGED"}, ["a"]),
        ({"notKeyword": "$Seen"}, ["c", "b2"]),
        ({"allInThreadHaveKeyword": "$seen"}, ["a", "a2"]),
        ({"someInThreadHaveKeyword": "$Seen"}, ["a", "b", "a2", "b2"]),
        ({"noneInThreadHaveKeyword": "$seen"}, ["c"]),
        ({"someInThreadHaveKeyword": "$flagged", "inMailbox": "inbox"}, ["a", "a2"]),
        ({"hasAttachment": True}, ["c"]),
        ({"hasAttachment": False}, ["a", "b", "a2", "b2"]),
        ({"from": "ZOE"}, ["a"]),
        ({"from": "x.example"}, ["a", "b", "a2"]),
        ({"from": '"Zoe <zoe"'}, ["a"]),
        ({"from": "zoe@x.example Zoe"}, ["a"]),
        ({"from": "'zoe@x.example Zoe'"}, []),
        ({"to": "yan"}, ["a"]),
        ({"cc": "carl"}, ["c"]),
        ({"bcc": "hidden"}, ["b2"]),
        ({"subject": "apples"}, ["a", "a2"]),
        ({"subject": "apples re:"}, ["a2"]),
        ({"subject": '"re: apples"'}, ["a2"]),
        ({"subject": '"apples re:"'}, []),
        ({"subject": ""}, ["a", "b", "a2", "c", "b2"]),
        ({"operator": "AND", "conditions": [{"inMailbox": "inbox"}, {"hasKeyword": "$seen"}]}, ["a", "b", "a2"]),
        ({"operator": "AND", "conditions": [{"inMailbox": "inbox"}, {"inMailbox": "archive"}]}, ["c"]),
        ({"operator": "OR", "conditions": [{"inMailbox": "junk"}, {"hasKeyword": "$flagged"}]}, ["a", "b2"]),
        ({"operator": "NOT", "conditions": [{"inMailbox": "inbox"}]}, ["b2"]),
        ({"operator": "NOT", "conditions": [{"hasKeyword": "$seen"}, {"hasAttachment": True}]}, ["b2"]),
        (
            {
                "operator": "OR",
                "conditions": [
                    {"operator": "NOT", "conditions": [{"someInThreadHaveKeyword": "$seen"}]},
                    {"operator": "AND", "conditions": [{"subject": "banana"}, {"inMailbox": "inbox"}]},
                ],
            },
            ["b", "c"],
        ),
    ],
)
def test_filters(ann: Client, box: dict[str, str], filter: Any, expected: list[str]) -> None:
    assert found(ann, box, filter=filter) == expected
    assert ann.call("Email/query", filter=filter, calculateTotal=True, limit=1)["total"] == len(expected)


@pytest.mark.parametrize("name", ["nonsense", "operator ", "InMailbox", "Text", "attachment"])
def test_conditions_that_are_not_served_are_unsupported(ann: Client, name: str) -> None:
    value = "text"

    assert ann.error("Email/query", filter={name: value})["type"] == "unsupportedFilter"
    assert ann.error("Email/query", filter={"operator": "NOT", "conditions": [{name: value}]})["type"] == (
        "unsupportedFilter"
    )


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (None, ["b2", "c", "a2", "b", "a"]),
        ([], ["b2", "c", "a2", "b", "a"]),
        ([{"property": "receivedAt", "isAscending": False}], ["b2", "c", "a2", "b", "a"]),
        (OLDEST_FIRST, ["a", "b", "a2", "c", "b2"]),
        ([{"property": "size", "isAscending": False}, *OLDEST_FIRST], ["b", "c", "b2", "a2", "a"]),
        ([{"property": "from"}, *OLDEST_FIRST], ["b", "c", "b2", "a2", "a"]),
        ([{"property": "to", "isAscending": False}, *OLDEST_FIRST], ["a", "b", "a2", "c", "b2"]),
        ([{"property": "subject"}, *OLDEST_FIRST], ["a", "a2", "b", "b2", "c"]),
        ([{"property": "hasKeyword", "keyword": "$Seen"}, *OLDEST_FIRST], ["c", "b2", "a", "b", "a2"]),
        (
            [{"property": "hasKeyword", "keyword": "$seen", "isAscending": False}, *OLDEST_FIRST],
            ["a", "b", "a2", "c", "b2"],
        ),
        ([{"property": "allInThreadHaveKeyword", "keyword": "$seen"}, *OLDEST_FIRST], ["b", "c", "b2", "a", "a2"]),
        ([{"property": "someInThreadHaveKeyword", "keyword": "$seen"}, *OLDEST_FIRST], ["c", "a", "b", "a2", "b2"]),
    ],
)
def test_sorting(ann: Client, box: dict[str, str], sort: Any, expected: list[str]) -> None:
    assert found(ann, box, sort=sort) == expected
    filter = {"inMailbox": "inbox"}
    assert found(ann, box, sort=sort, filter=filter) == [name for name in expected if name != "b2"]


def test_the_sent_date_is_sorted_as_a_moment_wherever_it_was(ann: Client, deliver_at: Callable[..., str]) -> None:
    dates = {
        "second": "Fri, 20 Nov 2026 23:00:00 +1200",
        "first": "Fri, 20 Nov 2026 10:00:00 +0000",
        "third": "Fri, 20 Nov 2026 06:30:00 -0500",
        "none": "garbage",
    }
    names = {}
    for name, date in dates.items():
        raw = message(name).replace(b"Date: Fri, 20 Nov 2026 10:00:00 +0000", f"Date: {date}".encode())
        names[ann.deliver(raw)[0]] = name

    ids = ann.query(sort=[{"property": "sentAt"}])

    assert [names[id] for id in ids] == ["none", "first", "second", "third"]


@pytest.mark.parametrize(
    ("collation", "expected"),
    [
        (None, ["apfel", "Äpfel", "Birne", "zebra"]),
        ("i;unicode-casemap", ["apfel", "Äpfel", "Birne", "zebra"]),
        ("i;ascii-casemap", ["apfel", "Birne", "zebra", "Äpfel"]),
    ],
)
def test_texts_are_compared_by_the_collation(ann: Client, collation: str | None, expected: list[str]) -> None:
    written = {"apfel": "apfel", "Äpfel": "=?utf-8?q?=C3=84pfel?=", "zebra": "zebra", "Birne": "Birne"}
    names = {ann.deliver(message(subject))[0]: name for name, subject in written.items()}
    comparator = {"property": "subject"} | ({"collation": collation} if collation else {})

    assert [names[id] for id in ann.query(sort=[comparator])] == expected
    assert [names[id] for id in ann.query(sort=[{**comparator, "isAscending": False}])] == expected[::-1]


def test_emails_of_one_moment_are_sorted_by_what_comes_next(ann: Client, deliver_at: Callable[..., str]) -> None:
    ids = {name: deliver_at(0, subject=name) for name in ("b", "c", "a")}
    late = deliver_at(5, subject="late")
    early = deliver_at(-5, subject="early")

    for ascending in (True, False):
        sort = [{"property": "receivedAt", "isAscending": ascending}, {"property": "subject"}]
        outer = [early, late] if ascending else [late, early]
        assert ann.query(sort=sort) == [outer[0], ids["a"], ids["b"], ids["c"], outer[1]]
        assert ann.query(sort=sort, filter={"inMailbox": "inbox"}, position=1, limit=2) == [ids["a"], ids["b"]]


def test_the_order_of_equals_is_the_same_each_time(ann: Client, deliver_at: Callable[..., str]) -> None:
    for _ in range(10):
        deliver_at(0, subject="same")

    for sort in (None, OLDEST_FIRST, [{"property": "subject"}], [{"property": "size", "isAscending": False}]):
        whole = ann.query(sort=sort)
        assert len(set(whole)) == 10
        assert [ann.query(sort=sort, position=i, limit=1)[0] for i in range(10)] == whole


@pytest.mark.parametrize(
    ("arguments", "expected", "total"),
    [
        ({}, ["a", "b", "c"], 3),
        ({"filter": {"inMailbox": "inbox"}}, ["a", "b", "c"], 3),
        ({"filter": {"inMailbox": "archive"}}, ["c", "b2"], 2),
        ({"filter": {"hasKeyword": "$seen"}}, ["a", "b"], 2),
        ({"sort": None}, ["b2", "c", "a2"], 3),
        ({"position": 1}, ["b", "c"], 3),
        ({"position": 1, "limit": 1}, ["b"], 3),
        ({"position": -1}, ["c"], 3),
        ({"position": 3}, [], 3),
        ({"limit": 2}, ["a", "b"], 2 + 1),
        ({"limit": 2, "filter": {"inMailbox": "inbox"}, "position": 2}, ["c"], 3),
        ({"limit": 0}, [], 3),
        ({"sort": [{"property": "size", "isAscending": False}]}, ["b", "c", "a2"], 3),
    ],
)
def test_threads_are_collapsed_into_their_first_email(
    ann: Client, box: dict[str, str], arguments: Any, expected: list[str], total: int
) -> None:
    assert found(ann, box, collapseThreads=True, **arguments) == expected
    answer = ann.call("Email/query", collapseThreads=True, calculateTotal=True, **arguments)
    assert answer["total"] == total


def test_an_anchor_is_looked_for_after_collapsing(ann: Client, box: dict[str, str]) -> None:
    given = {"collapseThreads": True, "sort": OLDEST_FIRST}

    assert found(ann, box, anchor=box["b"], **given) == ["b", "c"]
    assert ann.error("Email/query", anchor=box["a2"], **given)["type"] == "anchorNotFound"


@pytest.mark.parametrize("filter", [None, {"inMailbox": "inbox"}, {"hasAttachment": False}])
@pytest.mark.parametrize("collapse", [False, True])
def test_pages_are_slices_of_the_whole(ann: Client, filter: Any, collapse: bool) -> None:
    ids = ann.deliver(*(message(f"s{i // 2}", message_id=f"m{i // 2}@x") for i in range(12)))
    whole = ann.query(filter=filter, collapseThreads=collapse)
    count = 6 if collapse else 12
    assert len(whole) == count
    assert set(whole) <= set(ids)

    for position in (0, 1, 5, count - 1, count, 99, -1, -5, -count, -99):
        for limit in (None, 0, 1, 3, 99):
            answer = ann.call(
                "Email/query",
                filter=filter, collapseThreads=collapse, position=position, limit=limit, calculateTotal=True,
            )  # fmt: skip
            start = position if position >= 0 else max(count + position, 0)
            end = None if limit is None else start + limit
            assert (answer["position"], answer["ids"]) == (start, whole[start:end])
            assert answer["total"] == count
    for index in range(count):
        for offset in (-2, 0, 2):
            answer = ann.call(
                "Email/query",
                filter=filter,
                collapseThreads=collapse,
                anchor=whole[index],
                anchorOffset=offset,
                limit=2,
            )
            start = max(index + offset, 0)
            assert (answer["position"], answer["ids"]) == (start, whole[start : start + 2])


def test_a_query_after_a_set_sees_it(ann: Client) -> None:
    email = ann.deliver(message())[0]

    answers = ann.responses(
        ("Email/query", {"filter": {"inMailbox": "archive"}, "calculateTotal": True}),
        ("Email/set", {"update": {email: {"mailboxIds": {"archive": True}}}}),
        ("Email/query", {"filter": {"inMailbox": "archive"}, "calculateTotal": True}),
        ("Email/query", {"filter": {"inMailbox": "inbox"}, "calculateTotal": True}),
        ("Email/get", {"ids": [email], "properties": ["mailboxIds"]}),
    )

    assert (answers[0][1]["ids"], answers[0][1]["total"]) == ([], 0)
    assert (answers[2][1]["ids"], answers[2][1]["total"]) == ([email], 1)
    assert (answers[3][1]["ids"], answers[3][1]["total"]) == ([], 0)
    assert answers[4][1]["list"][0]["mailboxIds"] == {"archive": True}
    assert answers[0][1]["queryState"] != answers[2][1]["queryState"] == answers[4][1]["state"]


def test_a_thread_spread_over_many_rows_is_filtered_alike(ann: Client) -> None:
    """More candidates than are read ahead at once."""
    ids = ann.deliver(*(message(f"s{i % 40}", message_id=f"m{i % 40}@x") for i in range(130)))
    flagged = ids[7]
    ann.patch(flagged, {"keywords/$flagged": True})

    hits = ann.query(filter={"someInThreadHaveKeyword": "$flagged"}, sort=OLDEST_FIRST)

    assert sorted(hits) == sorted(id for i, id in enumerate(ids) if i % 40 == 7)
