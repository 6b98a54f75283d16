"""From a submission to the recipients: who gets what, when, and what the sender is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from homing.delivery.outbox import REPORT_TASK, transmit_task
from homing.directory.accounts import set_user
from homing.ledger import tasks
from homing.ledger.entry import Actor
from homing.message import parse
from homing.message.mdn import Disposition, Letter, Notification, compose_notification
from homing.ports.store import Batch
from homing.ports.transport import Reply
from homing.site import Site
from homing.submission.attempt import LOOP, MAX_HOPS, send
from homing.submission.queue import TRANSMISSION
from homing.submission.schedule import GIVE_UP_MS, MINUTE_MS
from tests.conftest import FakeClock
from tests.mail import message
from tests.rooms.submission.posting import Sender, due_now, next_hop, sent, store, work

Draft = Callable[..., str]
LATER = Reply(451, "4.4.1", "No answer")
NEVER = Reply(550, "5.1.1", "No such user")


def status(ann: Sender, id: str, address: str) -> tuple[str, str]:
    found = ann.submission(id)["deliveryStatus"][address]
    return found["delivered"], found["smtpReply"]


def is_queued(site: Site, ann: Sender, id: str) -> bool:
    return ann.site.store.get(ann.account, f"o/{TRANSMISSION}/{id}") is not None


def test_recipients_elsewhere_get_the_message_by_the_next_hop(site: Site, ann: Sender, draft: Draft) -> None:
    raw = message(sender="ann@example.org", to="eve@example.com, fay@example.com", message_id="m@example.org")
    id = ann.submit(store(site, ann.user, raw))["id"]

    assert sent(site) == []
    work(site)

    (outgoing,) = sent(site)
    assert (outgoing.mail_from, outgoing.raw, outgoing.parameters) == ("ann@example.org", raw, {"ENVID": id})
    assert [one.address for one in outgoing.recipients] == ["eve@example.com", "fay@example.com"]
    assert ann.submission(id)["undoStatus"] == "final"
    assert status(ann, id, "eve@example.com") == ("unknown", "250 2.0.0 OK")
    assert not is_queued(site, ann, id)
    assert work(site) == 0


def test_recipients_of_this_site_get_it_without_a_next_hop(site: Site, ann: Sender, bob: Sender, draft: Draft) -> None:
    id = ann.submit(draft(to="bob@example.org, Bob <bob+lists@example.org>", subject="Plans"))["id"]

    work(site)

    assert sent(site) == []
    assert [email["subject"] for email in bob.inbox()] == ["Plans"]
    assert status(ann, id, "bob@example.org") == ("yes", "250 2.1.5 Delivered")
    assert status(ann, id, "bob+lists@example.org") == ("yes", "250 2.1.5 Delivered")


def test_nobody_sees_blind_copies(site: Site, ann: Sender, bob: Sender, draft: Draft) -> None:
    email = draft(to="bob@example.org", headers=["Bcc: eve@example.com,", " carl@example.org"])

    ann.submit(email)
    work(site)

    assert [one.address for one in sent(site)[0].recipients] == ["eve@example.com"]
    assert b"eve@" not in sent(site)[0].raw
    assert bob.inbox()[0]["bcc"] is None
    assert ann.email(email, "bcc")["bcc"] is not None


def test_an_address_of_a_domain_of_this_site_that_nobody_has_fails_at_once(
    site: Site, ann: Sender, draft: Draft
) -> None:
    id = ann.submit(draft(to="nobody@example.org"))["id"]

    work(site)

    assert sent(site) == []
    assert status(ann, id, "nobody@example.org") == ("no", "550 5.1.1 No such user here")


def test_a_failure_is_told_to_the_sender(site: Site, ann: Sender, draft: Draft) -> None:
    next_hop(site).replies["eve@example.com"] = NEVER
    id = ann.submit(draft(to="eve@example.com, fay@example.com", subject="Plans"))["id"]

    work(site)

    (report,) = ann.inbox()
    found = ann.submission(id)
    assert report["subject"] == "Your message could not be delivered"
    assert found["dsnBlobIds"] == [report["blobId"]]
    assert status(ann, id, "eve@example.com") == ("no", "550 5.1.1 No such user")
    assert status(ann, id, "fay@example.com") == ("unknown", "250 2.0.0 OK")
    assert ann.http("GET", f"/jmap/download/{ann.account}/{report['blobId']}/dsn.eml").status == 200
    assert len(sent(site)) == 1


def test_what_is_deferred_is_tried_again_without_those_who_have_it(
    site: Site, ann: Sender, draft: Draft, clock: FakeClock
) -> None:
    next_hop(site).replies |= {"eve@example.com": LATER, "gil@example.com": NEVER}
    id = ann.submit(draft(to="eve@example.com, fay@example.com, gil@example.com"))["id"]
    work(site)
    assert status(ann, id, "eve@example.com") == ("queued", "451 4.4.1 No answer")
    assert status(ann, id, "fay@example.com") == ("unknown", "250 2.0.0 OK")

    clock.advance(MINUTE_MS)
    work(site)
    next_hop(site).replies.clear()
    clock.advance(5 * MINUTE_MS)
    work(site)

    assert [[one.address for one in outgoing.recipients] for outgoing in sent(site)] == [
        ["eve@example.com", "fay@example.com", "gil@example.com"], ["eve@example.com"], ["eve@example.com"],
    ]  # fmt: skip
    assert status(ann, id, "eve@example.com") == ("unknown", "250 2.0.0 OK")
    assert len(ann.inbox()) == 1
    assert not is_queued(site, ann, id)


def test_after_five_days_a_message_is_given_up(site: Site, ann: Sender, draft: Draft, clock: FakeClock) -> None:
    next_hop(site).replies["eve@example.com"] = LATER
    began = clock.now()
    id = ann.submit(draft(to="eve@example.com"))["id"]

    for _ in range(100):
        work(site)
        if not is_queued(site, ann, id):
            break
        clock.set(tasks.next_due(site.store) or 0)

    assert GIVE_UP_MS - 240 * MINUTE_MS <= clock.now() - began <= GIVE_UP_MS
    assert status(ann, id, "eve@example.com") == ("no", "451 4.4.1 No answer")
    assert len(ann.submission(id)["dsnBlobIds"]) == 1
    assert "given up after several days" in ann.inbox()[0]["preview"]


def test_a_sender_who_wants_no_notification_gets_none(site: Site, ann: Sender, draft: Draft) -> None:
    next_hop(site).replies["eve@example.com"] = NEVER
    envelope = {
        "mailFrom": {"email": "ann@example.org", "parameters": {"ENVID": "mine", "RET": "FULL"}},
        "rcptTo": [{"email": "eve@example.com", "parameters": {"notify": "NEVER"}}],
    }
    id = ann.submit(draft(), envelope=envelope)["id"]

    work(site)

    assert sent(site)[0].parameters == {"ENVID": "mine", "RET": "FULL"}
    assert sent(site)[0].recipients[0].parameters == {"NOTIFY": "NEVER"}
    assert ann.inbox() == []
    assert ann.submission(id)["dsnBlobIds"] == []


def test_a_sender_who_wants_to_know_is_told_of_a_delivery(site: Site, ann: Sender, bob: Sender, draft: Draft) -> None:
    envelope = {
        "mailFrom": {"email": "ann@example.org", "parameters": None},
        "rcptTo": [{"email": "bob@example.org", "parameters": {"NOTIFY": "SUCCESS,FAILURE"}}],
    }
    id = ann.submit(draft(), envelope=envelope)["id"]

    work(site)

    assert [email["subject"] for email in ann.inbox()] == ["Your message was delivered"]
    assert len(ann.submission(id)["dsnBlobIds"]) == 1


def test_a_full_mailbox_is_a_failure_that_is_told(
    site: Site, actor: Actor, ann: Sender, bob: Sender, draft: Draft
) -> None:
    set_user(site, actor, "bob@example.org", quota=1)
    id = ann.submit(draft(to="bob@example.org"))["id"]

    work(site)

    assert status(ann, id, "bob@example.org") == ("no", "552 5.2.2 This mailbox is full")
    assert len(ann.inbox()) == 1


def test_a_destroyed_email_is_sent_all_the_same(site: Site, ann: Sender, draft: Draft) -> None:
    email = draft()
    blob = ann.email(email, "blobId")["blobId"]
    id = ann.submit(email)["id"]
    ann.call("Email/set", destroy=[email])
    assert ann.http("GET", f"/jmap/download/{ann.account}/{blob}/kept.eml").status == 200

    work(site)

    assert len(sent(site)) == 1
    assert ann.submission(id)["emailId"] == email


def test_a_message_whose_submission_was_destroyed_is_sent_and_its_failure_told(
    site: Site, ann: Sender, draft: Draft
) -> None:
    next_hop(site).replies["eve@example.com"] = NEVER
    id = ann.submit(draft())["id"]
    assert ann.call("EmailSubmission/set", destroy=[id])["destroyed"] == [id]

    work(site)

    assert len(sent(site)) == 1
    assert len(ann.inbox()) == 1


def test_a_message_that_goes_round_in_circles_is_stopped(site: Site, ann: Sender, draft: Draft) -> None:
    id = ann.submit(draft(headers=["Received: from a by b; Fri, 20 Nov 2026 10:00:00 +0000"] * MAX_HOPS))["id"]

    work(site)

    assert sent(site) == []
    assert status(ann, id, "eve@example.com") == ("no", LOOP.to_line())


def test_a_task_that_runs_again_sends_nothing(site: Site, ann: Sender, draft: Draft) -> None:
    ann.submit(draft())
    (task,) = due_now(site)
    actor = Actor("task", task.kind, task.id)

    send(site, actor, task)
    send(site, actor, task)

    assert len(sent(site)) == 1


def test_the_task_of_an_earlier_attempt_sends_nothing(site: Site, ann: Sender, draft: Draft) -> None:
    next_hop(site).replies["eve@example.com"] = LATER
    ann.submit(draft())
    (task,) = due_now(site)
    work(site)

    send(site, Actor("task", task.kind, task.id), task)

    assert len(sent(site)) == 1


def test_mail_of_the_site_itself_has_no_return_path_and_is_sent_as_it_is(site: Site, ann: Sender, bob: Sender) -> None:
    raw = message(to="bob@example.org", headers=["Bcc: x@example.com"])
    next_hop(site).replies["gil@example.com"] = NEVER
    recipients = ["bob@example.org", "eve@example.com", "gil@example.com", "no address"]
    task = transmit_task(site, ann.account, site.blobs.put(raw), recipients, site.clock.now())
    put(site, task)

    work(site)

    (outgoing,) = sent(site)
    assert (outgoing.mail_from, outgoing.raw) == ("", raw)
    assert [one.address for one in outgoing.recipients] == ["eve@example.com", "gil@example.com"]
    assert len(bob.inbox()) == 1
    assert ann.inbox() == []


def test_mail_of_the_site_itself_is_tried_again_and_sent_once(site: Site, ann: Sender, clock: FakeClock) -> None:
    next_hop(site).replies["eve@example.com"] = LATER
    task = transmit_task(site, ann.account, site.blobs.put(message()), ["eve@example.com"], site.clock.now())
    put(site, task)
    work(site)
    next_hop(site).replies.clear()
    clock.advance(MINUTE_MS)
    work(site)
    put(site, task)  # as a queue does that is not sure

    work(site)

    assert len(sent(site)) == 2


def test_a_notification_that_cannot_be_delivered_makes_no_other(site: Site, ann: Sender, draft: Draft) -> None:
    next_hop(site).replies["eve@example.com"] = NEVER
    task = transmit_task(site, ann.account, site.blobs.put(message()), ["eve@example.com"], site.clock.now())
    put(site, task)

    assert work(site) == 1
    assert ann.inbox() == []


@pytest.mark.parametrize("named_by", ["envelope id", "message id"])
def test_a_report_of_the_next_hop_completes_the_status(site: Site, ann: Sender, draft: Draft, named_by: str) -> None:
    id = ann.submit(draft(to="eve@example.com, fay@example.com", message_id="m@example.org"))["id"]
    work(site)
    envelope_id = f"Original-Envelope-Id: {id}\r\n" if named_by == "envelope id" else ""
    raw = (
        "From: mailer@example.com\r\nSubject: Report\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        f"--b\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        f"{envelope_id}Reporting-MTA: dns; x\r\n\r\n"
        "Final-Recipient: rfc822; EVE@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 Gone\r\n\r\n"
        "Final-Recipient: rfc822; mallory@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        "\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <m@example.org>\r\n--b--\r\n"
    ).encode()

    report(site, ann, raw)
    report(site, ann, raw)

    assert status(ann, id, "eve@example.com") == ("no", "550 5.1.1 Gone")
    assert status(ann, id, "fay@example.com") == ("unknown", "250 2.0.0 OK")
    found = ann.submission(id)
    assert b"mallory" not in site.store.get(ann.account, f"o/EmailSubmission/{id}").body
    assert found["dsnBlobIds"] == [ann.inbox()[0]["blobId"]]


def test_a_read_receipt_marks_the_message_as_displayed(site: Site, ann: Sender, draft: Draft) -> None:
    id = ann.submit(draft(to="eve@example.com", message_id="m@example.org"))["id"]
    work(site)
    notification = Notification(
        Disposition("manual-action", "mdn-sent-manually", "displayed"),
        final_recipient="rfc822; eve@example.com",
        original_message_id="<m@example.org>",
    )
    letter = Letter({"name": None, "email": "eve@example.com"}, ["ann@example.org"], "r@example.com", 0)

    report(site, ann, compose_notification(notification, letter))

    found = ann.submission(id)
    assert found["deliveryStatus"]["eve@example.com"]["displayed"] == "yes"
    assert found["deliveryStatus"]["eve@example.com"]["delivered"] == "unknown"
    assert found["mdnBlobIds"] == [ann.inbox()[0]["blobId"]]


def test_a_report_on_a_message_that_nobody_sent_changes_nothing(site: Site, ann: Sender) -> None:
    before = ann.position()
    notification = Notification(
        Disposition("manual-action", "mdn-sent-manually", "displayed"), original_message_id="<other@example.org>"
    )
    letter = Letter({"name": None, "email": "eve@example.com"}, ["ann@example.org"], "r@example.com", 0)

    report(site, ann, compose_notification(notification, letter))
    report(site, ann, message())

    assert ann.position() == before + 2  # two emails came in


def test_as_many_recipients_as_can_be_given_may_all_fail_with_many_words(
    site: Site, ann: Sender, draft: Draft, clock: FakeClock
) -> None:
    addresses = [f"{'user' * 14}{number:04}@example.com" for number in range(1_000)]
    next_hop(site).replies |= dict.fromkeys(addresses[:500], Reply(550, "5.7.1", "spam " * 200))
    next_hop(site).replies |= dict.fromkeys(addresses[500:], Reply(450, "4.7.1", "perhaps " * 200))
    envelope = {
        "mailFrom": {"email": "ann@example.org", "parameters": None},
        "rcptTo": [{"email": address, "parameters": None} for address in addresses],
    }
    id = ann.submit(draft(), envelope=envelope)["id"]

    work(site)
    next_hop(site).replies.clear()
    clock.advance(MINUTE_MS)
    work(site)

    assert [len(outgoing.recipients) for outgoing in sent(site)] == [1_000, 500]
    delivered = [one["delivered"] for one in ann.submission(id)["deliveryStatus"].values()]
    assert (delivered.count("no"), delivered.count("unknown")) == (500, 500)
    assert len(ann.inbox()) == 1
    assert not is_queued(site, ann, id)


def test_many_messages_of_one_call_are_all_sent(site: Site, ann: Sender, draft: Draft) -> None:
    email = draft(message_id="m@example.org")
    create = {f"s{number}": {"identityId": "default", "emailId": email} for number in range(50)}

    answer = ann.call("EmailSubmission/set", create=create)

    assert len(answer["created"]) == 50
    assert work(site) == 50
    assert len(sent(site)) == 50


def put(site: Site, task: tasks.Task) -> None:
    site.store.commit(Batch((tasks.put_task(task),)))


def report(site: Site, ann: Sender, raw: bytes) -> None:
    """Have a report delivered, and its task run."""
    ann.deliver(raw)
    put(site, tasks.Task(site.new_id("k"), REPORT_TASK, ann.account, site.clock.now(), {"blob": site.blobs.put(raw)}))
    work(site)


def test_the_parser_reads_the_notification_that_was_filed(site: Site, ann: Sender, draft: Draft) -> None:
    next_hop(site).replies["eve@example.com"] = NEVER
    ann.submit(draft())
    work(site)

    digest = ann.inbox()[0]["blobId"][1:]
    raw = site.blobs.get(digest)

    assert raw is not None
    assert parse(raw).defects == ()
