"""Email/get (RFC 8621 §4.1, §4.2): metadata, headers in all their forms, bodies."""

from __future__ import annotations

from typing import Any

import pytest

from homing.ports.blobs import digest_of
from tests.mail import message
from tests.rooms.jmap.conftest import Client

HEADERS = (
    b"Received: from a by b; Sat, 21 Nov 2026 10:00:01 +0000\r\n"
    b"Received: from c by a; Sat, 21 Nov 2026 10:00:00 +0000\r\n"
    b"Return-Path: <bounce@example.com>\r\n"
    b'From: "Joe \\"J\\" Bloggs" <joe@example.com>\r\n'
    b"Sender: Secretary <sec@example.com>\r\n"
    b"Reply-To: joe+reply@example.com\r\n"
    b'To: "  James Smythe" <james@example.com>, Friends:\r\n'
    b"  jane@example.com, =?UTF-8?Q?John_Sm=C3=AEth?=\r\n"
    b"  <john@example.com>;\r\n"
    b"Cc: a@example.com (Commented)\r\n"
    b"Bcc: Hidden:;\r\n"
    b"Subject: =?iso-8859-1?q?Gr=FC=DFe?= and\r\n more\r\n"
    b"Date: Fri, 20 Nov 2026 12:30:00 +0230\r\n"
    b"Message-ID: <1@example.com>\r\n"
    b"In-Reply-To: <0@example.com> (comment)\r\n"
    b"References: <r1@example.com>\r\n <r2@example.com>\r\n"
    b"Comments: =?utf-8?b?w6k=?=\r\n"
    b"Keywords: one, two\r\n"
    b"List-Post: <mailto:partytime@lists.example.com>, <https://example.com/a> (web)\r\n"
    b"List-Id: Party <party.lists.example.com>\r\n"
    b"Resent-To: first@example.com\r\n"
    b"Resent-To: Second <second@example.com>, third@example.com\r\n"
    b"Resent-Date: Fri, 20 Nov 2026 10:00:00 -0000\r\n"
    b"Resent-Message-ID: <resent@example.com>\r\n"
    b"X-Mixed: <mailto:x@example.com>\r\n"
    b"X-Date: Fri, 20 Nov 2026 10:00:00 +0000\r\n"
    b"X-Bad: \xff\xfe\x00?\r\n"
    b"x-mixed: last\r\n"
)
RAW = HEADERS + b"\r\nBody\r\n"


DEFAULTS = (
    "id blobId threadId mailboxIds keywords size receivedAt messageId inReplyTo references sender from to cc bcc "
    "replyTo subject sentAt hasAttachment preview bodyValues textBody htmlBody attachments"
)
"""RFC 8621 §4.2."""


def person(email: str, name: str | None = None) -> dict[str, str | None]:
    return {"name": name, "email": email}


JAMES, JANE, JOHN = (
    person("james@example.com", "James Smythe"),
    person("jane@example.com"),
    person("john@example.com", "John Smîth"),
)


@pytest.fixture
def email(ann: Client) -> str:
    return ann.deliver(RAW)[0]


def test_metadata(ann: Client, email: str) -> None:
    found = ann.email(email, "id", "blobId", "threadId", "mailboxIds", "keywords", "size", "receivedAt", "preview")

    assert found["threadId"] == ann.call("Thread/get", ids=[found["threadId"]])["list"][0]["id"]
    del found["threadId"]
    assert found == {
        "id": email,
        "blobId": "b" + digest_of(RAW),
        "mailboxIds": {"inbox": True},
        "keywords": {},
        "size": len(RAW),
        "receivedAt": "2026-11-18T11:06:40Z",
        "preview": "Body",
    }


def test_without_properties_the_defaults_of_the_standard_are_got(ann: Client, email: str) -> None:
    found = ann.call("Email/get", ids=[email])["list"][0]

    assert list(found) == DEFAULTS.split()
    assert found["bodyValues"] == {}


