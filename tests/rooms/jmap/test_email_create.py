"""Email/set create (RFC 8621 §4.6): drafts of all kinds, every rule on what may be said, limits, threads."""

from __future__ import annotations

import email
import email.policy
import json
from dataclasses import replace
from typing import Any

import pytest

from homing.directory.accounts import User, set_user, share_account
from homing.ids import blob_id
from homing.ledger.entry import Actor
from homing.ledger.view import View
from homing.site import Site
from tests.mail import message
from tests.rooms.jmap.conftest import Client, Object

DRAFTS = {"mailboxIds": {"drafts": True}}
TEXT = {"bodyStructure": {"type": "text/plain", "partId": "1"}, "bodyValues": {"1": {"value": "Hello\n"}}}
PERSON = {"name": "Ann", "email": "ann@example.org"}


def creation(client: Client, given: Object, **more: Any) -> Object:
    """The answer about one email that is created."""
    answer = client.call("Email/set", create={"k": {**DRAFTS, **given}}, **more)
    assert answer["notCreated"] is None, answer
    created: Object = answer["created"]["k"]
    return created


def refusal(client: Client, given: Object) -> Object:
    """Why one email is not created; nothing is changed by it."""
    before = client.position()
    answer = client.call("Email/set", create={"k": {**DRAFTS, **given}})
    assert answer["created"] is None
    assert client.position() == before
    error: Object = answer["notCreated"]["k"]
    return error


def upload(client: Client, content: bytes, type: str = "application/octet-stream") -> str:
    response = client.http("POST", f"/jmap/upload/{client.account}/", content, {"content-type": type})
    assert isinstance(response.body, bytes)
    id: str = json.loads(response.body)["blobId"]
    return id


def download(client: Client, blob: str) -> bytes:
    response = client.http("GET", f"/jmap/download/{client.account}/{blob}/x")
    assert response.status == 200
    return response.body if isinstance(response.body, bytes) else b"".join(response.body)


def raw_of(client: Client, id: str) -> bytes:
    return download(client, client.email(id, "blobId")["blobId"])


def parsed(client: Client, id: str) -> email.message.EmailMessage:
    """The message as the standard library reads it."""
    found = email.message_from_bytes(raw_of(client, id), policy=email.policy.default)
    assert isinstance(found, email.message.EmailMessage)
    return found


def values(client: Client, id: str) -> list[str]:
    """Texts of all bodies, in order."""
    found = client.email(id, "bodyValues", fetchAllBodyValues=True)["bodyValues"]
    return [one["value"] for one in found.values()]


def test_a_draft_is_created_as_it_was_said(ann: Client) -> None:
    given: Object = {
        **DRAFTS,
        "keywords": {"$draft": True, "$seen": True},
        "from": [PERSON],
        "to": [{"name": "Bea", "email": "bea@example.com"}, {"name": None, "email": "cid@example.com"}],
        "cc": [{"name": 'The "Boss"', "email": "boss@example.com"}],
        "bcc": [{"name": "Ünique", "email": "u@example.com"}],
        "replyTo": [PERSON],
        "sender": [PERSON],
        "subject": "Grüße aus Köln",
        "messageId": ["mine@example.org"],
        "inReplyTo": ["other@example.com"],
        "references": ["first@example.com", "other@example.com"],
        "sentAt": "2026-11-20T12:30:00+02:30",
        "receivedAt": "2026-11-20T10:00:00Z",
        **TEXT,
    }

    created = creation(ann, given)

    assert set(created) == {"id", "blobId", "threadId", "size"}
    found = ann.email(created["id"], *given, "id", "blobId", "threadId", "size", fetchAllBodyValues=True)
    del found["bodyStructure"], found["bodyValues"]
    assert found == {name: value for name, value in given.items() if name not in TEXT} | created
    assert values(ann, created["id"]) == ["Hello\n"]


