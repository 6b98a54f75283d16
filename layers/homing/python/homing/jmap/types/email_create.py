"""Email/set create (RFC 8621 §4.6): what a client says of an email becomes a message, and the message an email.

Checked, composed and stored before any commit (`prepare`), one after the other, so that one large message at a time
is held in memory; then filed by `email_filing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from homing.delivery.arrival import Arrival, record_of
from homing.ids import CHANCE_BYTES
from homing.jmap.blob import find_content
from homing.jmap.context import Context, Opened
from homing.jmap.datatype import Commit, Object, SetError
from homing.jmap.kinds import ID_SET, KEYWORD_SET
from homing.jmap.types.email_create_body import Body
from homing.jmap.types.email_create_fields import Faults, email_fields
from homing.jmap.types.email_filing import Filing, Prepared, filed_by_client, received
from homing.ledger.view import View
from homing.message import parse
from homing.message.compose import Entity, Field, compose, new_message_id
from homing.ports.blobs import digest_of

CHANCE: Final = 4 * CHANCE_BYTES
"""Random bytes of a Message-ID."""
STORED_BYTES: Final = 4 * 1_024 * 1_024
"""Messages that go into the blobs together; one that is larger goes at once."""
MAX_HEADER_BYTES: Final = 900_000
MAX_FIELDS: Final = 1_900
"""Of a header; what reads it again takes a little more (`message.scan`)."""


def prepare(context: Context, view: Opened, arguments: Object, _commit: Commit) -> Prepared:
    """Compose and store the messages of all creations of a call.

    One whose mailboxes or keywords are not even such is left out: what is wrong, its declaration says.
    """
    prepared: dict[str, Filing | SetError] = {}
    waiting: list[bytes] = []
    for key, given in (arguments["create"] or {}).items():
        if not ID_SET.accepts(given.get("mailboxIds")) or not KEYWORD_SET.accepts(given.get("keywords", {})):
            continue
        raw = _Creation(context, view).compose(given)
        if isinstance(raw, SetError):
            prepared[key] = raw
            continue
        if len(raw) > STORED_BYTES:
            digest = context.site.blobs.put_many([raw])[0]
        else:
            digest = digest_of(raw)
            waiting.append(raw)
        prepared[key] = _filing(context, raw, digest, given)
        if sum(map(len, waiting)) > STORED_BYTES:
            context.site.blobs.put_many(waiting)
            waiting = []
    if waiting:
        context.site.blobs.put_many(waiting)
    return prepared


@dataclass(slots=True)
class _Creation:
    """One email on its way from what a client says to a message."""

    context: Context
    view: View
    faults: Faults = field(default_factory=Faults)
    missing: list[str] = field(default_factory=list)
    attached: int = 0

    def compose(self, given: Object) -> bytes | SetError:
        """The message, or why there is none."""
        fields = email_fields(given, self.faults)
        root = Body(self.faults, self._fetch).read(given)
        if root is not None:
            self._check_root(fields, root)
        if self.faults.found:
            return self.faults.to_error()
        if self.missing:
            return SetError("blobNotFound", extra={"notFound": list(dict.fromkeys(self.missing))})
        size = sum(len(one.name) + len(one.value) for one in fields)
        if root is None or size > MAX_HEADER_BYTES or len(fields) > MAX_FIELDS:
            maximum = self._maximum
            return SetError("tooLarge", f"maxSizeAttachmentsPerEmail is {maximum}, and a header is {MAX_HEADER_BYTES}")
        site = self.context.site
        message_id = new_message_id(site.ids.random(CHANCE), site.config.hostname)
        return compose(fields, root, message_id=message_id, at=site.clock.now())

    @property
    def _maximum(self) -> int:
        return self.context.site.config.limits.max_size_attachments_per_email

    def _fetch(self, blob: str) -> bytes | None:
        """What a part is made of. Once there is too much, or something is missing, nothing more is read.

        Raises:
            MethodError: `requestTooLarge`, too much for all emails of the request together.
        """
        content = find_content(self.context, self.view, self.context.resolve(blob))
        if content is None:
            self.missing.append(blob)
            return None
        self.attached += content.size
        if self.attached > self._maximum or self.missing:
            return None
        if content.digest:  # a part is counted as it is decoded
            self.context.count_fetched(content.size)
        return content.read(0, content.size)

    def _check_root(self, fields: Sequence[Field], root: Entity) -> None:
        """What the outermost part has for header fields stands in the header of the message."""
        names = {one.name.lower() for one in fields}
        for one in root.fields:
            if one.name.lower() in names:
                self.faults.add(f"header:{one.name}", "the email and its outermost part have the same header field")


def _filing(context: Context, raw: bytes, digest: str, given: Object) -> Filing:
    message = parse(raw)
    record, message_ids = record_of(message, digest)
    received_at, told = received(given.get("receivedAt"), context.site.clock.now())
    written = {"messageId": message.message_id, "sentAt": message.sent_at}
    return Filing(
        Arrival("", record, filed_by_client(), received_at, message_ids),
        {name: value for name, value in written.items() if given.get(name) != value} | told,
    )
