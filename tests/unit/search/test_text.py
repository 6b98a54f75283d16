"""The text of messages, and the documents that become of it."""

from __future__ import annotations

import base64

import pytest

from homing.message import describe, parse
from homing.ports.search import Document
from homing.search.document import MAX_HEADER_TOKENS, make_document
from homing.search.text import MAX_DEPTH, MAX_FOREIGN, Read, Texts, html_text, read_texts
from tests.mail import message
from tests.unit.search.files import pdf


def reader(raw: bytes) -> Read:
    return lambda start, end: raw[start:end]


def texts(raw: bytes) -> Texts:
    return read_texts(describe(parse(raw)), reader(raw))


def document(raw: bytes) -> Document:
    return make_document("e1", 7, texts(raw))


def multipart(kind: str, *parts: bytes, boundary: bytes = b"=b=") -> bytes:
    head = b"Subject: s\r\nContent-Type: multipart/" + kind.encode() + b'; boundary="' + boundary + b'"\r\n\r\n'
    inside = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    return head + inside + b"--" + boundary + b"--\r\n"


def part(media_type: str, content: str | bytes, *headers: str) -> bytes:
    body = content.encode() if isinstance(content, str) else content
    lines = [f"Content-Type: {media_type}", "Content-Transfer-Encoding: base64", *headers, "", ""]
    return "\r\n".join(lines).encode() + base64.encodebytes(body).replace(b"\n", b"\r\n")


def attached(media_type: str, content: str | bytes, name: str = "") -> bytes:
    filename = f'; filename="{name}"' if name else ""
    return part(media_type, content, f"Content-Disposition: attachment{filename}")


PLAIN = part("text/plain; charset=utf-8", "Grüße")


def test_headers_are_decoded() -> None:
    raw = message(
        "=?utf-8?q?Gr=C3=BC=C3=9Fe?=", sender='"=?utf-8?q?J=C3=BCrgen?=" <j@example.de>', to="A <a@x.example>"
    )

    fields = document(raw).fields

    assert fields["subject"] == "grusse"
    assert fields["from"] == "jurgen j example de"
    assert fields["to"] == "a a x example"


def test_the_body_is_what_a_reader_sees() -> None:
    html = "<html><head><title>no</title><style>.no{}</style></head><body><p>Hello<b>!</b></p><img alt='a cat'></body>"

    assert texts(multipart("mixed", part("text/html", html))).body == [html_text(html)]
    assert html_text(html).split() == ["Hello!", "a", "cat"]


def test_html_that_says_what_the_plain_text_says_is_left_out() -> None:
    plain = part("text/plain", "one two three")

    same = multipart("alternative", plain, part("text/html", "<p>one two</p><p>three</p>"))
    more = multipart("alternative", plain, part("text/html", "<p>one two three four</p>"))

    assert document(same).fields["body"] == "one two three"
    assert document(more).fields["body"] == "one two three one two three four"


def test_attached_text_and_names_are_not_of_the_body_that_is_shown() -> None:
    raw = multipart("mixed", PLAIN, attached("text/csv", "a,b", "Zahlen 2026.csv"))

    found = texts(raw)

    assert found.body == ["Grüße"]
    assert found.attached == ["Zahlen 2026.csv", "a,b"]
    assert document(raw).fields["body"] == "grusse zahlen 2026 csv a b"


def test_an_attached_message_is_read_with_its_headers() -> None:
    inner = message("Inside", body="the inner body\r\n", attachments=[("figures.txt", b"x")])
    raw = multipart("mixed", PLAIN, b"Content-Type: message/rfc822\r\n\r\n" + inner)

    fields = document(raw).fields

    assert {"inside", "bea", "inner", "figures"} <= set(fields["body"].split())
    assert fields["subject"] == "s"


def test_messages_within_messages_are_read_to_some_depth() -> None:
    raw = message("depth0", body="bottom")
    for depth in range(1, MAX_DEPTH + 3):
        enclosed = b"Content-Type: message/rfc822\r\n\r\n" + raw
        raw = multipart("mixed", part("text/plain", f"depth{depth}"), enclosed, boundary=b"=%d=" % depth)

    body = document(raw).fields["body"].split()

    assert [word for word in body if word.startswith("depth")] == ["depth5", "depth4", "depth3", "depth2"]


@pytest.mark.parametrize(
    ("media_type", "name", "kinds"),
    [
        ("application/pdf", "", ["pdf"]),
        ("application/octet-stream", "Report.PDF", ["pdf"]),
        ("application/octet-stream", "letter.docx", ["docx"]),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "", ["docx"]),
        ("application/octet-stream", "setup.exe", []),
        ("image/png", "picture.pdf", []),
    ],
)
def test_documents_to_be_read_elsewhere_are_named(media_type: str, name: str, kinds: list[str]) -> None:
    raw = multipart("mixed", PLAIN, attached(media_type, pdf("x"), name))

    found = texts(raw).foreign

    assert [one.kind for one in found] == kinds
    assert all(one.read(reader(raw)) == pdf("x") for one in found)


def test_a_document_in_an_attached_message_is_named_with_its_content() -> None:
    inner = multipart("mixed", PLAIN, attached("application/pdf", pdf("deep")))
    raw = multipart("mixed", PLAIN, attached("message/rfc822", inner))

    (found,) = texts(raw).foreign

    assert found.read(reader(b"")) == pdf("deep")


def test_only_some_documents_of_a_message_are_read() -> None:
    raw = multipart("mixed", *[attached("application/pdf", b"x")] * (MAX_FOREIGN + 3))

    assert len(texts(raw).foreign) == MAX_FOREIGN


def test_headers_become_tokens_by_name_and_word() -> None:
    raw = message("Own", headers=["X-Custom: Value one", "x-custom: two", "DKIM-Signature: b=abcdef", "List-Id: <d.x>"])

    found = document(raw).fields["header"].split()

    assert {"x-custom", "x-custom=value", "x-custom=one", "x-custom=two", "list-id=d", "list-id=x"} <= set(found)
    assert {"subject", "dkim-signature"} <= set(found)
    assert not [token for token in found if token.startswith(("subject=", "dkim-signature="))]
    assert len(found) == len(set(found))


def test_a_flood_of_headers_is_bounded() -> None:
    raw = message("Flood", headers=[f"X-{number}: a{number} b{number} c{number}" for number in range(5_000)])

    assert len(document(raw).fields["header"].split()) == MAX_HEADER_TOKENS


def test_a_document_has_no_empty_fields_and_single_spaces() -> None:
    found = document(multipart("mixed", PLAIN))

    assert set(found.fields) == {"subject", "body", "header", "stem"}
    assert all(text == " ".join(text.split()) for text in found.fields.values())
    assert (found.email, found.received_at) == ("e1", 7)


def test_a_message_that_is_lost_has_no_text() -> None:
    record = describe(parse(message("Gone", body="gone", attachments=[("a.pdf", b"x")])))

    found = make_document("e1", 1, read_texts(record, lambda start, end: b""))

    assert set(found.fields) <= {"body", "stem"}  # the name of the attachment is in the record