def test_what_is_not_said_is_set_and_told(ann: Client) -> None:
    created = creation(ann, TEXT)

    told = ["id", "blobId", "threadId", "size", "keywords", "receivedAt", "sentAt", "messageId"]
    assert sorted(created) == sorted(told)
    assert created == ann.email(created["id"], *told)
    assert (created["receivedAt"], created["sentAt"]) == ("2026-11-18T11:06:40Z", "2026-11-18T11:06:40Z")
    assert len(created["messageId"]) == 1
    assert created["messageId"][0].endswith("@localhost")
    raw = raw_of(ann, created["id"])
    assert len(raw) == created["size"]
    assert raw.startswith(b"Date: Wed, 18 Nov 2026 11:06:40 +0000\r\nMessage-ID: <")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ("1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00Z"),
        ("2026-11-20T10:00:00.123456Z", "2026-11-20T10:00:00.123Z"),
        ("9999-12-31T23:59:59Z", "2286-11-20T17:46:39.999Z"),
    ],
)
def test_a_client_is_told_of_a_date_of_receipt_that_cannot_be_kept(ann: Client, asked: str, told: str) -> None:
    created = creation(ann, {"receivedAt": asked, **TEXT})

    assert created["receivedAt"] == told == ann.email(created["id"], "receivedAt")["receivedAt"]
    assert ann.query(filter={"after": told}) == [created["id"]]
    assert ann.query(filter={"before": told}) == []


def test_a_client_is_told_of_a_date_that_is_written_in_another_way(ann: Client) -> None:
    created = creation(ann, {"sentAt": "2026-11-20T12:30:00.5+00:00", **TEXT})

    assert created["sentAt"] == "2026-11-20T12:30:00Z" == ann.email(created["id"], "sentAt")["sentAt"]


def test_two_messages_have_two_ids(ann: Client) -> None:
    answer = ann.call("Email/set", create={"a": {**DRAFTS, **TEXT}, "b": {**DRAFTS, **TEXT}})

    assert answer["created"]["a"]["messageId"] != answer["created"]["b"]["messageId"]


def test_creating_changes_the_states(ann: Client) -> None:
    before = {type: ann.state(type) for type in ("Email", "Thread", "Mailbox")}

    answer = ann.call("Email/set", create={"k": {**DRAFTS, **TEXT}})

    id = answer["created"]["k"]["id"]
    assert (answer["oldState"], answer["newState"]) == (before["Email"], ann.state("Email"))
    assert ann.call("Email/changes", sinceState=before["Email"])["created"] == [id]
    assert ann.call("Thread/changes", sinceState=before["Thread"])["created"] == [answer["created"]["k"]["threadId"]]
    assert ann.mailbox("drafts")["totalEmails"] == 1
    head = View(ann.site.store, ann.account, ann.site.clock.now()).head
    assert head.state("EmailDelivery") == head.state("Email")


def test_keywords_are_kept_in_lower_case(ann: Client) -> None:
    created = creation(ann, {"keywords": {"$Draft": True, "Work": True}, **TEXT})

    assert created["keywords"] == {"$draft": True, "work": True}
    assert ann.email(created["id"], "keywords")["keywords"] == created["keywords"]


def test_a_mailbox_of_the_same_request_is_named_by_its_creation_id(ann: Client) -> None:
    responses = ann.responses(
        ("Mailbox/set", {"create": {"new": {"name": "New"}}}),
        ("Email/set", {"create": {"k": {"mailboxIds": {"#new": True, "drafts": True}, **TEXT}}}),
        ("Email/set", {"update": {"#k": {"keywords/$seen": True}}}),
    )

    mailbox = responses[0][1]["created"]["new"]["id"]
    id = responses[1][1]["created"]["k"]["id"]
    found = ann.email(id, "mailboxIds", "keywords")
    assert (found["mailboxIds"], found["keywords"]) == ({mailbox: True, "drafts": True}, {"$seen": True})


