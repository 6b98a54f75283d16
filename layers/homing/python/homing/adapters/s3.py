"""The `Blobs` and `Landings` ports on S3.

A blob is the object `<prefix><digest>`, written with `If-None-Match: *` so that the first writer wins, and
with its SHA-256 as the checksum that S3 verifies. A landing is the object `landing/<id>` with its envelope
in the metadata. What a killed multipart upload leaves is invisible, and costs until the bucket's
`AbortIncompleteMultipartUpload` rule takes it. The role needs `s3:ListBucket`: without it S3 answers 403
where an object is missing.

Envelope: RFC 5321 §2.3.1. Metadata limits: S3 User Guide, "Working with object metadata".
"""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import IO, Any, Final

from botocore.exceptions import ClientError

from homing.adapters import aws_errors
from homing.adapters.s3_envelope import parse_envelope, plain_envelope, render_envelope
from homing.errors import Permanent, Refused, Temporary
from homing.ports.blobs import READ_BYTES, check_digest, digest_of, is_digest
from homing.ports.landings import Envelope, Landed

SINGLE_BYTES: Final = 16 * 1_024 * 1_024
"""Up to here a stream is sent as one PutObject."""
PART_BYTES: Final = 8 * 1_024 * 1_024
SPOOL_BYTES: Final = 1_024 * 1_024
"""Up to here a stream is spooled in memory, above on disk."""
UPLOAD_THREADS: Final = 8
PART_THREADS: Final = 4
CONTENDED_ATTEMPTS: Final = 4
CONNECT_SECONDS: Final = 5
READ_SECONDS: Final = 30

MAX_METADATA_BYTES: Final = 1_900
"""Room for the envelope in S3's 2 KB of user metadata, which count names as well as values."""
ENVELOPE_METADATA: Final = "homing-envelope"
BESIDE: Final = "beside"
"""Value of that metadata where the envelope was too long for it and lies in an object of its own."""
SIDECAR_SUFFIX: Final = ".envelope"
REFUSED_SUFFIX: Final = ".refused"


class S3Connection:
    """The SDK's S3 client, made on first use and shared by everything that is given this object."""

    def __init__(self, *, region: str | None = None, endpoint: str | None = None, attempts: int = 4) -> None:
        """Without `region` or `endpoint` the SDK finds them itself (so `AWS_ENDPOINT_URL` is respected).

        `attempts` is how often the SDK sends one request before it gives up.
        """
        self._region = region
        self._endpoint = endpoint
        self._attempts = attempts
        self._client: Any = None
        self._connecting = threading.Lock()

    @property
    def client(self) -> Any:
        """The SDK's client; also for its event hooks (counting, tracing)."""
        if self._client is None:
            with self._connecting, _translated():
                if self._client is None:
                    self._client = self._connect()
        return self._client

    def _connect(self) -> Any:
        import boto3  # noqa: PLC0415  # a tenth of a second that a function without blobs does not pay
        from botocore.config import Config  # noqa: PLC0415

        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            max_pool_connections=2 * UPLOAD_THREADS,
            retries={"mode": "standard", "total_max_attempts": self._attempts},
        )
        return boto3.session.Session().client(
            "s3", region_name=self._region, endpoint_url=self._endpoint, config=config
        )


