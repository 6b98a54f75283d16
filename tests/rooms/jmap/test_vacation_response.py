"""VacationResponse (RFC 8621 §8)."""

from __future__ import annotations

import pytest

from homing.delivery.accept import accept
from homing.ledger import keys
from homing.ledger.view import View
from tests.mail import landed, message
from tests.rooms.delivery.filters import sent
from tests.rooms.jmap.conftest import Client, Object

ABSENT = {
    "id": "singleton", "isEnabled": False, "fromDate": None, "toDate": None, "subject": None, "textBody": None,
    "htmlBody": None,
}  # fmt: skip


def response(ann: Client) -> Object:
    [found] = ann.call("VacationResponse/get", ids=None)["list"]
    return dict(found)


def set_(ann: Client, **patch: object) -> Object:
    return ann.call("VacationResponse/set", update={"singleton": patch})


def settings(ann: Client) -> Object:
    return View(ann.site.store, ann.account, ann.site.clock.now()).object("Account", keys.SELF) or {}


def test_everyone_has_one_from_the_beginning(ann: Client) -> None:
    answer = ann.call("VacationResponse/get", ids=["singleton", "other"])

    assert (answer["list"], answer["notFound"]) == ([ABSENT], ["other"])
    assert response(ann) == ABSENT
    [some] = ann.call("VacationResponse/get", ids=None, properties=["subject"])["list"]
    assert some == {"id": "singleton", "subject": None}


def test_what_is_set_is_read_again_and_moves_the_state(ann: Client) -> None:
    before = ann.state("VacationResponse")
    given = {
        "isEnabled": True, "fromDate": "2026-11-20T00:00:00Z", "toDate": "2026-12-01T08:30:00.5Z", "subject": "Weg",
        "textBody": "Grüße\n", "htmlBody": "<p>Grüße</p>",
    }  # fmt: skip

    answer = set_(ann, **given)

    assert (answer["updated"], answer["oldState"]) == ({"singleton": None}, before)
    assert answer["newState"] == ann.state("VacationResponse") != before
    assert response(ann) == {**ABSENT, **given}


def test_null_takes_back_what_was_set(ann: Client) -> None:
    set_(ann, isEnabled=True, subject="x", textBody="y", fromDate="2026-11-20T00:00:00Z")

    set_(ann, subject=None, textBody=None, fromDate=None)
    assert response(ann) == {**ABSENT, "isEnabled": True}

    set_(ann, isEnabled=None)
    assert response(ann) == ABSENT


def test_delivery_finds_in_the_settings_whether_it_has_to_look(ann: Client) -> None:
    assert "vacation" not in settings(ann)
    set_(ann, isEnabled=True)
    assert settings(ann)["vacation"] is True
    set_(ann, subject="still")
    assert settings(ann)["vacation"] is True
    set_(ann, isEnabled=False)
    assert "vacation" not in settings(ann)


def test_it_can_be_neither_created_nor_destroyed(ann: Client) -> None:
    answer = ann.call("VacationResponse/set", create={"a": {"isEnabled": True}}, destroy=["singleton", "other"])

    assert answer["notCreated"]["a"]["type"] == "singleton"
    assert {id: error["type"] for id, error in answer["notDestroyed"].items()} == {
        "singleton": "singleton", "other": "notFound",
    }  # fmt: skip
    assert response(ann) == ABSENT
    set_(ann, isEnabled=True)
    assert ann.call("VacationResponse/set", destroy=["singleton"])["notDestroyed"]["singleton"]["type"] == "singleton"
    assert response(ann)["isEnabled"] is True


@pytest.mark.parametrize(
    "patch",
    [{"fromDate": "tomorrow"}, {"toDate": "2026-11-20T00:00:00+01:00"}, {"isEnabled": "yes"}, {"subject": 1},
     {"textBody": ["x"]}, {"color": "red"}, {"id": "other"}],
)  # fmt: skip
def test_a_wrong_value_changes_nothing(ann: Client, patch: Object) -> None:
    answer = set_(ann, **{"htmlBody": "x", **patch})

    assert answer["notUpdated"]["singleton"]["type"] == "invalidProperties"
    assert answer["notUpdated"]["singleton"]["properties"] == list(patch)
    assert response(ann) == ABSENT


def test_a_state_that_has_passed_is_refused(ann: Client) -> None:
    state = ann.state("VacationResponse")
    set_(ann, subject="one")

    error = ann.error("VacationResponse/set", ifInState=state, update={"singleton": {"subject": "two"}})

    assert error["type"] == "stateMismatch"
    assert response(ann)["subject"] == "one"


def test_changes_and_queries_are_no_methods_of_it(ann: Client) -> None:
    for method in ("changes", "query", "queryChanges"):
        assert ann.error(f"VacationResponse/{method}", sinceState="0")["type"] == "unknownMethod"


def test_once_enabled_it_answers_mail_and_once_disabled_no_more(ann: Client) -> None:
    set_(ann, isEnabled=True, subject="Away", textBody="See you.")
    accept(ann.site, [landed(message(), "ann@example.org")])
    set_(ann, isEnabled=False)
    accept(ann.site, [landed(message(), "ann@example.org", mail_from="eve@example.com")])

    assert [(recipients, out.subject) for _, recipients, out in sent(ann.site)] == [(["bea@sender.example"], "Away")]


def test_a_response_that_no_row_can_hold_is_too_large(ann: Client) -> None:
    answer = set_(ann, isEnabled=True, textBody="x" * 500_000)

    assert answer["notUpdated"]["singleton"]["type"] == "tooLarge"
    assert response(ann) == ABSENT


def test_a_date_with_a_fraction_of_zero_is_taken_and_written_without(ann: Client) -> None:
    answer = ann.update("VacationResponse", "singleton", fromDate="2026-11-21T10:00:00.000Z")

    assert answer["updated"] == {"singleton": {"fromDate": "2026-11-21T10:00:00Z"}}
    assert ann.call("VacationResponse/get")["list"][0]["fromDate"] == "2026-11-21T10:00:00Z"