def test_a_reply_joins_the_thread(ann: Client) -> None:
    first = ann.deliver(message("Lunch", message_id="1@x"))[0]

    created = creation(ann, {"subject": "Re: Lunch", "inReplyTo": ["1@x"], "references": ["1@x"], **TEXT})

    assert created["threadId"] == ann.email(first, "threadId")["threadId"]


def test_a_draft_is_replaced_in_one_call(ann: Client) -> None:
    old = creation(ann, {"subject": "v1", **TEXT})["id"]

    answer = ann.call("Email/set", create={"k": {**DRAFTS, "subject": "v2", **TEXT}}, destroy=[old])

    assert answer["destroyed"] == [old]
    assert ann.query(filter={"inMailbox": "drafts"}) == [answer["created"]["k"]["id"]]


BODIES: list[tuple[Object, list[str], list[str], list[str]]] = [
    ({}, ["text/plain"], [""], []),
    ({"textBody": [{"partId": "t", "type": "text/plain"}]}, ["text/plain"], ["t"], []),
    ({"htmlBody": [{"partId": "h", "type": "text/html"}]}, ["text/html"], ["<p>h"], []),
    (
        {"textBody": [{"partId": "t"}], "htmlBody": [{"partId": "h"}]},
        ["multipart/alternative", "text/plain", "text/html"], ["t", "<p>h"], [],
    ),
    (
        {"textBody": [{"partId": "t"}], "attachments": [{"blobId": "IMG", "type": "image/png"}]},
        ["multipart/mixed", "text/plain", "image/png"], ["t"], ["image/png"],
    ),
    (
        {"htmlBody": [{"partId": "h"}], "attachments": [
            {"blobId": "IMG", "type": "image/png", "cid": "i@x", "disposition": "inline"}]},
        ["multipart/related", "text/html", "image/png"], ["<p>h"], ["image/png"],
    ),
    (
        {"textBody": [{"partId": "t"}], "htmlBody": [{"partId": "h"}], "attachments": [
            {"blobId": "IMG", "type": "image/png", "cid": "i@x", "disposition": "inline"},
            {"blobId": "IMG", "type": "application/pdf", "name": "a.pdf"},
            {"blobId": "IMG", "type": "text/plain", "name": "notes.txt"}]},
        ["multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png",
         "application/pdf", "text/plain"], ["t", "<p>h", "PNG"], ["image/png", "application/pdf", "text/plain"],
    ),
    ({"attachments": [{"blobId": "IMG", "type": "image/png"}]}, ["multipart/mixed", "image/png"], [], ["image/png"]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "types", "texts", "attached"), BODIES)
def test_the_structure_follows_from_the_lists(
    ann: Client, body: Object, types: list[str], texts: list[str], attached: list[str]
) -> None:
    image = upload(ann, b"PNG")
    given = json.loads(json.dumps(body).replace("IMG", image))

    id = creation(ann, {**given, "bodyValues": {"t": {"value": "t"}, "h": {"value": "<p>h"}}})["id"]

    assert [part.get_content_type() for part in parsed(ann, id).walk()] == types
    assert values(ann, id) == texts
    assert [part["type"] for part in ann.email(id, "attachments")["attachments"]] == attached


