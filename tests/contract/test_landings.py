"""The contract of the `Landings` port, on every adapter; and the forms of a landing in S3."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from homing.adapters.s3 import S3Connection, S3Landings
from homing.errors import Permanent, Refused
from homing.ports.landings import Envelope, Landed, Landings

RAW = b"From: a@example.org\r\nSubject: \xff\x00\r\n\r\nHello\r\n"
ENVELOPE = Envelope(
    mail_from="sender@example.org",
    rcpt_to=("one@example.net", "two@example.net"),
    protocol="esmtps",
    helo="mx.example.org",
    client_address="2001:db8::25",
    received_at=1_790_000_000_123,
    tls=True,
)
ENVELOPES = {
    "usual": ENVELOPE,
    "null reverse-path": Envelope("", ("postmaster@example.net",)),
    "internationalized": Envelope("jos\u00e9@ex\u00e4mple.org", ("\u7528\u6237@\u4f8b\u5b50.example",), "utf8smtp"),
    "quoted local part": Envelope('"a, \\"b\\" <c>"@example.org', ('"x,y"@example.net', "z@example.net")),
    "control characters": Envelope("a@example.org", ("b@example.net",), helo="\r\nx-amz-meta-evil: 1\x00\x7f"),
    "a lone surrogate": Envelope("\udcff@example.org", ("b@example.net",)),
    "a thousand recipients": Envelope(
        "list@example.org", tuple(f"member{number}@example.net" for number in range(1_000))
    ),
    "nobody": Envelope("a@example.org", ()),
}
NO_SUCH_USER = Refused(550, "5.1.1", "No such user here")


@pytest.mark.parametrize("envelope", ENVELOPES.values(), ids=ENVELOPES.keys())
def test_a_landing_comes_back_with_its_envelope(landings: Landings, envelope: Envelope) -> None:
    name = landings.land(envelope, RAW)

    landed = landings.get(name)

    assert landed is not None
    assert landed.envelope == envelope
    assert landed.raw == RAW


@pytest.mark.parametrize("raw", [b"", bytes(range(256)) * 10, b"x" * 5_000_000], ids=["empty", "bytes", "5 MB"])
def test_a_message_lands_byte_for_byte(landings: Landings, raw: bytes) -> None:
    landed = landings.get(landings.land(ENVELOPE, raw))

    assert landed is not None
    assert landed.raw == raw


def test_a_landing_has_one_source_for_ever_and_no_other_has_it(landings: Landings) -> None:
    names = [landings.land(ENVELOPE, RAW) for _ in range(3)]

    sources = [[found.source for found in (landings.get(name), landings.get(name)) if found] for name in names]

    assert all(len(pair) == 2 and pair[0] == pair[1] for pair in sources)
    assert len({pair[0] for pair in sources}) == 3


@pytest.mark.parametrize("envelope", ENVELOPES.values(), ids=ENVELOPES.keys())
def test_a_message_that_was_filed_for_all_is_forgotten(landings: Landings, envelope: Envelope) -> None:
    name, other = landings.land(envelope, RAW), landings.land(ENVELOPE, b"other")

    landings.settle(name, [None for _ in envelope.rcpt_to])

    assert landings.get(name) is None
    assert landings.get(other) is not None


@pytest.mark.parametrize("replies", [[None, None], [NO_SUCH_USER, None]])
def test_settling_what_is_not_there_does_no_harm(landings: Landings, replies: Sequence[Refused | None]) -> None:
    name = landings.land(ENVELOPE, RAW)
    landings.settle(name, [None, None])

    landings.settle(name, replies)
    landings.settle("landing/unknown", replies)

    assert landings.get(name) is None
    assert landings.get("landing/unknown") is None


def test_an_unknown_landing_is_none(landings: Landings) -> None:
    assert landings.get("landing/unknown") is None


def objects(s3: S3Connection, bucket: str, prefix: str) -> list[str]:
    return [entry["Key"] for entry in s3.client.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", ())]


@pytest.mark.aws
def test_s3_keeps_what_was_refused_with_the_replies_beside_it(
    s3_landings: S3Landings, s3: S3Connection, bucket: str
) -> None:
    name = s3_landings.land(ENVELOPE, RAW)

    s3_landings.settle(name, [NO_SUCH_USER, None])

    found = s3_landings.get(name)
    assert found is not None
    assert found.raw == RAW
    note = json.loads(s3.client.get_object(Bucket=bucket, Key=name + ".refused")["Body"].read())
    assert note == [{"code": 550, "enhanced": "5.1.1", "text": "No such user here"}, None]
    assert s3_landings.get(name + ".refused") is None


@pytest.mark.aws
def test_s3_forgets_everything_about_a_landing_that_was_filed_in_the_end(
    s3_landings: S3Landings, s3: S3Connection, bucket: str, s3_prefix: str
) -> None:
    name = s3_landings.land(ENVELOPES["a thousand recipients"], RAW)
    s3_landings.settle(name, [NO_SUCH_USER] * 1_000)
    assert objects(s3, bucket, s3_prefix) == [name, name + ".envelope", name + ".refused"]

    s3_landings.settle(name, [None] * 1_000)

    assert objects(s3, bucket, s3_prefix) == []


@pytest.mark.aws
def test_s3_puts_a_long_envelope_beside_the_message(
    s3_landings: S3Landings, s3: S3Connection, bucket: str, s3_prefix: str
) -> None:
    name = s3_landings.land(ENVELOPES["a thousand recipients"], RAW)

    assert objects(s3, bucket, s3_prefix) == [name, name + ".envelope"]
    assert s3.client.head_object(Bucket=bucket, Key=name)["Metadata"] == {"homing-envelope": "beside"}
    assert s3_landings.get(name + ".envelope") is None


@pytest.mark.aws
@pytest.mark.parametrize("recipients", range(40, 80, 3))
def test_s3_metadata_stay_within_two_kilobytes(
    s3_landings: S3Landings, s3: S3Connection, bucket: str, recipients: int
) -> None:
    envelope = Envelope("a@example.org", tuple(f"recipient-{number:03}@example.net" for number in range(recipients)))

    name = s3_landings.land(envelope, RAW)

    metadata = s3.client.head_object(Bucket=bucket, Key=name)["Metadata"]
    assert sum(len(key) + len(value) for key, value in metadata.items()) <= 2_000
    found = s3_landings.get(name)
    assert found is not None
    assert found.envelope == envelope


@pytest.mark.aws
def test_s3_names_the_bucket_the_key_and_the_version_as_source(
    s3_landings: S3Landings, s3: S3Connection, bucket: str
) -> None:
    name = s3_landings.land(ENVELOPE, RAW)

    found = s3_landings.get(name)

    assert found is not None
    etag = s3.client.head_object(Bucket=bucket, Key=name)["ETag"].strip('"')
    assert found.source == f"s3:{bucket}/{name}#{etag}"


def put_plain(s3: S3Connection, bucket: str, name: str, **metadata: str) -> None:
    named = {key.replace("_", "-"): value for key, value in metadata.items()}
    s3.client.put_object(Bucket=bucket, Key=name, Body=RAW, Metadata=named)


def get_there(landings: S3Landings, name: str) -> Landed:
    found = landings.get(name)
    assert found is not None
    return found


@pytest.mark.aws
def test_s3_reads_the_plain_metadata_of_another_relay(
    s3_landings: S3Landings, s3: S3Connection, bucket: str, s3_prefix: str
) -> None:
    before = int(datetime.now(UTC).timestamp()) - 60
    put_plain(
        s3,
        bucket,
        s3_prefix + "plain",
        mail_from="<sender@example.org>",
        rcpt_to='one@example.net, <two@example.net>,, "a,b"@example.net',
        protocol="esmtp",
        helo="relay.example.org",
        client_address="192.0.2.1",
    )

    envelope = get_there(s3_landings, s3_prefix + "plain").envelope

    assert envelope.mail_from == "sender@example.org"
    assert envelope.rcpt_to == ("one@example.net", "two@example.net", '"a,b"@example.net')
    assert (envelope.protocol, envelope.helo, envelope.client_address) == ("esmtp", "relay.example.org", "192.0.2.1")
    assert before * 1_000 <= envelope.received_at <= (before + 3_600) * 1_000


@pytest.mark.aws
def test_s3_reads_metadata_that_came_back_as_encoded_words(
    s3_landings: S3Landings, s3: S3Connection, bucket: str, s3_prefix: str
) -> None:
    put_plain(
        s3, bucket, s3_prefix + "plain", mail_from="=?UTF-8?B?am9zw6lAZXhhbXBsZS5vcmc=?=", rcpt_to="b@example.net"
    )

    assert get_there(s3_landings, s3_prefix + "plain").envelope.mail_from == "jos\u00e9@example.org"


@pytest.mark.aws
def test_s3_takes_an_object_without_metadata_as_a_message_for_nobody(
    s3_landings: S3Landings, s3: S3Connection, bucket: str, s3_prefix: str
) -> None:
    put_plain(s3, bucket, s3_prefix + "ses")

    found = get_there(s3_landings, s3_prefix + "ses")

    assert (found.envelope.mail_from, found.envelope.rcpt_to, found.raw) == ("", (), RAW)


@pytest.mark.aws
@pytest.mark.parametrize("broken", ["{", "[]", "{}", '{"mailFrom":"a"}', "null", "1" * 1_000])
def test_s3_refuses_an_envelope_that_cannot_be_read(
    s3_landings: S3Landings, s3: S3Connection, bucket: str, s3_prefix: str, broken: str
) -> None:
    put_plain(s3, bucket, s3_prefix + "broken", homing_envelope=broken)

    with pytest.raises(Permanent) as refused:
        s3_landings.get(s3_prefix + "broken")

    assert refused.value.type == "badEnvelope"


@pytest.mark.aws
def test_s3_takes_a_message_that_is_half_removed_as_gone(
    s3_landings: S3Landings, s3: S3Connection, bucket: str
) -> None:
    name = s3_landings.land(ENVELOPES["a thousand recipients"], RAW)
    s3.client.delete_object(Bucket=bucket, Key=name + ".envelope")

    assert s3_landings.get(name) is None
