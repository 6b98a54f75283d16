"""The whole way of automatic mail: reports that come back, answers, refusals and messages sent on."""

from __future__ import annotations

from collections.abc import Callable

from homing.delivery.accept import accept
from homing.ledger import tasks
from homing.message.mdn import Disposition, Letter, Notification, compose_notification
from homing.site import Site
from tests.mail import landed, message
from tests.rooms.delivery.filters import activate, filed, set_vacation, waiting
from tests.rooms.submission.posting import Sender, sent, work

Draft = Callable[..., str]


def test_a_report_that_is_delivered_reaches_its_submission(site: Site, ann: Sender, draft: Draft) -> None:
    id = ann.submit(draft(to="eve@example.com", message_id="m@example.org"))["id"]
    work(site)
    raw = (
        "From: mailer@example.com\r\nTo: ann@example.org\r\nSubject: Report\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        "--b\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        f"Original-Envelope-Id: {id}\r\nReporting-MTA: dns; x\r\n\r\n"
        "Final-Recipient: rfc822; eve@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 Gone\r\n\r\n--b--\r\n"
    ).encode()

    accept(site, [landed(raw, "ann@example.org", mail_from="")])
    work(site)

    found = ann.submission(id)
    assert found["deliveryStatus"]["eve@example.com"]["delivered"] == "no"
    assert found["deliveryStatus"]["eve@example.com"]["smtpReply"] == "550 5.1.1 Gone"
    assert found["dsnBlobIds"] == [ann.inbox()[0]["blobId"]]


def test_a_read_receipt_that_is_delivered_reaches_its_submission(site: Site, ann: Sender, draft: Draft) -> None:
    id = ann.submit(draft(to="eve@example.com", message_id="m@example.org"))["id"]
    work(site)
    notification = Notification(
        Disposition("manual-action", "mdn-sent-manually", "displayed"),
        final_recipient="rfc822; eve@example.com",
        original_message_id="<m@example.org>",
    )
    letter = Letter({"name": None, "email": "eve@example.com"}, ["ann@example.org"], "r@example.com", 0)

    accept(site, [landed(compose_notification(notification, letter), "ann@example.org", mail_from="")])
    work(site)

    assert ann.submission(id)["deliveryStatus"]["eve@example.com"]["displayed"] == "yes"
    assert ann.submission(id)["mdnBlobIds"] == [ann.inbox()[0]["blobId"]]


def test_a_failure_told_by_this_site_is_counted_once(site: Site, ann: Sender, draft: Draft) -> None:
    id = ann.submit(draft(to="nobody@example.org"))["id"]

    work(site)

    assert ann.submission(id)["dsnBlobIds"] == [email["blobId"] for email in ann.inbox()]
    assert len(ann.inbox()) == 1
    assert waiting(site, "report") == []


def test_who_is_away_answers_a_user_of_this_site_and_one_elsewhere(
    site: Site, ann: Sender, bob: Sender, draft: Draft
) -> None:
    set_vacation(site, bob.user, subject="Away", textBody="Later.")
    set_vacation(site, ann.user, subject="Also away")
    ann.submit(draft(to="bob@example.org", subject="Plans"))
    accept(site, [landed(message(to="bob@example.org"), "bob@example.org", mail_from="eve@example.com")])

    work(site)

    assert [email["subject"] for email in ann.inbox()] == ["Away"]
    assert sorted(email["subject"] for email in bob.inbox()) == ["Hello", "Plans"]
    [outgoing] = sent(site)
    assert outgoing.mail_from == ""
    assert [one.address for one in outgoing.recipients] == ["eve@example.com"]


def test_who_is_refused_by_a_script_is_told(site: Site, ann: Sender, bob: Sender, draft: Draft) -> None:
    activate(site, bob.user, 'require "reject"; reject "No mail, please";')
    id = ann.submit(draft(to="bob@example.org"))["id"]

    work(site)

    status = ann.submission(id)["deliveryStatus"]["bob@example.org"]
    assert (status["delivered"], status["smtpReply"]) == ("no", "550 5.7.1 No mail, please")
    assert [email["subject"] for email in ann.inbox()] == ["Your message could not be delivered"]
    assert bob.inbox() == []


def test_two_scripts_that_send_on_to_each_other_come_to_an_end(site: Site, ann: Sender, bob: Sender) -> None:
    activate(site, ann.user, 'redirect "bob@example.org";')
    activate(site, bob.user, 'redirect "ann@example.org";')

    accept(site, [landed(message(), "ann@example.org")])
    done = work(site)

    assert done == 2
    assert filed(site, ann.user) == [(["Inbox"], [])]
    assert filed(site, bob.user) == []
    assert list(tasks.due_tasks(site.store, site.clock.now())) == []


def test_what_is_sent_on_and_fails_is_told_to_its_sender(site: Site, ann: Sender, bob: Sender) -> None:
    activate(site, ann.user, 'redirect "nobody@example.org";')

    accept(site, [landed(message(sender="bob@example.org"), "ann@example.org", mail_from="bob@example.org")])
    work(site)

    assert [email["subject"] for email in bob.inbox()] == ["Your message could not be delivered"]
