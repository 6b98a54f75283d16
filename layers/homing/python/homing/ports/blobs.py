"""The `Blobs` port: immutable bytes under the SHA-256 of what they are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

from homing.errors import Permanent

READ_BYTES: Final = 256 * 1_024
"""Size of the pieces in which `open` yields a blob."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}\Z")


class Blobs(Protocol):
    """Content-addressed bytes. A digest is 64 lower-case hex digits of SHA-256.

    Every method is safe to call from several threads at once, and raises `Temporary` where the same
    call may succeed later. A digest of another form is refused with `Permanent` ("badDigest").
    """

    def put(self, content: bytes) -> str:
        """Store `content` durably unless it is there already; return its digest.

        Two writers of the same content both succeed and one copy is kept.
        """
        ...

    def put_many(self, contents: Sequence[bytes]) -> list[str]:
        """As `put` for each, sharing the wait for the disk or the network; digests in order.

        When it raises, some of them may have been stored; calling again is harmless.
        """
        ...

    def put_stream(self, pieces: Iterable[bytes]) -> tuple[str, int]:
        """Store what `pieces` yields without holding it in memory; return (digest, size in bytes).

        Nothing is visible under the digest before all of it is durable; when `pieces` raises,
        nothing is kept.
        """
        ...

    def get(self, digest: str, start: int = 0, length: int | None = None) -> bytes | None:
        """`length` bytes from `start` (cut at the end of the blob), or None if there is no such blob.

        A `start` at or past the end gives b"". Only the bytes asked for are moved.
        """
        ...

    def open(self, digest: str) -> Iterator[bytes] | None:
        """The whole blob in pieces of about `READ_BYTES`, or None if there is no such blob."""
        ...

    def size(self, digest: str) -> int | None:
        """Size in bytes, or None if there is no such blob."""
        ...

    def delete(self, digest: str) -> None:
        """Forget the blob; harmless if there is none."""
        ...

    def digests(self) -> Iterator[str]:
        """Every stored digest in ascending order. For whole-site work only."""
        ...


def check_digest(digest: str) -> None:
    """Refuse what is no digest.

    Raises:
        Permanent: "badDigest".
    """
    if not is_digest(digest):
        raise Permanent("badDigest", "a digest is 64 lower-case hexadecimal digits", digest=digest[:80])


def is_digest(text: str) -> bool:
    """Whether `text` has the form of a digest."""
    return _DIGEST.match(text) is not None


def digest_of(content: bytes) -> str:
    """The name under which `content` is stored."""
    return hashlib.sha256(content).hexdigest()
