"""Email/parse (RFC 8621 §4.9)."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from homing.ids import blob_id
from tests.mail import message
from tests.rooms.jmap.conftest import Client, Object
from tests.rooms.jmap.test_email_create import download, limited, upload

DEFAULTS = (
    "messageId inReplyTo references sender from to cc bcc replyTo subject sentAt hasAttachment preview bodyValues "
    "textBody htmlBody attachments"
)


def parsed(client: Client, blob: str, *properties: str, **arguments: Any) -> Object:
    answer = client.call("Email/parse", blobIds=[blob], properties=list(properties) or None, **arguments)
    assert (answer["notParsable"], answer["notFound"]) == (None, None)
    assert list(answer["parsed"]) == [blob]
    email: Object = answer["parsed"][blob]
    return email


RAW = message("Grüße", message_id="1@x", attachments=[("a.bin", b"\x00\xff" * 20)])


def test_an_upload_is_parsed_without_becoming_an_email(ann: Client) -> None:
    blob = upload(ann, RAW)
    before = ann.position()

    found = parsed(ann, blob)

    assert list(found) == DEFAULTS.split()
    assert (found["subject"], found["messageId"], found["hasAttachment"]) == ("Grüße", ["1@x"], True)
    assert found["bodyValues"] == {}
    assert ann.position() == before
    assert ann.query() == []


def test_it_is_rendered_as_the_stored_email_would_be(ann: Client) -> None:
    properties = [*DEFAULTS.split(), "size", "headers", "bodyStructure", "header:X-A:asText:all", "header:from:asRaw"]
    arguments: Object = {
        "bodyProperties": ["partId", "blobId", "size", "type", "headers", "subParts"],
        "fetchAllBodyValues": True,
        "maxBodyValueBytes": 5,
    }
    blob = upload(ann, RAW)
    id = ann.deliver(RAW)[0]

    stored = ann.email(id, *properties, **arguments)

    del stored["id"]
    assert parsed(ann, blob, *properties, **arguments) == stored


def test_what_only_an_account_says_is_null(ann: Client) -> None:
    blob = upload(ann, RAW)

    found = parsed(ann, blob, "id", "blobId", "threadId", "mailboxIds", "keywords", "receivedAt", "size")

    assert found == {
        "id": None, "blobId": blob, "threadId": None, "mailboxIds": None, "keywords": None, "receivedAt": None,
        "size": len(RAW),
    }  # fmt: skip


ENCODED = {
    "7bit": RAW,
    "base64": base64.encodebytes(RAW).replace(b"\n", b"\r\n"),
    "quoted-printable": RAW.replace(b"=", b"=3D"),
}


@pytest.mark.parametrize("encoding", ENCODED)
def test_an_attached_message_is_parsed_with_its_own_attachments(ann: Client, encoding: str) -> None:
    outer = (
        b"Subject: outer\r\nContent-Type: multipart/mixed; boundary=outer\r\n\r\n--outer\r\n"
        b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: %b\r\n\r\n%b\r\n--outer--\r\n"
    ) % (encoding.encode(), ENCODED[encoding])
    blob = ann.email(ann.deliver(outer)[0], "attachments")["attachments"][0]["blobId"]

    found = parsed(ann, blob, "subject", "attachments", "bodyValues", "blobId", fetchTextBodyValues=True)

    assert (found["subject"], found["blobId"]) == ("Grüße", blob)
    assert [one["value"] for one in found["bodyValues"].values()] == ["Hello there.\n"]
    assert download(ann, found["attachments"][0]["blobId"]) == b"\x00\xff" * 20


def test_a_message_within_a_message_within_a_message_is_parsed(ann: Client) -> None:
    def wrap(inner: bytes, boundary: bytes) -> bytes:
        return (
            b"Subject: %b\r\nContent-Type: multipart/mixed; boundary=%b\r\n\r\n--%b\r\nContent-Type: message/rfc822\r\n"
            b"\r\n%b\r\n--%b--\r\n"
        ) % (boundary, boundary, boundary, inner, boundary)

    blob = ann.email(ann.deliver(wrap(wrap(RAW, b"two"), b"one"))[0], "attachments")["attachments"][0]["blobId"]

    second = parsed(ann, blob, "subject", "attachments")
    third = parsed(ann, second["attachments"][0]["blobId"], "subject", "attachments")

    assert (second["subject"], third["subject"]) == ("two", "Grüße")
    assert download(ann, third["attachments"][0]["blobId"]) == b"\x00\xff" * 20


def test_what_is_not_there_and_what_is_no_message_are_told_apart(ann: Client, bob: Client) -> None:
    good, bad, theirs = upload(ann, RAW), upload(ann, b"this is not an email at all"), upload(bob, message("secret"))
    nothing = blob_id("0" * 64)

    answer = ann.call("Email/parse", blobIds=[good, bad, nothing, "nonsense", theirs, good])

    assert list(answer["parsed"]) == [good]
    assert answer["notParsable"] == [bad]
    assert answer["notFound"] == [nothing, "nonsense", theirs]
    assert ann.call("Email/parse", blobIds=[]) == {
        "accountId": ann.account, "parsed": None, "notParsable": None, "notFound": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"properties": ["nonsense"]}, "properties"),
        ({"properties": ["header:From:asDate"]}, "properties"),
        ({"bodyProperties": ["nonsense"]}, "bodyProperties"),
        ({"bodyProperties": ["header:From:asDate"]}, "bodyProperties"),
        ({"blobIds": None}, "blobIds"),
        ({"fetchAllBodyValues": None}, "fetchAllBodyValues"),
    ],
)
def test_a_property_that_there_is_not_is_invalid(ann: Client, arguments: Object, name: str) -> None:
    error = ann.error("Email/parse", **{"blobIds": [], **arguments})

    assert (error["type"], error["arguments"]) == ("invalidArguments", [name])


def test_a_message_that_is_cut_in_its_record_is_whole(ann: Client) -> None:
    people = ",\r\n ".join(f"p{n}@example.org" for n in range(500))
    blob = upload(ann, message("s" * 3_000, to=people))

    found = parsed(ann, blob, "to", "subject")

    assert (len(found["to"]), found["subject"]) == (500, "s" * 3_000)


def test_internationalized_headers_are_read(ann: Client) -> None:
    blob = upload(ann, "From: Jörg <jörg@bücher.example>\r\nSubject: Grüße\r\n\r\nx".encode())

    found = parsed(ann, blob, "from", "subject")

    assert found["from"] == [{"name": "Jörg", "email": "jörg@bücher.example"}]
    assert found["subject"] == "Grüße"


def test_empty_fields_are_empty_and_not_null(ann: Client) -> None:
    raw = b"Subject:\r\nTo: undisclosed-recipients:;\r\nCc:\r\n\r\nx"

    for found in (parsed(ann, upload(ann, raw)), ann.email(ann.deliver(raw)[0])):
        assert {name: found[name] for name in ("subject", "to", "cc", "bcc", "messageId")} == {
            "subject": "", "to": [], "cc": [], "bcc": None, "messageId": None,
        }  # fmt: skip


def test_too_many_or_too_large_messages_are_refused(ann: Client) -> None:
    blobs = [upload(ann, message(f"{n}", body="x" * 1_000)) for n in range(3)]

    assert limited(ann, max_objects_in_get=2).error("Email/parse", blobIds=blobs)["type"] == "requestTooLarge"
    assert limited(ann, max_bytes_in_get=2_500).error("Email/parse", blobIds=blobs)["type"] == "requestTooLarge"


def test_an_upload_of_the_same_request_is_parsed(ann: Client) -> None:
    body = {"accountId": ann.account, "create": {"b": {"data": [{"data:asText": RAW.decode()}]}}}
    using = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail", "urn:ietf:params:jmap:blob"]

    answer = ann.request(
        ("Blob/upload", body, "a"),
        ("Email/parse", {"accountId": ann.account, "blobIds": ["#b"], "properties": ["subject"]}, "b"),
        using=using,
    )

    assert [*answer["methodResponses"][1][1]["parsed"].values()] == [{"subject": "Grüße"}]
