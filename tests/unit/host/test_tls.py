"""The process host's certificate."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from pathlib import Path

import pytest

from homing.errors import Permanent
from homing.host.tls import Tls
from tests.certificate import write_certificate


def certificate_shown(context: ssl.SSLContext) -> bytes:
    """What a client gets to see, in DER."""
    here, there = socket.socketpair()
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    serving = threading.Thread(target=lambda: context.wrap_socket(there, server_side=True).close())
    serving.start()
    with client.wrap_socket(here) as secure:
        shown = secure.getpeercert(binary_form=True)
    serving.join(20)
    assert shown is not None
    return shown


def expected(path: Path) -> bytes:
    text = path.read_text()
    return ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN CERTIFICATE") :])


def test_a_renewed_certificate_is_shown_to_those_who_come_after(tmp_path: Path) -> None:
    path = write_certificate(tmp_path / "one.pem")
    tls = Tls(path, path)
    assert certificate_shown(tls.http) == expected(path)
    assert tls.renew_now() is False

    write_certificate(path)
    os.utime(path, ns=(1, 1))

    assert tls.renew_now() is True
    assert certificate_shown(tls.http) == certificate_shown(tls.smtp) == expected(path)


@pytest.mark.parametrize("content", ["", "nonsense", None], ids=["empty", "nonsense", "gone"])
def test_a_change_for_the_worse_changes_nothing(tmp_path: Path, content: str | None) -> None:
    path = write_certificate(tmp_path / "one.pem")
    tls, before = Tls(path, path), expected(path)

    if content is None:
        path.unlink()
    else:
        path.write_text(content)
        os.utime(path, ns=(1, 1))

    assert tls.renew_now() is False
    assert certificate_shown(tls.http) == before


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    certificate, other = write_certificate(tmp_path / "one.pem"), write_certificate(tmp_path / "two.pem")

    with pytest.raises(Permanent, match="certificate cannot be used"):
        Tls(certificate, other)


def test_a_certificate_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Permanent):
        Tls(tmp_path / "none.pem", tmp_path / "none.pem")
