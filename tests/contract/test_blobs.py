"""The contract of the `Blobs` port, on every adapter."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from homing.adapters.s3 import S3Blobs, S3Connection
from homing.errors import Permanent, Temporary
from homing.ports.blobs import READ_BYTES, Blobs, digest_of

KILOBYTE = 1_024
MEGABYTE = 1_024 * KILOBYTE
UNKNOWN = digest_of(b"nobody stores this")


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@pytest.fixture(scope="module")
def large() -> bytes:
    """A message of the greatest size that a site takes."""
    return noise(40 * MEGABYTE)


def cut(content: bytes, size: int) -> Iterator[bytes]:
    view = memoryview(content)
    return (bytes(view[start : start + size]) for start in range(0, len(content), size))


@pytest.mark.parametrize("size", [0, 1, 64 * KILOBYTE, READ_BYTES, READ_BYTES + 1, 3 * MEGABYTE + 7])
def test_a_blob_comes_back_as_it_was_put(blobs: Blobs, size: int) -> None:
    content = noise(size)

    digest = blobs.put(content)

    assert digest == hashlib.sha256(content).hexdigest()
    assert blobs.get(digest) == content
    assert blobs.size(digest) == size
    opened = blobs.open(digest)
    assert opened is not None
    assert b"".join(opened) == content


@pytest.mark.parametrize("streamed", [False, True], ids=["put", "put_stream"])
def test_a_blob_of_40_megabytes_is_read_in_pieces_and_ranges(blobs: Blobs, large: bytes, streamed: bool) -> None:
    digest = blobs.put_stream(cut(large, 100_000))[0] if streamed else blobs.put(large)

    hasher, longest, size = hashlib.sha256(), 0, 0
    for piece in blobs.open(digest) or ():
        hasher.update(piece)
        longest, size = max(longest, len(piece)), size + len(piece)
    assert (hasher.hexdigest(), size) == (digest_of(large), len(large))
    assert longest <= 2 * READ_BYTES
    assert blobs.size(digest) == len(large)
    for start in (READ_BYTES - 1, MEGABYTE - 3, 8 * MEGABYTE - 1, 16 * MEGABYTE - 100_000, len(large) - 5):
        for length in (1, 5, 300_000):
            assert blobs.get(digest, start, length) == large[start : start + length], (start, length)


@pytest.mark.parametrize("size", [0, 1, 700_000])
def test_a_range_is_cut_at_the_end_of_the_blob(blobs: Blobs, size: int) -> None:
    content = noise(size)
    digest = blobs.put(content)

    for start in sorted({0, 1, size // 2, max(size - 1, 0), size, size + 1, 10 * size + 3}):
        for length in (None, 0, 1, size, 10 * size):
            end = None if length is None else start + length
            assert blobs.get(digest, start, length) == content[start:end], (start, length)


@pytest.mark.parametrize("size", [0, 1, 300_000, 17 * MEGABYTE])
def test_a_stream_is_stored_under_the_digest_of_the_whole(blobs: Blobs, size: int) -> None:
    content = noise(size)

    stored = blobs.put_stream(cut(content, 99_991))

    assert stored == (digest_of(content), size)
    assert blobs.get(stored[0]) == content


def test_a_stream_may_have_empty_and_very_long_pieces(blobs: Blobs) -> None:
    pieces = [b"", b"a", b"", noise(2 * MEGABYTE + 1), b"z", b""]

    digest, size = blobs.put_stream(pieces)

    assert size == 2 * MEGABYTE + 3
    assert blobs.get(digest) == b"".join(pieces)


class SenderLeft(Exception):
    pass


@pytest.mark.parametrize("sent", [0, 1, 3 * MEGABYTE, 20 * MEGABYTE])
def test_a_stream_that_breaks_off_leaves_nothing(blobs: Blobs, sent: int) -> None:
    content = noise(sent)

    def pieces() -> Iterator[bytes]:
        yield from cut(content, 500_000)
        raise SenderLeft

    with pytest.raises(SenderLeft):
        blobs.put_stream(pieces())

    assert list(blobs.digests()) == []
    assert blobs.size(digest_of(content)) is None


WRITERS: dict[str, Callable[[Blobs, bytes], str]] = {
    "put": lambda blobs, content: blobs.put(content),
    "put_many": lambda blobs, content: blobs.put_many([content])[0],
    "put_stream": lambda blobs, content: blobs.put_stream(cut(content, 50_000))[0],
}


@pytest.mark.parametrize("first", WRITERS)
@pytest.mark.parametrize("second", WRITERS)
@pytest.mark.parametrize("size", [0, 200_000])
def test_of_two_writers_of_the_same_content_both_succeed(blobs: Blobs, first: str, second: str, size: int) -> None:
    content = noise(size)
    together = threading.Barrier(2)

    def write(writer: str) -> str:
        together.wait()
        return WRITERS[writer](blobs, content)

    with ThreadPoolExecutor(2) as threads:
        digests = list(threads.map(write, [first, second]))

    assert digests == [digest_of(content)] * 2
    assert list(blobs.digests()) == digests[:1]
    assert blobs.get(digests[0]) == content


def test_of_two_writers_of_a_large_stream_both_succeed(blobs: Blobs) -> None:
    content = noise(17 * MEGABYTE)
    together = threading.Barrier(2)

    def write(_: int) -> tuple[str, int]:
        together.wait()
        return blobs.put_stream(cut(content, MEGABYTE))

    with ThreadPoolExecutor(2) as threads:
        stored = list(threads.map(write, range(2)))

    assert stored == [(digest_of(content), len(content))] * 2
    assert list(blobs.digests()) == [digest_of(content)]
    assert blobs.get(stored[0][0], 16 * MEGABYTE) == content[16 * MEGABYTE :]


def test_put_many_gives_the_digests_in_the_order_of_the_contents(blobs: Blobs) -> None:
    contents = [noise(size) for size in (5, 0, 70_000, 5, 1_500_000, 1, 70_000)]

    digests = blobs.put_many(contents)

    assert digests == [digest_of(content) for content in contents]
    assert [blobs.get(digest) for digest in digests] == contents
    assert list(blobs.digests()) == sorted(set(digests))


def test_put_many_of_nothing_is_nothing(blobs: Blobs) -> None:
    assert blobs.put_many([]) == []


def test_an_unknown_blob_is_none(blobs: Blobs) -> None:
    blobs.put(b"another")

    assert blobs.get(UNKNOWN) is None
    assert blobs.get(UNKNOWN, 5, 10) is None
    assert blobs.get(UNKNOWN, 0, 0) is None
    assert blobs.open(UNKNOWN) is None
    assert blobs.size(UNKNOWN) is None


def test_a_deleted_blob_is_gone_and_may_be_put_again(blobs: Blobs) -> None:
    kept, digest = blobs.put_many([b"kept", b"content"])

    blobs.delete(digest)
    blobs.delete(digest)
    blobs.delete(UNKNOWN)

    assert blobs.get(digest) is None
    assert list(blobs.digests()) == [kept]
    assert blobs.put(b"content") == digest
    assert blobs.get(digest) == b"content"


def test_digests_are_named_in_ascending_order(blobs: Blobs) -> None:
    digests = blobs.put_many([b"%d" % number for number in range(30)])

    assert list(blobs.digests()) == sorted(digests)


BAD_DIGESTS = [
    "",
    "../etc/passwd",
    UNKNOWN.upper(),
    UNKNOWN[:-1],
    UNKNOWN + "0",
    UNKNOWN + "\n",
    "g" + UNKNOWN[1:],
    "\u0660" + UNKNOWN[1:],
    "../" + UNKNOWN,
    UNKNOWN[:63] + "\ud800",
]
READERS: dict[str, Callable[[Blobs, str], object]] = {
    "get": lambda blobs, digest: blobs.get(digest),
    "get nothing": lambda blobs, digest: blobs.get(digest, 0, 0),
    "open": lambda blobs, digest: blobs.open(digest),
    "size": lambda blobs, digest: blobs.size(digest),
    "delete": lambda blobs, digest: blobs.delete(digest),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("digest", BAD_DIGESTS, ids=ascii)
def test_what_is_no_digest_is_refused(blobs: Blobs, reader: str, digest: str) -> None:
    with pytest.raises(Permanent) as refused:
        READERS[reader](blobs, digest)

    assert refused.value.type == "badDigest"


@pytest.mark.aws
@pytest.mark.parametrize("writer", WRITERS)
def test_s3_keeps_the_first_copy(s3_blobs: S3Blobs, s3: S3Connection, bucket: str, s3_prefix: str, writer: str) -> None:
    content = b"content"
    key = s3_prefix + digest_of(content)
    s3.client.put_object(Bucket=bucket, Key=key, Body=content, Metadata={"copy": "first"})

    WRITERS[writer](s3_blobs, content)

    assert s3.client.head_object(Bucket=bucket, Key=key)["Metadata"] == {"copy": "first"}


@contextmanager
def before_the_last_request(s3: S3Connection, happens: Callable[[], None]) -> Iterator[None]:
    """Something happens when all parts of a large blob are sent, and it is not yet whole."""

    def before_call(**_: Any) -> None:
        happens()

    s3.client.meta.events.register("before-call.s3.CompleteMultipartUpload", before_call)
    try:
        yield
    finally:
        s3.client.meta.events.unregister("before-call.s3.CompleteMultipartUpload", before_call)


@pytest.mark.aws
def test_s3_leaves_no_upload_open_when_the_connection_breaks(s3_blobs: S3Blobs, s3: S3Connection, bucket: str) -> None:
    def connection_breaks() -> None:
        raise ConnectionClosedError(endpoint_url="https://s3.example.com")

    with before_the_last_request(s3, connection_breaks), pytest.raises(Temporary):
        s3_blobs.put_stream([noise(17 * MEGABYTE)])

    assert list(s3_blobs.digests()) == []
    assert "Uploads" not in s3.client.list_multipart_uploads(Bucket=bucket)


@pytest.mark.aws
def test_s3_keeps_the_copy_of_the_writer_who_was_first_with_a_large_blob(
    s3_blobs: S3Blobs, s3: S3Connection, bucket: str, s3_prefix: str
) -> None:
    content = noise(17 * MEGABYTE)
    key = s3_prefix + digest_of(content)

    def another_is_first() -> None:
        s3.client.put_object(Bucket=bucket, Key=key, Body=content, Metadata={"copy": "first"})

    with before_the_last_request(s3, another_is_first):
        stored = s3_blobs.put_stream([content])

    assert stored == (digest_of(content), len(content))
    assert s3.client.head_object(Bucket=bucket, Key=key)["Metadata"] == {"copy": "first"}
    assert "Uploads" not in s3.client.list_multipart_uploads(Bucket=bucket)


@pytest.mark.aws
def test_s3_names_blobs_beyond_one_page_and_nothing_else(
    s3_blobs: S3Blobs, s3: S3Connection, bucket: str, s3_prefix: str
) -> None:
    digests = s3_blobs.put_many([b"%d" % number for number in range(1_010)])
    s3.client.put_object(Bucket=bucket, Key=s3_prefix + "not-a-digest", Body=b"")

    assert list(s3_blobs.digests()) == sorted(digests)
