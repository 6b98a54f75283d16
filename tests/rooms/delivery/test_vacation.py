"""The vacation response (RFC 8621 §8) answers mail as it is delivered, with a script or without."""

from __future__ import annotations

from pathlib import Path

import pytest

from homing.delivery.accept import accept
from homing.directory.accounts import User, add_address, create_user
from homing.ledger import keys
from homing.ledger.entry import Actor
from homing.ledger.transact import transact
from homing.site import Site
from tests.conftest import START, FakeClock
from tests.mail import landed, message
from tests.rooms.delivery.filters import activate, filed, sent, set_vacation, traces, waiting
from tests.rooms.delivery.outcome import assert_sound

ANN = "ann@example.org"
BEA = "bea@sender.example"
DAY_MS = 24 * 3_600 * 1_000


def deliver(site: Site, raw: bytes | None = None, *recipients: str, **given: object) -> None:
    one = landed(message() if raw is None else raw, *recipients, **given)  # type: ignore[arg-type]
    assert accept(site, [one]) == [[None]]


def test_who_writes_is_answered_and_the_message_is_filed(site: Site, user: User, tmp_path: Path) -> None:
    set_vacation(site, user, subject="On holiday", textBody="Back on Monday.\n")

    deliver(site, message(message_id="1@x"))

    [(mail_from, recipients, out)] = sent(site)
    assert (mail_from, recipients) == ("", [BEA])
    assert (out.subject, out.preview, out.in_reply_to) == ("On holiday", "Back on Monday.", ["1@x"])
    assert out.from_ == [{"name": "Ann", "email": ANN}]
    assert out.header("auto-submitted") == b" auto-replied (vacation)"
    assert out.root.type == "text/plain"
    assert filed(site, user) == [(["Inbox"], [])]
    assert_sound(site, [user.account], tmp_path)


def test_without_a_subject_and_a_text_there_are_usual_ones(site: Site, user: User) -> None:
    set_vacation(site, user)

    deliver(site, message("Plans"))

    [(_, _, out)] = sent(site)
    assert out.subject == "Auto: Plans"
    assert "away" in out.preview


def test_of_html_a_text_is_made(site: Site, user: User) -> None:
    set_vacation(site, user, htmlBody="<p>Back <b>on</b> Monday</p>")

    deliver(site)

    [(_, _, out)] = sent(site)
    assert out.root.type == "multipart/alternative"
    assert [part.type for part in out.root.parts] == ["text/plain", "text/html"]
    assert out.preview == "Back on Monday"
    assert b"<p>Back <b>on</b> Monday</p>" in out.raw


def test_both_texts_are_sent_as_they_are(site: Site, user: User) -> None:
    set_vacation(site, user, textBody="plain", htmlBody="<i>HTML</i>")

    deliver(site)

    [(_, _, out)] = sent(site)
    assert out.preview == "plain"
    assert b"<i>HTML</i>" in out.raw


@pytest.mark.parametrize(
    ("ms", "answered"), [(-1, False), (0, True), (DAY_MS - 1, True), (DAY_MS, False)],
)  # fmt: skip
def test_it_is_in_force_from_its_first_date_until_before_its_last(
    site: Site, user: User, ms: int, answered: bool
) -> None:
    begin = 1_795_046_400_000
    set_vacation(site, user, fromDate="2026-11-19T00:00:00Z", toDate="2026-11-20T00:00:00.000000001Z")

    deliver(site, received_at=begin + ms)

    assert bool(sent(site)) is answered


def test_what_is_not_enabled_does_not_answer(site: Site, user: User) -> None:
    set_vacation(site, user, isEnabled=False)

    deliver(site)

    assert sent(site) == []


def test_a_sender_is_answered_once_a_week_or_when_the_response_is_another(
    site: Site, user: User, clock: FakeClock
) -> None:
    set_vacation(site, user, textBody="one")
    for _ in range(8):
        deliver(site, mail_from=BEA.upper())
        clock.advance(DAY_MS)
    assert len(waiting(site)) == 2

    set_vacation(site, user, textBody="two")
    deliver(site)
    deliver(site)

    assert len(waiting(site)) == 3