def test_the_received_date_has_a_fraction_only_if_there_is_one(ann: Client) -> None:
    whole = ann.deliver(message("a"), at=1_700_000_000_000)[0]
    part = ann.deliver(message("b"), at=1_700_000_000_250)[0]

    assert ann.email(whole, "receivedAt")["receivedAt"] == "2023-11-14T22:13:20Z"
    assert ann.email(part, "receivedAt")["receivedAt"] == "2023-11-14T22:13:20.250Z"


CONVENIENT: dict[str, tuple[str, Any]] = {
    "messageId": ("header:Message-ID:asMessageIds", ["1@example.com"]),
    "inReplyTo": ("header:In-Reply-To:asMessageIds", ["0@example.com"]),
    "references": ("header:References:asMessageIds", ["r1@example.com", "r2@example.com"]),
    "sender": ("header:Sender:asAddresses", [person("sec@example.com", "Secretary")]),
    "from": ("header:From:asAddresses", [person("joe@example.com", 'Joe "J" Bloggs')]),
    "to": ("header:To:asAddresses", [JAMES, JANE, JOHN]),
    "cc": ("header:Cc:asAddresses", [person("a@example.com", "Commented")]),
    "replyTo": ("header:Reply-To:asAddresses", [person("joe+reply@example.com")]),
    "subject": ("header:Subject:asText", "Grüße and more"),
    "sentAt": ("header:Date:asDate", "2026-11-20T12:30:00+02:30"),
}


@pytest.mark.parametrize("name", CONVENIENT)
def test_a_convenience_property_is_the_header_in_its_form(ann: Client, email: str, name: str) -> None:
    header, expected = CONVENIENT[name]

    found = ann.email(email, name, header)

    assert (found[name], found[header]) == (expected, expected)


def test_convenience_properties_of_a_message_without_headers_are_null(ann: Client) -> None:
    email = ann.deliver(b"\r\nBody")[0]

    found = ann.email(email, *CONVENIENT, "bcc", *(header for header, _ in CONVENIENT.values()))

    assert {name: value for name, value in found.items() if value is not None} == {"id": email}


@pytest.mark.parametrize(
    ("property", "expected"),
    [
        ("header:subject", " =?iso-8859-1?q?Gr=FC=DFe?= and\r\n more"),
        ("header:SUBJECT:asRaw", " =?iso-8859-1?q?Gr=FC=DFe?= and\r\n more"),
        ("header:Comments:asText", "é"),
        ("header:Keywords:asText", "one, two"),
        ("header:List-Id:asText", "Party <party.lists.example.com>"),
        ("header:Date", " Fri, 20 Nov 2026 12:30:00 +0230"),
        ("header:Resent-Date:asDate", "2026-11-20T10:00:00-00:00"),
        ("header:X-Date:asDate", "2026-11-20T10:00:00Z"),
        ("header:Resent-Message-ID:asMessageIds", ["resent@example.com"]),
        ("header:List-POST:asURLs", ["mailto:partytime@lists.example.com", "https://example.com/a"]),
        ("header:X-Mixed", " last"),
        ("header:x-mixed:all", [" <mailto:x@example.com>", " last"]),
        ("header:X-Mixed:asText:all", ["<mailto:x@example.com>", "last"]),
        ("header:X-Mixed:asURLs:all", [["mailto:x@example.com"], None]),
        ("header:X-Mixed:asMessageIds", None),
        ("header:X-Mixed:asDate:all", [None, None]),
        ("header:X-Bad", " \ufffd?"),
        ("header:Received:all", [" from a by b; Sat, 21 Nov 2026 10:00:01 +0000",
                                 " from c by a; Sat, 21 Nov 2026 10:00:00 +0000"]),
        ("header:Return-Path", " <bounce@example.com>"),
        ("header:Nothing", None),
        ("header:Nothing:asText", None),
        ("header:Nothing:asAddresses", None),
        ("header:Nothing:all", []),
        ("header:Nothing:asURLs:all", []),
        ("header:Resent-To:asAddresses:all", [[person("first@example.com")],
                                              [person("second@example.com", "Second"), person("third@example.com")]]),
        ("header:Resent-To:asAddresses", [person("second@example.com", "Second"), person("third@example.com")]),
        ("header:To:asGroupedAddresses", [{"name": None, "addresses": [JAMES]},
                                          {"name": "Friends", "addresses": [JANE, JOHN]}]),
        ("header:Bcc:asGroupedAddresses", [{"name": "Hidden", "addresses": []}]),
        ("header:Bcc:asAddresses", []),
    ],
)  # fmt: skip
def test_a_header_is_got_in_the_form_asked_for_under_the_name_asked_for(
    ann: Client, email: str, property: str, expected: Any
) -> None:
    assert ann.email(email, property) == {"id": email, property: expected}