def test_a_structure_is_made_as_it_was_said(ann: Client) -> None:
    image = upload(ann, b"PNG")
    given = {
        "bodyStructure": {
            "type": "multipart/mixed",
            "header:X-Root": " root",
            "subParts": [
                {
                    "type": "multipart/alternative",
                    "subParts": [
                        {"type": "text/plain", "partId": "t", "language": ["de", "en"]},
                        {"type": "text/html", "partId": "h", "header:Content-Language": "de"},
                    ],
                },
                {
                    "blobId": image,
                    "type": "image/png",
                    "name": "写真 1.png",
                    "disposition": "attachment",
                    "cid": "i@x",
                    "location": "https://example.org/i.png",
                    "size": 77,
                    "charset": None,
                    "header:X-Of-Part:asText": "Größe",
                },
            ],
        },
        "bodyValues": {
            "t": {"value": "Grüße\n", "isTruncated": False},
            "h": {"value": "<p>ü"},
            "unused": {"value": ""},
        },
    }

    id = creation(ann, given)["id"]

    found = ann.email(
        id, "bodyStructure", "header:X-Root",
        bodyProperties=["type", "name", "disposition", "cid", "location", "language", "size", "charset", "blobId",
                        "subParts", "header:X-Of-Part:asText"],
    )  # fmt: skip
    mixed = found["bodyStructure"]
    assert (mixed["type"], found["header:X-Root"]) == ("multipart/mixed", " root")
    text, html = mixed["subParts"][0]["subParts"]
    assert (text["type"], text["charset"], text["language"], html["language"]) == (
        "text/plain", "utf-8", ["de", "en"], ["de"],
    )  # fmt: skip
    picture = mixed["subParts"][1]
    assert picture == {
        "type": "image/png", "name": "写真 1.png", "disposition": "attachment", "cid": "i@x",
        "location": "https://example.org/i.png", "language": None, "size": 3, "charset": None,
        "blobId": picture["blobId"], "header:X-Of-Part:asText": "Größe", "subParts": None,
    }  # fmt: skip
    assert download(ann, picture["blobId"]) == b"PNG"
    assert values(ann, id) == ["Grüße\n", "<p>ü"]


def test_attachments_are_uploads_messages_and_parts_of_messages(ann: Client, bob: Client) -> None:
    inner = message("inner", attachments=[("a.bin", b"\x00\xff" * 50)])
    carrier = ann.deliver(inner)[0]
    whole = ann.email(carrier, "blobId")["blobId"]
    part = ann.email(carrier, "attachments")["attachments"][0]["blobId"]
    given = {
        "textBody": [{"partId": "t"}],
        "bodyValues": {"t": {"value": "See"}},
        "attachments": [
            {"blobId": whole, "type": "message/rfc822"},
            {"blobId": part, "type": "application/octet-stream", "name": "a.bin"},
            {"blobId": upload(ann, b"up")},
        ],
    }

    id = creation(ann, given)["id"]

    found = ann.email(id, "attachments", "hasAttachment")
    blobs = [one["blobId"] for one in found["attachments"]]
    assert [download(ann, blob) for blob in blobs] == [inner, b"\x00\xff" * 50, b"up"]
    assert [one["disposition"] for one in found["attachments"]] == ["attachment"] * 3
    assert found["hasAttachment"] is True
    error = bob.call("Email/set", create={"k": {**DRAFTS, **given}})["notCreated"]["k"]
    assert error == {"type": "blobNotFound", "notFound": [whole, part, given["attachments"][2]["blobId"]]}


def test_every_blob_that_is_missing_is_named_once(ann: Client) -> None:
    there = upload(ann, b"x")
    nothing = blob_id("0" * 64)

    error = refusal(ann, {"attachments": [{"blobId": one} for one in (nothing, there, "nonsense", nothing)]})

    assert error == {"type": "blobNotFound", "notFound": [nothing, "nonsense"]}


HEADERS: list[tuple[Object, str]] = [
    ({"header:X-Raw": " as it is"}, "header:X-Raw"),
    ({"header:X-Text:asText": "Überraschung"}, "header:X-Text:asText"),
    ({"header:To:asAddresses": [PERSON]}, "to"),
    (
        {"header:To:asGroupedAddresses": [
            {"name": None, "addresses": [{"name": None, "email": "a@b.c"}]}, {"name": "Fründe", "addresses": [PERSON]},
            {"name": "Nobody", "addresses": []}]},
        "header:To:asGroupedAddresses",
    ),
    ({"header:X-Ids:asMessageIds": ["a@b", "c@d"]}, "header:X-Ids:asMessageIds"),
    ({"header:Resent-Date:asDate": "2026-11-20T12:30:00+02:30"}, "header:Resent-Date:asDate"),
    ({"header:List-Post:asURLs": ["mailto:a@b.c", "https://example.org/"]}, "header:List-Post:asURLs"),
    ({"header:X-Many:asText:all": ["one", "zwölf", "three"]}, "header:X-Many:asText:all"),
    ({"header:X-None:all": []}, "header:X-None:all"),
    ({"header:X-Null": None}, "header:X-Null"),
    ({"header:Subject:asText": "as header"}, "subject"),
    ({"header:Date": " Fri, 20 Nov 2026 12:00:00 +0100"}, "header:Date"),
    ({"header:message-id:asMessageIds": ["own@example.org"]}, "messageId"),
    ({"subject": ""}, "subject"),
    ({"subject": None}, "subject"),
    ({"to": [{"name": None, "email": "not yet an addr"}]}, "to"),
    ({"to": [{"name": None, "email": "jörg"}]}, "to"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "read"), HEADERS)
