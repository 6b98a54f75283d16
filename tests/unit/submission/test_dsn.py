"""Delivery status notifications (RFC 3464), written and read."""

from __future__ import annotations

import email
from email import policy

import pytest

from homing.message import parse
from homing.ports.transport import Recipient, Reply
from homing.submission.dsn import MAX_LISTED, Notice, compose_dsn, is_worth_telling, parse_dsn
from homing.submission.outcome import DELIVERED, Outcome, status_of

FAILED = Outcome(Reply(550, "5.1.1", "No such user here"), local=False)
DEFERRED = Outcome(Reply(451, "4.4.1", "Later"), local=False)
EXPIRED = Outcome(Reply(451, "4.4.1", "Later"), local=False, expired=True)
RELAYED = Outcome(Reply(250, "2.0.0", "OK"), local=False)
FILED = Outcome(DELIVERED, local=True)
RAW = b"From: ann@example.org\r\nSubject: Plans\r\nMessage-ID: <plans@example.org>\r\n\r\nThe text.\r\n"


def notice(*outcomes: tuple[Recipient, Outcome], raw: bytes = RAW, full: bool = False) -> Notice:
    at = 1_795_000_000_000
    return Notice("dsn.s1.1", "mail.example.org", "ann@example.org", "s1", at, at - 1_000, outcomes, raw, full)


def test_a_notification_is_a_report_that_other_readers_understand() -> None:
    raw = compose_dsn(notice((Recipient("bob@example.com"), FAILED), (Recipient("eve@example.com"), EXPIRED)))

    message = email.message_from_bytes(raw, policy=policy.default)
    text, status, original = message.iter_parts()

    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    assert message["To"] == "ann@example.org"
    assert message["From"] == "Mail Delivery System <postmaster@mail.example.org>"
    assert message["Auto-Submitted"] == "auto-replied"
    assert "bob@example.com" in text.get_content()
    assert status.get_content_type() == "message/delivery-status"
    about, bob, eve = status.get_payload()
    assert (about["Original-Envelope-Id"], about["Reporting-MTA"]) == ("s1", "dns; mail.example.org")
    assert (bob["Action"], bob["Status"], bob["Final-Recipient"]) == ("failed", "5.1.1", "rfc822; bob@example.com")
    assert bob["Diagnostic-Code"] == "smtp; 550 5.1.1 No such user here"
    assert (eve["Action"], eve["Status"]) == ("failed", "4.4.7")
    assert original.get_content_type() == "text/rfc822-headers"
    assert "Subject: Plans" in original.get_content()
    assert "The text." not in original.get_content()


def test_a_sender_who_asks_for_it_gets_the_whole_message_back() -> None:
    raw = compose_dsn(notice((Recipient("bob@example.com"), FAILED), full=True))

    assert RAW in raw
    assert b"message/rfc822" in raw


def test_the_same_notice_gives_the_same_bytes() -> None:
    given = notice((Recipient("bob@example.com"), FAILED))

    assert compose_dsn(given) == compose_dsn(given)


def test_a_reply_with_line_ends_stays_one_field() -> None:
    evil = Outcome(Reply(550, "", "no\r\nAction: delivered\r\n\r\nStatus: 2.0.0"), local=False)

    read = parse_dsn(parse(compose_dsn(notice((Recipient("bob@example.com"), evil)))))

    assert read is not None
    assert read.recipients["bob@example.com"][0] == "failed"


def test_of_many_recipients_the_text_lists_the_first() -> None:
    given = notice(*((Recipient(f"user{number}@example.com"), FAILED) for number in range(MAX_LISTED + 3)))

    message = email.message_from_bytes(compose_dsn(given), policy=policy.default)

    assert "and 3 more" in next(message.iter_parts()).get_content()


def test_what_was_written_is_read() -> None:
    orcpt = Recipient("bob@example.com", {"ORCPT": "rfc822;robert@example.com"})
    read = parse_dsn(parse(compose_dsn(notice((orcpt, FAILED), (Recipient("cy@example.org"), FILED)))))

    assert read is not None
    assert (read.envelope_id, read.message_id) == ("s1", "<plans@example.org>")
    assert read.recipients == {
        "bob@example.com": ("failed", "smtp; 550 5.1.1 No such user here"),
        "cy@example.org": ("delivered", "smtp; 250 2.1.5 Delivered"),
    }


def test_mail_that_is_no_notification_is_none() -> None:
    assert parse_dsn(parse(RAW)) is None
    assert parse_dsn(parse(b"Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\n\r\n--x--")) is None


@pytest.mark.parametrize(
    ("notify", "outcome", "told"),
    [(None, FAILED, True), (None, EXPIRED, True), (None, DEFERRED, False), (None, RELAYED, False), (None, FILED, False),
     ("NEVER", FAILED, False), ("SUCCESS", FAILED, False), ("success,failure", FILED, True), ("SUCCESS", FILED, True),
     ("SUCCESS", RELAYED, False), ("DELAY", DEFERRED, False)],
)  # fmt: skip
def test_the_sender_is_told_what_he_wants_to_know(notify: str | None, outcome: Outcome, told: bool) -> None:
    assert is_worth_telling(Recipient("a@b", {} if notify is None else {"NOTIFY": notify}), outcome) is told


@pytest.mark.parametrize(
    ("outcome", "delivered"),
    [(FAILED, "no"), (DEFERRED, "queued"), (EXPIRED, "no"), (RELAYED, "unknown"), (FILED, "yes")],
)
def test_the_status_of_a_recipient_has_the_words_of_the_rfc(outcome: Outcome, delivered: str) -> None:
    status = status_of(outcome, 1)

    assert status == {"smtpReply": outcome.reply.to_line(), "delivered": delivered, "displayed": "unknown"}


def test_of_many_recipients_less_is_kept_of_each_reply() -> None:
    talkative = Outcome(Reply(550, "5.7.1", "spam " * 1_000), local=False)

    assert len(status_of(talkative, 1)["smtpReply"]) == 500
    assert len(status_of(talkative, 1_000)["smtpReply"]) == 100
