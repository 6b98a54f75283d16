"""A message on its way in: from the octets of DATA or BDAT to the bytes that are kept.

Pure: fed with a buffer, never reads or writes. DATA ends at CR LF . CR LF and at nothing else; a lone
dot between line ends of any other kind, by which one server's message becomes two for the next one
("SMTP smuggling"), is refused. Other bare CR, bare LF, NUL and 8-bit octets are kept as they came.

RFC 5321 §2.3.8, §4.1.1.4, §4.5.2 (transparency), §4.5.3.1; RFC 1870; RFC 3030 §2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from weakref import WeakSet

from homing.errors import Refused
from homing.host.smtp_replies import too_big

PIECE: Final = 256 * 1024
"""Of a message that is longer, what is settled is moved out of the buffer in pieces of this size."""

_END: Final = b"\r\n.\r\n"
_SMUGGLED: Final = (b"\n.\n", b"\n.\r", b"\r.\n", b"\r.\r")
"""Every lone dot but the true end, which `DataReader` has cut off before it looks."""

_BDAT: Final = re.compile(r"([0-9]{1,19})(?: +(LAST))?", re.IGNORECASE)


class Hall:
    """The messages on their way in at one listener, which together keep at most `limit` bytes.

    A sender may begin a message and never end it, on each of its connections. A single message always has room.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._contents: WeakSet[Content] = WeakSet()

    def enter(self, content: Content) -> None:
        """Count a message for as long as anybody holds it."""
        self._contents.add(content)

    def has_room(self, content: Content) -> bool:
        """Whether a message that has grown may be kept."""
        others = sum(other.kept for other in self._contents if other is not content)
        return not others or others + content.size <= self._limit


class Content:
    """The bytes of one message, as long as they are within `limit` and there is room in the `hall`; past
    that only their number. Up to a `PIECE` there always is room."""

    __slots__ = ("__weakref__", "_crowded", "_hall", "_limit", "_parts", "kept", "size", "smuggled")

    def __init__(self, limit: int, hall: Hall | None = None) -> None:
        self._limit = limit
        self._hall = hall
        self._parts: list[bytes] = []
        self._crowded = False
        self.kept = self.size = 0
        self.smuggled = False
        if hall is not None:
            hall.enter(self)

    def add(self, piece: bytes) -> None:
        """Keep `piece`, or forget everything if that is too much."""
        self.size += len(piece)
        if self._hall is not None and self.size > PIECE and not self._crowded:
            self._crowded = not self._hall.has_room(self)
        if self.size <= self._limit and not self._crowded:
            self._parts.append(piece)
            self.kept = self.size
        else:
            self._parts.clear()
            self.kept = 0

    @property
    def discarded(self) -> int:
        """Bytes past the limit."""
        return max(0, self.size - self._limit)

    def take(self) -> bytes:
        """The message, once; the parts are let go."""
        parts, self._parts, self.kept = self._parts, [], 0
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def refusal(self) -> Refused | None:
        """Why this message cannot be accepted, or None."""
        if self.discarded:
            return too_big(self._limit)
        if self._crowded:
            return Refused(452, "4.3.1", "Too much mail at once; try again later")
        if self.smuggled:
            return Refused(554, "5.6.0", "A lone dot between bare CR or LF: only CR LF ends a line")
        return None


class DataReader:
    """Takes one message of DATA out of a buffer, removing the stuffed dots.

    The stream is seen as if it began with the CRLF of the command line, so that an empty message and a
    dot in the first line need no rule of their own. What is kept is always cut before a CRLF, or within
    a line, so no `CR LF .` is ever torn apart.
    """

    __slots__ = ("_begun", "_content", "_scanned", "_skip", "_tail")

    def __init__(self, content: Content) -> None:
        self._content = content
        self._begun = False
        self._skip = 2
        self._scanned = 0
        self._tail = b""

    def receive(self, buffer: bytearray) -> bool:
        """Take what can be taken from the front of `buffer`; True when the message has ended.

        What follows the end stays in `buffer`.
        """
        if not self._begun:
            self._begun = True
            buffer[:0] = b"\r\n"
        end = buffer.find(_END, max(0, self._scanned - len(_END) + 1))
        if end >= 0:
            self._keep(buffer, end + 2)
            del buffer[:3]
            return True
        if len(buffer) >= PIECE:
            last_line = buffer.rfind(b"\r\n")
            self._keep(buffer, last_line if last_line > 0 else len(buffer) - 1)
        self._scanned = len(buffer)
        return False

    def _keep(self, buffer: bytearray, length: int) -> None:
        with memoryview(buffer) as view:
            piece = bytes(view[:length])
        del buffer[:length]
        probe = self._tail + piece
        self._tail = probe[-2:]
        if b"\n." in probe or b"\r." in probe:  # few messages have either: two searches instead of five
            self._content.smuggled |= any(sequence in probe for sequence in _SMUGGLED)
            piece = piece.replace(b"\r\n.", b"\r\n")
        self._content.add(piece[self._skip :])
        self._skip = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """The argument of BDAT (RFC 3030 §2)."""

    size: int
    last: bool


def parse_chunk(argument: str) -> Chunk:
    """`<size>` or `<size> LAST`.

    Raises:
        Refused: 501; how many octets follow is then unknown.
    """
    match = _BDAT.fullmatch(argument)
    if match is None:
        raise Refused(501, "5.5.4", "Syntax: BDAT <size> [LAST]")
    return Chunk(size=int(match[1]), last=match[2] is not None)


def take_octets(buffer: bytearray, wanted: int) -> bytes:
    """Up to `wanted` bytes from the front of `buffer`."""
    piece = bytes(buffer[:wanted])
    del buffer[:wanted]
    return piece


def has_long_line(message: bytes, limit: int) -> bool:
    """Is there a line of more than `limit` bytes, counting its line end?

    Leaps from line end to line end `limit` bytes ahead, so that it hardly costs anything.
    """
    start = 0
    while len(message) - start > limit:
        end = message.rfind(b"\n", start, start + limit)
        if end < 0:
            return True
        start = end + 1
    return False
