"""RFC 5230 and RFC 6131: who is answered, with what, and how often."""

from __future__ import annotations

import pytest

from homing.sieve.engine import Keep, Vacation
from homing.sieve.limits import DAY, MAX_VACATION_SECONDS, MIN_VACATION_SECONDS
from tests.unit.sieve.scripts import failure, fields, mail, perform

TO_ME = "To: roadrunner@acme.example.com"
PERSONAL = fields("From: coyote@desert.example.org", TO_ME, "Subject: Cyrus bug")


def answer(script: str, raw: bytes = PERSONAL, **environment) -> Vacation:
    found = [action for action in perform(script, raw, **environment).actions if isinstance(action, Vacation)]
    assert len(found) == 1
    return found[0]


def note(
    raw: bytes = PERSONAL, sender: str = "coyote@desert.example.org", script: str = 'vacation "x";', **environment
) -> str:
    """Why there is no answer; "" if there is one."""
    result = perform(script, mail(raw, sender), **environment)
    has_answer = any(isinstance(action, Vacation) for action in result.actions)
    assert has_answer != bool(result.notes)
    return "".join(result.notes)


def test_an_answer_says_all_that_the_reply_needs() -> None:
    result = perform(
        'vacation :days 23 :addresses ["tjs@example.edu", "ts4z@landru.example.edu"] "I\'m away.\nCall 911, I guess.";',
        PERSONAL,
    )

    vacation = result.actions[0]
    assert isinstance(vacation, Vacation)
    assert result.actions[1:] == (Keep(implicit=True),)
    assert vacation.reason == "I'm away.\r\nCall 911, I guess."
    assert vacation.to == "coyote@desert.example.org"
    assert vacation.subject == "Auto: Cyrus bug"
    assert vacation.from_ == ""
    assert vacation.seconds == 23 * DAY
    assert vacation.addresses == ("tjs@example.edu", "ts4z@landru.example.edu")
    assert not vacation.mime


@pytest.mark.parametrize("other", ["discard;", "keep;", 'fileinto "a";', 'redirect "a@b.example";'])
def test_an_answer_goes_with_whatever_happens_to_the_message(other: str) -> None:
    assert answer(other + 'vacation "x";') == answer('vacation "x";' + other)


def test_a_second_answer_is_an_error() -> None:
    assert "once" in failure('vacation "x"; vacation "x";', PERSONAL)
    assert "once" in failure('vacation "x"; vacation "x";', fields("List-Id: x"))


@pytest.mark.parametrize(
    ("tag", "seconds"),
    [
        ("", 7 * DAY),
        (":days 0", DAY),
        (":days 1", DAY),
        (":days 30", 30 * DAY),
        (":days 9223372036854775807", MAX_VACATION_SECONDS),
        (":seconds 1800", 1_800),
        (":seconds 0", MIN_VACATION_SECONDS),
        (":seconds 2147483648", MAX_VACATION_SECONDS),
    ],
)
def test_the_period_is_kept_within_bounds(tag: str, seconds: int) -> None:
    assert answer(f'vacation {tag} "x";').seconds == seconds


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ('"a"', '"a"', True),
        ('"a"', '"b"', False),
        (':subject "a" "b"', ':from "a@b.example" "b"', False),
        (':subject "" "b"', '"b"', False),
        (':mime "b"', '"b"', False),
        (':days 3 "b"', ':days 5 "b"', True),
        (':addresses "a@b" "b"', '"b"', True),
        (':handle "h" "a"', ':handle "h" :subject "s" "b"', True),
        (':handle "h" "a"', ':handle "g" "a"', False),
        (':handle "a" "a"', '"a"', False),
        (':subject "Re: ${1}" "x"', ':subject "Re: ${1}" "x"', True),
    ],
)
def test_answers_count_as_the_same_by_handle_or_by_arguments(one: str, other: str, same: bool) -> None:
    assert (answer(f"vacation {one};").handle == answer(f"vacation {other};").handle) is same


def test_variables_do_not_tell_answers_apart() -> None:
    script = 'if header :matches "subject" "*" { vacation :subject "Automatic response to: ${1}" "Away."; }'

    lunch = answer(script, fields(TO_ME, "Subject: lunch?"))
    dinner = answer(script, fields(TO_ME, "Subject: dinner?"))

    assert (lunch.subject, dinner.subject) == ("Automatic response to: lunch?", "Automatic response to: dinner?")
    assert lunch.tracking_id == dinner.tracking_id


