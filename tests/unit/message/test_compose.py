"""Messages that are composed: what goes in comes out again, by our own reader and by the standard library's."""

from __future__ import annotations

import email
import email.message
import email.policy
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.message import Part, decode_content, decode_text, parse
from homing.message.charsets import clean
from homing.message.compose import (
    Entity,
    InvalidField,
    addresses_field,
    attachment,
    compose,
    date_field,
    html_part,
    message_ids_field,
    multipart,
    new_message_id,
    raw_field,
    structure,
    text_field,
    text_part,
)
from homing.message.compose_words import clean_line

AT = 1_795_000_000_000
ID = "1@example.org"


def written(root: Entity, *fields: Any) -> bytes:
    return compose(fields, root, message_id=ID, at=AT)


def check_form(raw: bytes, width: int = 78) -> None:
    assert raw.isascii()
    assert re.search(rb"\r(?!\n)|(?<!\r)\n", raw) is None
    assert max(map(len, raw.split(b"\r\n"))) <= width


def content_of(raw: bytes, part: Part) -> bytes:
    content, problem = decode_content(raw[part.body : part.end], part.encoding)
    assert not problem
    return content


def value_of(raw: bytes, part: Part) -> str:
    text, problem = decode_text(content_of(raw, part), part.charset)
    assert not problem
    return text


TEXTS = (
    st.text(max_size=300)
    | st.text(alphabet="ab é\r\n\t.=-漢😀\0", max_size=300)
    | st.text(alphabet="x \n", min_size=60, max_size=2_000)
)
NAMES = st.none() | st.text(alphabet='aé漢😀 .%"\\=?;', min_size=1, max_size=120).filter(lambda name: name.strip())
CIDS = st.none() | st.from_regex(r"[a-z0-9.+=_-]{1,20}@[a-z.]{1,20}", fullmatch=True)
WHAT = {
    "name": NAMES,
    "cid": CIDS,
    "disposition": st.sampled_from([None, "inline", "attachment"]),
    "language": st.sampled_from([(), ("de",), ("en-GB", "de")]),
    "location": st.sampled_from([None, "https://example.org/a?b=c"]),
}
LEAVES = st.one_of(
    st.builds(Entity, type=st.sampled_from(["text/plain", "text/html", "text/x-a"]), content=TEXTS, **WHAT),
    st.builds(
        Entity,
        type=st.sampled_from(["image/png", "application/octet-stream", "text/plain", "text/csv", "message/x-b"]),
        content=st.binary(max_size=300) | st.text(alphabet="a\r\n -=", max_size=300).map(str.encode),
        **WHAT,
    ),
)


def branch(children: st.SearchStrategy[Entity]) -> st.SearchStrategy[Entity]:
    kinds = st.sampled_from(["multipart/mixed", "multipart/alternative", "multipart/related", "multipart/x-c"])
    return st.builds(Entity, type=kinds, parts=st.lists(children, min_size=1, max_size=4).map(tuple))


TREES = st.recursive(LEAVES, branch, max_leaves=12)


def check_same(raw: bytes, part: Part, entity: Entity) -> None:
    assert part.type == entity.type
    assert len(part.parts) == len(entity.parts)
    for child, wanted in zip(part.parts, entity.parts, strict=True):
        check_same(raw, child, wanted)
    if part.parts:
        return
    if isinstance(entity.content, str):
        assert value_of(raw, part) == clean(entity.content).replace("\r\n", "\n").removeprefix("\ufeff")
    else:
        assert content_of(raw, part) == entity.content
    name = clean_line(entity.name or "")[:255] or None
    assert (part.name, part.cid, part.disposition) == (name, entity.cid, entity.disposition)
    assert (part.language, part.location) == (entity.language or None, entity.location)


@given(TREES, st.text(max_size=100))
def test_whatever_goes_in_comes_out_again(root: Entity, subject: str) -> None:
    raw = written(root, text_field("Subject", subject))

    check_form(raw, 98)  # a cid or a location is not folded
    message = parse(raw)
    assert message.defects == ()
    check_same(raw, message.root, root)


def check_stdlib(part: email.message.Message, entity: Entity) -> None:
    assert part.get_content_type() == entity.type
    assert part.defects == []
    if entity.parts:
        for child, wanted in zip(part.get_payload(), entity.parts, strict=True):
            check_stdlib(child, wanted)
        return
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    if isinstance(entity.content, str):
        text = content.decode(part.get_content_charset("ascii"))
        assert text.replace("\r\n", "\n") == clean(entity.content).replace("\r\n", "\n")
    else:
        assert content == entity.content
    assert part.get_content_disposition() == entity.disposition
    assert clean_line(part.get_filename() or "") == clean_line(entity.name or "")


