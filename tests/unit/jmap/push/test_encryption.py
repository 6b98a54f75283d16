"""Sealing push messages: RFC 8291's own example, and keys that are none."""

from __future__ import annotations

from base64 import urlsafe_b64decode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from homing.jmap.push.encryption import (
    MAX_MESSAGE,
    RECORD_SIZE,
    ClientKeys,
    base64url,
    encode_point,
    encrypt,
    parse_keys,
)
from tests.web_push import unseal

RECEIVER = {
    "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
}
SENDER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
MESSAGE = b"When I grow up, I want to be a watermelon"
SEALED = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
    "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)
"""RFC 8291 §5."""


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_the_example_of_the_rfc_comes_out_byte_for_byte() -> None:
    sender = ec.derive_private_key(int.from_bytes(decoded(SENDER), "big"), ec.SECP256R1())

    assert base64url(encrypt(MESSAGE, parse_keys(RECEIVER), decoded(SALT), sender)) == SEALED


@given(message=st.binary(max_size=200), salt=st.binary(min_size=16, max_size=16))
def test_who_has_the_keys_reads_the_message(message: bytes, salt: bytes) -> None:
    receiver = ec.generate_private_key(ec.SECP256R1())

    assert unseal(encrypt(message, ClientKeys(encode_point(receiver), salt), salt), receiver, salt) == message


def test_the_largest_message_fills_what_every_service_takes() -> None:
    assert len(encrypt(bytes(MAX_MESSAGE), parse_keys(RECEIVER), bytes(16))) == RECORD_SIZE


def test_two_messages_have_no_key_in_common() -> None:
    first, second = (encrypt(MESSAGE, parse_keys(RECEIVER), bytes(16)) for _ in range(2))

    assert first[21:86] != second[21:86]


@pytest.mark.parametrize("text", ["", "a", "=", "AAAA+AAA", "AAAA/AAA", "é" * 22, "A" * 200, 5, None, ["A"]])
def test_what_is_no_secret_of_sixteen_bytes_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="auth"):
        parse_keys({**RECEIVER, "auth": text})


def test_a_secret_is_not_shown_by_accident() -> None:
    assert "auth" not in repr(parse_keys(RECEIVER))
