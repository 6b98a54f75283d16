from __future__ import annotations

import msgspec
import pytest

from homing.message import Part, arrange, describe, parse
from homing.message.record import MAX_ADDRESS_BYTES, MAX_KEPT_ADDRESSES, MAX_KEPT_IDS, MAX_RECORD, MAX_SUBJECT
from tests.unit.message.letters import crlf


def test_the_record_has_the_names_of_jmap_and_nothing_that_is_not_there() -> None:
    raw = crlf("""
        From: Ann <ann@example.org>
        To: undisclosed-recipients:;
        Subject: Hi
        Date: Mon, 1 Jan 2024 10:00:00 +0100
        Message-ID: <1@example.org>
        In-Reply-To: <0@example.org>

        Hello.
        """)

    assert describe(parse(raw)) == {
        "size": len(raw),
        "headerEnd": raw.index(b"Hello"),
        "hasAttachment": False,
        "structure": {"at": [0, raw.index(b"Hello"), len(raw)], "i": "1"},
        "messageId": ["1@example.org"],
        "inReplyTo": ["0@example.org"],
        "from": [{"name": "Ann", "email": "ann@example.org"}],
        "to": [],
        "subject": "Hi",
        "sentAt": "2024-01-01T10:00:00+01:00",
        "preview": "Hello.",
    }


def test_a_field_that_is_there_but_empty_is_not_as_if_it_were_not_there() -> None:
    record = describe(parse(b"Subject:\r\nTo:\r\nCc: \r\nMessage-ID:\r\nDate:\r\n\r\n"))

    assert {name: record.get(name) for name in ("subject", "to", "cc", "bcc", "messageId", "sentAt")} == {
        "subject": "", "to": [], "cc": [], "bcc": None, "messageId": None, "sentAt": None,
    }  # fmt: skip


def test_the_record_of_nothing_is_there() -> None:
    assert describe(parse(b"")) == {
        "size": 0,
        "headerEnd": 0,
        "hasAttachment": False,
        "structure": {"at": [0, 0, 0], "i": "1"},
    }


def test_body_lists_can_be_made_again_from_the_record() -> None:
    raw = b"Content-Type: multipart/alternative; boundary=b\n\n--b\n\nx\n--b\nContent-Type: text/html\n\n<p>y\n--b--"
    message = parse(raw)

    assert arrange(Part.from_dict(describe(message)["structure"])) == message.bodies


def test_ten_thousand_recipients_are_cut_to_a_number_that_is_noted() -> None:
    raw = b"To: " + b", ".join(b"u%d@example.org" % n for n in range(10_000)) + b"\r\n\r\nhi"

    record = describe(parse(raw))

    assert len(record["to"]) == MAX_KEPT_ADDRESSES
    assert record["cut"] == {"to": 10_000 - MAX_KEPT_ADDRESSES}


def test_long_names_are_cut_by_their_bytes() -> None:
    raw = b"To: " + ", ".join(f'"{"é" * 500}" <u{n}@example.org>' for n in range(100)).encode() + b"\r\n\r\nhi"

    record = describe(parse(raw))

    assert len(msgspec.json.encode(record["to"])) <= MAX_ADDRESS_BYTES
    assert len(record["to"]) + record["cut"]["to"] == 100


def test_of_many_references_the_first_and_the_latest_are_kept() -> None:
    raw = b"References: " + b" ".join(b"<%d@x>" % n for n in range(500)) + b"\r\n\r\n"

    record = describe(parse(raw))

    assert record["references"] == ["0@x", *(f"{n}@x" for n in range(500 - MAX_KEPT_IDS + 1, 500))]
    assert record["cut"] == {"references": 500 - MAX_KEPT_IDS}


def test_a_long_subject_is_cut() -> None:
    record = describe(parse(b"Subject: " + b"s" * 5_000 + b"\r\n\r\n"))

    assert (len(record["subject"]), record["cut"]) == (MAX_SUBJECT, {"subject": 5_000 - MAX_SUBJECT})


def everything_at_once() -> bytes:
    name = '\\"' * 60 + "😀" * 60
    addresses = ", ".join(f'"\x01\x02{"é" * 60}" <u{n}@example.org>' for n in range(300))
    fields = "".join(f"{field}: {addresses}\r\n" for field in ("From", "Sender", "Reply-To", "To", "Cc", "Bcc"))
    ids = "".join(
        f"{field}: {' '.join(f'<{n}{chr(92) * 200}@x>' for n in range(200))}\r\n"
        for field in ("References", "In-Reply-To", "Message-ID")
    )
    part = (
        f'--b\r\nContent-Type: application/{"x" * 60}; charset={"y" * 60}; name="{name}"\r\n'
        f"Content-Language: {','.join(['de'] * 40)}\r\nContent-ID: <{'😀' * 200}>\r\n"
        f"Content-Location: {'😀' * 900}\r\nContent-Disposition: {'d' * 100}\r\n\r\nx\r\n"
    )
    tiny = "--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\neA==\r\n"
    head = f"{fields}{ids}Subject: {'😀' * 9_000}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    return (head + tiny * 900 + part * 90).encode("utf-8", "replace")


@pytest.mark.parametrize("name", ["everything", "small parts", "large parts"])
def test_no_message_gives_a_record_above_the_limit(name: str) -> None:
    raw = everything_at_once()
    start = raw.index(b"--b\r\n")
    large = raw.rindex(b"text/html")
    raw = {
        "everything": raw,
        "small parts": raw[:start] + raw[start:large] * 2,
        "large parts": raw[:start] + raw[large:] * 9,
    }[name]

    encoded = msgspec.json.encode(describe(parse(raw)))

    assert len(encoded) <= MAX_RECORD
    assert Part.from_dict(msgspec.json.decode(encoded)["structure"]) == parse(raw).root
