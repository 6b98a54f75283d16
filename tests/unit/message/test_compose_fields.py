"""Header fields that are written: each comes out again as it went in, and none can begin another."""

from __future__ import annotations

import email
import email.policy
import unicodedata
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.message import as_addresses, as_date, as_grouped_addresses, as_message_ids, as_text, as_urls
from homing.message.charsets import clean
from homing.message.compose_fields import (
    MAX_LINE,
    Field,
    InvalidField,
    addresses_field,
    date_field,
    groups_field,
    message_ids_field,
    now_field,
    parameters_field,
    raw_field,
    text_field,
    urls_field,
)
from homing.message.compose_words import clean_line
from homing.message.parameters import parse_value

ANY = st.text(max_size=120)
SPICE = st.text(alphabet=' \t\r\n"\\,;:<>()@=?_.ab=?utf-8?q?äßж漢😀\u0301\u202e\0', max_size=120)
TEXTS = ANY | SPICE | st.text(alphabet="ab é", min_size=60, max_size=400) | st.text(alphabet="x ", max_size=300)
NAMES = st.sampled_from(["Subject", "X-A", "To", "X-" + "long" * 30])


def shown(text: str) -> str:
    """What is left of a text on one line, as it is read."""
    return unicodedata.normalize("NFC", clean_line(text)).strip()


def check_lines(field: Field, width: int = 78) -> None:
    lines = f"{field.name}:".encode() + field.value
    assert b"\r" not in lines.replace(b"\r\n", b"")
    assert b"\n" not in lines.replace(b"\r\n", b"")
    for line in lines.split(b"\r\n"):
        assert len(line) <= max(width, len(field.name) + 2)
        assert line.strip()


def stdlib(field: Field) -> str:
    """What the standard library reads."""
    return str(email.message_from_bytes(field.render() + b"\r\n", policy=email.policy.default)[field.name])


@given(NAMES, TEXTS)
def test_text_comes_out_again(name: str, text: str) -> None:
    field = text_field(name, text)

    check_lines(field)
    assert as_text(field.value) == shown(text)


@given(st.text(alphabet="aé ß漢,;😀=?", max_size=200))
def test_text_is_read_by_the_standard_library_alike(text: str) -> None:
    assert shown(stdlib(text_field("Subject", text))) == shown(text)


LOCALS = st.from_regex(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-][A-Za-z0-9.+=_-]{0,30}", fullmatch=True)
DOMAINS = st.from_regex(r"[a-z0-9]{1,12}(\.[a-z0-9]{1,12}){0,3}", fullmatch=True)
EMAILS = st.builds("{}@{}".format, LOCALS, DOMAINS)
MAILBOXES = st.fixed_dictionaries({"name": st.none() | TEXTS, "email": EMAILS})


def expected(mailboxes: list[dict[str, str | None]]) -> list[dict[str, str | None]]:
    return [{"name": shown(one["name"] or "") or None, "email": one["email"]} for one in mailboxes]


@given(st.lists(MAILBOXES, min_size=1, max_size=12))
def test_addresses_come_out_again(mailboxes: list[dict[str, str | None]]) -> None:
    field = addresses_field("To", mailboxes)

    check_lines(field, 80)
    assert as_addresses(field.value) == expected(mailboxes)


@given(st.lists(st.tuples(st.text(alphabet='aé" \\.,漢', max_size=100), EMAILS), min_size=1, max_size=5))
def test_addresses_are_read_by_the_standard_library_alike(people: list[tuple[str, str]]) -> None:
    field = addresses_field("To", [{"name": name, "email": email} for name, email in people])

    parsed = email.message_from_bytes(field.render() + b"\r\n", policy=email.policy.default)["To"]

    # Between encoded words of a phrase it keeps the space that RFC 2047 §6.2 drops, so spaces are not compared.
    names = ["".join(one.display_name.split()) for one in parsed.addresses]
    assert [shown(name) for name in names] == ["".join(shown(name).split()) for name, _ in people]
    assert [one.addr_spec.replace('"', "") for one in parsed.addresses] == [email for _, email in people]


@given(st.lists(st.tuples(TEXTS, st.lists(MAILBOXES, max_size=4)), min_size=1, max_size=4))
def test_groups_come_out_again(groups: list[tuple[str, list[dict[str, str | None]]]]) -> None:
    named = [(shown(name) or "g", members) for name, members in groups]
    field = groups_field("To", [{"name": name, "addresses": members} for name, members in named])

    check_lines(field, 80)
    found = as_grouped_addresses(field.value)
    assert found == [{"name": name, "addresses": expected(members)} for name, members in named]


