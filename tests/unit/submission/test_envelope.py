"""Envelopes (RFC 8621 §7): what a header block gives, what a client may give."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.submission.envelope import (
    MAX_ENVELOPE_BYTES,
    Addressing,
    InvalidEnvelope,
    check_parameters,
    derive,
    invalid_recipients,
    is_envelope,
    is_mailbox,
    most_recipients,
    read_addressing,
    release_at,
)

NOW = 1_795_000_000_000
DAY = 24 * 3_600


def envelope(*recipients: str, parameters: dict[str, Any] | None = None, sender: str = "ann@example.org") -> Any:
    return {
        "mailFrom": {"email": sender, "parameters": parameters},
        "rcptTo": [{"email": email, "parameters": None} for email in recipients],
    }


def test_recipients_are_those_of_to_cc_and_bcc_each_once() -> None:
    block = (
        b"From: Ann <ann@example.org>\r\nTo: Bob <bob@example.com>, carl@example.com\r\n"
        b"Cc: BOB@example.com, Friends: dora@example.com;\r\nBcc: eve@example.com\r\nTo: fay@example.com\r\n\r\n"
    )

    found = read_addressing(block)

    assert found.recipients == (
        "bob@example.com", "carl@example.com", "dora@example.com", "eve@example.com", "fay@example.com",
    )  # fmt: skip
    assert (found.authors, found.return_path, found.faults) == (("ann@example.org",), "ann@example.org", ())


def test_the_sender_field_is_the_return_path_where_there_is_one() -> None:
    block = b"From: Ann <ann@example.org>, bob@example.org\r\nSender: carl@example.org\r\nTo: x@example.com\r\n\r\n"

    assert read_addressing(block) == Addressing(
        ("ann@example.org", "bob@example.org"), "carl@example.org", ("x@example.com",), (), ("carl@example.org",)
    )


@pytest.mark.parametrize(
    ("block", "faults"),
    [
        (b"To: bob@example.com\r\n\r\n", ("from",)),
        (b"From: nobody in particular:;\r\n\r\n", ("from",)),
        (b"From: a@example.org, b@example.org\r\n\r\n", ("from",)),
        (b"From: a@example.org\r\nFrom: b@example.org\r\n\r\n", ("from",)),
        (b"From: a@example.org\r\nSender: b@example.org, c@example.org\r\n\r\n", ("sender",)),
        (b"From: a@example.org\r\nSender: b@example.org\r\nSender: b@example.org\r\n\r\n", ("sender",)),
    ],
)
def test_a_message_whose_sender_cannot_be_told_has_faults(block: bytes, faults: tuple[str, ...]) -> None:
    assert read_addressing(block).faults == faults


@pytest.mark.parametrize(
    ("block", "is_sound"),
    [
        (b"From: a@example.org\r\nSubject: x\r\n\ty\r\n\r\n", True),
        (b"From : a@example.org\nSubject:\n\n", True),
        (b"From: a@example.org", True),
        (b"From: a@example.org\r\nSubject: x\rFrom: b@example.org\r\n\r\n", False),
        (b"X: y\rFrom: b@example.org\r\rFrom: a@example.org\r\n\r\n", False),
        (b" From: b@example.org\r\nFrom: a@example.org\r\n\r\n", False),
        (b">From b\r\nFrom: a@example.org\r\n\r\n", False),
        (b"From: a@example.org\r\nno field\r\n\r\n", False),
        (b"From: a@example.org\r\nX: \0\r\n\r\n", False),
        (b"From: a@example.org\r\n" + b"X: y\r\n" * 2_000 + b"From: b@example.org\r\n\r\n", False),
    ],
)
def test_a_header_is_sound_if_everybody_reads_the_same_fields_in_it(block: bytes, is_sound: bool) -> None:
    assert read_addressing(block).is_sound is is_sound


def test_who_resends_a_message_answers_for_it() -> None:
    block = b"Resent-From: ann@example.org\r\nFrom: bea@example.com\r\nTo: x@example.com\r\n\r\n"

    assert read_addressing(block).authors == ("ann@example.org",)


def test_a_derived_envelope_returns_to_the_identity_unless_the_sender_is_the_same() -> None:
    found = Addressing(("a@x.example",), "Ann@x.example", ("b@x.example",), ())

    assert derive(found, "ann@x.example", allowed=True)["mailFrom"] == {"email": "Ann@x.example", "parameters": None}
    assert derive(found, "me@x.example", allowed=False) == envelope("b@x.example", sender="me@x.example")


@pytest.mark.parametrize(
    "text",
    ["a@b", "ann.b+c@example.org", '"a b"@example.org', '"a\\"b"@example.org', "ann@[127.0.0.1]",
     "ärger@bücher.example", "a@xn--bcher-kva.example"],
)  # fmt: skip
def test_a_mailbox_is_known(text: str) -> None:
    assert is_mailbox(text)


@pytest.mark.parametrize(
    "text",
    ["", "ann", "ann@", "@example.org", "a b@example.org", "ann@example.org\r\nRCPT TO:<x@y>", "<ann@example.org>",
     "ann@example.org> NOTIFY=NEVER", "ann@exa mple.org", "ann@[", "a@b@c", 'a"b@example.org', "ann@-..-", "\x00@b",
     "x" * 400 + "@example.org", "ann\u0085@example.org"],
)  # fmt: skip
def test_what_is_no_mailbox_is_known(text: str) -> None:
    assert not is_mailbox(text)


@given(st.text())
def test_what_counts_as_a_mailbox_can_never_end_a_command(text: str) -> None:
    if is_mailbox(text):
        assert not set(text) & set("\r\n\0<>")


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"mailFrom": {"email": "a@b"}},
        {"mailFrom": {"email": "a@b"}, "rcptTo": None},
        {"mailFrom": {"email": None}, "rcptTo": []},
        {"mailFrom": {"email": "a@b"}, "rcptTo": ["b@c"]},
        {"mailFrom": {"email": "a@b", "parameters": []}, "rcptTo": []},
        {"mailFrom": {"email": "a@b", "parameters": {"RET": 1}}, "rcptTo": []},
        {"mailFrom": {"email": "a@b", "name": "A"}, "rcptTo": []},
        {"mailFrom": {"email": "a@b"}, "rcptTo": [], "more": 1},
    ],
)
def test_what_is_no_envelope_is_known(value: Any) -> None:
    assert not is_envelope(value)


@pytest.mark.parametrize(
    "parameters",
    [None, {}, {"ret": "full"}, {"ENVID": "a b"}, {"SMTPUTF8": None}, {"BODY": "8BITMIME", "SIZE": "100"},
     {"HOLDFOR": "60"}, {"holduntil": "2026-12-24T18:00:00Z"}],
)  # fmt: skip
def test_parameters_that_are_offered_may_be_given(parameters: dict[str, Any] | None) -> None:
    check_parameters(envelope("b@c", parameters=parameters))


@pytest.mark.parametrize(
    "parameters",
    [{"AUTH": "x"}, {"X Y": None}, {"RET": "ALL"}, {"RET": None}, {"SMTPUTF8": "1"}, {"ENVID": "a\r\nb"},
     {"HOLDFOR": "-1"}, {"HOLDFOR": "1.5"}, {"HOLDUNTIL": "tomorrow"}, {"RET": "FULL", "ret": "HDRS"},
     {"ENVID": "x" * 101}],
)  # fmt: skip
def test_other_parameters_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(InvalidEnvelope):
        check_parameters(envelope("b@c", parameters=parameters))


@pytest.mark.parametrize(
    ("parameters", "accepted"),
    [({"NOTIFY": "never"}, True), ({"NOTIFY": "SUCCESS,FAILURE"}, True), ({"ORCPT": "rfc822;a+b@c"}, True),
     ({"NOTIFY": "NEVER,SUCCESS"}, False), ({"ORCPT": "a@c"}, False), ({"RET": "FULL"}, False)],
)  # fmt: skip
def test_a_recipient_has_parameters_of_its_own(parameters: dict[str, Any], accepted: bool) -> None:
    given = envelope("b@c")
    given["rcptTo"][0]["parameters"] = parameters
    if accepted:
        check_parameters(given)
    else:
        with pytest.raises(InvalidEnvelope):
            check_parameters(given)


@pytest.mark.parametrize(
    ("parameters", "at"),
    [
        (None, None),
        ({"HOLDFOR": "0"}, NOW),
        ({"HOLDFOR": "90"}, NOW + 90_000),
        ({"HOLDUNTIL": "2020-01-01T00:00:00Z"}, NOW),
        ({"HOLDUNTIL": "2026-11-18T13:06:41+02:00"}, NOW + 1_000),
    ],
)
def test_a_message_is_held_as_long_as_asked(parameters: dict[str, Any] | None, at: int | None) -> None:
    assert release_at(envelope("b@c", parameters=parameters), NOW, 30 * DAY) == at


@pytest.mark.parametrize(
    "parameters",
    [{"HOLDFOR": str(30 * DAY + 1)}, {"HOLDUNTIL": "2027-12-24T18:00:00Z"}, {"HOLDUNTIL": "2026-13-01T00:00:00Z"},
     {"HOLDFOR": "60", "HOLDUNTIL": "2026-11-24T18:00:00Z"}],
)  # fmt: skip
def test_a_message_is_not_held_for_ever(parameters: dict[str, Any]) -> None:
    with pytest.raises(InvalidEnvelope):
        release_at(envelope("b@c", parameters=parameters), NOW, 30 * DAY)


def test_invalid_recipients_are_named() -> None:
    assert invalid_recipients(envelope("a@b", "nobody", "c@d", "e@f g")) == ["nobody", "e@f g"]


def test_so_many_recipients_as_fit_may_be_given() -> None:
    short = envelope(*(f"user{number}@example.org" for number in range(1_000)))
    long = envelope(*(f"{'u' * 200}{number}@example.org" for number in range(1_000)))

    assert most_recipients(short, 1_000) == 1_000
    assert most_recipients(short, 999) == 999
    assert 300 < most_recipients(long, 1_000) < MAX_ENVELOPE_BYTES // 200
