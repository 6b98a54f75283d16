"""Blobs over HTTP: streams in both directions (RFC 8620 §6)."""

from __future__ import annotations

import hashlib
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from homing.config import Config, Limits
from tests.scenarios.serving import Running, authorization, call

MEGABYTES = 20


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(data=tmp_path, limits=Limits(max_size_upload=MEGABYTES * 1_000_000))


def pieces(seed: int, megabytes: int = MEGABYTES) -> Iterator[bytes]:
    chance = random.Random(seed)
    for _ in range(megabytes):
        yield chance.randbytes(1_000_000)


def digest_of(content: Iterator[bytes]) -> tuple[str, int]:
    hasher, size = hashlib.sha256(), 0
    for piece in content:
        hasher.update(piece)
        size += len(piece)
    return hasher.hexdigest(), size


def test_twenty_megabytes_come_back_as_they_went(running: Running) -> None:
    account = running.user.account
    with running.client() as client:
        uploaded = client.post(
            f"/jmap/upload/{account}/", content=pieces(1), headers={"Content-Type": "application/zip"}
        )
        blob = uploaded.json()
        path = f"/jmap/download/{account}/{blob['blobId']}/report%20%E2%82%AC.zip?type=application/zip"
        with client.stream("GET", path) as download:
            received = digest_of(download.iter_bytes())

    assert uploaded.status_code == 201
    assert (blob["accountId"], blob["type"], blob["size"]) == (account, "application/zip", MEGABYTES * 1_000_000)
    assert received == digest_of(pieces(1))
    assert download.headers["content-type"] == "application/zip"
    assert download.headers["content-length"] == str(MEGABYTES * 1_000_000)
    assert "report%20%E2%82%AC.zip" in download.headers["content-disposition"]


def test_head_of_a_download_tells_its_size(running: Running) -> None:
    account = running.user.account
    with running.client() as client:
        blob = client.post(f"/jmap/upload/{account}/", content=b"12345").json()["blobId"]
        head = client.head(f"/jmap/download/{account}/{blob}/x")

    assert (head.status_code, head.headers["content-length"], head.content) == (200, "5", b"")


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "undeclared"])
def test_an_upload_that_is_too_large_is_refused_and_not_kept(running: Running, declared: bool) -> None:
    before = set(running.home.site.blobs.digests())
    content = pieces(2, MEGABYTES + 1)
    with running.client() as client:
        answer = client.post(
            f"/jmap/upload/{running.user.account}/", content=b"".join(content) if declared else content
        )

    assert answer.json()["limit"] == "maxSizeUpload"
    assert set(running.home.site.blobs.digests()) == before


def test_an_upload_whose_client_leaves_is_not_kept(running: Running) -> None:
    before = set(running.home.site.blobs.digests())
    head = f"POST /jmap/upload/{running.user.account}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n".encode()
    with running.connect() as connection:
        connection.sendall(head + authorization() + b"\r\n" + b"x" * 3_000_000)
        connection.shutdown(socket.SHUT_RDWR)

    with running.client() as client:  # as many as may run at once: the one that was left is over
        for number in range(running.config.limits.max_concurrent_upload):
            assert client.post(f"/jmap/upload/{running.user.account}/", content=b"%d" % number).status_code == 201
    assert not [one for one in set(running.home.site.blobs.digests()) - before if _size(running, one) > 1]


def _size(running: Running, digest: str) -> int:
    return running.home.site.blobs.size(digest) or 0


def test_a_download_whose_client_leaves_ends(running: Running) -> None:
    account = running.user.account
    with running.client() as client:
        blob = client.post(f"/jmap/upload/{account}/", content=pieces(3)).json()["blobId"]
    for _ in range(running.settings.calls * 2):
        with running.connect() as connection:
            path = f"/jmap/download/{account}/{blob}/x".encode()
            connection.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n" + authorization() + b"\r\n")
            assert connection.recv(100)

    with running.client() as client:
        assert call(client, ["Core/echo", {}, "e"]) == [["Core/echo", {}, "e"]]


@pytest.mark.parametrize(
    "path",
    [
        "/jmap/download/{account}/b" + "0" * 64 + "/x",
        "/jmap/download/{account}/../../etc/passwd/x",
        "/jmap/download/{account}/%2e%2e%2f%2e%2e/x",
        "/jmap/download/{account}/b/",
        "/jmap/download/{account}",
        "/jmap/download/someoneelse/b" + "0" * 64 + "/x",
    ],
)
def test_what_is_not_a_blob_of_the_account_is_not_found(running: Running, path: str) -> None:
    with running.connect() as connection:
        asked = path.format(account=running.user.account).encode()
        connection.sendall(
            b"GET " + asked + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + authorization() + b"\r\n"
        )
        assert connection.recv(10_000).startswith(b"HTTP/1.1 404")