def test_a_header_is_written_in_the_form_it_was_given(ann: Client, given: Object, read: str) -> None:
    id = creation(ann, {**given, **TEXT})["id"]

    assert ann.email(id, read)[read] == next(iter(given.values()))


def test_unstructured_raw_text_that_is_not_ascii_is_encoded(ann: Client) -> None:
    id = creation(ann, {"header:X-Raw": " Grüße", **TEXT})["id"]

    assert raw_of(ann, id).isascii()
    assert ann.email(id, "header:X-Raw:asText")["header:X-Raw:asText"] == "Grüße"


LEAF = {"type": "text/plain", "partId": "1"}
INVALID: list[tuple[Object, list[str]]] = [
    ({"headers": [{"name": "X", "value": "y"}]}, ["headers"]),
    ({"bodyStructure": {**LEAF, "headers": []}}, ["bodyStructure/headers"]),
    ({"subject": "a", "header:Subject": " a"}, ["header:Subject"]),
    ({"from": [PERSON], "header:from:asAddresses": [PERSON]}, ["header:from:asAddresses"]),
    ({"header:X-A": "a", "header:x-a:asText": "a"}, ["header:x-a:asText"]),
    ({"header:From:asDate": "2026-11-20T12:30:00Z"}, ["header:From:asDate"]),
    ({"header:Subject:asAddresses": []}, ["header:Subject:asAddresses"]),
    ({"header:Nonsense:asFoo": "x"}, ["header:Nonsense:asFoo"]),
    ({"header:Content-Type": " text/plain"}, ["header:Content-Type"]),
    ({"header:Content-Language:asText": "de"}, ["header:Content-Language:asText"]),
    ({"header:X-Many:all": "one"}, ["header:X-Many:all"]),
    ({"header:To:asAddresses:all": [[PERSON], [PERSON]]}, ["header:To:asAddresses:all"]),
    ({"header:X-A": "a\r\nBcc: x@y.z"}, ["header:X-A"]),
    ({"header:X-A": 5}, ["header:X-A"]),
    ({"header:X-A:asText": "a\nb"}, ["header:X-A:asText"]),
    ({"subject": "a\r\nBcc: x@y.z"}, ["subject"]),
    ({"subject": "a\0"}, ["subject"]),
    ({"to": [{"name": "a\r\nBcc: x@y.z", "email": "a@b.c"}]}, ["to"]),
    ({"to": [{"name": None, "email": "a@b.c\r\nBcc: x@y.z"}]}, ["to"]),
    ({"to": [{"name": "a"}]}, ["to"]),
    ({"to": [{"email": 1}]}, ["to"]),
    ({"to": [{"email": "a@b.c", "other": 1}]}, ["to"]),
    ({"messageId": ["a b"]}, ["messageId"]),
    ({"messageId": ["<a@b>"]}, ["messageId"]),
    ({"sentAt": "yesterday"}, ["sentAt"]),
    ({"subject": "x", "sentAt": "no", "messageId": [""]}, ["sentAt", "messageId"]),
    ({"textBody": [LEAF]}, ["textBody"]),
    ({"htmlBody": [{"type": "text/html", "partId": "1"}], "attachments": []}, ["htmlBody", "attachments"]),
    ({"bodyStructure": {**LEAF, "header:X-A": " b"}, "header:x-a:asText": "a"}, ["header:X-A"]),
    ({"bodyStructure": {**LEAF, "header:Subject:asText": "b"}, "subject": "a"}, ["header:Subject"]),
    ({"bodyStructure": {"type": "text/plain"}}, ["bodyStructure/partId"]),
    ({"bodyStructure": {**LEAF, "blobId": "x"}}, ["bodyStructure/partId"]),
    ({"bodyStructure": {**LEAF, "partId": "2"}}, ["bodyStructure/partId"]),
    ({"bodyStructure": {**LEAF, "partId": 1}}, ["bodyStructure/partId"]),
    ({"bodyStructure": {**LEAF, "charset": "utf-8"}}, ["bodyStructure/charset"]),
    ({"bodyStructure": {**LEAF, "size": 5}}, ["bodyStructure/size"]),
    ({"bodyStructure": {**LEAF, "type": "text/plain; charset=x"}}, ["bodyStructure"]),
    ({"bodyStructure": {**LEAF, "type": "multipart/mixed"}}, ["bodyStructure"]),
    ({"bodyStructure": {"type": "multipart/mixed", "subParts": []}}, ["bodyStructure/subParts"]),
    ({"bodyStructure": {"type": "text/plain", "subParts": [LEAF]}}, ["bodyStructure"]),
    ({"bodyStructure": {"type": "multipart/mixed", "partId": "1", "subParts": [LEAF]}}, ["bodyStructure/partId"]),
    ({"bodyStructure": {"subParts": [LEAF, 5, {**LEAF, "name": 1}]}},
     ["bodyStructure/subParts/1", "bodyStructure/subParts/2/name"]),
    ({"bodyStructure": {**LEAF, "header:Content-Transfer-Encoding": " 8bit"}},
     ["bodyStructure/header:Content-Transfer-Encoding"]),
    ({"bodyStructure": {**LEAF, "header:Content-Type": " text/html"}}, ["bodyStructure/header:Content-Type"]),
    ({"bodyStructure": {**LEAF, "cid": "a", "header:content-id": " <b>"}}, ["bodyStructure/header:content-id"]),
    ({"bodyStructure": {**LEAF, "name": "a", "header:Content-Disposition": " inline"}},
     ["bodyStructure/header:Content-Disposition"]),
    ({"bodyStructure": {**LEAF, "header:Content-Language:all": ["de", "en"]}},
     ["bodyStructure/header:Content-Language:all"]),
    ({"bodyStructure": {**LEAF, "nonsense": 1}}, ["bodyStructure/nonsense"]),
    ({"bodyStructure": {**LEAF, "language": "de"}}, ["bodyStructure/language"]),
    ({"bodyStructure": {**LEAF, "disposition": "inline\r\nX: y"}}, ["bodyStructure/disposition"]),
    ({"bodyStructure": {**LEAF, "cid": "a b"}}, ["bodyStructure"]),
    ({"bodyValues": {"1": {"value": "x", "isTruncated": True}}}, ["bodyValues/1/isTruncated"]),
    ({"bodyValues": {"1": {"value": "x", "isEncodingProblem": True}}}, ["bodyValues/1/isEncodingProblem"]),
    ({"bodyValues": {"1": {"value": "x", "isTruncated": None}}}, ["bodyValues/1/isTruncated"]),
    ({"bodyValues": {"1": {"value": "x", "charset": "x"}}}, ["bodyValues/1/charset"]),
    ({"bodyValues": {"1": {"text": "x"}}}, ["bodyValues/1", "bodyStructure/partId"]),
    ({"mailboxIds": {}}, ["mailboxIds"]),
    ({"mailboxIds": {"nowhere": True}}, ["mailboxIds"]),
    ({"mailboxIds": {"#unknown": True}}, ["mailboxIds"]),
    ({"mailboxIds": {"drafts": False}}, ["mailboxIds"]),
    ({"keywords": {"a b": True}}, ["keywords"]),
    ({"receivedAt": "2026-11-20T12:30:00+01:00"}, ["receivedAt"]),
    ({"id": "x"}, ["id"]),
    ({"size": 5}, ["size"]),
    ({"nonsense": 5}, ["nonsense"]),
]  # fmt: skip


