"""EmailSubmission (RFC 8621 §7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from homing.directory.accounts import User, add_address, create_user
from homing.ids import thread_of
from homing.jmap.kinds import utc_date
from homing.ledger.entry import Actor
from homing.ports.transport import Reply
from homing.site import Site
from tests.conftest import FakeClock
from tests.mail import message
from tests.rooms.jmap.conftest import PASSWORD, Object
from tests.rooms.submission.posting import Sender, due_now, next_hop, sent, store, work

Draft = Callable[..., str]


@pytest.fixture
def ann(site: Site, user: User) -> Sender:
    return Sender(site, user)


@pytest.fixture
def bob(site: Site, actor: Actor) -> Sender:
    return Sender(site, create_user(site, actor, "bob@example.org", PASSWORD, name="Bob"))


@pytest.fixture
def draft(site: Site, ann: Sender) -> Draft:
    def make(to: str = "eve@example.com", **given: Any) -> str:
        return store(site, ann.user, message(to=to, **{"sender": "Ann <ann@example.org>", **given}))

    return make


def envelope(*recipients: str, sender: str = "ann@example.org", **parameters: str | None) -> Object:
    return {
        "mailFrom": {"email": sender, "parameters": parameters or None},
        "rcptTo": [{"email": email, "parameters": None} for email in recipients],
    }


def set_(ann: Sender, **arguments: Any) -> list[tuple[str, Object]]:
    """All responses to one `EmailSubmission/set`."""
    return ann.responses(("EmailSubmission/set", arguments))


def test_a_submission_is_created_with_all_that_the_server_sets(ann: Sender, draft: Draft, clock: FakeClock) -> None:
    email = draft(to="eve@example.com, fay@example.com", headers=["Cc: Eve <EVE@example.com>"])

    created = ann.submit(email)

    queued = {"smtpReply": "250 2.0.0 Queued", "delivered": "queued", "displayed": "unknown"}
    assert created == {
        "id": created["id"],
        "threadId": thread_of(email),
        "envelope": envelope("eve@example.com", "fay@example.com"),
        "sendAt": utc_date(clock.now()),
        "undoStatus": "pending",
        "deliveryStatus": {"eve@example.com": queued, "fay@example.com": queued},
        "dsnBlobIds": [],
        "mdnBlobIds": [],
    }
    assert ann.submission(created["id"]) == {**created, "identityId": "default", "emailId": email}


def test_ids_may_be_references_to_what_the_request_has_created(ann: Sender, draft: Draft) -> None:
    email = draft()
    identity, submission = ann.responses(
        ("Identity/set", {"create": {"me": {"email": "ann@example.org", "name": "A."}}}),
        ("EmailSubmission/set", {"create": {"s": {"identityId": "#me", "emailId": email}}}),
    )

    id = submission[1]["created"]["s"]["id"]
    assert ann.submission(id)["identityId"] == identity[1]["created"]["me"]["id"]


def test_an_envelope_of_the_client_is_used_as_it_is(site: Site, ann: Sender, draft: Draft) -> None:
    given = envelope("gil@example.com", ENVID="mine")
    created = ann.submit(draft(), envelope=given)

    work(site)

    assert created["envelope"] == given
    assert [one.address for one in sent(site)[0].recipients] == ["gil@example.com"]


def test_a_derived_return_path_is_that_of_the_identity(site: Site, actor: Actor, ann: Sender) -> None:
    add_address(site, actor, "office@example.com", "ann@example.org")
    headers = ["Sender: office@example.com"]
    email = store(site, ann.user, message(sender="ann@example.org", to="eve@example.com", headers=headers))

    assert ann.submit(email)["envelope"]["mailFrom"]["email"] == "ann@example.org"


def test_recipients_come_from_the_header_where_the_record_was_cut(ann: Sender, draft: Draft) -> None:
    many = ",\r\n ".join(f"user{number}@example.com" for number in range(900))

    created = ann.submit(draft(to=many))

    assert len(created["envelope"]["rcptTo"]) == 900


@pytest.mark.parametrize(
    ("given", "property"),
    [
        ({"identityId": "other"}, "identityId"),
        ({"identityId": "#other"}, "identityId"),
        ({"emailId": "other"}, "emailId"),
        ({"emailId": "#other"}, "emailId"),
        ({"undoStatus": "final"}, "undoStatus"),
        ({"sendAt": "2026-12-01T00:00:00Z"}, "sendAt"),
        ({"threadId": "t"}, "threadId"),
        ({"deliveryStatus": {}}, "deliveryStatus"),
        ({"envelope": {"mailFrom": {"email": "ann@example.org"}}}, "envelope"),
        ({"envelope": envelope("e@example.com", AUTH="x")}, "envelope"),
        ({"envelope": envelope("e@example.com", HOLDFOR="99999999")}, "envelope"),
        ({"more": 1}, "more"),
    ],
)
def test_a_property_that_cannot_be_is_refused(ann: Sender, draft: Draft, given: Object, property: str) -> None:
    create = {"identityId": "default", "emailId": draft(), **given}

    answer = ann.call("EmailSubmission/set", create={"new": create})

    assert answer["notCreated"]["new"]["type"] == "invalidProperties"
    assert answer["notCreated"]["new"]["properties"] == [property]
    assert due_now(ann.site) == []


def test_an_email_of_another_account_cannot_be_sent(site: Site, ann: Sender, bob: Sender) -> None:
    email = store(site, bob.user, message(sender="ann@example.org"))

    assert ann.refusal(email)["type"] == "invalidProperties"


def test_without_recipients_nothing_is_sent(ann: Sender, draft: Draft) -> None:
    assert ann.refusal(draft(to="undisclosed-recipients:;")) == {"type": "noRecipients"}
    assert ann.refusal(draft(), envelope=envelope()) == {"type": "noRecipients"}


def test_recipients_that_are_no_addresses_are_named(ann: Sender, draft: Draft) -> None:
    given = envelope("eve@example.com", "nobody", "x@y z", "a@b\r\nDATA")

    assert ann.refusal(draft(to="eve@example.com, nobody"))["invalidRecipients"] == ["nobody"]
    assert ann.refusal(draft(), envelope=given) == {
        "type": "invalidRecipients",
        "invalidRecipients": ["nobody", "x@y z", "a@b\r\nDATA"],
    }


def test_more_recipients_than_the_limit_are_refused(ann: Sender, draft: Draft) -> None:
    maximum = ann.site.config.limits.max_recipients
    given = envelope(*(f"user{number}@example.com" for number in range(maximum + 1)))

    assert ann.refusal(draft(), envelope=given) == {"type": "tooManyRecipients", "maxRecipients": maximum}


def test_a_message_above_the_limit_is_refused(site: Site, ann: Sender, draft: Draft) -> None:
    email = draft()
    small = replace(site.config, limits=replace(site.config.limits, max_message_bytes=50))
    ann.site = replace(site, config=small)

    assert ann.refusal(email) == {"type": "tooLarge", "maxSize": 50}


@pytest.mark.parametrize(
    ("headers", "sender", "properties"),
    [
        (["From: bob@example.org"], "ann@example.org", ["from"]),
        ([], "ann@example.org, bob@example.org", ["from"]),
        ([], "nobody:;", ["from"]),
        (["Sender: ann@example.org", "Sender: ann@example.org"], "ann@example.org", ["sender"]),
    ],
)
def test_an_email_whose_sender_cannot_be_told_is_invalid(
    ann: Sender, draft: Draft, headers: list[str], sender: str, properties: list[str]
) -> None:
    error = ann.refusal(draft(sender=sender, headers=headers))

    assert (error["type"], error["properties"]) == ("invalidEmail", properties)


def test_nobody_writes_in_the_name_of_another(ann: Sender, bob: Sender, draft: Draft) -> None:
    assert ann.refusal(draft(sender="bob@example.org"))["type"] == "forbiddenFrom"
    assert ann.refusal(draft(sender="eve@example.com"))["type"] == "forbiddenFrom"
    assert ann.refusal(draft(), envelope=envelope("e@x.example", sender="bob@example.org"))["type"] == (
        "forbiddenMailFrom"
    )
    assert ann.refusal(draft(), envelope=envelope("e@x.example", sender=""))["type"] == "forbiddenMailFrom"


def test_a_message_is_from_the_address_of_the_identity_that_sends_it(site: Site, actor: Actor, ann: Sender) -> None:
    add_address(site, actor, "office@example.com", "ann@example.org")
    office = ann.call("Identity/set", create={"k": {"email": "office@example.com"}})["created"]["k"]["id"]
    email = store(site, ann.user, message(sender="Office <OFFICE@example.com>", to="eve@example.com"))

    assert ann.refusal(email)["type"] == "forbiddenFrom"
    (_, answer) = set_(ann, create={"k": {"identityId": office, "emailId": email}})[0]
    assert answer["created"]["k"]["envelope"]["mailFrom"]["email"].lower() == "office@example.com"


def test_received_mail_may_be_passed_on_as_it_is(site: Site, ann: Sender) -> None:
    (email,) = ann.deliver(message(sender="bea@example.com"))

    created = ann.submit(email, envelope=envelope("gil@example.com"))
    work(site)

    assert sent(site)[0].mail_from == "ann@example.org"
    assert b"From: bea@example.com" in sent(site)[0].raw
    assert created["envelope"]["mailFrom"]["email"] == "ann@example.org"


def test_a_message_can_be_sent_again_by_who_puts_her_name_to_it(ann: Sender, draft: Draft) -> None:
    email = draft(sender="bea@example.com", headers=["Resent-From: ann@example.org"])

    assert ann.submit(email)["envelope"]["mailFrom"]["email"] == "ann@example.org"


@pytest.mark.parametrize("parameters", [{"HOLDFOR": "3600"}, {"HOLDUNTIL": "2026-11-18T12:06:40Z"}])
def test_a_message_is_held_until_its_time(
    site: Site, ann: Sender, draft: Draft, clock: FakeClock, parameters: dict[str, str]
) -> None:
    created = ann.submit(draft(), envelope=envelope("eve@example.com", **parameters))

    assert created["sendAt"] == "2026-11-18T12:06:40Z"
    clock.advance(3_599_999)
    assert work(site) == 0
    clock.advance(1)
    assert work(site) == 1
    assert sent(site)[0].parameters == {"ENVID": created["id"]}


def test_a_pending_submission_can_be_taken_back(site: Site, ann: Sender, draft: Draft) -> None:
    id = ann.submit(draft())["id"]

    answer = ann.update("EmailSubmission", id, undoStatus="canceled")
    work(site)

    assert answer["updated"] == {id: None}
    assert sent(site) == []
    assert ann.submission(id)["undoStatus"] == "canceled"
    assert ann.submission(id)["deliveryStatus"] is None


def test_what_was_sent_cannot_be_taken_back(site: Site, ann: Sender, draft: Draft) -> None:
    id = ann.submit(draft())["id"]
    work(site)

    assert ann.update("EmailSubmission", id, undoStatus="canceled")["notUpdated"][id]["type"] == "cannotUnsend"
    assert ann.submission(id)["undoStatus"] == "final"


def test_between_the_first_attempt_and_the_next_it_is_too_late(site: Site, ann: Sender, draft: Draft) -> None:
    next_hop(site).replies["eve@example.com"] = Reply(451, "4.4.1", "Later")
    id = ann.submit(draft())["id"]
    work(site)

    assert ann.update("EmailSubmission", id, undoStatus="canceled")["notUpdated"][id]["type"] == "cannotUnsend"


@pytest.mark.parametrize("status", ["final", "sent", "", None, 1])
def test_another_undo_status_cannot_be_set(ann: Sender, draft: Draft, status: Any) -> None:
    id = ann.submit(draft())["id"]

    assert ann.update("EmailSubmission", id, undoStatus=status)["notUpdated"][id]["type"] == "invalidProperties"
    assert ann.update("EmailSubmission", id, undoStatus="pending")["updated"] == {id: None}


def test_what_is_canceled_stays_canceled(ann: Sender, draft: Draft) -> None:
    id = ann.submit(draft())["id"]
    ann.update("EmailSubmission", id, undoStatus="canceled")

    assert ann.update("EmailSubmission", id, undoStatus="pending")["notUpdated"][id]["type"] == "invalidProperties"
    assert ann.update("EmailSubmission", id, undoStatus="canceled")["updated"] == {id: None}


@pytest.mark.parametrize("property", ["identityId", "emailId", "threadId", "envelope", "sendAt", "dsnBlobIds"])
def test_nothing_else_of_a_submission_can_be_changed(ann: Sender, draft: Draft, property: str) -> None:
    id = ann.submit(draft())["id"]
    same = ann.submission(id)[property]

    assert ann.call("EmailSubmission/set", update={id: {property: same}})["updated"] == {id: None}
    error = ann.call("EmailSubmission/set", update={id: {property: "x"}})["notUpdated"][id]
    assert (error["type"], error["properties"]) == ("invalidProperties", [property])


def test_an_undo_window_holds_mail_back_without_changing_its_date(
    site: Site, ann: Sender, draft: Draft, clock: FakeClock
) -> None:
    email = draft()
    config = replace(site.config, limits=replace(site.config.limits, undo_seconds=10))
    ann.site = replace(site, config=config)
    created = ann.submit(email)

    assert created["sendAt"] == utc_date(clock.now())
    assert work(site) == 0
    clock.advance(10_000)
    assert work(site) == 1


def test_on_success_the_email_is_moved_by_the_same_call(ann: Sender, draft: Draft) -> None:
    email = draft()
    patch = {"mailboxIds/drafts": None, "mailboxIds/sent": True, "keywords/$draft": None}

    (name, answer), (implied, changed) = set_(
        ann,
        create={"new": {"identityId": "default", "emailId": email}},
        onSuccessUpdateEmail={"#new": patch},
    )

    assert (name, implied) == ("EmailSubmission/set", "Email/set")
    assert answer["created"]["new"]["undoStatus"] == "pending"
    assert changed["updated"] == {email: None}
    assert ann.email(email, "mailboxIds", "keywords") == {"id": email, "mailboxIds": {"sent": True}, "keywords": {}}


def test_only_emails_of_what_succeeded_are_touched(ann: Sender, draft: Draft) -> None:
    good, bad = draft(), draft(to="nobody")

    (_, answer), (_, changed) = set_(
        ann,
        create={name: {"identityId": "default", "emailId": id} for name, id in (("good", good), ("bad", bad))},
        onSuccessUpdateEmail={"#bad": {"keywords/$seen": True}, "#good": {"keywords/$seen": True}, "#none": {}},
        onSuccessDestroyEmail=["#bad", "s-none"],
    )

    assert list(answer["notCreated"]) == ["bad"]
    assert changed["updated"] == {good: None}
    assert changed["destroyed"] is None


def test_without_success_nothing_is_implied(ann: Sender, draft: Draft) -> None:
    answers = set_(
        ann,
        create={"bad": {"identityId": "default", "emailId": "other"}},
        onSuccessUpdateEmail={"#bad": {"keywords/$seen": True}},
        onSuccessDestroyEmail=[],
    )

    assert len(answers) == 1


def test_an_email_can_be_destroyed_on_success(site: Site, ann: Sender, draft: Draft) -> None:
    email = draft()

    _, (_, changed) = set_(
        ann, create={"new": {"identityId": "default", "emailId": email}}, onSuccessDestroyEmail=["#new"]
    )
    work(site)

    assert changed["destroyed"] == [email]
    assert len(sent(site)) == 1


def test_to_cancel_or_to_destroy_a_submission_may_change_its_email(ann: Sender, draft: Draft) -> None:
    one, two = draft(), draft()
    first, second = ann.submit(one)["id"], ann.submit(two)["id"]

    _, (_, changed) = set_(
        ann,
        update={first: {"undoStatus": "canceled"}},
        destroy=[second],
        onSuccessUpdateEmail={first: {"keywords/$draft": True, "keywords/$flagged": True}},
        onSuccessDestroyEmail=[second],
    )

    assert (changed["updated"], changed["destroyed"]) == ({one: None}, [two])
    assert ann.email(one, "keywords")["keywords"] == {"$draft": True, "$flagged": True}


@pytest.mark.parametrize(
    "arguments",
    [{"onSuccessUpdateEmail": []}, {"onSuccessUpdateEmail": {"#a": 1}}, {"onSuccessUpdateEmail": {"a b": {}}},
     {"onSuccessDestroyEmail": "a"}, {"onSuccessDestroyEmail": [1]}],
)  # fmt: skip
def test_arguments_of_a_wrong_kind_are_refused(ann: Sender, arguments: Object) -> None:
    assert ann.error("EmailSubmission/set", **arguments)["type"] == "invalidArguments"


def test_queries_filter_and_sort(ann: Sender, draft: Draft, clock: FakeClock) -> None:
    emails = [draft(subject=f"s{number}") for number in range(3)]
    ids = []
    for email in emails:
        ids.append(ann.submit(email)["id"])
        clock.advance(60_000)
    ann.update("EmailSubmission", ids[1], undoStatus="canceled")
    second = ann.submission(ids[1])["sendAt"]

    def found(filter: Object | None = None, **arguments: Any) -> list[str]:
        result: list[str] = ann.call("EmailSubmission/query", filter=filter, **arguments)["ids"]
        return result

    assert sorted(found()) == sorted(found({})) == sorted(ids)
    assert found(sort=[{"property": "sentAt", "isAscending": False}]) == ids[::-1]
    assert found({"undoStatus": "canceled"}) == [ids[1]]
    assert found({"emailIds": [emails[2], "x"]}) == [ids[2]]
    assert found({"threadIds": [thread_of(emails[0])]}) == [ids[0]]
    assert found({"identityIds": []}) == []
    assert found({"before": second}) == [ids[0]]
    assert found({"after": second}, sort=[{"property": "sentAt"}]) == ids[1:]
    assert found({"operator": "NOT", "conditions": [{"undoStatus": "canceled"}, {"emailIds": [emails[0]]}]}) == [ids[2]]
    assert found(sort=[{"property": "emailId"}]) == [id for _, id in sorted(zip(emails, ids, strict=True))]
    assert ann.error("EmailSubmission/query", filter={"subject": "x"})["type"] == "unsupportedFilter"
    assert ann.error("EmailSubmission/query", sort=[{"property": "undoStatus"}])["type"] == "unsupportedSort"


def test_changes_tell_of_the_course_of_a_submission(site: Site, ann: Sender, draft: Draft) -> None:
    start, query = ann.state("EmailSubmission"), ann.call("EmailSubmission/query", filter={"undoStatus": "final"})
    id = ann.submit(draft())["id"]
    created = ann.state("EmailSubmission")
    work(site)

    assert ann.call("EmailSubmission/changes", sinceState=start)["created"] == [id]
    assert ann.call("EmailSubmission/changes", sinceState=created)["updated"] == [id]
    changes = ann.call(
        "EmailSubmission/queryChanges", filter={"undoStatus": "final"}, sinceQueryState=query["queryState"]
    )
    assert changes["added"] == [{"id": id, "index": 0}]


def test_a_submission_needs_its_capability(ann: Sender) -> None:
    answer = ann.request(
        ("EmailSubmission/get", {"accountId": ann.account, "ids": []}, "c"),
        using=["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"],
    )

    assert answer["methodResponses"][0][1] == {"type": "unknownMethod"}


def test_a_client_writes_sends_and_files_its_mail_in_one_request(site: Site, ann: Sender, bob: Sender) -> None:
    draft = {
        "mailboxIds": {"drafts": True},
        "keywords": {"$draft": True, "$seen": True},
        "from": [{"name": "Ann", "email": "ann@example.org"}],
        "to": [{"name": "Bob", "email": "bob@example.org"}],
        "bcc": [{"name": None, "email": "eve@example.com"}],
        "subject": "Grüße",
        "bodyStructure": {"type": "text/plain", "partId": "1"},
        "bodyValues": {"1": {"value": "Bis bald!"}},
    }
    patch = {"mailboxIds/drafts": None, "mailboxIds/sent": True, "keywords/$draft": None}

    answers = ann.responses(
        ("Email/set", {"create": {"draft": draft}}),
        (
            "EmailSubmission/set",
            {
                "create": {"send": {"identityId": "default", "emailId": "#draft"}},
                "onSuccessUpdateEmail": {"#send": patch},
            },
        ),
    )
    work(site)

    assert [name for name, _ in answers] == ["Email/set", "EmailSubmission/set", "Email/set"]
    email = answers[0][1]["created"]["draft"]["id"]
    assert ann.email(email, "mailboxIds", "keywords") == {
        "id": email, "mailboxIds": {"sent": True}, "keywords": {"$seen": True},
    }  # fmt: skip
    (received,) = bob.inbox()
    assert (received["subject"], received["preview"], received["bcc"]) == ("Grüße", "Bis bald!", None)
    assert [one.address for one in sent(site)[0].recipients] == ["eve@example.com"]


def test_an_account_sends_to_so_many_in_an_hour(site: Site, user: User, draft: Draft, clock: FakeClock) -> None:
    limits = replace(site.config.limits, max_recipients_per_hour=5)
    ann = Sender(replace(site, config=replace(site.config, limits=limits)), user)
    two, three = draft(to="eve@example.com, fay@example.com"), draft(to="a@x.example, b@x.example, c@x.example")
    wanted = {key: {"identityId": "default", "emailId": email} for key, email in (("a", two), ("b", two), ("c", two))}

    (_, answer) = set_(ann, create=wanted)[0]

    assert (list(answer["created"]), answer["notCreated"]["c"]["type"]) == (["a", "b"], "rateLimit")
    assert ann.refusal(three)["type"] == "rateLimit"
    clock.advance(3_600_000)
    assert ann.submit(three)