FORMS = ["Raw", "Text", "Addresses", "GroupedAddresses", "MessageIds", "Date", "URLs"]
ALLOWED = {
    "Text": ["Subject", "Comments", "Keywords", "List-Id"],
    "Addresses": ["From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Resent-From", "Resent-Sender", "Resent-Reply-To",
                  "Resent-To", "Resent-Cc", "Resent-Bcc"],
    "MessageIds": ["Message-ID", "In-Reply-To", "References", "Resent-Message-ID"],
    "Date": ["Date", "Resent-Date"],
    "URLs": ["List-Help", "List-Unsubscribe", "List-Subscribe", "List-Post", "List-Owner", "List-Archive"],
}  # fmt: skip
ALLOWED["GroupedAddresses"] = ALLOWED["Addresses"]
DEFINED = {header for headers in ALLOWED.values() for header in headers} - {"List-Id"} | {"Received", "Return-Path"}


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_got_only_of_headers_that_may_have_it(ann: Client, email: str, form: str) -> None:
    for header in sorted(DEFINED | {"List-Id", "X-Other"}):
        allowed = form == "Raw" or header in ALLOWED[form] or header not in DEFINED
        for suffix in ("", ":all"):
            property = f"header:{header.upper()}:as{form}{suffix}"
            if allowed:
                assert property in ann.email(email, property), property
            else:
                assert ann.error("Email/get", ids=[email], properties=[property])["type"] == "invalidArguments"
                bad = ann.error("Email/get", ids=[email], bodyProperties=["partId", property])
                assert (bad["type"], bad["arguments"]) == ("invalidArguments", ["bodyProperties"])


@pytest.mark.parametrize(
    "property",
    ["header:", "header::asText", "header:Subject:", "header:Subject:text", "header:Subject:asText:",
     "header:Subject:all:asText", "header:Subject:astext", "header:Subject:asFoo", "header:Subject:ALL",
     "header:Subject:all:all", "header:Sub ject", "header:Süb", "header:Subject\n", "Header:Subject", "header:a\x7f"],
)  # fmt: skip
def test_a_header_property_of_another_form_is_invalid(ann: Client, property: str) -> None:
    assert ann.error("Email/get", ids=[], properties=[property])["type"] == "invalidArguments"
    assert ann.error("Email/get", ids=[], bodyProperties=[property])["type"] == "invalidArguments"


@pytest.mark.parametrize("name", ["!", "header", "as", "all", "a/b", "a~b", "{}", "x" * 998])
def test_a_header_may_have_any_name_of_printable_ascii(ann: Client, name: str) -> None:
    email = ann.deliver(f"{name}: value\r\n\r\nBody".encode())[0]

    assert ann.email(email, f"header:{name}:asText")[f"header:{name}:asText"] == "value"


def test_all_headers_are_got_in_their_order_and_spelling(ann: Client, email: str) -> None:
    headers = ann.email(email, "headers")["headers"]

    assert [one["name"] for one in headers[:3]] == ["Received", "Received", "Return-Path"]
    assert headers[-1] == {"name": "x-mixed", "value": " last"}
    assert headers[6] == {
        "name": "To",
        "value": ' "  James Smythe" <james@example.com>, Friends:\r\n  jane@example.com, '
        "=?UTF-8?Q?John_Sm=C3=AEth?=\r\n  <john@example.com>;",
    }
    assert len(headers) == 26


