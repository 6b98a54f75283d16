"""Clients for measuring: as little work of their own as the protocols allow, on blocking sockets."""

from __future__ import annotations

import base64
import json
import socket
from typing import Any


class LmtpClient:
    """One LMTP connection (RFC 2033) that pipelines the envelope."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb", buffering=65536)
        self._reply()
        self._send(b"LHLO bench\r\n")
        self._reply()

    def deliver(self, sender: str, recipient: str, raw: bytes) -> None:
        """Deliver one message; raises unless the reply is 250."""
        self._send(f"MAIL FROM:<{sender}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode())
        for expected in (b"250", b"250", b"354"):
            self._expect(expected)
        stuffed = raw.replace(b"\r\n.", b"\r\n..")
        self._send(stuffed + (b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n"))
        self._expect(b"250")

    def close(self) -> None:
        """Say goodbye."""
        self._send(b"QUIT\r\n")
        self._socket.close()

    def _send(self, content: bytes) -> None:
        self._socket.sendall(content)

    def _expect(self, code: bytes) -> None:
        reply = self._reply()
        if not reply.startswith(code):
            raise RuntimeError(reply.decode(errors="replace"))

    def _reply(self) -> bytes:
        while True:
            line: bytes = self._file.readline()
            if not line:
                raise ConnectionError("closed")
            if line[3:4] != b"-":
                return line


class JmapClient:
    """One keep-alive HTTP connection that posts JMAP requests."""

    def __init__(self, origin: str, login: str, password: str) -> None:
        self._authority = origin.removeprefix("http://")
        host, _, port = self._authority.partition(":")
        self._socket = socket.create_connection((host, int(port)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb", buffering=1 << 18)
        token = base64.b64encode(f"{login}:{password}".encode()).decode()
        self._headers = f"Host: {self._authority}\r\nAuthorization: Basic {token}\r\nContent-Type: application/json\r\n"
        self.account = next(iter(json.loads(self.get("/jmap/session"))["accounts"]))

    def get(self, path: str) -> bytes:
        """The body of a GET."""
        return self._exchange(f"GET {path} HTTP/1.1\r\n{self._headers}\r\n".encode())

    def prepare(self, *calls: tuple[str, dict[str, Any], str]) -> bytes:
        """The bytes of a request, to be sent many times."""
        using = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"]
        full = [[name, {"accountId": self.account, **arguments}, id] for name, arguments, id in calls]
        body = json.dumps({"using": using, "methodCalls": full}).encode()
        return f"POST /jmap/api HTTP/1.1\r\n{self._headers}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def send(self, request: bytes) -> bytes:
        """The response body of a prepared request."""
        return self._exchange(request)

    def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        """The arguments of the response to one call."""
        response = json.loads(self.send(self.prepare((name, arguments, "0"))))["methodResponses"][0]
        if response[0] == "error":
            raise RuntimeError(response[1])
        result: dict[str, Any] = response[1]
        return result

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _exchange(self, request: bytes) -> bytes:
        self._socket.sendall(request)
        status = self._file.readline()
        length = 0
        while (line := self._file.readline().lower()) not in (b"\r\n", b""):
            if line.startswith(b"content-length:"):
                length = int(line[15:])
        body: bytes = self._file.read(length)
        if b" 200 " not in status:
            raise RuntimeError(f"{status!r} {body[:200]!r}")
        return body
