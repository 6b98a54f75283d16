from __future__ import annotations

import email.utils

import pytest

from homing.host.smtp_trace import format_date, render_trace, with_keyword
from homing.ports.landings import Envelope


def envelope(**changes: object) -> Envelope:
    known: dict[str, object] = {
        "mail_from": "alice@example.org",
        "rcpt_to": ("bob@example.net",),
        "helo": "client.example",
        "client_address": "192.0.2.1",
        "received_at": 1_700_000_000_123,
    }
    return Envelope(**{**known, **changes})  # type: ignore[arg-type]


def render(message: Envelope) -> str:
    return render_trace(message, hostname="mx.example.net", received_id="42", keyword="ESMTP").decode()


def test_the_trace_has_the_form_of_rfc_5321() -> None:
    assert render(envelope()) == (
        "Return-Path: <alice@example.org>\r\n"
        "Received: from client.example ([192.0.2.1])\r\n"
        "\tby mx.example.net with ESMTP id 42\r\n"
        "\tfor <bob@example.net>;\r\n"
        "\tTue, 14 Nov 2023 22:13:20 +0000\r\n"
    )


def test_several_recipients_are_not_disclosed_to_each_other() -> None:
    assert "example.net>" not in render(envelope(rcpt_to=("bob@example.net", "eve@example.net")))


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("2001:db8::1", "from client.example ([IPv6:2001:db8::1])\r\n"),
        ("", "from client.example\r\n"),
    ],
)
def test_the_client_is_shown_as_an_address_literal(address: str, shown: str) -> None:
    assert shown in render(envelope(client_address=address))


def test_the_null_sender_is_shown_empty() -> None:
    assert render(envelope(mail_from="")).startswith("Return-Path: <>\r\n")


@pytest.mark.parametrize(
    ("kind", "extended", "tls", "utf8", "keyword"),
    [
        ("smtp", False, False, False, "SMTP"),
        ("smtp", True, False, False, "ESMTP"),
        ("smtp", True, True, False, "ESMTPS"),
        ("smtp", True, False, True, "UTF8SMTP"),
        ("smtp", True, True, True, "UTF8SMTPS"),
        ("lmtp", True, False, False, "LMTP"),
        ("lmtp", True, True, False, "LMTPS"),
        ("lmtp", True, False, True, "UTF8LMTP"),
        ("lmtp", True, True, True, "UTF8LMTPS"),
    ],
)
def test_the_protocol_is_named_as_registered(kind: str, extended: bool, tls: bool, utf8: bool, keyword: str) -> None:
    assert with_keyword(kind, extended=extended, tls=tls, utf8=utf8) == keyword


@pytest.mark.parametrize("seconds", [0, 951_782_400, 1_700_000_000, 4_102_444_799])
def test_the_date_is_read_back_by_the_standard_library(seconds: int) -> None:
    assert email.utils.parsedate_to_datetime(format_date(seconds * 1000 + 999)).timestamp() == seconds