def test_each_sender_is_tracked_apart_in_any_spelling() -> None:
    def tracking_id(sender: str) -> str:
        return perform('vacation "x";', mail(PERSONAL, sender)).actions[0].tracking_id  # type: ignore[union-attr]

    assert tracking_id("a@x.example") == tracking_id("A@X.example") != tracking_id("b@x.example")


@pytest.mark.parametrize(
    ("tag", "raw", "subject"),
    [
        ("", PERSONAL, "Auto: Cyrus bug"),
        ("", fields(TO_ME), "Automated reply"),
        ("", fields(TO_ME, "Subject:  "), "Automated reply"),
        ("", fields(TO_ME, "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?="), "Auto: Grüße"),
        (':subject "Tulips"', PERSONAL, "Tulips"),
        (':subject "a\nBcc: everyone@example.org${hex:00 07}"', PERSONAL, "a Bcc: everyone@example.org"),
        ("", fields(TO_ME, "Subject: " + "x" * 400), "Auto: " + "x" * 249 + "…"),
    ],
)
def test_the_subject_is_one_line_whatever_it_is_made_of(tag: str, raw: bytes, subject: str) -> None:
    assert answer(f'vacation {tag} "x";', raw).subject == subject


def test_an_answer_may_come_from_another_address_of_the_owner_only() -> None:
    script = 'vacation :from "Road Runner <rr@acme.example.com>" "x";'

    assert answer(script, addresses=("RR@acme.example.com",)).from_ == "Road Runner <rr@acme.example.com>"
    assert answer(script).from_ == ""
    assert ":from" in perform(script, PERSONAL).notes[0]
    assert "not an address" in failure('set "f" "x"; vacation :from "${f}" "x";', PERSONAL)


def test_a_mime_entity_must_have_an_ascii_header() -> None:
    assert answer('vacation :mime "Content-Type: text/plain; charset=utf-8\n\nÜ";').mime
    assert "ASCII" in failure('set "u" "ü"; vacation :mime "Content-Type: te${u}t/plain\n\nx";', PERSONAL)


@pytest.mark.parametrize("name", ["To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"])
def test_who_names_the_recipient_is_answered(name: str) -> None:
    assert note(fields("From: x@y.example", f"{name}: a@b, Me <RoadRunner@ACME.example.com>")) == ""


def test_the_owners_other_addresses_count_too() -> None:
    raw = fields("To: all@example.com")

    assert "recipient" in note(raw)
    assert note(raw, addresses=("ALL@example.com",)) == ""
    assert note(raw, script='vacation :addresses "all@example.com" "x";') == ""


@pytest.mark.parametrize(
    "line",
    [
        "List-Id: <x.example>",
        "List-Help: <mailto:x>",
        "List-Subscribe: <x>",
        "list-unsubscribe: <x>",
        "List-Post: NO",
        "List-Owner: <x>",
        "List-Archive: <x>",
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated; x=y",
        "Auto-submitted: yes",
        "Precedence: bulk",
        "Precedence: JUNK",
        "Precedence: list",
        "X-Auto-Response-Suppress: All",
        "X-Auto-Response-Suppress: DR, OOF,\tRN",
    ],
)
def test_lists_and_programs_are_not_answered(line: str) -> None:
    assert note(fields(TO_ME, line)).startswith("vacation: no answer")


@pytest.mark.parametrize(
    "line",
    ["Auto-Submitted: no", "Auto-Submitted: No (really)", "Precedence: normal", "X-Auto-Response-Suppress: None"],
)
def test_signs_of_ordinary_mail_do_not_stop_an_answer(line: str) -> None:
    assert note(fields(TO_ME, line)) == ""


@pytest.mark.parametrize(
    ("sender", "is_answered"),
    [
        ("", False),
        ("MAILER-DAEMON@x.example", False),
        ("mailer-daemon", False),
        ("listserv@x.example", False),
        ("Majordomo@x.example", False),
        ("owner-list@x.example", False),
        ("list-request@x.example", False),
        ("list-bounces+me=x@x.example", False),
        ("no-reply@x.example", False),
        ("do_not_reply@x.example", False),
        ("noreply+1@x.example", False),
        ("roadrunner@ACME.example.com", False),
        ("postmaster@x.example", True),
        ("requester@x.example", True),
        ("bob.owner-occupier@x.example", True),
    ],
)
def test_senders_that_are_programs_or_oneself_are_not_answered(sender: str, is_answered: bool) -> None:
    assert (note(PERSONAL, sender) == "") is is_answered


def test_an_address_that_the_script_calls_its_own_is_not_answered() -> None:
    assert "own sender" in note(script='vacation :addresses "Coyote@desert.example.org" "x";')