class S3Blobs:
    """Content-addressed bytes in an S3 bucket."""

    def __init__(self, connection: S3Connection, bucket: str, prefix: str = "blob/") -> None:
        self._connection = connection
        self._bucket = bucket
        self._prefix = prefix

    def put(self, content: bytes) -> str:
        """Store `content` unless it is there; return its digest. One PutObject."""
        digest = digest_of(content)
        self._put(digest, content)
        return digest

    def put_many(self, contents: Sequence[bytes]) -> list[str]:
        """Store each, several at once. One PutObject for each different content."""
        digests = [digest_of(content) for content in contents]
        different = dict(zip(digests, contents, strict=True))
        if len(different) == 1:
            self._put(digests[0], contents[0])
        elif different:
            with ThreadPoolExecutor(min(UPLOAD_THREADS, len(different))) as threads:
                for _ in threads.map(self._put, different.keys(), different.values()):
                    pass
        return digests

    def put_stream(self, pieces: Iterable[bytes]) -> tuple[str, int]:
        """Store what `pieces` yields; return (digest, size).

        The digest is known only at the end, so the stream is spooled first. One PutObject up to 16 MB;
        above, a HeadObject and, if the blob is new, one request for each part of 8 MB and two around them.
        """
        hasher, size = hashlib.sha256(), 0
        with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as spool:
            for piece in pieces:
                hasher.update(piece)
                size += len(piece)
                spool.write(piece)
            digest = hasher.hexdigest()
            if size <= SINGLE_BYTES:
                self._put(digest, spool)
            elif self.size(digest) is None:
                self._until_uncontended(partial(self._put_parts, digest, spool, size))
        return digest, size

    def get(self, digest: str, start: int = 0, length: int | None = None) -> bytes | None:
        """`length` bytes from `start`, or None if there is no such blob. One GetObject."""
        if length == 0:
            return None if self.size(digest) is None else b""
        body = self._fetch(digest, start, length)
        if body is None or isinstance(body, bytes):
            return body
        with _translated():
            return bytes(body.read())

    def open(self, digest: str) -> Iterator[bytes] | None:
        """The blob in pieces, or None. One GetObject, whose answer is read as the pieces are used."""
        body = self._fetch(digest)
        return None if body is None else _pieces(body)

    def size(self, digest: str) -> int | None:
        """Size in bytes, or None. One HeadObject."""
        key = self._key(digest)
        try:
            with _translated():
                return int(self._connection.client.head_object(Bucket=self._bucket, Key=key)["ContentLength"])
        except _Missing:
            return None

    def delete(self, digest: str) -> None:
        """Forget the blob. One DeleteObject."""
        key = self._key(digest)
        with _translated():
            self._connection.client.delete_object(Bucket=self._bucket, Key=key)

    def digests(self) -> Iterator[str]:
        """Every digest in ascending order. One ListObjectsV2 for each 1,000."""
        paginator = self._connection.client.get_paginator("list_objects_v2")
        pages = iter(paginator.paginate(Bucket=self._bucket, Prefix=self._prefix))
        while True:
            with _translated():
                page = next(pages, None)
            if page is None:
                return
            names = (entry["Key"][len(self._prefix) :] for entry in page.get("Contents", ()))
            yield from (name for name in names if is_digest(name))

    def check(self) -> None:
        """See that the bucket is there and may be listed. One HeadBucket.

        Raises:
            Permanent: ("noBucket") there is none of this name; or AWS refuses who asks.
        """
        try:
            with _translated():
                self._connection.client.head_bucket(Bucket=self._bucket)
        except _Missing as error:
            raise Permanent("noBucket", f"there is no S3 bucket {self._bucket!r}; HOMING_BUCKET names it") from error

    def _key(self, digest: str) -> str:
        check_digest(digest)
        return self._prefix + digest

    def _fetch(self, digest: str, start: int = 0, length: int | None = None) -> Any:
        """The body of the answer, None if there is no such blob, b"" where it ends before `start`."""
        request = {"Bucket": self._bucket, "Key": self._key(digest)}
        if start or length is not None:
            request["Range"] = f"bytes={start}-" + ("" if length is None else str(start + length - 1))
        try:
            with _translated():
                return self._connection.client.get_object(**request)["Body"]
        except _Missing:
            return None
        except _PastTheEnd:
            return b""

    def _put(self, digest: str, body: bytes | IO[bytes]) -> None:
        self._until_uncontended(partial(self._put_object, digest, body))

    def _put_object(self, digest: str, body: bytes | IO[bytes]) -> None:
        if not isinstance(body, bytes):
            body.seek(0)
        checksum = base64.b64encode(bytes.fromhex(digest)).decode()
        with _translated():
            self._connection.client.put_object(
                Bucket=self._bucket, Key=self._key(digest), Body=body, IfNoneMatch="*", ChecksumSHA256=checksum
            )

    def _put_parts(self, digest: str, file: IO[bytes], size: int) -> None:
        client, place = self._connection.client, {"Bucket": self._bucket, "Key": self._key(digest)}
        with _translated():
            upload = client.create_multipart_upload(**place, ChecksumAlgorithm="CRC32")["UploadId"]
            try:
                parts = _upload_parts(client, {**place, "UploadId": upload}, file, size)
                client.complete_multipart_upload(
                    **place, UploadId=upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
                )
            except BaseException:
                with suppress(*aws_errors.VENDOR_ERRORS):  # the bucket's rule takes what stays behind
                    client.abort_multipart_upload(**place, UploadId=upload)
                raise

    @staticmethod
    def _until_uncontended(put: Callable[[], None]) -> None:
        """S3 answers 409, not 412, while another writer of the same key is under way: ask again."""
        for _ in range(CONTENDED_ATTEMPTS - 1):
            try:
                return put()
            except _Present:
                return None
            except _Contended:
                continue
        with suppress(_Present):
            put()
        return None