def test_values_that_are_too_long_for_the_record_are_got_from_the_message(ann: Client) -> None:
    people = [f"p{i}@example.com" for i in range(2_000)]
    ids = [f"id{i}@example.com" for i in range(500)]
    email = ann.deliver(message("s" * 5_000, to=",\r\n ".join(people), references=ids))[0]

    found = ann.email(email, "to", "references", "subject")

    assert [one["email"] for one in found["to"]] == people
    assert found["references"] == ids
    assert found["subject"] == "s" * 5_000


TREE = b"""\
Content-Type: multipart/mixed; boundary=1

--1
Content-Type: text/plain
Content-Disposition: inline

A
--1
Content-Type: multipart/mixed; boundary=2

--2
Content-Type: multipart/alternative; boundary=3

--3
Content-Type: multipart/mixed; boundary=4

--4
Content-Type: text/plain
Content-Disposition: inline

B
--4
Content-Type: image/jpeg
Content-Disposition: inline

C
--4
Content-Type: text/plain
Content-Disposition: inline

D
--4--
--3
Content-Type: multipart/related; boundary=5

--5
Content-Type: text/html
Content-Language: de, en
Content-Location: https://example.com/e
Content-ID: <e@example.com>

E
--5
Content-Type: image/jpeg

F
--5--
--3--
--2
Content-Type: image/jpeg
Content-Disposition: attachment; filename=g.jpg

G
--2
Content-Type: application/x-excel

H
--2
Content-Type: message/rfc822

Subject: J

J
--2--
--1
Content-Type: text/plain
Content-Disposition: inline

K
--1--
""".replace(b"\n", b"\r\n")


def contents(client: Client, parts: list[dict[str, Any]]) -> list[str]:
    """The last letter of each part's content."""
    found = []
    for part in parts:
        response = client.http("GET", f"/jmap/download/{client.account}/{part['blobId']}/x")
        body = response.body if isinstance(response.body, bytes) else b"".join(response.body)
        found.append(body.decode().strip()[-1])
    return found


def test_the_example_of_the_standard_is_taken_apart_as_it_says(ann: Client) -> None:
    email = ann.email(ann.deliver(TREE)[0], "textBody", "htmlBody", "attachments", "hasAttachment")

    assert contents(ann, email["textBody"]) == ["A", "B", "C", "D", "K"]
    assert contents(ann, email["htmlBody"]) == ["A", "E", "K"]
    assert contents(ann, email["attachments"]) == ["C", "F", "G", "H", "J"]
    assert email["hasAttachment"] is True


def test_the_structure_has_every_part_with_its_default_properties(ann: Client) -> None:
    root = ann.email(ann.deliver(TREE)[0], "bodyStructure")["bodyStructure"]

    defaults = set("partId blobId size name type charset disposition cid language location".split())
    assert set(root) == defaults | {"subParts"}
    assert (root["type"], root["partId"], root["blobId"]) == ("multipart/mixed", None, None)
    leaf = root["subParts"][0]
    assert set(leaf) == defaults
    assert (leaf["type"], leaf["disposition"], leaf["charset"], leaf["size"]) == ("text/plain", "inline", "us-ascii", 1)
    html = root["subParts"][1]["subParts"][0]["subParts"][1]["subParts"][0]
    assert (html["language"], html["location"], html["cid"]) == (
        ["de", "en"],
        "https://example.com/e",
        "e@example.com",
    )
    jpeg = root["subParts"][1]["subParts"][1]
    assert (jpeg["name"], jpeg["charset"], jpeg["disposition"]) == ("g.jpg", None, "attachment")


def all_parts(part: dict[str, Any]) -> list[dict[str, Any]]:
    return [part, *(inner for one in part.get("subParts") or [] for inner in all_parts(one))]


