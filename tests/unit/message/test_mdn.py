"""Message disposition notifications (RFC 8098), written and read."""

from __future__ import annotations

import email
from email import policy

import pytest

from homing.message import parse
from homing.message.mdn import (
    Disposition,
    Letter,
    Notification,
    compose_notification,
    notify_addresses,
    parse_disposition,
    parse_notification,
)

DISPLAYED = Disposition("manual-action", "mdn-sent-manually", "displayed")
NOTIFICATION = Notification(
    DISPLAYED,
    subject="Read: Größe",
    text="I have seen it.",
    reporting_ua="joe-pc.example.org; Reader 1.0",
    original_recipient="rfc822; ann+list@example.org",
    final_recipient="rfc822; ann@example.org",
    original_message_id="<first@example.com>",
    extensions={"X-Weather": "sunny"},
)
LETTER = Letter({"name": "Ann", "email": "ann@example.org"}, ["bea@example.com"], "m1@example.org", 1_795_000_000_000)


def test_what_is_written_is_read_again() -> None:
    read = parse_notification(parse(compose_notification(NOTIFICATION, LETTER)))

    assert read is not None
    assert (read.text or "").strip() == "I have seen it."
    assert (read.disposition, read.subject, dict(read.extensions)) == (DISPLAYED, "Read: Größe", {"X-Weather": "sunny"})
    assert (read.reporting_ua, read.original_recipient, read.final_recipient, read.original_message_id) == (
        "joe-pc.example.org; Reader 1.0", "rfc822; ann+list@example.org", "rfc822; ann@example.org",
        "<first@example.com>",
    )  # fmt: skip
    assert not read.includes_original


def test_other_readers_understand_it() -> None:
    message = email.message_from_bytes(compose_notification(NOTIFICATION, LETTER), policy=policy.default)

    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "disposition-notification"
    assert message["In-Reply-To"] == "<first@example.com>"
    assert message["Auto-Submitted"] == "auto-replied"
    parts = [part.get_content_type() for part in message.iter_parts()]
    assert parts == ["text/plain", "message/disposition-notification"]


def test_the_message_that_it_is_about_can_be_returned() -> None:
    original = b"Subject: first\r\n\r\n--=b=\r\n"
    letter = Letter(LETTER.sender, LETTER.to, LETTER.message_id, LETTER.at, original)

    raw = compose_notification(NOTIFICATION, letter)
    read = parse_notification(parse(raw))

    assert original in raw
    assert read is not None
    assert read.includes_original


def test_no_value_can_begin_another_field() -> None:
    evil = Notification(DISPLAYED, reporting_ua="x\r\nDisposition: automatic-action/MDN-sent-automatically; deleted")

    read = parse_notification(parse(compose_notification(evil, LETTER)))

    assert read is not None
    assert read.disposition == DISPLAYED


@pytest.mark.parametrize(
    ("text", "disposition"),
    [
        ("manual-action/MDN-sent-manually; displayed", DISPLAYED),
        ("Manual-Action / mdn-SENT-manually;Displayed", DISPLAYED),
        ("automatic-action/MDN-sent-automatically; processed/error",
         Disposition("automatic-action", "mdn-sent-automatically", "processed")),
        ("manual-action/MDN-sent-manually; failed", None),
        ("displayed", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_disposition_is_read_in_any_case(text: str, disposition: Disposition | None) -> None:
    assert parse_disposition(text) == disposition


def test_errors_and_the_gateway_are_read() -> None:
    raw = (
        b"Subject: x\r\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: message/disposition-notification\r\n\r\nReporting-UA: x\r\n"
        b"MDN-Gateway: dns; gw.example\r\n"
        b"Final-Recipient: rfc822;ann@example.org\r\nError: no paper\r\nError: no ink\r\n"
        b"Disposition: automatic-action/MDN-sent-automatically; processed/error\r\n\r\n--b--\r\n"
    )

    read = parse_notification(parse(raw))

    assert read is not None
    assert (read.errors, read.gateway, read.text) == (("no paper", "no ink"), "dns; gw.example", None)


def test_mail_that_is_no_notification_is_none() -> None:
    assert (
        parse_notification(parse(b"Subject: x\r\n\r\nDisposition: manual-action/MDN-sent-manually; displayed")) is None
    )


@pytest.mark.parametrize(
    ("block", "addresses"),
    [
        (b"Disposition-Notification-To: Bea <bea@example.com>, bea@example.com, cy@example.com\r\n\r\n",
         ["bea@example.com", "cy@example.com"]),
        (b"disposition-notification-to: bea@example.com\r\n\r\n", ["bea@example.com"]),
        (b"Disposition-Notification-To: a@b\r\nDisposition-Notification-To: c@d\r\n\r\n", []),
        (b"Subject: x\r\n\r\n", []),
    ],
)  # fmt: skip
def test_notifications_go_where_they_were_asked_for(block: bytes, addresses: list[str]) -> None:
    assert notify_addresses(block) == addresses
