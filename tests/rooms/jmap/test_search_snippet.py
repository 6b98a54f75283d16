"""SearchSnippet/get (RFC 8621 §5)."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from homing.jmap.types.search_snippet import MAX_SNIPPETS
from tests.doubles import CountingBlobs
from tests.mail import message
from tests.rooms.jmap.conftest import Client, Object

BODY = "We meet at nine. Please bring the xylophone & <two> sticks.\r\n"


def snippet(client: Client, id: str, filter: Any) -> tuple[str | None, str | None]:
    answer = client.call("SearchSnippet/get", emailIds=[id], filter=filter)
    assert (len(answer["list"]), answer["notFound"], answer["list"][0]["emailId"]) == (1, None, id)
    return answer["list"][0]["subject"], answer["list"][0]["preview"]


@pytest.fixture
def email(ann: Client) -> str:
    return ann.deliver(message("Meeting <b>tomorrow</b>", body=BODY))[0]


def test_what_matches_is_marked_and_all_else_is_escaped(ann: Client, email: str) -> None:
    subject, preview = snippet(ann, email, {"text": "xylophone tomorrow"})

    assert subject == "Meeting &lt;b&gt;<mark>tomorrow</mark>&lt;/b&gt;"
    assert preview is not None
    assert "<mark>xylophone</mark> &amp; &lt;two&gt;" in preview


@pytest.mark.parametrize(
    ("filter", "in_subject", "in_body"),
    [
        ({"subject": "meeting"}, True, False),
        ({"subject": "xylophone"}, False, False),
        ({"body": "xylophone"}, False, True),
        ({"body": "meeting"}, False, True),
        ({"text": "nothing"}, False, False),
        ({"from": "bea"}, False, False),
        ({"hasKeyword": "$seen"}, False, False),
        ({"header": ["Subject", "meeting"]}, True, False),
        (None, False, False),
        ({}, False, False),
        ({"operator": "AND", "conditions": [{"inMailbox": "inbox"}, {"text": "xylophone"}]}, False, True),
        ({"operator": "OR", "conditions": [{"subject": "tomorrow"}, {"body": "sticks"}]}, True, True),
        ({"operator": "NOT", "conditions": [{"text": "xylophone"}]}, False, False),
        (
            {
                "operator": "AND",
                "conditions": [{"operator": "NOT", "conditions": [{"subject": "meeting"}]}, {"body": "nine"}],
            },
            False,
            True,
        ),
    ],
)
def test_each_part_has_a_snippet_if_the_filter_looks_there_and_finds(
    ann: Client, email: str, filter: Any, in_subject: bool, in_body: bool
) -> None:
    subject, preview = snippet(ann, email, filter)

    assert (subject is not None, preview is not None) == (in_subject, in_body)


def test_a_preview_is_short(ann: Client) -> None:
    id = ann.deliver(message("x", body="word & " * 500 + "needle " + "word & " * 500))[0]

    _, preview = snippet(ann, id, {"text": "needle"})

    assert preview is not None
    assert "<mark>needle</mark>" in preview
    assert len(preview.encode()) <= 255


def test_html_is_quoted_as_it_is_read(ann: Client) -> None:
    raw = message("x", body="<style>needle</style><p>a <i>nee</i>dle &lt; pin</p>").replace(b"text/plain", b"text/html")
    id = ann.deliver(raw)[0]

    _, preview = snippet(ann, id, {"body": "needle"})

    assert preview == "a <mark>needle</mark> &lt; pin"


def test_html_that_says_more_than_its_text_is_looked_through(ann: Client) -> None:
    raw = (
        b'Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain\r\n\r\nshort\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>long needle</p>\r\n--b--\r\n"
    )
    id = ann.deliver(raw)[0]

    assert snippet(ann, id, {"text": "needle"}) == (None, "long <mark>needle</mark>")


def test_attachments_are_found_and_not_quoted(ann: Client) -> None:
    id = ann.deliver(message("x", attachments=[("needle.txt", b"needle")]))[0]

    assert ann.query(filter={"text": "needle"}) == [id]
    assert snippet(ann, id, {"text": "needle"}) == (None, None)


def test_emails_that_do_not_exist_are_not_found(ann: Client, bob: Client, email: str) -> None:
    theirs = bob.deliver(message())[0]

    answer = ann.call("SearchSnippet/get", emailIds=["nothing", email, theirs, email], filter={"text": "nine"})

    assert [one["emailId"] for one in answer["list"]] == [email]
    assert answer["notFound"] == ["nothing", theirs]


def test_nothing_is_read_where_nothing_can_be_marked(ann: Client, email: str) -> None:
    blobs = CountingBlobs(ann.site.blobs)
    client = Client(dataclasses.replace(ann.site, blobs=blobs), ann.user)

    snippet(client, email, {"subject": "meeting"})
    snippet(client, email, {"inMailbox": "inbox"})

    assert blobs.calls.total() == 0


def test_what_one_request_reads_is_bounded(ann: Client) -> None:
    ids = ann.deliver(*(message(f"s{i}", body="needle " + "x" * 20_000) for i in range(4)))
    limits = dataclasses.replace(ann.site.config.limits, max_bytes_in_get=50_000)
    config = dataclasses.replace(ann.site.config, limits=limits)
    client = Client(dataclasses.replace(ann.site, config=config), ann.user)

    assert len(client.call("SearchSnippet/get", emailIds=ids[:2], filter={"text": "needle"})["list"]) == 2
    assert client.error("SearchSnippet/get", emailIds=ids, filter={"text": "needle"})["type"] == "requestTooLarge"


def test_more_emails_than_one_call_takes_are_refused(ann: Client) -> None:
    ids = [f"e{i}" for i in range(MAX_SNIPPETS + 1)]

    assert ann.error("SearchSnippet/get", emailIds=ids, filter={"text": "x"})["type"] == "requestTooLarge"
    assert ann.call("SearchSnippet/get", emailIds=ids[1:], filter={"text": "x"})["notFound"] == ids[1:]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, "invalidArguments"),
        ({"emailIds": None}, "invalidArguments"),
        ({"emailIds": "x"}, "invalidArguments"),
        ({"emailIds": [], "filter": []}, "invalidArguments"),
        ({"emailIds": [], "filter": {"text": 1}}, "invalidArguments"),
        ({"emailIds": [], "filter": {"nonsense": 1}}, "unsupportedFilter"),
        ({"emailIds": [], "filter": {"text": " ".join(map(str, range(101)))}}, "unsupportedFilter"),
        ({"emailIds": [], "more": 1}, "invalidArguments"),
    ],
)
def test_wrong_arguments_are_refused(ann: Client, arguments: Object, error: str) -> None:
    assert ann.error("SearchSnippet/get", **arguments)["type"] == error