@pytest.mark.parametrize(("given", "properties"), INVALID)
def test_what_breaks_a_rule_is_named(ann: Client, given: Object, properties: list[str]) -> None:
    error = refusal(ann, {**TEXT, **given})

    assert error["type"] == "invalidProperties"
    assert error["properties"] == properties


LISTS: list[tuple[Object, list[str]]] = [
    ({"textBody": []}, ["textBody"]),
    ({"textBody": [{"partId": "1"}, {"partId": "1"}]}, ["textBody"]),
    ({"textBody": [{"partId": "1", "type": "text/html"}]}, ["textBody/0/type"]),
    ({"htmlBody": [{"partId": "1", "type": "text/plain"}]}, ["htmlBody/0/type"]),
    ({"htmlBody": []}, ["htmlBody"]),
    ({"attachments": [{"subParts": [{"partId": "1"}]}]}, ["attachments/0/subParts"]),
    ({"attachments": [{"type": "image/png"}]}, ["attachments/0/partId"]),
    ({"textBody": [{"partId": "1", "header:X-A": " b"}], "header:X-A": " a"}, ["header:X-A"]),
]


@pytest.mark.parametrize(("given", "properties"), LISTS)
def test_what_breaks_a_rule_on_the_lists_is_named(ann: Client, given: Object, properties: list[str]) -> None:
    error = refusal(ann, {"bodyValues": {"1": {"value": "x"}}, **given})

    assert (error["type"], error["properties"]) == ("invalidProperties", properties)