@given(TREES.filter(lambda root: all(not one.type.startswith("message/") for one in root.walk())))
def test_the_standard_library_reads_the_same(root: Entity) -> None:
    check_stdlib(email.message_from_bytes(written(root)), root)


def test_the_same_arguments_make_the_same_bytes() -> None:
    root = structure(text_part("a"), html_part("<p>a"), [attachment(b"x", "image/png", "图.png")])

    assert written(root) == written(root)


def test_a_message_has_what_it_needs() -> None:
    message = email.message_from_bytes(written(text_part("Hello\n")))

    assert message.keys() == [
        "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
    ]  # fmt: skip
    assert message["Date"] == "Wed, 18 Nov 2026 11:06:40 +0000"
    assert message["Message-ID"] == "<1@example.org>"
    assert message["MIME-Version"] == "1.0"


def test_fields_that_are_given_are_not_made() -> None:
    raw = written(
        Entity(content="a", fields=(raw_field("content-type", " text/x-mine; charset=utf-8"),)),
        date_field("DATE", "2026-11-20T12:00:00Z"),
        message_ids_field("message-id", ["mine@example.org"]),
        raw_field("mime-version", " 1.0 (mine)"),
    )

    message = email.message_from_bytes(raw)

    names = ["DATE", "message-id", "mime-version", "content-type", "Content-Transfer-Encoding"]
    assert message.keys() == names
    assert message.get_content_type() == "text/x-mine"


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("", "7bit"),
        ("Hello\n", "7bit"),
        ("x" * 78, "7bit"),
        ("x" * 79, "quoted-printable"),
        ("word " * 400, "quoted-printable"),
        ("Schöne Grüße aus dem schönen Österreich, wie immer um diese Zeit des Jahres", "quoted-printable"),
        ("こんにちは世界", "base64"),
        ("مرحبا بالعالم", "base64"),
        ("a\rb", "base64"),
    ],
)
def test_text_is_encoded_as_suits_it(content: str, encoding: str) -> None:
    raw = written(text_part(content))

    part = parse(raw).root
    assert part.encoding == encoding
    assert value_of(raw, part) == content
    check_form(raw)


INNER = b"From: a@example.org\r\nSubject: inner\r\n\r\nBody\r\n"


@pytest.mark.parametrize(
    ("content", "encoding", "expected"),
    [
        (INNER, "7bit", INNER),
        (INNER.replace(b"\r\n", b"\n"), "7bit", INNER),
        (INNER + "é".encode(), "8bit", INNER + "é".encode()),
        (INNER + b"x" * 1_000, "base64", INNER + b"x" * 1_000),
        (INNER + b"\0", "base64", INNER + b"\0"),
    ],
)
def test_an_attached_message_is_encoded_only_if_it_must_be(content: bytes, encoding: str, expected: bytes) -> None:
    raw = written(multipart("mixed", text_part("See"), multipart("digest", Entity("message/rfc822", content))))

    part = parse(raw).root.parts[1].parts[0]
    assert (part.type, part.encoding) == ("message/rfc822", encoding)
    assert content_of(raw, part) == expected
    assert raw.isascii() is (encoding != "8bit")
    headers = [header.name for header in parse(raw).headers]
    assert ("Content-Transfer-Encoding" in headers) is (encoding == "8bit")


def test_a_boundary_does_not_occur_in_what_it_bounds() -> None:
    first = multipart("mixed", text_part("a"), text_part("b"))
    boundary = parse(written(first)).headers[3].value.rpartition(b"=_")[2].strip(b'"').decode()

    raw = written(multipart("mixed", text_part(f"--=_{boundary}\n--=_{boundary}--"), text_part("b")))

    assert [value_of(raw, part) for part in parse(raw).root.parts] == [f"--=_{boundary}\n--=_{boundary}--", "b"]


def tree(entity: Entity) -> Any:
    kind = entity.type.partition("/")[2]
    return [kind, *map(tree, entity.parts)] if entity.parts else kind


