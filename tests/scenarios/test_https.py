"""TLS of the host's own: HTTPS, and STARTTLS with the same certificate."""

from __future__ import annotations

import json
import os
import smtplib
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from homing.bootstrap import Home
from homing.directory.accounts import User
from homing.host.settings import Settings
from tests.mail import message
from tests.scenarios.serving import LOGIN, PASSWORD, PATIENCE, Running, call, inbox_ids, serve_command, url_of


@pytest.fixture
def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


@pytest.fixture
def running(home: Home, served_user: User, certificate: Path) -> Iterator[Running]:
    settings = Settings(http_port=0, smtp_port=0, lmtp_port=0, grace=5)
    running = Running(home, served_user, replace(settings, tls_certificate=certificate))
    yield running
    running.stop()


@pytest.fixture
def client(running: Running, trusting: ssl.SSLContext) -> Iterator[httpx.Client]:
    with running.client(verify=trusting) as client:
        yield client


def test_every_url_of_the_session_is_https(client: httpx.Client) -> None:
    session = client.get("/.well-known/jmap").json()

    assert {session[name].partition(":")[0] for name in ("apiUrl", "uploadUrl", "downloadUrl", "eventSourceUrl")} == {
        "https"
    }


def test_mail_goes_in_by_starttls_and_out_by_https(
    running: Running, client: httpx.Client, trusting: ssl.SSLContext
) -> None:
    with smtplib.SMTP(*running.addresses.smtp, timeout=PATIENCE) as smtp:
        smtp.starttls(context=trusting)
        smtp.sendmail("bea@sender.example", [LOGIN], message("Hello"))

    [id] = inbox_ids(client, running.user.account)
    arguments = {"accountId": running.user.account, "ids": [id], "properties": ["subject"]}
    assert call(client, ["Email/get", arguments, "g"])[0][1]["list"][0]["subject"] == "Hello"


def test_much_goes_up_and_down(running: Running, client: httpx.Client) -> None:
    content = bytes(range(256)) * 20_000
    blob = client.post(f"/jmap/upload/{running.user.account}/", content=content).json()["blobId"]

    assert client.get(f"/jmap/download/{running.user.account}/{blob}/x").content == content


def test_a_client_without_tls_gets_nothing(running: Running) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(url_of(running.addresses.http) + "/healthz", timeout=PATIENCE)


def test_lmtp_stays_as_it_is(running: Running) -> None:
    with running.lmtp() as lmtp:
        lmtp.ehlo()
        assert not lmtp.has_extn("starttls")


def test_nothing_older_than_tls_1_2_is_spoken(running: Running, certificate: Path) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLS"):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1

    with running.connect() as connection, pytest.raises((ssl.SSLError, ConnectionError)):
        old.wrap_socket(connection)


@pytest.mark.parametrize("by", ["option", "environment"])
def test_serve_takes_a_certificate_from_the_command_line(
    data: Path, certificate: Path, trusting: ssl.SSLContext, by: str
) -> None:
    more = ["--tls-certificate", str(certificate)] if by == "option" else []
    environment = {} if by == "option" else {"HOMING_TLS_CERTIFICATE": str(certificate)}
    serving = subprocess.Popen(
        serve_command(data, *more), env=environment_with(environment), stdout=subprocess.PIPE, text=True
    )
    try:
        assert serving.stdout is not None
        url = serving.stdout.readline().split()[1].removeprefix("http=")
        assert url.startswith("https://")
        session = httpx.get(f"{url}/jmap/session", auth=(LOGIN, PASSWORD), verify=trusting, timeout=PATIENCE)
        assert json.loads(session.content)["username"] == LOGIN
    finally:
        serving.terminate()
        serving.communicate(timeout=PATIENCE)


def test_serve_says_what_is_wrong_with_a_certificate(data: Path) -> None:
    broken = data / "broken.pem"
    broken.write_text("nonsense")

    ended = subprocess.run(
        serve_command(data, "--tls-certificate", str(broken)),
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )

    assert ended.returncode != 0
    assert "the certificate cannot be used" in ended.stderr
    assert str(broken) in ended.stderr
    assert "Traceback" not in ended.stderr


def environment_with(more: dict[str, str]) -> dict[str, str]:
    return {**os.environ, **more}
