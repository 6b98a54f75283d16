"""The active script acts on mail that arrives: in the commit that files it, and once."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from homing.delivery.accept import accept
from homing.delivery.automatic import MAX_SENT_ON, SENT_ON_BY
from homing.delivery.mailbox_paths import MAX_MAILBOXES
from homing.delivery.outbox import REPORT_TASK
from homing.delivery.scripts import Scripts
from homing.directory.accounts import User, create_user, set_user
from homing.errors import Refused
from homing.ledger import keys
from homing.ledger.entry import Actor
from homing.ledger.transact import Transaction, transact
from homing.message.mdn import parse_notification
from homing.ports.landings import Landed
from homing.sieve.engine import Failure, Script
from homing.site import Site
from homing.submission.dsn import parse_dsn
from tests.conftest import FakeClock, FakeIds
from tests.doubles import CountingBlobs, CountingStore, Crashed, FaultPlan, FaultyBlobs, FaultyStore
from tests.mail import landed, message
from tests.rooms.delivery.filters import activate, filed, sent, set_keywords, traces, view, waiting
from tests.rooms.delivery.outcome import assert_sound, outcome_of
from tests.rooms.delivery.test_crash_sweep import Places

ANN = "ann@example.org"
BEA = "bea@sender.example"
DAY_MS = 24 * 3_600 * 1_000


def deliver(site: Site, raw: bytes | None = None, **given: object) -> Refused | None:
    """Deliver one message to Ann; the reply."""
    return accept(site, [landed(message() if raw is None else raw, ANN, **given)])[0][0]  # type: ignore[arg-type]


def deliver_by(site: Site, protocol: str, raw: bytes | None = None, mail_from: str = BEA) -> Refused | None:
    one = landed(message() if raw is None else raw, ANN, mail_from=mail_from)
    return accept(site, [replace(one, envelope=replace(one.envelope, protocol=protocol))])[0][0]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("keep;", [(["Inbox"], [])]),
        ("", [(["Inbox"], [])]),
        ("discard;", []),
        ('require "fileinto"; fileinto "Archive";', [(["Archive"], [])]),
        ('require "fileinto"; fileinto "archive";', [(["Archive"], [])]),
        ('require "fileinto"; fileinto "INBOX";', [(["Inbox"], [])]),
        ('require "fileinto"; fileinto "Nowhere";', [(["Inbox"], [])]),
        ('require "fileinto"; fileinto "Archive"; keep;', [(["Archive", "Inbox"], [])]),
        ('require ["fileinto", "copy"]; fileinto :copy "Archive";', [(["Archive", "Inbox"], [])]),
        ('require ["fileinto", "mailbox"]; fileinto :create "Lists/Python";', [(["Python"], [])]),
        ('require ["fileinto", "mailbox"]; fileinto :create "INBOX/Work";', [(["Work"], [])]),
        ('require ["fileinto", "mailbox"]; if mailboxexists "Junk" { fileinto "Junk"; }', [(["Junk"], [])]),
        ('require ["fileinto", "mailbox"]; if mailboxexists "Nowhere" { fileinto "Junk"; }', [(["Inbox"], [])]),
        ('require ["fileinto", "special-use"]; fileinto :specialuse "\\\\Junk" "X";', [(["Junk"], [])]),
        ('require ["fileinto", "special-use"]; if specialuse_exists "\\\\Sent" { fileinto "Sent"; }',
         [(["Sent"], [])]),
        ('require "imap4flags"; addflag ["\\\\Seen", "$Work"];', [(["Inbox"], ["$seen", "$work"])]),
        ('require ["imap4flags", "fileinto"]; fileinto :flags "\\\\Flagged" "Archive"; keep :flags "a";',
         [(["Archive", "Inbox"], ["$flagged", "a"])]),
        ('require "envelope"; if envelope :is "from" "bea@sender.example" { discard; }', []),
        ('require "envelope"; if envelope :is "to" "ann@example.org" { discard; }', []),
        ('require "environment"; if environment :is "location" "MDA" { discard; }', []),
        ('require ["date", "relational"]; if currentdate :value "ge" "year" "2026" { discard; }', []),
    ],
)  # fmt: skip
def test_a_script_says_where_mail_goes(
    site: Site, user: User, tmp_path: Path, script: str, expected: list[object]
) -> None:
    activate(site, user, script)

    assert deliver(site) is None

    assert filed(site, user) == expected
    assert_sound(site, [user.account], tmp_path)


def test_what_is_thrown_away_leaves_its_trace_and_does_not_come_again(site: Site, user: User, tmp_path: Path) -> None:
    id = activate(site, user, "discard;")
    one = landed(message(), ANN)

    assert accept(site, [one, one]) == [[None], [None]]
    position = view(site, user).head.seq
    activate(site, user, "keep;")
    accept(site, [one])

    assert filed(site, user) == []
    assert view(site, user).head.seq == position + 1
    [(_, marker)] = [(row.key, row.body) for row in view(site, user).scan(*keys.prefix_range("d/"))]
    assert id.encode() in marker
    assert_sound(site, [user.account], tmp_path)


def test_a_mailbox_is_made_with_what_is_above_it_once_and_with_its_use(site: Site, user: User) -> None:
    activate(
        site,
        user,
        """require ["fileinto", "mailbox", "special-use"];
        fileinto :create "A/B/C"; fileinto :create "A/b/D"; fileinto :create :specialuse "\\\\Memos" "Notes";""",
    )

    deliver(site)
    deliver(site)

    mailboxes = view(site, user).all_objects("Mailbox")
    named = {row["name"]: id for id, row in mailboxes.items()}
    assert len(mailboxes) == 6 + 5
    assert mailboxes[named["D"]]["parentId"] == mailboxes[named["C"]]["parentId"] == named["B"]
    assert mailboxes[named["Notes"]]["role"] == "memos"
    assert mailboxes[named["D"]]["counts"] == [2, 2, 2, 2]


@pytest.mark.parametrize("name", ["x" * 300, "/".join("abcdefghijkl"), "/", "\ufdd0"])
def test_a_mailbox_that_cannot_be_made_is_the_inbox(site: Site, user: User, name: str) -> None:
    activate(site, user, f'require ["fileinto", "mailbox"]; fileinto :create "{name}";')

    deliver(site)

    assert filed(site, user) == [(["Inbox"], [])]
    assert len(view(site, user).all_objects("Mailbox")) == 6
    assert "filed in the inbox" in traces(site, user)[0]["notes"][0]


def test_scripts_make_no_more_mailboxes_when_there_are_very_many(site: Site, user: User, actor: Actor) -> None:
    for start in range(0, MAX_MAILBOXES - 6, 71):
        names = [f"box {number}" for number in range(start, start + 71)]
        transact(site, actor, partial(make_mailboxes, user.account, names))
    activate(site, user, 'require ["fileinto", "mailbox"]; fileinto :create "box 7"; fileinto :create "new";')

    deliver(site)

    assert filed(site, user) == [(["Inbox", "box 7"], [])]
    assert len(view(site, user).all_objects("Mailbox")) == MAX_MAILBOXES


def make_mailboxes(account: str, names: list[str], transaction: Transaction) -> None:
    for name in names:
        transaction.draft(account).create("Mailbox", name.replace(" ", "-"), {"name": name})


def test_several_messages_of_a_batch_are_each_judged(site: Site, user: User) -> None:
    activate(
        site,
        user,
        """require ["fileinto", "mailbox"];
        if header :contains "subject" "list" { fileinto :create "Lists"; }
        elsif header :contains "subject" "spam" { discard; }""",
    )
    mail = [landed(message(subject), ANN) for subject in ("list 1", "spam", "hello", "list 2")]

    assert accept(site, mail) == [[None]] * 4

    assert sorted(boxes for boxes, _ in filed(site, user)) == [["Inbox"], ["Lists"], ["Lists"]]


def test_a_script_is_its_owner_s_alone(site: Site, actor: Actor, user: User) -> None:
    bob = create_user(site, actor, "bob@example.org", "correct horse")
    activate(site, user, 'require "reject"; reject "Not me";')

    [replies] = accept(site, [landed(message(), ANN, "bob@example.org")])

    assert [None if one is None else one.to_reply() for one in replies] == ["550 5.7.1 Not me", None]
    assert (filed(site, user), filed(site, bob)) == ([], [(["Inbox"], [])])


def test_a_full_mailbox_is_full_before_any_script(site: Site, actor: Actor, user: User) -> None:
    activate(site, user, 'redirect "eve@example.com";')
    set_user(site, actor, ANN, quota=1)

    reply = deliver(site)

    assert reply is not None
    assert reply.code == 552
    assert sent(site) == []


# errors


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ('require "variables"; redirect "${from}";', "address"),
        ("this is no script", "line 1"),
        ('require "nothing.we.know"; keep;', "nothing.we.know"),
    ],
)
def test_after_an_error_mail_is_kept_and_the_error_told(site: Site, user: User, script: str, words: str) -> None:
    id = activate(site, user, script)

    assert deliver(site) is None

    assert filed(site, user) == [(["Inbox"], [])]
    [trace] = traces(site, user)
    assert trace["script"] == id
    assert words in trace["error"]["description"]
    assert trace["error"]["line"] == 1


def test_a_script_whose_text_is_gone_keeps_mail(site: Site, user: User) -> None:
    activate(site, user, "discard; # gone")
    [script] = view(site, user).all_objects("SieveScript").values()
    site.blobs.delete(script["blob"])

    deliver(site)

    assert filed(site, user) == [(["Inbox"], [])]
    assert "not there" in traces(site, user)[0]["error"]["description"]


def test_the_trace_of_a_large_script_fits_a_row(site: Site, user: User) -> None:
    boxes = " ".join(f'fileinto "{"é" * 200}{number}";' for number in range(30))
    activate(site, user, f'require "fileinto"; {boxes}')

    deliver(site)

    [trace] = traces(site, user)
    assert len(str(trace)) < 4_000


# redirect


def test_a_message_is_sent_on_as_it_is_with_a_trace_and_without_its_old_return_path(site: Site, user: User) -> None:
    activate(site, user, 'redirect "eve@example.com"; redirect "fay@example.com";')
    raw = b"Return-Path: <bea@sender.example>\r\n" + message(message_id="1@x")

    deliver(site, raw, received_at=1_795_000_000_000)

    [(mail_from, recipients, out)] = sent(site)
    assert (mail_from, recipients) == (BEA, ["eve@example.com", "fay@example.com"])
    assert out.raw.endswith(message(message_id="1@x"))
    assert [header.name for header in out.headers[:3]] == ["Received", "X-Homing-Redirected-By", "From"]
    assert b"Return-Path" not in out.raw
    assert out.defects == ()
    assert filed(site, user) == []


def test_the_null_return_path_stays_null(site: Site, user: User) -> None:
    activate(site, user, 'redirect "eve@example.com";')

    deliver(site, mail_from="")

    assert [mail_from for mail_from, _, _ in sent(site)] == [""]


def test_a_return_path_that_nothing_can_be_sent_to_is_null(site: Site, user: User) -> None:
    activate(site, user, 'redirect "eve@example.com";')

    deliver(site, mail_from="\udcff\0@x")

    assert [mail_from for mail_from, _, _ in sent(site)] == [""]


def test_a_copy_is_sent_on_and_the_message_kept(site: Site, user: User) -> None:
    activate(site, user, 'require "copy"; redirect :copy "eve@example.com";')

    deliver(site)

    assert len(sent(site)) == 1
    assert filed(site, user) == [(["Inbox"], [])]


def test_what_was_sent_on_and_comes_back_is_kept(site: Site, user: User) -> None:
    activate(site, user, f'redirect "{ANN}";')
    deliver(site)
    [(_, _, out)] = sent(site)

    deliver(site, out.raw)

    assert len(sent(site)) == 1
    assert filed(site, user) == [(["Inbox"], [])]
    assert "sent on from here before" in traces(site, user)[0]["notes"][0]


def test_another_account_may_send_on_what_this_one_has_sent_on(site: Site, actor: Actor, user: User) -> None:
    bob = create_user(site, actor, "bé@example.org", "correct horse")
    activate(site, user, 'redirect "eve@example.com";')
    activate(site, bob, 'redirect "fay@example.com";')
    deliver(site)
    [(_, _, out)] = sent(site)

    accept(site, [landed(out.raw, "bé@example.org")])
    (again,) = [out for _, recipients, out in sent(site) if recipients == ["fay@example.com"]]
    accept(site, [landed(again.raw, "bé@example.org")])

    assert len(sent(site)) == 2
    assert filed(site, bob) == [(["Inbox"], [])]


@pytest.mark.parametrize(("marks", "is_sent_on"), [(MAX_SENT_ON - 1, True), (MAX_SENT_ON, False)])
def test_a_message_is_sent_on_a_few_times_only(site: Site, user: User, marks: int, is_sent_on: bool) -> None:
    activate(site, user, 'redirect "eve@example.com";')

    deliver(site, message(headers=[f"{SENT_ON_BY}: {number}@example.org" for number in range(marks)]))

    assert (len(sent(site)), len(filed(site, user))) == ((1, 0) if is_sent_on else (0, 1))


def test_a_loop_without_our_mark_is_cut_by_its_length(site: Site, user: User) -> None:
    activate(site, user, 'redirect "eve@example.com";')

    deliver(site, message(headers=["Received: from a by b; Fri, 20 Nov 2026 10:00:00 +0000"] * 101))

    assert sent(site) == []
    assert filed(site, user) == [(["Inbox"], [])]


# reject


@pytest.mark.parametrize("protocol", ["smtp", "lmtp", "submission"])
@pytest.mark.parametrize("action", ["reject", "ereject"])
def test_a_rejected_message_is_refused_while_its_sender_waits(
    site: Site, user: User, protocol: str, action: str
) -> None:
    activate(site, user, f'require "{action}"; {action} "I do not\r\nwant this";')
    position = view(site, user).head.seq

    replies = [deliver_by(site, protocol, mail_from=mail_from) for mail_from in (BEA, "")]

    assert [one and one.to_reply() for one in replies] == ["550 5.7.1 I do not want this"] * 2
    assert (filed(site, user), sent(site)) == ([], [])
    assert view(site, user).head.seq == position


def test_a_reason_that_no_reply_can_say_goes_by_mail(site: Site, user: User, tmp_path: Path) -> None:
    activate(site, user, 'require "reject"; reject "Ich möchte das nicht";')

    assert deliver_by(site, "smtp", message(message_id="1@x")) is None

    [(mail_from, recipients, out)] = sent(site)
    assert (mail_from, recipients) == ("", [BEA])
    notification = parse_notification(out)
    assert notification is not None
    assert notification.disposition.type == "deleted"
    assert notification.disposition.action_mode == "automatic-action"
    assert "Ich möchte das nicht" in (notification.text or "")
    assert notification.final_recipient == f"rfc822; {ANN}"
    assert notification.original_message_id == "<1@x>"
    assert filed(site, user) == []
    assert_sound(site, [user.account], tmp_path)


def test_ereject_would_rather_refuse_with_other_words(site: Site, user: User) -> None:
    activate(site, user, 'require "ereject"; ereject "Nö";')

    reply = deliver_by(site, "lmtp")

    assert reply is not None
    assert reply.to_reply() == "550 5.7.1 The recipient does not want this message"


def test_where_nobody_waits_ereject_makes_a_delivery_status_notification(site: Site, user: User) -> None:
    activate(site, user, 'require "ereject"; ereject "No thanks";')
    raw = message(message_id="1@x")
    one = landed(raw, ANN)
    one = replace(one, envelope=replace(one.envelope, protocol="ses"))

    assert accept(site, [one]) == accept(site, [one]) == [[None]]

    [(mail_from, recipients, out)] = sent(site)
    assert (mail_from, recipients) == ("", [BEA])
    report = parse_dsn(out)
    assert report is not None
    assert report.recipients == {ANN: ("failed", "")}
    assert report.message_id == "<1@x>"
    assert filed(site, user) == []


def test_a_rejected_message_without_a_return_path_goes_silently(site: Site, user: User) -> None:
    activate(site, user, 'require "reject"; reject "No";')

    assert deliver_by(site, "ses", mail_from="") is None

    assert (filed(site, user), sent(site)) == ([], [])


# vacation


VACATION = 'require "vacation"; vacation :days 3 :subject "Away" "I am\r\naway.";'


def test_a_sender_is_answered_once_in_so_many_days(site: Site, user: User, clock: FakeClock, tmp_path: Path) -> None:
    activate(site, user, VACATION)
    for _ in range(3):
        deliver(site)
        clock.advance(DAY_MS)
    deliver(site)

    answers = sent(site)
    deliver(site, message(sender="Eve <eve@example.com>"), mail_from="eve@example.com")

    assert [recipients for _, recipients, _ in answers] == [[BEA], [BEA]]
    assert len(sent(site)) == 3
    assert len(filed(site, user)) == 5
    assert_sound(site, [user.account], tmp_path)


def test_two_messages_of_a_batch_are_answered_once(site: Site, user: User) -> None:
    activate(site, user, VACATION)

    accept(site, [landed(message(), ANN), landed(message(), ANN)])

    assert len(sent(site)) == 1
    assert len(filed(site, user)) == 2


def test_an_answer_is_a_proper_reply_of_a_program(site: Site, user: User) -> None:
    activate(site, user, VACATION)

    deliver(site, message("Hi", message_id="2@x", references=["0@x", "1@x"]), received_at=1_795_000_000_000)

    [(mail_from, recipients, out)] = sent(site)
    assert (mail_from, recipients) == ("", [BEA])
    assert out.from_ == [{"name": "Ann", "email": ANN}]
    assert out.to == [{"name": None, "email": BEA}]
    assert out.subject == "Away"
    assert out.in_reply_to == ["2@x"]
    assert out.references == ["0@x", "1@x", "2@x"]
    assert out.header("auto-submitted") == b" auto-replied (vacation)"
    assert out.sent_at == "2026-11-18T11:06:40Z"
    assert out.raw.endswith(b"\r\n\r\nI am\r\naway.")
    assert out.defects == ()


@pytest.mark.parametrize(
    "headers",
    [["Auto-Submitted: auto-generated"], ["List-Id: <list.example>"], ["Precedence: bulk"]],
)
def test_programs_and_lists_get_no_answer(site: Site, user: User, headers: list[str]) -> None:
    activate(site, user, VACATION)

    deliver(site, message(headers=headers))

    assert sent(site) == []
    assert "vacation: no answer" in traces(site, user)[0]["notes"][0]


@pytest.mark.parametrize("mail_from", ["", ANN, "mailer-daemon@example.com", "\udcff@x.example"])
def test_who_cannot_or_must_not_be_answered_is_not(site: Site, user: User, mail_from: str) -> None:
    activate(site, user, VACATION)

    deliver(site, mail_from=mail_from)

    assert sent(site) == []
    assert len(filed(site, user)) == 1


def test_only_mail_to_oneself_is_answered(site: Site, user: User) -> None:
    activate(site, user, VACATION)

    deliver(site, message(to="everybody@example.org"))

    assert sent(site) == []


def test_an_answer_may_be_an_entity_with_a_header_of_its_own_but_no_more(site: Site, user: User) -> None:
    activate(
        site,
        user,
        """require "vacation";
        vacation :mime :from "Ann at work <ann@example.org>" text:
