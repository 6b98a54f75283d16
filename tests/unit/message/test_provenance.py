from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from homing.message import parse
from homing.message.provenance import MAX_HOPS, MAX_RECORD, provenance
from tests.golden.refresh import cases
from tests.unit.message.letters import crlf

RELAYED = crlf("""
    Received: from mail.example.net (mail.example.net [8.8.4.4])
    \tby mx.example.org with ESMTPS id 4Xyz
    \tfor <ann@example.org>; Tue, 5 Mar 2024 09:15:12 +0100 (CET)
    Received: from laptop (unknown [10.0.0.7])
    \tby mail.example.net with ESMTPSA id 3Abc; Tue, 5 Mar 2024 08:15:02 +0000
    From: Bob <bob@example.net>
    Date: Tue, 5 Mar 2024 09:15:00 +0100
    X-Mailer: Pigeon 1.0
    Content-Type: multipart/mixed; boundary=b

    Hello.
    """)


def test_hops_are_told_oldest_first_with_the_peer_that_our_own_host_saw() -> None:
    record = provenance(parse(RELAYED))

    assert [(hop["by"], hop["at"], hop.get("delay", 0)) for hop in record["hops"]] == [
        ("mail.example.net", "2024-03-05T08:15:02Z", 0),
        ("mx.example.org", "2024-03-05T09:15:12+01:00", 10),
    ]
    assert record["senderAddress"] == "8.8.4.4"
    assert record["mailer"] == "Pigeon 1.0"
    assert "anomalies" not in record


def test_an_anomaly_is_named() -> None:
    record = provenance(parse(b"From: a@example.org\r\nDate: some day\r\n\r\n"))

    assert record["anomalies"] == ["DateHeaderDefect"]


def test_of_many_hops_the_newest_are_kept() -> None:
    hop = b"Received: from a%d by b%d; Tue, 5 Mar 2024 09:15:12 +0100\r\n"

    record = provenance(parse(b"".join(hop % (n, n) for n in range(50)) + b"\r\n"))

    assert record["hopsLeftOut"] == 50 - MAX_HOPS
    assert record["hops"][-1]["by"] == "b0"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0" * 1_000,
        b"Received: " + b"(" * 3_000 + b"\r\n\r\n",
        b"Received: from \xff by \xfe; \xfd\r\nX-Mailer: \xff\xfe\r\n\r\n",
        b"Received: " + "by 😀 from 😀 with 😀 id 😀 for 😀; ".encode() * 60 + b"\r\n",
        ("Received: from " + "\\😀" * 500 + " by " + "😀" * 400 + " with \x01\x02; x\r\n").encode() * 40,
        b"From: " + b"a@b, " * 300_000 + b"\r\n\r\n",
        b"Date: " + b"9" * 4_000 + b"\r\n\r\n",
    ],
)
def test_hostile_headers_give_a_small_record(raw: bytes) -> None:
    encoded = msgspec.json.encode(provenance(parse(raw)))

    assert len(encoded) <= MAX_RECORD


@pytest.mark.parametrize("path", cases(), ids=lambda path: path.stem)
def test_the_record_is_the_same_each_time_and_no_error(path: Path) -> None:
    message = parse(path.read_bytes())

    first, second = (msgspec.json.encode(provenance(message)) for _ in range(2))

    assert first == second
    assert "error" not in msgspec.json.decode(first)


def test_a_failure_of_the_analysis_becomes_part_of_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: bytes) -> None:
        raise AttributeError("'NoneType' object has no attribute 'index'")

    monkeypatch.setattr("mailparser.parse_from_bytes", fail)

    assert provenance(parse(RELAYED)) == {"error": "AttributeError"}