PICTURE = Entity("image/png", b"1", cid="1@x", disposition="inline")
LOOSE = Entity("image/png", b"2", name="photo.png")
FILE = attachment(b"3", "application/pdf", "a.pdf")
PLAIN, HTML = text_part("t"), html_part("<p>h")


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((None, None, []), "plain"),
        ((PLAIN, None, []), "plain"),
        ((None, HTML, []), "html"),
        ((PLAIN, HTML, []), ["alternative", "plain", "html"]),
        ((PLAIN, None, [FILE]), ["mixed", "plain", "pdf"]),
        ((None, None, [FILE]), ["mixed", "pdf"]),
        ((None, HTML, [PICTURE]), ["related", "html", "png"]),
        ((PLAIN, HTML, [PICTURE, FILE]), ["mixed", ["alternative", "plain", ["related", "html", "png"]], "pdf"]),
        ((PLAIN, None, [PICTURE]), ["mixed", "plain", "png"]),
    ],
)
def test_the_structure_follows_from_what_there_is(parts: Any, expected: Any) -> None:
    assert tree(structure(*parts)) == expected


def test_each_list_of_a_structure_is_read_as_it_was_given() -> None:
    raw = written(structure(PLAIN, HTML, [PICTURE, LOOSE, FILE]))

    bodies = parse(raw).bodies
    assert [value_of(raw, part) for part in bodies.text] == ["t"]
    assert [value_of(raw, part) for part in bodies.html] == ["<p>h"]
    assert [content_of(raw, part) for part in bodies.attachments] == [b"1", b"2", b"3"]


def test_a_report_is_composed() -> None:
    status = Entity(
        "message/delivery-status", "Reporting-MTA: dns; mail.example.org\n\nFinal-Recipient: rfc822; a@b.c\n"
    )
    root = multipart("report", text_part("It failed."), status, Entity("message/rfc822", INNER),
                     report_type="delivery-status")  # fmt: skip

    message = email.message_from_bytes(written(root))

    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    parts = message.get_payload()
    assert [part.get_content_type() for part in parts] == ["text/plain", "message/delivery-status", "message/rfc822"]
    assert [str(block) for block in parts[1].get_payload()] == [
        "Reporting-MTA: dns; mail.example.org\n\n",
        "Final-Recipient: rfc822; a@b.c\n\n",
    ]
    assert parts[2].get_payload(0)["Subject"] == "inner"


def test_a_long_report_line_stays_in_seven_bits() -> None:
    raw = written(Entity("message/delivery-status", f"Diagnostic-Code: smtp; {'x' * 300}\n"))

    assert parse(raw).root.encoding == "7bit"


@pytest.mark.parametrize(
    "given",
    [
        {"type": "text"},
        {"type": "text/plain; charset=x"},
        {"type": "text/plain\r\nBcc: a@b.c"},
        {"charset": "a b"},
        {"disposition": "inline; filename=x"},
        {"cid": "a b"},
        {"cid": "<a>"},
        {"language": ("de\r\n",)},
        {"location": "a b"},
        {"location": "ä"},
        {"parameters": {"a b": "c"}},
        {"fields": (raw_field("Content-transfer-encoding", "base64"),)},
        {"type": "multipart/mixed"},
        {"type": "text/plain", "parts": (text_part("x"),)},
    ],
)
def test_what_cannot_be_written_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidField):
        Entity(**given)


def test_a_message_id_is_made_of_chance_and_the_host() -> None:
    assert new_message_id(b"\x01\x02" * 8, "mail.example.org") == "0102" * 8 + "@mail.example.org"


def test_names_with_quotes_emoji_and_right_to_left_text_are_read_by_others() -> None:
    people = [
        {"name": 'Dr. "Who", M.D.', "email": "who@example.org"},
        {"name": "🎉 Party 🎉", "email": "party@example.org"},
        {"name": "دعاء محمد", "email": "doaa@example.org"},
    ]
    raw = written(text_part("مرحبا"), addresses_field("To", people), text_field("Subject", "مرحبا: Re: 🎉"))

    message = email.message_from_bytes(raw, policy=email.policy.default)

    found = [{"name": one.display_name, "email": one.addr_spec} for one in message["To"].addresses]
    assert found == people
    assert message["Subject"] == "مرحبا: Re: 🎉"
    assert message.get_content() == "مرحبا"


def test_a_large_attachment_comes_out_again() -> None:
    content = bytes(range(256)) * 8_000

    raw = written(multipart("mixed", text_part("See"), attachment(content, "image/png", "写真.png")))

    check_form(raw)
    part = parse(raw).root.parts[1]
    assert (part.name, part.size) == ("写真.png", len(content))
    assert content_of(raw, part) == content