Content-Type: text/html; charset=utf-8
To: eve@example.com

<b>Weg für heute</b>
.
;""",
    )

    deliver(site)

    [(_, recipients, out)] = sent(site)
    assert recipients == [BEA]
    assert out.to == [{"name": None, "email": BEA}]
    assert out.from_ == [{"name": "Ann at work", "email": ANN}]
    assert out.root.type == "text/html"
    assert "<b>Weg für heute</b>".encode() in out.raw
    assert out.header("mime-version") == b" 1.0"


def test_an_answer_in_any_script_of_the_world_is_sent(site: Site, user: User) -> None:
    activate(site, user, 'require "vacation"; vacation :subject "休暇中" "戻りました。😀";')

    deliver(site)

    [(_, _, out)] = sent(site)
    assert out.subject == "休暇中"
    assert out.preview == "戻りました。😀"


# duplicate


def test_a_duplicate_is_known_until_it_expires(site: Site, user: User, clock: FakeClock, tmp_path: Path) -> None:
    activate(site, user, 'require "duplicate"; if duplicate :seconds 100 { discard; }')
    raw = message(message_id="1@x")
    for _ in range(2):
        deliver(site, raw)
    accept(site, [landed(raw, ANN), landed(raw, ANN)])
    assert len(filed(site, user)) == 1

    clock.advance(101_000)
    deliver(site, raw)

    assert len(filed(site, user)) == 2
    assert_sound(site, [user.account], tmp_path)


# threads (RFC 9979)


def test_new_mail_of_a_muted_thread_is_read_and_lies_in_the_archive(site: Site, user: User) -> None:
    deliver(site, message("Plan", message_id="1@x"), received_at=1)
    set_keywords(site, user, *view(site, user).all_objects("Email"), "$muted")

    deliver(site, message("Re: Plan", message_id="2@x", in_reply_to="1@x"), received_at=2)
    deliver(site, message("Other", message_id="3@x"), received_at=3)

    assert filed(site, user) == [(["Inbox"], ["$muted"]), (["Archive"], ["$seen"]), (["Inbox"], [])]


def test_a_script_s_place_for_mail_of_a_muted_thread_counts(site: Site, user: User) -> None:
    deliver(site, message("Plan", message_id="1@x"), received_at=1)
    set_keywords(site, user, *view(site, user).all_objects("Email"), "$muted")
    activate(site, user, 'require "fileinto"; fileinto "Drafts";')

    deliver(site, message("Re: Plan", message_id="2@x", in_reply_to="1@x"), received_at=2)

    assert filed(site, user)[1] == (["Drafts"], ["$seen"])


def test_a_followed_thread_asks_for_a_notification_even_if_it_is_muted(site: Site, user: User) -> None:
    deliver(site, message("Plan", message_id="1@x"), received_at=1)
    set_keywords(site, user, *view(site, user).all_objects("Email"), "$muted", "$followed")

    deliver(site, message("Re: Plan", message_id="2@x", in_reply_to="1@x"), received_at=2)

    assert filed(site, user)[1] == (["Inbox"], ["$notify"])


# what it costs


def counted(site: Site) -> tuple[Site, CountingStore, CountingBlobs]:
    store, blobs = CountingStore(site.store), CountingBlobs(site.blobs)
    return replace(site, store=store, blobs=blobs), store, blobs


def test_a_script_costs_one_more_call_and_that_only_the_first_time(site: Site, user: User) -> None:
    activate(site, user, 'if header :is "subject" "only this test" { stop; }')
    watched, store, blobs = counted(site)
    calls = []
    for number in (1, 2):
        accept(watched, [landed(message(message_id=f"{number}@x"), ANN)])
        calls.append({**store.calls.as_dict(), **{f"blobs {name}": n for name, n in blobs.calls.as_dict().items()}})
        store.calls.clear()
        blobs.calls.clear()

    assert calls == [
        {"get": 1, "get_many": 2, "commit": 1, "blobs get": 1, "blobs put_many": 1},
        {"get": 1, "get_many": 2, "commit": 1, "blobs put_many": 1},
    ]


def test_filing_by_name_and_an_answer_stay_within_eight_calls_besides_their_blobs(site: Site, user: User) -> None:
    activate(site, user, 'require ["vacation", "fileinto"]; vacation "Away"; fileinto "Archive";')
    deliver(site, mail_from="eve@example.com")
    watched, store, blobs = counted(site)

    accept(watched, [landed(message(message_id="1@x"), ANN)])

    assert store.calls.total() <= 8
    assert blobs.calls.as_dict() == {"put": 1, "put_many": 1}


def test_without_a_script_the_engine_is_not_even_loaded() -> None:
    code = "import sys, homing.delivery.accept; sys.exit('homing.sieve' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_of_many_scripts_those_used_last_stay_compiled(site: Site) -> None:
    scripts, blobs = Scripts(most=2), CountingBlobs(site.blobs)
    digests = [site.blobs.put(text.encode()) for text in ("keep;", "stop;", "nonsense")]

    found = [scripts.get(blobs, digests[number]) for number in (0, 1, 0, 2, 0, 1)]

    assert [type(one) for one in found] == [Script, Script, Script, Failure, Script, Script]
    assert blobs.calls.as_dict() == {"get": 4}


# crashes


SCRIPT = """require ["fileinto", "mailbox", "vacation", "copy", "duplicate", "imap4flags", "variables"];
if duplicate { discard; stop; }
vacation :days 1 "Away";
if header :matches "subject" "*list*" { fileinto :create :flags "\\\\Seen" "Lists/A"; }
elsif header :contains "subject" "spam" { discard; }
else { redirect :copy "eve@example.com"; }
"""


def mail_for_a_script() -> list[Landed]:
    subjects = ["a list", "spam", "hello", "a list", "hello again"]
    senders = [BEA, BEA, "eve@example.com", BEA, ""]
    return [
        landed(message(subject, message_id=f"{number % 4}@x"), ANN, source=f"s{number}", mail_from=sender,
               received_at=1_795_000_000_000 + number)
        for number, (subject, sender) in enumerate(zip(subjects, senders, strict=True))
    ]  # fmt: skip


def told(site: Site, user: User) -> tuple[object, ...]:
    """All that a delivery leaves behind, without ids of chance."""
    outgoing = [(mail_from, recipients, out.raw) for mail_from, recipients, out in sent(site)]
    threads, _, usage, blobs, markers = outcome_of(site, user.account)
    return len(threads), filed(site, user), usage, sorted(blobs), markers, sorted(outgoing)


@pytest.mark.parametrize("at_once", [True, False])
def test_stopped_after_any_side_effect_and_redelivered_the_end_is_that_of_a_clean_run(
    site: Site, user: User, tmp_path: Path, at_once: bool
) -> None:
    activate(site, user, SCRIPT)
    places = Places("sqlite", tmp_path, site)
    mail = mail_for_a_script()

    def run(place: Site, batch: Sequence[Landed]) -> None:
        for some in [batch] if at_once else [[one] for one in batch]:
            accept(place, some)

    def faulty(place: Site, plan: FaultPlan) -> Site:
        return replace(place, store=FaultyStore(place.store, plan), blobs=FaultyBlobs(place.blobs, plan))

    def new() -> Site:
        place = places.new()
        place.blobs.put(SCRIPT.encode())
        return place

    clean, counting = new(), FaultPlan()
    run(faulty(clean, counting), mail)
    expected = told(clean, user)
    assert counting.effects >= 8
    assert len(sent(clean)) >= 3

    for stop_after in range(counting.effects):
        place = new()
        with pytest.raises(Crashed):
            run(faulty(replace(place, ids=FakeIds(stop_after)), FaultPlan(stop_after)), mail)
        run(place, [*mail, *random.Random(stop_after).sample(mail, len(mail))])

        assert told(place, user) == expected, f"stopped after {stop_after} of {counting.effects} side effects"
        assert_sound(place, [user.account], tmp_path)
    places.close()


def test_a_report_is_handed_on_once_and_only_if_it_is_filed(site: Site, user: User) -> None:
    raw = (
        b"From: a@b.example\r\nTo: ann@example.org\r\n"
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        b"--b\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\r\n--b--\r\n"
    )
    one = landed(raw, ANN)
    accept(site, [one, one])
    accept(site, [one])
    deliver(site)

    [task] = waiting(site, REPORT_TASK)
    assert task.partition == user.account
    assert site.blobs.get(task.arguments["blob"]) == raw

    activate(site, user, "discard;")
    deliver(site, raw)
    assert len(waiting(site, REPORT_TASK)) == 1
