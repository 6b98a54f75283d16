"""Upload, download and what else reads blobs (RFC 8620 §6): the account's own rows say who may read which.

A blob is shared by its hash over the whole site, so knowing a blobId gives nothing. A part of a message is a range
of its raw bytes, decoded when it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from homing.ids import blob_id, parse_blob_id
from homing.jmap.context import Context
from homing.jmap.request import limit_problem
from homing.ledger import keys
from homing.ledger.transact import Transaction, transact
from homing.ledger.view import View
from homing.message import decode_content
from homing.ports.blobs import READ_BYTES, Blobs

UPLOAD_SECONDS: Final = 24 * 3_600
"""How long an upload that nothing uses stays (RFC 8620 §6.1: at least an hour)."""
KEPT_AT_ONCE: Final = 90
"""Uploads that one commit notes: a batch has a hundred operations."""


@dataclass(frozen=True, slots=True)
class Download:
    """Content to send: its pieces and their size in bytes together."""

    pieces: Iterable[bytes]
    size: int


@dataclass(frozen=True, slots=True)
class Content:
    """The octets behind a blobId: a whole blob, which is read as it is needed, or a part, decoded already.

    `digest` is the SHA-256 of a whole blob in hexadecimal digits, "" for a part.
    """

    size: int
    digest: str
    _blobs: Blobs
    _decoded: bytes = field(default=b"", repr=False)

    def read(self, start: int, length: int) -> bytes:
        """`length` octets from `start`, cut at the end."""
        if self.digest:
            return self._blobs.get(self.digest, start, length) or b""
        return self._decoded[start : start + length]

    def pieces(self, start: int, length: int) -> Iterator[bytes]:
        """As `read`, in pieces."""
        end = min(start + length, self.size)
        for place in range(start, end, READ_BYTES):
            yield self.read(place, min(READ_BYTES, end - place))


def upload(context: Context, account: str, pieces: Iterable[bytes], type: str) -> dict[str, Any]:
    """Store what a client sends; return the upload response of RFC 8620 §6.1.

    Raises:
        MethodError: not the caller's account, or one that he may only read.
        Problem: `limit`, larger than maxSizeUpload; nothing is kept.
    """
    context.writable(account)
    maximum = context.site.config.limits.max_size_upload
    digest, size = context.site.blobs.put_stream(_bounded(pieces, maximum))
    keep(context, account, [digest])
    return {"accountId": account, "blobId": blob_id(digest), "type": type, "size": size}


def keep(context: Context, account: str, digests: Sequence[str]) -> None:
    """Let an account read stored blobs for the time of an upload. They do not count against its quota, which is on
    emails (RFC 9425 §4.1)."""
    expires = context.site.clock.now() // 1000 + UPLOAD_SECONDS

    def note(some: Sequence[str], transaction: Transaction) -> None:
        draft = transaction.draft(account, map(keys.blob_key, some))
        for digest in some:
            draft.create("Upload", digest, {"expires": expires, "by": context.identity.account})

    wanted = list(dict.fromkeys(digests))
    for start in range(0, len(wanted), KEPT_AT_ONCE):
        transact(context.site, context.actor, partial(note, wanted[start : start + KEPT_AT_ONCE]))
    context.forget(account)


def find_content(context: Context, view: View, id: str) -> Content | None:
    """The octets behind a blobId, or None if this account has no such blob. A part is decoded for it, and counted.

    Raises:
        MethodError: `requestTooLarge`, more than one request may bring together.
    """
    parsed = parse_blob_id(id)
    if parsed is None or not is_readable(context, view, parsed[0]):
        return None
    digest, part = parsed
    blobs = context.site.blobs
    if part is None:
        size = blobs.size(digest)
        return None if size is None else Content(size, digest, blobs)
    start, length, encoding = part
    context.count_fetched(length)
    raw = blobs.get(digest, start, length)
    if raw is None or len(raw) < length:
        return None
    decoded = decode_content(raw, encoding)[0]
    return Content(len(decoded), "", blobs, decoded)


def download(context: Context, account: str, id: str) -> Download | None:
    """The content behind a blobId, or None if this account has no such blob.

    Raises:
        MethodError: not the caller's account.
    """
    content = find_content(context, context.view(account), id)
    if content is None:
        return None
    if not content.digest:
        return Download([content.read(0, content.size)], content.size)
    pieces = context.site.blobs.open(content.digest)
    return None if pieces is None else Download(pieces, content.size)


def is_readable(context: Context, view: View, digest: str) -> bool:
    """Whether an email or an upload of this account gives the caller the blob. What was only uploaded is for the
    user who did (RFC 8620 §6.1)."""
    row = view.body(keys.blob_key(digest))
    if row is None:
        return False
    return row["uses"] > 0 or "by" not in row or context.identity.account in row["by"]


def _bounded(pieces: Iterable[bytes], maximum: int) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > maximum:
            raise limit_problem("maxSizeUpload", maximum)
        yield piece
