"""Whatever the bytes: nothing raises, ranges make sense, the record is JSON and comes back."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from homing import message
from homing.message import Message, Part, describe, parse
from homing.message.bodies import decoded_size
from homing.message.provenance import provenance
from homing.message.record import MAX_RECORD
from tests.golden.refresh import cases
from tests.unit.message.letters import build

SEEDS = [path.read_bytes()[:6_000] for path in cases()] + [build(seed) for seed in range(8)]
SYNTAX = [
    *(bytes([byte]) for byte in b'\r\n \t:;,<>@()"\\=?-*%\0\xff\x1b'),
    *(
        b"\r\n\r\n",
        b"\n\n",
        b"--",
        b"=?utf-8?q?",
        b"=?iso-2022-jp?b?GyRC?=",
        b"?=",
        b"\r\n--b",
        b"--b--",
        b"filename*0*=",
    ),
    *(b"Content-Type: multipart/mixed; boundary=b\r\n", b"Content-Transfer-Encoding: base64\r\n", b"From: ", b"Date: "),
    *(
        b"Subject: ",
        b"References: <",
        b"charset=utf-7",
        b"<!--",
        b"<style>",
        b"&#x",
        b"\xf0\x9f\x98",
        b"\xed\xa0\x80",
        b"(" * 50,
    ),
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    raw = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(raw)))
        end = min(len(raw), start + draw(st.sampled_from([0, 0, 1, 3, 40, 400])))
        raw = raw[:start] + draw(st.sampled_from([*SYNTAX, b""]) | st.binary(max_size=12)) + raw[end:]
    return raw


ANY_MAIL = (
    st.binary(max_size=400)
    | st.lists(st.sampled_from(SYNTAX) | st.binary(max_size=6), max_size=60).map(b"".join)
    | mutated()
)


def check_ranges(part: Part) -> None:
    assert 0 <= part.start <= part.body <= part.end <= len(part.raw or b"")
    assert (part.part_id is None) == bool(part.parts) == part.type.startswith("multipart/")
    previous = part.body
    for child in part.parts:
        assert previous <= child.start
        assert child.end <= part.end
        previous = child.end
        check_ranges(child)


def check_headers(parsed: Message) -> None:
    previous = 0
    for header in parsed.headers:
        assert previous <= header.start < header.end <= parsed.root.body
        field = parsed.raw[header.start : header.end]
        assert field.startswith(header.name.encode())
        assert field.rstrip(b"\r\n").endswith(header.value.rstrip(b"\r\n"))
        previous = header.end


@settings(max_examples=400, deadline=None)
@given(ANY_MAIL)
def test_every_range_lies_within_its_parent_and_after_its_elder(raw: bytes) -> None:
    parsed = parse(raw)

    check_ranges(parsed.root)
    check_headers(parsed)
    ids = [part.part_id for part in parsed.root.walk() if not part.parts]
    assert ids == [str(number) for number in range(1, len(ids) + 1)]


@settings(max_examples=400, deadline=None)
@given(ANY_MAIL)
def test_the_record_is_json_and_gives_the_structure_back(raw: bytes) -> None:
    parsed = parse(raw)

    encoded = msgspec.json.encode(describe(parsed))

    record = msgspec.json.decode(encoded)
    assert len(encoded) <= MAX_RECORD
    assert b"\\u0000" not in encoded
    assert record == describe(parse(raw))
    assert Part.from_dict(record["structure"]) == parsed.root
    assert len(record.get("preview", "")) <= 256


@settings(max_examples=300, deadline=None)
@given(ANY_MAIL)
def test_every_body_and_every_header_has_a_text(raw: bytes) -> None:
    parsed = parse(raw)

    for part in parsed.root.walk():
        if not part.parts:
            content, _ = message.decode_content(raw[part.body : part.end], part.encoding)
            text, _ = message.decode_text(content, part.charset)
            assert len(content) == part.size
            message.render_html_text(text)
            text.encode()
    for header in parsed.headers[:20]:
        check_forms(header.value)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=200) | st.lists(st.sampled_from(SYNTAX) | st.binary(max_size=4), max_size=40).map(b"".join))
def test_every_form_of_any_value_is_json(value: bytes) -> None:
    check_forms(value)


def check_forms(value: bytes) -> None:
    groups = message.as_grouped_addresses(value)
    flat = [address for group in groups for address in group["addresses"]]
    assert flat == message.as_addresses(value)
    forms = [
        message.as_raw(value),
        message.as_text(value),
        message.base_subject(message.as_text(value)),
        groups,
        message.as_message_ids(value),
        message.as_date(value),
        message.as_urls(value),
    ]
    assert b"\\u0000" not in msgspec.json.encode(forms)


@settings(max_examples=60, deadline=None)
@given(ANY_MAIL)
def test_provenance_is_bounded_json(raw: bytes) -> None:
    assert len(msgspec.json.encode(provenance(parse(raw)))) <= 8_192


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(SEEDS), st.data())
def test_a_message_cut_anywhere_is_still_a_message(raw: bytes, data: st.DataObject) -> None:
    cut = raw[: data.draw(st.integers(0, len(raw)))]

    check_ranges(parse(cut).root)
    msgspec.json.encode(describe(parse(cut)))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["base64", "quoted-printable", "7bit", "binary", "nonsense"]))
def test_decoding_never_fails(content: bytes, encoding: str) -> None:
    assert isinstance(message.decode_content(content, encoding)[0], bytes)


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=120),
    st.none()
    | st.text(max_size=20)
    | st.sampled_from(
        ["utf-7", "iso-2022-jp", "hz", "gb18030", "utf-16", "big5", "euc-kr", "koi8-r", "iso-2022-kr", "utf-32"]
    ),
)
def test_any_bytes_in_any_charset_give_a_text_fit_for_json(content: bytes, charset: str | None) -> None:
    text, _ = message.decode_text(content, charset)

    assert "\0" not in text
    assert msgspec.json.decode(msgspec.json.encode(text)) == text


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.sampled_from([b"QUJD", b"QQ==", b"QUI=", b"=", b"A", b"\r\n", b" ", b"*", b"=="]), max_size=12).map(
        b"".join
    )
)
def test_the_size_of_any_base64_is_that_of_what_it_decodes_to(encoded: bytes) -> None:
    assert decoded_size(encoded, "base64") == len(message.decode_content(encoded, "base64")[0])