class S3Landings:
    """Landed mail as objects `landing/<id>` of an S3 bucket.

    The envelope is JSON in the metadata `homing-envelope`. Where it is too long for that (some 40
    recipients), the metadata says `beside`, and the envelope is the object `<name>.envelope`, written
    before the message, so that whoever sees the message can read it. An event for that object itself
    is no landing: `get` answers None, and so it does for a message that is half removed.

    A relay of another make may put plain objects too, with the metadata `mail-from` ("" or absent: the
    null reverse-path), `rcpt-to` (separated by commas), `protocol`, `helo` and `client-address`, all
    optional; the object's own date is then the time of arrival. SES writes no metadata at all: such a
    message has an envelope without recipients, and the envelope is in SES's notification.
    """

    def __init__(self, connection: S3Connection, bucket: str, prefix: str = "landing/") -> None:
        self._connection = connection
        self._bucket = bucket
        self._prefix = prefix

    def land(self, envelope: Envelope, raw: bytes) -> str:
        """Keep a message; return the key of its object. One PutObject, two for a long envelope."""
        name = self._prefix + uuid.uuid4().hex
        metadata = render_envelope(envelope)
        with _translated():
            client = self._connection.client
            if len(metadata) > MAX_METADATA_BYTES:
                client.put_object(Bucket=self._bucket, Key=name + SIDECAR_SUFFIX, Body=metadata.encode())
                metadata = BESIDE
            client.put_object(Bucket=self._bucket, Key=name, Body=raw, Metadata={ENVELOPE_METADATA: metadata})
        return name

    def get(self, name: str) -> Landed | None:
        """The landed message, or None. `name` is the object's key, decoded (S3 events quote it).

        One GetObject, two for a long envelope.

        Raises:
            Permanent: "badEnvelope", the object's envelope cannot be read.
        """
        if name.endswith((SIDECAR_SUFFIX, REFUSED_SUFFIX)):
            return None
        try:
            with _translated():
                found = self._connection.client.get_object(Bucket=self._bucket, Key=name)
                envelope = self._envelope(name, found)
                raw = found["Body"].read()
        except _Missing:
            return None
        version = found.get("VersionId", "null")
        mark = found["ETag"].strip('"') if version == "null" else version
        return Landed(f"s3:{self._bucket}/{name}#{mark}", envelope, raw)

    def settle(self, name: str, replies: Sequence[Refused | None]) -> None:
        """Forget a message that was filed for all, by one DeleteObjects.

        The relay was told long ago that we have the message, so what was refused is kept, with the
        replies as JSON beside it in `<name>.refused`: one HeadObject and one PutObject.
        """
        if any(replies):
            self._keep_refused(name, replies)
        else:
            self._forget(name)

    def _keep_refused(self, name: str, replies: Sequence[Refused | None]) -> None:
        note = [reply and {"code": reply.code, "enhanced": reply.enhanced, "text": reply.text} for reply in replies]
        try:
            with _translated():
                self._connection.client.head_object(Bucket=self._bucket, Key=name)
                self._connection.client.put_object(
                    Bucket=self._bucket, Key=name + REFUSED_SUFFIX, Body=json.dumps(note).encode()
                )
        except _Missing:
            return

    def _forget(self, name: str) -> None:
        keys = [{"Key": key} for key in (name, name + SIDECAR_SUFFIX, name + REFUSED_SUFFIX)]
        with _translated():
            answer = self._connection.client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True}
            )
            for refused in answer.get("Errors", ()):
                raise ClientError({"Error": refused}, "DeleteObjects")

    def _envelope(self, name: str, found: dict[str, Any]) -> Envelope:
        text = found["Metadata"].get(ENVELOPE_METADATA)
        if text is None:
            return plain_envelope(found["Metadata"], int(found["LastModified"].timestamp() * 1_000))
        if text == BESIDE:
            beside = self._connection.client.get_object(Bucket=self._bucket, Key=name + SIDECAR_SUFFIX)
            text = beside["Body"].read().decode()
        return parse_envelope(text)


class _Missing(Permanent):
    """There is no such object."""


class _PastTheEnd(Permanent):
    """The object ends before the range begins."""


class _Present(Permanent):
    """There is an object of that name already."""


class _Contended(Temporary):
    """Another writer of that name is under way."""


_SPECIAL: Final[dict[str, type[Permanent] | type[Temporary]]] = {
    "NoSuchKey": _Missing,
    "404": _Missing,  # HeadObject has no body to say more in
    "InvalidRange": _PastTheEnd,
    "416": _PastTheEnd,
    "PreconditionFailed": _Present,
    "412": _Present,
    "ConditionalRequestConflict": _Contended,
    "NoSuchUpload": _Contended,
}


def translate(error: aws_errors.VendorError) -> Temporary | Permanent:
    """The project's error for one of the SDK's; the kinds that only this module knows never leave it."""
    code = aws_errors.code_of(error) if isinstance(error, ClientError) else ""
    kind = _SPECIAL.get(code)
    return aws_errors.translate(error) if kind is None else kind(code)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except aws_errors.VENDOR_ERRORS as error:
        raise translate(error) from error


def _pieces(body: Any) -> Iterator[bytes]:
    with body:
        while True:
            with _translated():
                piece = body.read(READ_BYTES)
            if not piece:
                return
            yield piece


def _upload_parts(client: Any, upload: dict[str, Any], file: IO[bytes], size: int) -> list[dict[str, Any]]:
    """Send the file in parts, a few at a time; each is in memory only while it is sent."""
    reading = threading.Lock()

    def send(number: int) -> dict[str, Any]:
        with reading:
            file.seek((number - 1) * PART_BYTES)
            part = file.read(PART_BYTES)
        sent = client.upload_part(**upload, PartNumber=number, Body=part, ChecksumAlgorithm="CRC32")
        checked = {"ChecksumCRC32": sent["ChecksumCRC32"]} if "ChecksumCRC32" in sent else {}
        return {"PartNumber": number, "ETag": sent["ETag"], **checked}

    with ThreadPoolExecutor(PART_THREADS) as threads:
        return list(threads.map(send, range(1, -(-size // PART_BYTES) + 1)))