@pytest.mark.parametrize(
    "email",
    ["jo", "jo smith", "jörg", "jörg@example.org", "", "a,b@c", "<x>", "a@b@c", '"x y"@example.org', "x" * 2_000,
     "é" * 900, "a b c@d.e", "foo..bar.@docomo.example", "me@[192.0.2.1]", "=?utf-8?q?x?=", ":;", "(c)",
     "a@b>, <evil@x.org"],
)  # fmt: skip
@pytest.mark.parametrize("name", [None, "Ann", 'Änn, the "first"'])
def test_what_is_no_address_yet_comes_out_of_a_draft_as_it_was_given(email: str, name: str | None) -> None:
    given = [{"name": name, "email": email}, {"name": None, "email": "last@example.org"}]

    field = addresses_field("To", given)

    assert as_addresses(field.value) == [one for one in given if one["name"] or one["email"]]


@pytest.mark.parametrize(
    ("email", "written"),
    [
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@straße.example", "ann@xn--strae-oqa.example"),
        ("ann@例え。テスト", "ann@xn--r8jz45g.xn--zckzah"),
    ],
)
def test_a_domain_of_another_script_is_written_in_a_labels(email: str, written: str) -> None:
    assert addresses_field("To", [{"name": None, "email": email}]).value == f" {written}".encode()


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Ann Bee", b" Ann Bee <a@b.c>"),
        ("Bee, Ann", b' "Bee, Ann" <a@b.c>'),
        ('Ann "A" Bee', b' "Ann \\"A\\" Bee" <a@b.c>'),
        ("J. Doe", b' "J. Doe" <a@b.c>'),
        ("Jörg", b" =?utf-8?b?SsO2cmc=?= <a@b.c>"),
        ("Jörg Hansen-Mueller", b" =?utf-8?q?J=C3=B6rg_Hansen-Mueller?= <a@b.c>"),
        ("😀", b" =?utf-8?b?8J+YgA==?= <a@b.c>"),
        ("", b" a@b.c"),
        (None, b" a@b.c"),
    ],
)
def test_a_name_is_written_as_plainly_as_it_can_be(name: str | None, written: bytes) -> None:
    assert addresses_field("To", [{"name": name, "email": "a@b.c"}]).value == written


def test_a_thousand_recipients_are_folded() -> None:
    people = [{"name": f"Person {n} Ä", "email": f"p{n}@example.org"} for n in range(1_000)]

    field = addresses_field("To", people)

    check_lines(field)
    assert as_addresses(field.value) == people


def test_an_empty_group_is_written() -> None:
    field = groups_field("To", [{"name": "undisclosed-recipients", "addresses": []}])

    assert field.value == b" undisclosed-recipients:;"


IDS = st.from_regex(r"[!#-;=?-~]{1,80}@[a-z.-]{1,30}", fullmatch=True)


@given(st.lists(IDS, min_size=1, max_size=20))
def test_message_ids_come_out_again(ids: list[str]) -> None:
    assert as_message_ids(message_ids_field("References", ids).value) == ids


@given(st.lists(st.from_regex(r"https?://[!-;=?-~]{1,200}", fullmatch=True), min_size=1, max_size=5))
def test_urls_come_out_again(urls: list[str]) -> None:
    assert as_urls(urls_field("List-Post", urls).value) == urls


@pytest.mark.parametrize(
    ("date", "written"),
    [
        ("2026-11-20T12:30:05+02:30", " Fri, 20 Nov 2026 12:30:05 +0230"),
        ("2026-11-20T12:30:05Z", " Fri, 20 Nov 2026 12:30:05 +0000"),
        ("2026-11-20t12:30:05.125z", " Fri, 20 Nov 2026 12:30:05 +0000"),
        ("2026-11-20T12:30:05-00:00", " Fri, 20 Nov 2026 12:30:05 -0000"),
    ],
)
def test_a_date_keeps_its_offset(date: str, written: str) -> None:
    assert date_field("Date", date).value == written.encode()


