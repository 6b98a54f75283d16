"""MDN/send and MDN/parse (RFC 9007)."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from homing.directory.accounts import User, create_user
from homing.ledger.entry import Actor
from homing.message import parse
from homing.message.mdn import parse_notification
from homing.site import Site
from tests.mail import message
from tests.rooms.jmap.conftest import PASSWORD, Object
from tests.rooms.submission.posting import Sender, due_now, sent, store, work

ASKED = ["Disposition-Notification-To: Bea <bea@example.com>", "Original-Recipient: rfc822;ann+x@example.org"]
DISPLAYED = {"actionMode": "manual-action", "sendingMode": "mdn-sent-manually", "type": "displayed"}
MARK = {"keywords/$mdnsent": True}


@pytest.fixture
def ann(site: Site, user: User) -> Sender:
    return Sender(site, user)


@pytest.fixture
def bob(site: Site, actor: Actor) -> Sender:
    return Sender(site, create_user(site, actor, "bob@example.org", PASSWORD, name="Bob"))


@pytest.fixture
def email(ann: Sender) -> str:
    """A message whose sender wants to know."""
    return ann.deliver(message("Plans", message_id="first@example.com", headers=ASKED))[0]


def send(ann: Sender, email: str, patch: Object | None = MARK, **given: Any) -> list[tuple[str, Object]]:
    """All responses to one `MDN/send`."""
    arguments: Object = {
        "identityId": "default",
        "send": {"k": {"forEmailId": email, "disposition": DISPLAYED, **given}},
    }
    if patch is not None:
        arguments["onSuccessUpdateEmail"] = {"#k": patch}
    return ann.responses(("MDN/send", arguments))


def refusal(ann: Sender, email: str, patch: Object | None = MARK, **given: Any) -> Object:
    ((name, answer),) = send(ann, email, patch, **given)
    assert name == "MDN/send", answer
    assert answer["sent"] is None
    assert due_now(ann.site) == []
    error: Object = answer["notSent"]["k"]
    return error


def test_a_receipt_is_sent_to_who_asked_for_it_and_the_email_is_marked(site: Site, ann: Sender, email: str) -> None:
    (_, answer), (implied, changed) = send(
        ann, email, subject="Read: Plans", textBody="Seen.", extensionFields={"X-A": "b"}
    )
    work(site)

    assert answer["notSent"] is None
    assert answer["sent"]["k"]["finalRecipient"] == "rfc822; ann@example.org"
    assert answer["sent"]["k"]["originalMessageId"] == "<first@example.com>"
    assert answer["sent"]["k"]["originalRecipient"] == "rfc822;ann+x@example.org"
    assert answer["sent"]["k"]["includeOriginalMessage"] is False
    assert not {"subject", "textBody", "disposition", "forEmailId", "extensionFields"} & set(answer["sent"]["k"])
    assert (implied, changed["updated"]) == ("Email/set", {email: None})
    assert ann.email(email, "keywords")["keywords"] == {"$mdnsent": True}
    (outgoing,) = sent(site)
    assert (outgoing.mail_from, [one.address for one in outgoing.recipients]) == ("", ["bea@example.com"])
    read = parse_notification(parse(outgoing.raw))
    assert read is not None
    assert (read.subject, (read.text or "").strip(), dict(read.extensions)) == ("Read: Plans", "Seen.", {"X-A": "b"})
    assert read.final_recipient == "rfc822; ann@example.org"
    assert parse(outgoing.raw).from_ == [{"name": "Ann", "email": "ann@example.org"}]


def test_the_message_can_go_back_with_the_receipt(site: Site, ann: Sender, email: str) -> None:
    send(ann, email, includeOriginalMessage=True)
    work(site)

    assert b"Subject: Plans" in sent(site)[0].raw


def test_a_receipt_to_a_user_of_this_site_is_delivered(site: Site, ann: Sender, bob: Sender) -> None:
    asked = ["Disposition-Notification-To: bob@example.org"]
    (email,) = ann.deliver(message(headers=asked))

    send(ann, email)
    work(site)

    assert sent(site) == []
    assert bob.inbox()[0]["from"] == [{"name": "Ann", "email": "ann@example.org"}]


def test_a_second_receipt_is_refused(site: Site, ann: Sender, email: str) -> None:
    send(ann, email)
    work(site)

    assert refusal(ann, email)["type"] == "mdnAlreadySent"


@pytest.mark.parametrize(
    "patch", [None, {}, {"keywords/$seen": True}, {"keywords/$mdnsent": None}, {"keywords": {"$seen": True}}]
)
def test_without_marking_the_email_no_receipt_is_sent(ann: Sender, email: str, patch: Object | None) -> None:
    error = refusal(ann, email, patch)

    assert (error["type"], error["properties"]) == ("invalidProperties", ["onSuccessUpdateEmail"])


def test_all_keywords_may_be_set_at_once(ann: Sender, email: str) -> None:
    (_, answer), (_, changed) = send(ann, email, {"keywords": {"$seen": True, "$mdnsent": True}})

    assert list(answer["sent"]) == ["k"]
    assert changed["updated"] == {email: None}


def test_a_receipt_that_nobody_asked_for_is_not_sent(ann: Sender) -> None:
    (email,) = ann.deliver(message())

    assert refusal(ann, email)["type"] == "notFound"
    assert refusal(ann, "other")["type"] == "notFound"


def test_one_call_sends_one_receipt_of_an_email(site: Site, ann: Sender, email: str) -> None:
    receipt = {"forEmailId": email, "disposition": DISPLAYED}
    patches = {"#a": MARK, "#b": MARK}

    answer = ann.responses(
        ("MDN/send", {"identityId": "default", "send": {"a": receipt, "b": receipt}, "onSuccessUpdateEmail": patches})
    )[0][1]
    work(site)

    assert (list(answer["sent"]), answer["notSent"]["b"]["type"]) == (["a"], "mdnAlreadySent")
    assert len(sent(site)) == 1


def test_receipts_are_mail_like_any_other_to_the_limit_of_an_hour(site: Site, user: User, email: str) -> None:
    limits = dataclasses.replace(site.config.limits, max_recipients_per_hour=1)
    ann = Sender(dataclasses.replace(site, config=dataclasses.replace(site.config, limits=limits)), user)
    (other,) = ann.deliver(message("More plans", message_id="second@example.com", headers=ASKED))

    assert send(ann, email)[0][1]["notSent"] is None
    work(site)
    assert refusal(ann, other)["type"] == "rateLimit"


def test_a_message_cannot_make_its_reader_write_to_many(ann: Sender) -> None:
    asked = "Disposition-Notification-To: " + ", ".join(f"bea{number}@example.com" for number in range(9))
    (email,) = ann.deliver(message("Plans", headers=[asked]))

    assert refusal(ann, email)["type"] == "forbidden"


def test_a_final_recipient_must_be_one_s_own(ann: Sender, bob: Sender, email: str) -> None:
    assert refusal(ann, email, finalRecipient="rfc822; bob@example.org")["type"] == "forbiddenFrom"
    assert refusal(ann, email, finalRecipient="eve@example.com")["type"] == "forbiddenFrom"

    (_, answer), _ = send(ann, email, finalRecipient="rfc822; ann+x@example.org")
    assert "finalRecipient" not in answer["sent"]["k"]


@pytest.mark.parametrize(
    ("given", "property"),
    [
        ({"disposition": {**DISPLAYED, "type": "eaten"}}, "disposition"),
        ({"disposition": {"type": "displayed"}}, "disposition"),
        ({"disposition": None}, "disposition"),
        ({"subject": 1}, "subject"),
        ({"includeOriginalMessage": None}, "includeOriginalMessage"),
        ({"originalMessageId": "<x@y>"}, "originalMessageId"),
        ({"error": ["x"]}, "error"),
        ({"extensionFields": {"Disposition": "x"}}, "extensionFields"),
        ({"extensionFields": {"X A": "x"}}, "extensionFields"),
        ({"extensionFields": {"X-A": 1}}, "extensionFields"),
        ({"forEmailId": None}, "forEmailId"),
        ({"more": 1}, "more"),
    ],
)
def test_a_property_that_cannot_be_is_refused(ann: Sender, email: str, given: Object, property: str) -> None:
    error = refusal(ann, given.pop("forEmailId", email), **given)

    assert (error["type"], error["properties"]) == ("invalidProperties", [property])


def test_values_cannot_begin_another_field(site: Site, ann: Sender, email: str) -> None:
    send(
        ann,
        email,
        subject="x\r\nBcc: eve@example.com",
        reportingUA="x\r\nError: y",
        extensionFields={"X-A": "a\r\nError: z"},
    )
    work(site)

    read = parse_notification(parse(sent(site)[0].raw))
    assert read is not None
    assert read.errors == ()
    assert parse(sent(site)[0].raw).bcc is None


def test_an_unknown_identity_is_refused_for_all(ann: Sender, email: str) -> None:
    given = {"identityId": "other", "send": {"k": {"forEmailId": email, "disposition": DISPLAYED}}}

    assert ann.error("MDN/send", **given)["type"] == "invalidArguments"


def test_some_may_be_sent_and_some_not(site: Site, ann: Sender, email: str) -> None:
    one = {"forEmailId": email, "disposition": DISPLAYED}
    (_, answer), (_, changed) = ann.responses(
        (
            "MDN/send",
            {
                "identityId": "default",
                "send": {"a": one, "b": {**one, "forEmailId": "other"}},
                "onSuccessUpdateEmail": {"#a": MARK, "#b": MARK},
            },
        )
    )

    assert (list(answer["sent"]), list(answer["notSent"])) == (["a"], ["b"])
    assert changed["updated"] == {email: None}


def test_receipts_are_parsed(site: Site, ann: Sender, email: str) -> None:
    send(ann, email, subject="Read: Plans", textBody="Seen.", reportingUA="pc; Reader")
    work(site)
    (receipt,) = ann.deliver(sent(site)[0].raw)
    blob = ann.email(receipt, "blobId")["blobId"]

    answer = ann.call("MDN/parse", blobIds=[blob])

    assert (answer["notParsable"], answer["notFound"]) == (None, None)
    parsed = answer["parsed"][blob]
    assert parsed.pop("textBody").strip() == "Seen."
    assert parsed == {
        "forEmailId": None,
        "subject": "Read: Plans",
        "includeOriginalMessage": False,
        "reportingUA": "pc; Reader",
        "disposition": DISPLAYED,
        "mdnGateway": None,
        "originalRecipient": "rfc822;ann+x@example.org",
        "finalRecipient": "rfc822; ann@example.org",
        "originalMessageId": "<first@example.com>",
        "error": None,
        "extensionFields": None,
    }


def test_a_receipt_of_what_was_sent_leads_to_the_email(site: Site, ann: Sender, bob: Sender) -> None:
    raw = message(
        sender="ann@example.org", to="bob@example.org", message_id="m@example.org",
        headers=["Disposition-Notification-To: ann@example.org"],
    )  # fmt: skip
    draft = store(site, ann.user, raw)
    ann.submit(draft)
    work(site)
    send(bob, bob.inbox()[0]["id"])
    work(site)
    blob = ann.inbox()[0]["blobId"]

    assert ann.call("MDN/parse", blobIds=[blob])["parsed"][blob]["forEmailId"] == draft


def test_what_is_no_receipt_is_not_parsable_and_what_is_not_there_not_found(
    ann: Sender, bob: Sender, email: str
) -> None:
    own = ann.email(email, "blobId")["blobId"]
    (other,) = bob.deliver(message())
    foreign = bob.email(other, "blobId")["blobId"]

    answer = ann.call("MDN/parse", blobIds=[own, foreign, "x"])

    assert answer["parsed"] is None
    assert answer["notParsable"] == [own]
    assert answer["notFound"] == [foreign, "x"]


@pytest.mark.parametrize("method", ["MDN/send", "MDN/parse"])
def test_too_many_at_a_time_are_refused(ann: Sender, method: str) -> None:
    many = [f"b{number}" for number in range(1_001)]
    arguments: Object = {"blobIds": many}
    if method == "MDN/send":
        arguments = {"identityId": "default", "send": {id: {} for id in many}}

    assert ann.error(method, **arguments)["type"] == "requestTooLarge"
