"""STARTTLS (RFC 3207), with a certificate made for the test."""

from __future__ import annotations

import datetime
import smtplib
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def secure(house: Any, certificate: Path) -> Any:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    house.listen(tls=context)
    return house


def unchecked() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def test_a_message_can_be_sent_over_tls(secure: Any) -> None:
    message = b"Subject: hi\r\n\r\n" + b"x" * 70_000 + b"\r\n"
    with smtplib.SMTP(secure.host, secure.port) as client:
        client.ehlo("client.example")
        assert client.has_extn("starttls")
        client.starttls(context=unchecked())
        client.ehlo("client.example")
        assert not client.has_extn("starttls")
        client.sendmail("alice@example.org", ["bob@example.net"], message)
    [(envelope, trace, received)] = secure.inbox.delivered

    assert envelope.tls
    assert b" with ESMTPS id " in trace
    assert received == message


def test_what_was_said_before_tls_is_forgotten(secure: Any) -> None:
    client = secure.client().ready(b"EHLO")
    assert client.ask(b"STARTTLS\r\n") == "220 2.0.0 Go ahead"
    secured = unchecked().wrap_socket(client.socket)
    lines = secured.makefile("rb")

    secured.sendall(b"RCPT TO:<bob@example.net>\r\nMAIL FROM:<>\r\n")
    assert [lines.readline()[:9] for _ in range(2)] == [b"503 5.5.1"] * 2
    lines.close()
    secured.close()


def test_what_is_sent_ahead_of_the_handshake_is_not_carried_into_it(secure: Any) -> None:
    client = secure.client()
    client.reply()
    client.ask(b"EHLO x\r\n")

    assert client.ask(b"STARTTLS\r\nMAIL FROM:<evil@example.org>\r\n").startswith("503 5.5.1")
    assert client.ask(b"RCPT TO:<bob@example.net>\r\n").startswith("503 5.5.1")


def test_a_failed_handshake_ends_the_connection_and_nothing_else(secure: Any) -> None:
    client = secure.client()
    client.reply()
    client.ask(b"STARTTLS\r\n")
    client.say(b"this is not TLS\r\n" * 10)
    client.rest()

    assert secure.client().reply().startswith("220")