@given(st.datetimes(min_value=datetime(1900, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_dates_come_out_again(moment: object, offset: int) -> None:
    zone = "Z" if offset == 0 else f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02}:{abs(offset) % 60:02}"
    date = str(moment).replace(" ", "T")[:19] + zone

    assert as_date(date_field("Date", date).value) == date


@pytest.mark.parametrize("date", ["", "now", "2026-11-20", "2026-11-20T12:30:05", "2026-13-20T12:30:05Z",
                                  "2026-11-20T12:30:05+25:00", "2026-11-20T12:30:60Z", "0026-11-20T12:30:05Z",
                                  "2026-11-20T12:30:05Z\r\nBcc: x@y", "\uff12026-11-20T12:30:05Z"])  # fmt: skip
def test_what_is_no_date_is_refused(date: str) -> None:
    with pytest.raises(InvalidField):
        date_field("Date", date)


def test_now_is_written_in_utc() -> None:
    assert now_field("Date", 1_795_000_000_999).value == b" Wed, 18 Nov 2026 11:06:40 +0000"


@given(st.dictionaries(st.sampled_from(["filename", "x-a"]), TEXTS | st.text(alphabet="ä%'*/\\\"", max_size=300)))
def test_parameters_come_out_again(parameters: dict[str, str]) -> None:
    field = parameters_field("Content-Disposition", "attachment", parameters)

    check_lines(field)
    value, found = parse_value(field.value)
    assert value == "attachment"
    assert found == {name: clean(clean_line(text)).strip() for name, text in parameters.items()}


@pytest.mark.parametrize(
    "name", ["日本語の添付ファイル.pdf", "日" * 100 + ".txt", "a b.txt", 'q"\\.txt', "%41.txt", "=?utf-8?q?a?="]
)
def test_a_file_name_is_read_by_the_standard_library_alike(name: str) -> None:
    field = parameters_field("Content-Disposition", "attachment", {"filename": name})

    parsed = email.message_from_bytes(field.render() + b"\r\n", policy=email.policy.default)

    assert parsed.get_filename() == name


EVIL = ["a\r\nBcc: x@y.z", "a\nBcc: x@y.z", "a\rBcc: x@y.z", "a\0b", "a\r\n\r\nbody", "a\r\n \r\nb"]


@pytest.mark.parametrize("text", EVIL)
def test_no_value_begins_another_field(text: str) -> None:
    fields = [
        text_field("Subject", text),
        addresses_field("To", [{"name": text, "email": "a@b.c"}, {"name": None, "email": text}]),
        groups_field("Cc", [{"name": text, "addresses": []}]),
        parameters_field("Content-Type", "text/plain", {"name": text}),
    ]
    message = email.message_from_bytes(b"".join(one.render() for one in fields) + b"\r\n")

    assert message.keys() == ["Subject", "To", "Cc", "Content-Type"]
    for refused in (
        lambda: raw_field("X-A", text),
        lambda: message_ids_field("References", [text]),
        lambda: urls_field("List-Post", [text]),
        lambda: raw_field(text, "value"),
    ):
        with pytest.raises(InvalidField):
            refused()


@pytest.mark.parametrize("name", ["", "a:b", "a b", "ä", "a\n", "x" * 901])
def test_a_name_that_no_field_has_is_refused(name: str) -> None:
    with pytest.raises(InvalidField):
        Field(name, b" value")


@pytest.mark.parametrize("value", ["", " a", "a", " a\r\n b", " a\r\n\tb c", " " + "x" * 900, "x" * (MAX_LINE - 4)])
def test_a_raw_value_is_written_as_it_is(value: str) -> None:
    assert raw_field("X-A", value).value == value.encode()


@pytest.mark.parametrize(
    "value", ["ä", " a\r\nb", " a\r\n", " a\x01", "x" * (MAX_LINE - 3), " a\r\n " + "x" * MAX_LINE]
)
def test_a_raw_value_that_breaks_the_header_is_refused(value: str) -> None:
    with pytest.raises(InvalidField):
        raw_field("X-A", value)


@pytest.mark.parametrize("id", ["", "a b", "<a@b>", "ä@b", "x" * 901])
def test_a_message_id_that_cannot_be_written_is_refused(id: str) -> None:
    with pytest.raises(InvalidField):
        message_ids_field("Message-ID", [id])


def test_a_field_that_would_not_be_read_to_its_end_is_refused() -> None:
    with pytest.raises(InvalidField):
        text_field("Subject", "x" * 300_000)
    with pytest.raises(InvalidField):
        addresses_field("To", [{"name": None, "email": f"person{n}@example.org"} for n in range(20_000)])