def test_a_multipart_says_of_itself_what_its_header_says(ann: Client) -> None:
    email = ann.deliver(
        b"Content-Type: multipart/mixed; boundary=1\r\n\r\n--1\r\n"
        b"Content-Type: multipart/related; boundary=2; name=both; charset=utf-8\r\n"
        b"Content-Disposition: INLINE; filename=page\r\nContent-ID: <whole@x>\r\n"
        b"Content-Language: de, en\r\nContent-Location: https://example.com/\r\n\r\n"
        b"--2\r\nContent-Type: text/html\r\n\r\nA\r\n--2--\r\n--1--\r\n"
    )[0]

    structure = ann.email(email, "bodyStructure")["bodyStructure"]

    inner = structure["subParts"][0]
    assert {name: inner[name] for name in inner if name not in ("size", "subParts")} == {
        "partId": None,
        "blobId": None,
        "name": "page",
        "type": "multipart/related",
        "charset": "utf-8",
        "disposition": "inline",
        "cid": "whole@x",
        "language": ["de", "en"],
        "location": "https://example.com/",
    }
    assert {structure[name] for name in ("name", "charset", "disposition", "cid", "location")} == {None}


def test_part_ids_are_unique_and_null_only_for_multiparts(ann: Client) -> None:
    parts = all_parts(ann.email(ann.deliver(TREE)[0], "bodyStructure")["bodyStructure"])

    assert len(parts) == 15
    for part in parts:
        is_multipart = part["type"].startswith("multipart/")
        assert (part["partId"] is None) is (part["blobId"] is None) is is_multipart
    ids = [part["partId"] for part in parts if part["partId"] is not None]
    assert len(set(ids)) == len(ids) == 10


def test_parts_have_the_properties_asked_for(ann: Client) -> None:
    email = ann.deliver(TREE)[0]
    properties = ["partId", "subParts", "headers", "header:Content-TYPE", "header:x-none:asText:all"]

    found = ann.email(email, "bodyStructure", "textBody", bodyProperties=properties)

    first = {
        "partId": "1",
        "subParts": None,
        "headers": [
            {"name": "Content-Type", "value": " text/plain"},
            {"name": "Content-Disposition", "value": " inline"},
        ],
        "header:Content-TYPE": " text/plain",
        "header:x-none:asText:all": [],
    }
    assert found["bodyStructure"]["subParts"][0] == first
    assert found["textBody"][0] == first
    assert found["bodyStructure"]["headers"] == [
        {"name": "Content-Type", "value": " multipart/mixed; boundary=1"},
    ]
    none = ann.email(email, "textBody", "bodyStructure", bodyProperties=[])
    assert none["textBody"] == [{}] * 5
    assert set(none["bodyStructure"]) == {"subParts"}


@pytest.mark.parametrize("property", ["nonsense", "", "id", "parts", "partID"])
def test_a_part_property_that_is_unknown_is_invalid_even_without_emails(ann: Client, property: str) -> None:
    for ids in ([], ["nothing"]):
        error = ann.error("Email/get", ids=ids, bodyProperties=[property])
        assert (error["type"], error["arguments"]) == ("invalidArguments", ["bodyProperties"])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, []),
        ({"fetchTextBodyValues": True}, ["A", "B", "D", "K"]),
        ({"fetchHTMLBodyValues": True}, ["A", "E", "K"]),
        ({"fetchTextBodyValues": True, "fetchHTMLBodyValues": True}, ["A", "B", "D", "E", "K"]),
        ({"fetchAllBodyValues": True}, ["A", "B", "D", "E", "K"]),
    ],
)
def test_body_values_are_those_asked_for(ann: Client, arguments: dict[str, Any], expected: list[str]) -> None:
    values = ann.email(ann.deliver(TREE)[0], "bodyValues", **arguments)["bodyValues"]

    assert sorted(one["value"] for one in values.values()) == expected
    assert all(not one["isEncodingProblem"] and not one["isTruncated"] for one in values.values())


def test_all_body_values_have_attached_text_as_well(ann: Client) -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=1\r\n\r\n--1\r\n\r\nshown\r\n--1\r\n"
        b"Content-Type: text/csv\r\nContent-Disposition: attachment\r\n\r\n1,2\r\n--1--\r\n"
    )
    email = ann.deliver(raw)[0]

    every = ann.email(email, "bodyValues", fetchAllBodyValues=True)["bodyValues"]
    shown = ann.email(email, "bodyValues", fetchTextBodyValues=True, fetchHTMLBodyValues=True)["bodyValues"]

    assert sorted(one["value"] for one in every.values()) == ["1,2", "shown"]
    assert [one["value"] for one in shown.values()] == ["shown"]


