"""The `Notifier` port over HTTP, against a server of the standard library and sockets that misbehave."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue

import pytest

from homing.adapters.web_push import HttpNotifier, is_public
from homing.errors import Permanent, Temporary
from homing.ports.notifier import Notifier
from tests.certificate import write_certificate
from tests.doubles import RecordingNotifier

PATIENCE = 10.0
HEADERS = {"content-type": "application/json", "ttl": "60"}


@dataclass
class Service:
    """A push service, what it was sent, and what it answers."""

    address: tuple[str, int] = ("", 0)
    posted: SimpleQueue[tuple[str, dict[str, str], bytes]] = field(default_factory=SimpleQueue)
    status: int = 201

    def url(self, scheme: str = "http", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.address[1]}/push/1?device=a%20b"


@contextlib.contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Service]:
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            service.posted.put((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(service.status)
            self.send_header("location", "/elsewhere")
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    service.address = server.server_address[:2]  # type: ignore[assignment]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield service
    server.shutdown()
    server.server_close()
    thread.join(PATIENCE)


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as service:
        yield service


@pytest.fixture
def answering() -> Iterator[Callable[[bytes], str]]:
    """URLs of servers that read a request and then say just this, and hang up."""
    with contextlib.ExitStack() as stack:

        def answering(*pieces: bytes) -> str:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            threading.Thread(target=say, args=(listener, pieces), daemon=True).start()
            return f"http://127.0.0.1:{listener.getsockname()[1]}/"

        yield answering


def say(listener: socket.socket, pieces: tuple[bytes, ...]) -> None:
    with contextlib.suppress(OSError):
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            for piece in pieces:
                connection.sendall(piece)


@pytest.fixture(params=["http", "recording"])
def notifier(request: pytest.FixtureRequest) -> Notifier:
    return HttpNotifier() if request.param == "http" else RecordingNotifier()


def test_only_https_is_ever_posted_to(notifier: Notifier) -> None:
    assert notifier.check("http://push.example.net/r") is not None
    assert notifier.check("https://push.example.net/r") is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "https:///path",
        "push.example.net",
        "ftp://push.example.net/",
        "file:///etc/passwd",
        "https://user:secret@push.example.net/",
        "https://@push.example.net/",
        "https://push.example.net/a b",
        "https://push.example.net/\r\nx: y",
        "https://push.example.net/\N{SNOWMAN}",
        "https://push.example.net:99999/",
        "https://push.example.net:port/",
        "https://[::1/",
        "https://push.example.net/" + "x" * 2_000,
        "https://127.0.0.1/",
        "https://10.1.2.3:8443/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fd00:ec2::254]/",
        "https://0.0.0.0/",
    ],
)
def test_a_url_that_leads_nowhere_we_post_to_is_refused(url: str) -> None:
    assert HttpNotifier().check(url)
    with pytest.raises(Permanent):
        HttpNotifier().post(url, HEADERS, b"{}")


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("http://127.0.0.1:8080/r", True),
        ("http://[::1]/r", True),
        ("http://localhost/r", True),
        ("https://10.0.0.1/r", True),
        ("https://push.example.net/r", True),
        ("http://push.example.net/r", False),
        ("http://8.8.8.8/r", False),
        ("ftp://localhost/r", False),
    ],
)
def test_on_a_closed_network_http_is_for_what_is_private_by_its_name(url: str, taken: bool) -> None:
    assert (HttpNotifier(allow_private=True).check(url) is None) is taken


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("127.9.9.9", False),
        ("10.0.0.1", False),
        ("172.31.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("192.0.0.192", False),
        ("192.88.99.1", False),
        ("168.63.129.16", False),
        ("3fff::1", False),
        ("198.18.0.1", False),
        ("224.0.0.1", False),
        ("239.1.1.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("0.0.0.0", False),  # noqa: S104
        ("::", False),
        ("::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("::10.0.0.1", False),
        ("64:ff9b::10.0.0.1", False),
        ("64:ff9b::8.8.8.8", True),
        ("64:ff9b:1::8.8.8.8", False),
        ("2002:0a00:0001::1", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
        ("fe80::1", False),
        ("fec0::1", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("2001:db8::1", False),
    ],
)
def test_public_is_what_the_internet_routes(address: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is public


def test_a_post_arrives_as_it_is(service: Service) -> None:
    status = HttpNotifier(allow_private=True).post(service.url(), {**HEADERS, "topic": "t"}, b'{"a":1}')

    assert status == 201
    path, headers, body = service.posted.get(timeout=PATIENCE)
    assert (path, body) == ("/push/1?device=a%20b", b'{"a":1}')
    assert headers["host"] == f"127.0.0.1:{service.address[1]}"
    assert headers["content-length"] == "7"
    assert {name: headers[name] for name in ("content-type", "ttl", "topic")} == {**HEADERS, "topic": "t"}


@pytest.mark.parametrize("status", [200, 302, 404, 410, 429, 503])
def test_the_status_is_told_and_no_redirect_followed(service: Service, status: int) -> None:
    service.status = status

    assert HttpNotifier(allow_private=True).post(service.url(), HEADERS, b"") == status
    service.posted.get(timeout=PATIENCE)
    assert service.posted.empty()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1", "0x7f000001", "2130706433"])
def test_a_name_of_a_private_address_is_not_connected_to(service: Service, host: str) -> None:
    with pytest.raises(Permanent):
        HttpNotifier().post(service.url("https", host), HEADERS, b"{}")

    assert service.posted.empty()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_https_is_spoken_to_whom_the_system_trusts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    certificate = write_certificate(tmp_path / "certificate.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with serving(tls) as service:
        with pytest.raises(Temporary) as distrusted:
            HttpNotifier(allow_private=True).post(service.url("https", host), HEADERS, b"{}")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        status = HttpNotifier(allow_private=True).post(service.url("https", host), HEADERS, b"{}")

    assert distrusted.value.type == "pushUnreachable"
    assert status == 201


def test_nobody_there_is_said(service: Service) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    with pytest.raises(Temporary) as error:
        HttpNotifier(allow_private=True).post(f"http://127.0.0.1:{port}/", HEADERS, b"{}")
    assert error.value.type == "pushUnreachable"


def test_a_name_that_does_not_exist_may_exist_later() -> None:
    with pytest.raises(Temporary) as error:
        HttpNotifier(allow_private=True).post("https://nowhere.invalid/", HEADERS, b"{}")
    assert error.value.type == "pushUnreachable"


def test_what_comes_before_the_answer_is_skipped(answering: Callable[..., str]) -> None:
    url = answering(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n", b"\r\nHTTP/1.1 20", b"1 Created\r\n")

    assert HttpNotifier(allow_private=True).post(url, HEADERS, b"{}") == 201


@pytest.mark.parametrize(
    "answer",
    [b"", b"220 mail.example.org ESMTP\r\n", b"HTTP/1.1 99 No\r\n", b"x" * 100_000, b"HTTP/1.1 100\r\n\r\n" * 9_000],
)
def test_what_is_no_answer_ends_in_time(answering: Callable[..., str], answer: bytes) -> None:
    with pytest.raises(Temporary) as error:
        HttpNotifier(allow_private=True).post(answering(answer), HEADERS, b"{}")
    assert error.value.type == "pushUnanswered"


def test_a_service_that_never_answers_is_given_up() -> None:
    notifier = HttpNotifier(allow_private=True, seconds=0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(Temporary) as error:
            notifier.post(url, HEADERS, b"{}")
    assert error.value.type == "pushUnanswered"
