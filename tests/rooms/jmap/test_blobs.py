"""Upload and download (RFC 8620 §6)."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import Any

import pytest

from homing.config import Limits
from homing.jmap.blob import UPLOAD_SECONDS
from homing.ports.blobs import digest_of
from tests.conftest import FakeClock
from tests.mail import message
from tests.rooms.jmap.conftest import Client


def upload(client: Client, content: Any = b"hello", type: str = "text/plain") -> dict[str, Any]:
    response = client.http("POST", f"/jmap/upload/{client.account}/", content, {"content-type": type})
    assert response.status == 201, response
    return json.loads(response.body)


def download(client: Client, id: str, name: str = "x", query: str = "") -> tuple[int, bytes, dict[str, str]]:
    response = client.http("GET", f"/jmap/download/{client.account}/{id}/{name}", query=query)
    body = response.body if isinstance(response.body, bytes) else b"".join(response.body)
    return response.status, body, dict(response.headers)


def test_an_upload_is_answered_with_its_blob(ann: Client) -> None:
    response = ann.http("POST", f"/jmap/upload/{ann.account}/", b"hello", {"content-type": "text/plain; charset=utf-8"})

    assert response.headers["content-type"].startswith("application/json")
    assert json.loads(response.body) == {
        "accountId": ann.account,
        "blobId": "b" + digest_of(b"hello"),
        "type": "text/plain; charset=utf-8",
        "size": 5,
    }


@pytest.mark.parametrize("headers", [{}, {"content-type": ""}])
def test_an_upload_without_a_type_is_plain_octets(ann: Client, headers: dict[str, str]) -> None:
    response = ann.http("POST", f"/jmap/upload/{ann.account}/", b"x", headers)

    assert json.loads(response.body)["type"] == "application/octet-stream"


@pytest.mark.parametrize("content", [b"", b"\0\xff\r\n", b"x" * 300_000])
@pytest.mark.parametrize("streamed", [False, True])
def test_what_was_uploaded_is_downloaded_byte_for_byte(ann: Client, content: bytes, streamed: bool) -> None:
    pieces = (content[i : i + 1_000] for i in range(0, len(content), 1_000))
    answer = upload(ann, pieces if streamed else content)

    status, body, headers = download(ann, answer["blobId"])

    assert (status, body, answer["size"]) == (200, content, len(content))
    assert headers["content-length"] == str(len(content))


def test_the_type_is_what_the_client_asks_for(ann: Client) -> None:
    id = upload(ann)["blobId"]

    assert download(ann, id, query="type=image%2Fpng")[2]["content-type"] == "image/png"
    assert download(ann, id, query="accept=x&type=text/html")[2]["content-type"] == "text/html"
    assert download(ann, id, query="type=image/svg+xml")[2]["content-type"] == "image/svg+xml"
    assert download(ann, id, query="type=a%2Fb%3B%20c%3D%22d%2Be%22")[2]["content-type"] == 'a/b; c="d+e"'


@pytest.mark.parametrize(
    "query", ["", "type=", "type=nonsense", "type=a/b%0d%0aX-Evil:1", "type=%FF/%FF", "type=a/\u00e9"]
)
def test_a_type_that_is_none_becomes_plain_octets(ann: Client, query: str) -> None:
    headers = download(ann, upload(ann)["blobId"], query=query)[2]

    assert headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("report.pdf", "report.pdf"),
        ("two%20words.txt", "two%20words.txt"),
        ("%C3%A9t%C3%A9.txt", "%C3%A9t%C3%A9.txt"),
        ("a%2Fb", "a%2Fb"),
        ("a/b", "a%2Fb"),
        ('%22%0d%0aX:1"', "%22%0D%0AX%3A1%22"),
        ("..%2F..%2Fetc%2Fpasswd", "..%2F..%2Fetc%2Fpasswd"),
        ("\ud800", "%3F"),
        ("", ""),
    ],
)
def test_the_name_is_the_file_name_and_nothing_else(ann: Client, path: str, name: str) -> None:
    disposition = download(ann, upload(ann)["blobId"], path)[2]["content-disposition"]

    assert disposition == f"attachment; filename*=UTF-8''{name}"


def test_a_download_may_be_cached_for_ever_and_is_never_run(ann: Client) -> None:
    headers = download(ann, upload(ann)["blobId"])[2]

    assert headers["cache-control"] == "private, immutable, max-age=31536000"
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "b",
        "b/x",
        "../x",
        "..%2f..%2fsite.db/x",
        "b" + "0" * 64 + "/x",
        "b" + "0" * 63 + "/x",
        "{digest}/x",
        "B{digest}/x",
        "b{DIGEST}/x",
        "b{digest}%00/x",
        "b{digest}\n/x",
        "b{digest}-/x",
        "b{digest}-0-5/x",
        "b{digest}-0-5-z/x",
        "b{digest}--1-5-n/x",
        "b{digest}-0-6-n/x",
        "b{digest}-5-1-n/x",
        "b{digest}-0-99999999999-n/x",
        "b{digest}-\u0660-5-n/x",
        "x/b{digest}/x",
        "b{digest}",
    ],
)
def test_anything_but_a_blob_of_the_account_is_not_found(ann: Client, path: str) -> None:
    digest = upload(ann)["blobId"][1:]

    path = path.replace("{digest}", digest).replace("{DIGEST}", digest.upper())

    response = ann.http("GET", f"/jmap/download/{ann.account}/{path}")

    assert response.status == 404
    assert response.headers["cache-control"] == "no-store"


def test_an_upload_larger_than_allowed_is_refused_and_not_kept(ann: Client) -> None:
    config = dataclasses.replace(ann.site.config, limits=Limits(max_size_upload=10))
    client = Client(dataclasses.replace(ann.site, config=config), ann.user)

    refused = client.http("POST", f"/jmap/upload/{ann.account}/", iter([b"12345", b"67890", b"x"]))
    declared = client.http("POST", f"/jmap/upload/{ann.account}/", b"", {"content-length": "11"})

    for response in (refused, declared):
        problem = json.loads(response.body)
        assert (problem["type"], problem["limit"]) == ("urn:ietf:params:jmap:error:limit", "maxSizeUpload")
    assert ann.site.blobs.size(digest_of(b"1234567890x")) is None
    assert upload(client, b"1234567890")["size"] == 10


def test_an_upload_to_another_account_is_not_found(ann: Client, bob: Client) -> None:
    for account in (bob.account, "nobody", "", "a/b"):
        response = ann.http("POST", f"/jmap/upload/{account}/", b"x")
        assert response.status == 404


def test_an_upload_that_nothing_uses_ends_after_a_day(ann: Client, clock: FakeClock) -> None:
    id = upload(ann)["blobId"]

    clock.advance(UPLOAD_SECONDS * 1_000 - 1_000)
    assert download(ann, id)[0] == 200
    clock.advance(1_001)
    assert download(ann, id)[0] == 404


def test_uploading_again_begins_another_day(ann: Client, clock: FakeClock) -> None:
    upload(ann)
    clock.advance(UPLOAD_SECONDS * 1_000 - 1_000)
    id = upload(ann)["blobId"]

    clock.advance(UPLOAD_SECONDS * 1_000 - 1_000)

    assert download(ann, id)[0] == 200


def test_an_upload_of_a_message_that_is_there_outlives_its_day(ann: Client, clock: FakeClock) -> None:
    raw = message("kept")
    email = ann.deliver(raw)[0]
    id = upload(ann, raw)["blobId"]

    clock.advance(UPLOAD_SECONDS * 2_000)

    assert ann.email(email, "blobId")["blobId"] == id
    assert download(ann, id)[:2] == (200, raw)


def test_the_raw_message_goes_with_its_last_email(ann: Client) -> None:
    raw = message("twice", message_id="a@x")
    first, second = ann.deliver(raw, raw)
    id = ann.email(first, "blobId")["blobId"]

    ann.call("Email/set", destroy=[first])
    assert download(ann, id)[:2] == (200, raw)
    ann.call("Email/set", destroy=[second])
    assert download(ann, id)[0] == 404


def test_a_part_is_downloaded_decoded(ann: Client) -> None:
    content = bytes(range(256)) * 50
    email = ann.deliver(message(attachments=[("all.bin", content)], body="Gr=C3=BC=C3=9Fe\r\n"))[0]

    attachment = ann.email(email, "attachments")["attachments"][0]

    status, body, headers = download(ann, attachment["blobId"])
    assert (status, body) == (200, content)
    assert headers["content-length"] == str(attachment["size"]) == str(len(content))


def test_a_quoted_printable_part_is_downloaded_decoded(ann: Client) -> None:
    raw = (
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        b"Gr=C3=BC=\r\n=C3=9Fe\r\n"
    )
    part = ann.email(ann.deliver(raw)[0], "textBody")["textBody"][0]

    assert download(ann, part["blobId"])[1] == "Grüße\r\n".encode()
    assert part["size"] == len("Grüße\r\n".encode())


def test_a_part_in_an_unknown_encoding_is_downloaded_as_it_is(ann: Client) -> None:
    raw = b"Content-Type: text/plain\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n" + base64.b64encode(b"abc")

    part = ann.email(ann.deliver(raw)[0], "textBody")["textBody"][0]

    assert download(ann, part["blobId"])[1] == base64.b64encode(b"abc")
