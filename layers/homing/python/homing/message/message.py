"""`parse`: bytes to a `Message` whose properties are decoded when they are read (RFC 8621 §4.1).

Never raises, whatever the bytes. Knows nothing of accounts, stores or delivery.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, overload

from homing.message.addresses import Address
from homing.message.header_forms import as_addresses, as_date, as_message_ids, as_text
from homing.message.model import Defect, Header, Part
from homing.message.preview import preview_of
from homing.message.scan import scan, scan_headers
from homing.message.structure import Bodies, arrange, has_attachment

T = TypeVar("T")


class _lazy(Generic[T]):  # noqa: N801 - reads like `property`
    """A property that is worked out once. `functools.cached_property` takes a lock each time, which with
    fifteen properties is a third of what parsing costs; here two threads may do the same pure work twice."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> _lazy[T]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> _lazy[T] | T:
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._compute(instance)
        return value


@dataclass(frozen=True, eq=False)
class Message:
    """A parsed message: raw bytes, top-level headers in wire order, the part tree, and what was wrong with it.

    The properties named after those of RFC 8621 §4.1.3 read the last field of their name; None means that
    there is none, or that it cannot be read as what it should be.
    """

    raw: bytes = field(repr=False)
    headers: tuple[Header, ...] = field(repr=False)
    root: Part
    defects: tuple[Defect, ...]

    @property
    def size(self) -> int:
        """Octets of the raw message."""
        return len(self.raw)

    @_lazy
    def _last(self) -> dict[str, bytes]:
        return {header.name.lower(): header.value for header in self.headers}

    def header(self, name: str) -> bytes | None:
        """The raw value of the last field called `name` (any case), or None."""
        return self._last.get(name.lower())

    def headers_named(self, name: str) -> tuple[Header, ...]:
        """All fields called `name` (any case), in wire order."""
        name = name.lower()
        return tuple(header for header in self.headers if header.name.lower() == name)

    @_lazy
    def message_id(self) -> list[str] | None:
        """Ids without angle brackets; more than one only in malformed mail."""
        return self._ids("message-id")

    @_lazy
    def in_reply_to(self) -> list[str] | None:
        """Ids of the messages that this one answers."""
        return self._ids("in-reply-to")

    @_lazy
    def references(self) -> list[str] | None:
        """Ids of the thread so far, oldest first."""
        return self._ids("references")

    @_lazy
    def sender(self) -> list[Address] | None:
        """RFC 5322 §3.6.2, Sender."""
        return self._addresses("sender")

    @_lazy
    def from_(self) -> list[Address] | None:
        """RFC 5322 §3.6.2, From."""
        return self._addresses("from")

    @_lazy
    def to(self) -> list[Address] | None:
        """RFC 5322 §3.6.3, To."""
        return self._addresses("to")

    @_lazy
    def cc(self) -> list[Address] | None:
        """RFC 5322 §3.6.3, Cc."""
        return self._addresses("cc")

    @_lazy
    def bcc(self) -> list[Address] | None:
        """RFC 5322 §3.6.3, Bcc."""
        return self._addresses("bcc")

    @_lazy
    def reply_to(self) -> list[Address] | None:
        """RFC 5322 §3.6.2, Reply-To."""
        return self._addresses("reply-to")

    @_lazy
    def subject(self) -> str | None:
        """The subject as text, encoded words decoded."""
        value = self._last.get("subject")
        return None if value is None else as_text(value)

    @_lazy
    def sent_at(self) -> str | None:
        """The Date field as RFC 3339 with its original offset."""
        value = self._last.get("date")
        return None if value is None else as_date(value)

    @_lazy
    def bodies(self) -> Bodies:
        """Text, HTML and attachments (RFC 8621 §4.1.4)."""
        return arrange(self.root)

    @_lazy
    def has_attachment(self) -> bool:
        """Whether there is an attachment that is not marked inline."""
        return has_attachment(self.bodies)

    @_lazy
    def preview(self) -> str:
        """At most 256 characters of the text, on one line."""
        return preview_of(self.raw, self.bodies)

    def _ids(self, name: str) -> list[str] | None:
        value = self._last.get(name)
        return None if value is None else as_message_ids(value)

    def _addresses(self, name: str) -> list[Address] | None:
        value = self._last.get(name)
        return None if value is None else as_addresses(value)


def parse(raw: bytes) -> Message:
    """Any bytes as a message."""
    headers, root, defects = scan(raw)
    return Message(raw, headers, root, defects)


def parse_headers(block: bytes) -> tuple[Header, ...]:
    """The fields of a header block that was read apart from its message; offsets count from its start."""
    return tuple(scan_headers(block, 0, len(block))[0])