def test_a_creation_without_mailboxes_is_invalid(ann: Client) -> None:
    error = ann.call("Email/set", create={"k": TEXT})["notCreated"]["k"]

    assert (error["type"], error["properties"]) == ("invalidProperties", ["mailboxIds"])


def test_a_structure_is_nested_and_wide_only_so_far(ann: Client) -> None:
    deep: Object = dict(LEAF)
    for _ in range(45):
        deep = {"type": "multipart/mixed", "subParts": [deep]}

    assert refusal(ann, {**TEXT, "bodyStructure": deep})["type"] == "invalidProperties"
    wide = {"type": "multipart/mixed", "subParts": [LEAF] * 1_000}
    assert refusal(ann, {**TEXT, "bodyStructure": wide})["type"] == "invalidProperties"
    id = creation(ann, {**TEXT, "bodyStructure": {"type": "multipart/mixed", "subParts": [LEAF] * 800}})["id"]
    assert len(values(ann, id)) == 800


def test_a_content_type_with_parameters_is_given_as_a_header(ann: Client) -> None:
    part = {"partId": "1", "header:Content-Type": " text/plain; format=flowed; charset=iso-8859-1"}

    id = creation(ann, {"bodyStructure": part, "bodyValues": {"1": {"value": "Grüße \nund mehr"}}})["id"]

    found = parsed(ann, id)
    assert (found.get_content_type(), found.get_param("format"), found.get_content_charset()) == (
        "text/plain", "flowed", "utf-8",
    )  # fmt: skip
    assert values(ann, id) == ["Grüße \nund mehr"]


def limited(client: Client, **limits: int) -> Client:
    """The same user, where the site has other limits."""
    config = client.site.config
    site = replace(client.site, config=replace(config, limits=replace(config.limits, **limits)))
    return Client(site, client.user)


def test_attachments_that_are_too_large_together_are_refused(ann: Client) -> None:
    client = limited(ann, max_size_attachments_per_email=1_000)
    half = upload(ann, b"x" * 500)

    assert creation(client, {"attachments": [{"blobId": half}] * 2})
    assert refusal(client, {"attachments": [{"blobId": half}] * 3})["type"] == "tooLarge"