def single(content: bytes, type: str = "text/plain; charset=utf-8", encoding: str = "8bit") -> bytes:
    return f"Content-Type: {type}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + content


def body_value(client: Client, raw: bytes, **arguments: Any) -> dict[str, Any]:
    email = client.email(client.deliver(raw)[0], "bodyValues", fetchAllBodyValues=True, **arguments)
    found: list[dict[str, Any]] = list(email["bodyValues"].values())
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("raw", "value", "problem"),
    [
        (single(b"one\r\ntwo\r\n"), "one\ntwo\n", False),
        (single("Grüße".encode()), "Grüße", False),
        (single(b"Gr\xfc\xdfe", "text/plain; charset=iso-8859-1"), "Grüße", False),
        (single(b"R3LDvMOfZQ0KDQo=", encoding="base64"), "Grüße\n\n", False),
        (single(b"Gr=C3=BC=\r\n=C3=9Fe", encoding="quoted-printable"), "Grüße", False),
        (single(b"a\xffb"), None, True),
        (single(b"abc", "text/plain; charset=x-nonsense"), "abc", True),
        (single(b"abc", encoding="x-nonsense"), "abc", True),
        (single(b"!!!!", encoding="base64"), "", True),
    ],
)
def test_a_body_value_is_decoded_with_line_feeds(ann: Client, raw: bytes, value: str | None, problem: bool) -> None:
    found = body_value(ann, raw)

    assert (found["isEncodingProblem"], found["isTruncated"]) == (problem, False)
    assert value is None or found["value"] == value


@pytest.mark.parametrize(
    ("text", "maximum", "expected"),
    [
        ("hello", 0, "hello"),
        ("hello", 5, "hello"),
        ("hello", 4, "hell"),
        ("hello", 2**53 - 1, "hello"),
        ("üüü", 6, "üüü"),
        ("üüü", 5, "üü"),
        ("üüü", 1, ""),
        ("€€", 5, "€"),
        ("😀😀", 7, "😀"),
        ("a\r\nb", 2, "a\n"),
    ],
)
def test_a_body_value_is_cut_between_characters(ann: Client, text: str, maximum: int, expected: str) -> None:
    found = body_value(ann, single(text.encode()), maxBodyValueBytes=maximum)

    assert found["value"] == expected
    assert found["isTruncated"] is (expected != text.replace("\r\n", "\n"))


@pytest.mark.parametrize(
    ("maximum", "expected"), [(3, "<p>"), (2, ""), (4, "<p>H"), (9, "<p>Hello"), (29, "<p>Hello"), (34, None)]
)
def test_html_is_not_cut_within_a_tag(ann: Client, maximum: int, expected: str | None) -> None:
    html = '<p>Hello<a href="https://x.y">link</a>'
    raw = single(html.encode(), "text/html; charset=utf-8")

    found = body_value(ann, raw, maxBodyValueBytes=maximum)

    assert found["isTruncated"] is True
    assert found["value"] == ('<p>Hello<a href="https://x.y">link' if expected is None else expected)


def test_a_message_that_is_no_mime_at_all_is_one_text(ann: Client) -> None:
    for raw in (b"", b"\0" * 50, b"no colon here\r\nnor here", bytes(range(256))):
        email = ann.email(
            ann.deliver(raw)[0], "bodyStructure", "textBody", "attachments", "headers", "size", "bodyValues",
            fetchTextBodyValues=True,
        )  # fmt: skip
        assert email["size"] == len(raw)
        assert [part["type"] for part in email["textBody"]] == ["text/plain"]
        assert email["attachments"] == []


def test_a_multipart_without_parts_has_no_parts(ann: Client) -> None:
    raw = b"Content-Type: multipart/mixed; boundary=x\r\n\r\nnothing"

    part = ann.email(ann.deliver(raw)[0], "bodyStructure")["bodyStructure"]

    assert (part["partId"] is None) is (part["type"] == "multipart/mixed")
    assert part["type"] != "multipart/mixed" or part["subParts"] == []
