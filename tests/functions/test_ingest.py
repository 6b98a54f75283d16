"""The ingest function in both homes: what a queue may do to it, and what becomes of the mail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from homing.directory.accounts import set_user
from homing.ledger.entry import Actor
from homing.ports.landings import Envelope
from tests.functions.conftest import Home, created, queued, sample
from tests.mail import message


def subjects(home: Home) -> list[str]:
    return sorted(email["subject"] for email in home.inbox())


def test_a_message_in_the_bucket_is_read_over_jmap(home: Home) -> None:
    name = home.put(message("By way of the relay", body="Can you read me?\r\n"))

    failed = home.ingest(queued(created(name)))

    assert failed == []
    (email,) = home.inbox()
    assert email["subject"] == "By way of the relay"
    assert email["from"] == [{"name": "Bea Sender", "email": "bea@sender.example"}]
    assert email["receivedAt"] == "2026-11-18T11:06:40Z"
    assert email["preview"] == "Can you read me?"
    assert not home.has_landed(name)


def test_a_redelivered_event_files_a_message_once(home: Home) -> None:
    raw = message("Only once", message_id="once@sender.example")
    event = queued(created(home.put(raw, name="landing/once")))
    home.ingest(event)
    home.put(raw, name="landing/once")

    failed = home.ingest(event)

    assert failed == []
    assert subjects(home) == ["Only once"]


def test_an_event_that_comes_after_its_landing_is_settled_is_done(home: Home) -> None:
    event = queued(created(home.put(message("Settled"))))
    home.ingest(event)

    failed = home.ingest(event)

    assert failed == []
    assert subjects(home) == ["Settled"]


def test_a_poisoned_record_among_ten_fails_alone(home: Home) -> None:
    names = [home.put(message(f"Good {number}")) for number in range(9)]
    bodies: list[Any] = [created(name) for name in names]
    event = queued(*bodies[:4], {"Records": [{"s3": None}]}, *bodies[4:])

    failed = home.ingest(event)

    assert failed == [event["Records"][4]["messageId"]]
    assert subjects(home) == [f"Good {number}" for number in range(9)]
    assert not any(home.has_landed(name) for name in names)


def test_one_record_may_announce_several_messages(home: Home) -> None:
    names = [home.put(message(f"Good {number}")) for number in range(3)]

    failed = home.ingest(queued(created(*names)))

    assert failed == []
    assert subjects(home) == ["Good 0", "Good 1", "Good 2"]


def test_mail_of_ses_takes_its_envelope_from_the_notification(home: Home) -> None:
    event = sample("ingest/ses_receipt.json")
    key = json.loads(json.loads(event["Records"][0]["body"])["Message"])["receipt"]["action"]["objectKey"]
    home.put(message("By way of SES", to="undisclosed-recipients:;"), envelope=None, name=key)

    failed = home.ingest(event)

    assert failed == []
    (email,) = home.inbox()
    assert (email["subject"], email["receivedAt"]) == ("By way of SES", "2026-11-18T11:46:40.133Z")
    assert not home.has_landed(key)


def test_an_s3_event_for_mail_of_ses_leaves_it_to_the_notification(home: Home) -> None:
    event = sample("ingest/ses_receipt_raw.json")
    key = json.loads(event["Records"][0]["body"])["receipt"]["action"]["objectKey"]
    home.put(message("By way of SES"), envelope=None, name=key)

    assert home.ingest(queued(created(key))) == []

    assert home.has_landed(key)
    assert home.ingest(event) == []
    assert subjects(home) == ["By way of SES"]


def test_mail_for_nobody_here_is_kept_with_the_reply(home: Home) -> None:
    envelope = Envelope("bea@sender.example", ("ann@example.org", "nobody@example.org"))
    name = home.put(message("Half known"), envelope)

    failed = home.ingest(queued(created(name)))

    assert failed == []
    assert subjects(home) == ["Half known"]
    assert home.has_landed(name)


def test_the_name_of_a_landing_may_hold_spaces_and_signs(home: Home) -> None:
    home.put(message("Signs"), name="landing/relay+1 of 2 = \u00e9")

    failed = home.ingest(queued(created("landing/relay%2B1+of+2+%3D+%C3%A9")))

    assert failed == []
    assert subjects(home) == ["Signs"]


@pytest.mark.parametrize("change", [{"disabled": True}, {"quota": 100}], ids=["disabled", "full"])
def test_mail_that_its_recipient_may_not_have_is_kept_with_the_reply(home: Home, change: dict[str, Any]) -> None:
    set_user(home.site, Actor("test", "test"), home.user.login, **change)
    name = home.put(message("Refused"))

    failed = home.ingest(queued(created(name)))

    assert failed == []  # trying again would not help
    assert home.has_landed(name)
    set_user(home.site, Actor("test", "test"), home.user.login, disabled=False, quota=0)
    assert subjects(home) == []