@pytest.mark.parametrize(
    "raw",
    [
        message(headers=["Auto-Submitted: auto-replied"]),
        message(headers=["List-Id: <l.example>"]),
        message(headers=["Precedence: list"]),
        message(to="undisclosed-recipients:;"),
        message(to="eve@example.com"),
    ],
    ids=["auto-submitted", "list", "precedence", "hidden", "to another"],
)
def test_programs_lists_and_blind_copies_get_no_answer(site: Site, user: User, raw: bytes) -> None:
    set_vacation(site, user)

    deliver(site, raw)

    assert sent(site) == []
    assert traces(site, user)[0]["notes"]


@pytest.mark.parametrize("mail_from", ["", ANN, "MAILER-DAEMON@example.com", "noreply@example.com"])
def test_neither_do_programs_and_oneself(site: Site, user: User, mail_from: str) -> None:
    set_vacation(site, user)

    deliver(site, mail_from=mail_from)

    assert sent(site) == []


def test_an_answer_is_not_answered(site: Site, user: User) -> None:
    set_vacation(site, user)
    deliver(site)
    [(_, _, out)] = sent(site)

    deliver(site, out.raw, mail_from="other@example.com")

    assert len(sent(site)) == 1


def test_mail_to_any_address_of_one_s_own_is_answered(site: Site, actor: Actor, user: User) -> None:
    add_address(site, actor, "office@example.com", ANN)
    set_vacation(site, user)

    deliver(site, message(to="Office <OFFICE@example.com>"), "office@example.com")
    deliver(site, message(to="ann+news@example.org"), "ann+news@example.org", mail_from="eve@example.com")

    assert {to: out.from_ for _, [to], out in sent(site)} == {
        BEA: [{"name": "Ann", "email": "office@example.com"}],
        "eve@example.com": [{"name": "Ann", "email": "ann+news@example.org"}],
    }


def test_mail_to_an_address_of_an_identity_is_answered_whatever_the_envelope_says(
    site: Site, actor: Actor, user: User
) -> None:
    set_vacation(site, user)
    identity = {"email": "office@example.com", "name": "Office"}
    transact(site, actor, lambda one: one.draft(user.account).create("Identity", "i1", identity))

    deliver(site, message(to="office@example.com"))

    assert len(sent(site)) == 1


def test_a_script_that_answers_by_itself_has_the_word(site: Site, user: User) -> None:
    set_vacation(site, user, textBody="response")
    activate(site, user, 'require "vacation"; if header :is "subject" "x" { vacation "script"; }')

    deliver(site)
    deliver(site, message("x"))

    assert [out.preview for _, _, out in sent(site)] == ["script"]


@pytest.mark.parametrize(
    ("script", "answers"),
    [
        ("keep;", 1),
        ('require "fileinto"; fileinto "Archive";', 1),
        ('require "fileinto"; fileinto "Junk";', 0),
        ('require "fileinto"; fileinto "Trash";', 0),
        ('require "fileinto"; fileinto "Junk"; keep;', 1),
        ("discard;", 0),
        ('require "ereject"; ereject "No";', 0),
    ],
)
def test_besides_a_script_mail_that_its_owner_will_see_is_answered(
    site: Site, user: User, script: str, answers: int
) -> None:
    set_vacation(site, user)
    activate(site, user, script)

    accept(site, [landed(message(), ANN)])

    assert len(sent(site)) == answers


def test_a_redelivery_answers_nobody(site: Site, user: User) -> None:
    set_vacation(site, user)
    one = landed(message(), ANN)

    accept(site, [one])
    accept(site, [one, one])

    assert len(sent(site)) == 1
    assert len(filed(site, user)) == 1


def test_two_people_who_are_away_answer_for_themselves(site: Site, actor: Actor, user: User) -> None:
    bob = create_user(site, actor, "bob@example.org", "correct horse", name="Bob")
    set_vacation(site, user)
    set_vacation(site, bob)

    accept(site, [landed(message(to="ann@example.org, bob@example.org"), ANN, "bob@example.org")])

    answers = [out for _, _, out in sent(site)]
    assert sorted((out.from_ or [{}])[0]["name"] for out in answers) == ["Ann", "Bob"]
    assert len({(out.message_id or [""])[0] for out in answers}) == 2


def test_what_answers_leave_behind_expires(site: Site, user: User) -> None:
    set_vacation(site, user)

    deliver(site)

    rows = site.store.scan(user.account, *keys.prefix_range("d/answer-"))
    assert [row.expires for row in rows] == [START // 1_000 + 7 * 24 * 3_600]
