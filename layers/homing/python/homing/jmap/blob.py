"""Upload and download (RFC 8620 §6): whoever may read a blob is told by the account's own rows.

A blob is shared by its hash over the whole site, so knowing a blobId gives nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from homing.ids import blob_id, parse_blob_id
from homing.jmap.context import Context
from homing.jmap.request import limit_problem
from homing.ledger import keys
from homing.ledger.transact import Transaction, transact
from homing.ledger.view import View
from homing.message import decode_content

UPLOAD_SECONDS: Final = 24 * 3_600
"""How long an upload that nothing uses stays (RFC 8620 §6.1: at least an hour)."""


@dataclass(frozen=True, slots=True)
class Download:
    """Content to send: its pieces and their size in bytes together."""

    pieces: Iterable[bytes]
    size: int


def upload(context: Context, account: str, pieces: Iterable[bytes], type: str) -> dict[str, Any]:
    """Store what a client sends; return the upload response of RFC 8620 §6.1.

    Raises:
        MethodError: not the caller's account.
        Problem: `limit`, larger than maxSizeUpload; nothing is kept.
    """
    context.view(account)
    maximum = context.site.config.limits.max_size_upload
    digest, size = context.site.blobs.put_stream(_bounded(pieces, maximum))
    expires = context.site.clock.now() // 1000 + UPLOAD_SECONDS

    def decide(transaction: Transaction) -> None:
        transaction.draft(account, [keys.blob_key(digest)]).create("Upload", digest, {"expires": expires})

    transact(context.site, context.actor, decide)
    context.forget(account)
    return {"accountId": account, "blobId": blob_id(digest), "type": type, "size": size}


def download(context: Context, account: str, id: str) -> Download | None:
    """The content behind a blobId, or None if this account has no such blob.

    Raises:
        MethodError: not the caller's account.
    """
    view = context.view(account)
    parsed = parse_blob_id(id)
    if parsed is None or not is_readable(view, parsed[0]):
        return None
    digest, part = parsed
    blobs = context.site.blobs
    if part is not None:
        start, length, encoding = part
        raw = blobs.get(digest, start, length)
        if raw is None or len(raw) < length:
            return None
        content = decode_content(raw, encoding)[0]
        return Download([content], len(content))
    size, pieces = blobs.size(digest), blobs.open(digest)
    return None if size is None or pieces is None else Download(pieces, size)


def is_readable(view: View, digest: str) -> bool:
    """Whether an email or an upload of this account gives it the blob."""
    return view.body(keys.blob_key(digest)) is not None


def _bounded(pieces: Iterable[bytes], maximum: int) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > maximum:
            raise limit_problem("maxSizeUpload", maximum)
        yield piece