def test_a_header_that_could_not_be_read_again_is_too_large(ann: Client) -> None:
    texts = {f"header:X-{n}:asText": "x" * 200_000 for n in range(5)}

    assert refusal(ann, {**texts, **TEXT})["type"] == "tooLarge"


def test_too_many_keywords_or_mailboxes_are_refused(ann: Client) -> None:
    client = limited(ann, max_keywords_per_email=2, max_mailboxes_per_email=2)

    error = refusal(client, {"keywords": dict.fromkeys("abc", True), **TEXT})
    assert error["type"] == "tooManyKeywords"
    error = refusal(client, {"mailboxIds": dict.fromkeys(("inbox", "drafts", "sent"), True), **TEXT})
    assert error["type"] == "tooManyMailboxes"


def test_an_account_that_is_full_takes_no_draft(ann: Client, site: Site, actor: Actor, user: User) -> None:
    set_user(site, actor, user.login, quota=2_000)

    size = creation(ann, TEXT)["size"]
    answer = ann.call("Email/set", create={f"k{n}": {**DRAFTS, **TEXT} for n in range(15)})

    fits = 2_000 // size - 1
    assert len(answer["created"]) == fits
    assert {error["type"] for error in answer["notCreated"].values()} == {"overQuota"}
    assert len(answer["notCreated"]) == 15 - fits


def test_one_creation_that_fails_does_not_stop_the_others(ann: Client) -> None:
    good = {**DRAFTS, **TEXT}
    answer = ann.call("Email/set", create={"a": good, "b": {**good, "sentAt": "x"}, "c": {**good, "mailboxIds": 5}})

    assert (list(answer["created"]), sorted(answer["notCreated"])) == (["a"], ["b", "c"])


def test_nothing_is_created_in_another_state(ann: Client) -> None:
    assert ann.error("Email/set", ifInState="77", create={"k": {**DRAFTS, **TEXT}})["type"] == "stateMismatch"


def test_many_are_created_in_one_call(ann: Client) -> None:
    answer = ann.call("Email/set", create={f"k{n}": {**DRAFTS, "subject": f"{n}", **TEXT} for n in range(100)})

    assert answer["notCreated"] is None
    assert [ann.email(answer["created"][f"k{n}"]["id"], "subject")["subject"] for n in (0, 50, 99)] == ["0", "50", "99"]


def test_a_thousand_recipients_a_long_subject_and_right_to_left_text(ann: Client) -> None:
    people = [{"name": f"دعاء {n} 🎉", "email": f"p{n}@example.org"} for n in range(1_000)]
    subject = "مرحبا بالعالم " * 200 + "end"

    id = creation(ann, {"to": people, "subject": subject, **TEXT})["id"]

    found = ann.email(id, "to", "subject")
    assert found["to"] == people
    assert found["subject"] == subject
    raw = raw_of(ann, id)
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 78


def test_a_large_attachment_with_a_japanese_name_comes_out_again(ann: Client) -> None:
    content = bytes(range(256)) * 80_000
    blob = upload(ann, content)

    id = creation(ann, {"attachments": [{"blobId": blob, "type": "image/jpeg", "name": "添付ファイル.jpg"}]})["id"]

    found = ann.email(id, "attachments")["attachments"][0]
    assert (found["name"], found["size"]) == ("添付ファイル.jpg", len(content))
    assert download(ann, found["blobId"]) == content


def test_an_account_that_may_only_be_read_takes_no_draft(ann: Client, bob: Client, site: Site, actor: Actor) -> None:
    share_account(site, actor, "bob@example.org", "ann@example.org", read_only=True)
    before = bob.position()

    answer = ann.error("Email/set", accountId=bob.account, create={"k": {**DRAFTS, **TEXT}})

    assert answer["type"] == "accountReadOnly"
    assert bob.position() == before
