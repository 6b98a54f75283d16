"""Old mail into an account: `import_mail` files what a source yields, in batches, each message once for ever.

There is no journal. Every message leaves a marker in the commit that files it, named after its content and
its mailbox, so a run that was killed is simply run again: what is there is passed over before it is parsed.
The same message in two folders is two emails of one thread, as its owner kept it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from homing.delivery.arrival import IMPORT, Arrival, arrival_of, delivery_of, marker_key
from homing.delivery.file import file
from homing.directory.accounts import User
from homing.errors import Permanent, Refused
from homing.ledger import keys
from homing.ledger.entry import Actor
from homing.message import as_date, parse_headers
from homing.message.dates import milliseconds_of
from homing.move.mailboxes import Mailboxes
from homing.move.stored_mail import StoredMail
from homing.ports.blobs import digest_of
from homing.ports.landings import Envelope, Landed
from homing.site import Site

BATCH_MAILS: Final = 64
BATCH_BYTES: Final = 8 * 1_024 * 1_024
"""A batch is read, stored and filed together; one larger message is a batch of its own."""
FAILURES_KEPT: Final = 100
MAX_HEADER_BYTES: Final = 256 * 1_024
DAY_MS: Final = 24 * 3_600 * 1_000


@dataclass(frozen=True, slots=True)
class Failure:
    """A message that was not imported, and why."""

    place: str
    reason: str


@dataclass(slots=True)
class Tally:
    """What became of the messages so far. `consumed` is in bytes of the source; of many failures the first
    `FAILURES_KEPT` are in `failures`."""

    imported: int = 0
    already_there: int = 0
    failed: int = 0
    consumed: int = 0
    failures: list[Failure] = field(default_factory=list)

    @property
    def messages(self) -> int:
        """All that were looked at."""
        return self.imported + self.already_there + self.failed

    def fail(self, place: str, reason: str) -> None:
        """Count a failure."""
        self.failed += 1
        if len(self.failures) < FAILURES_KEPT:
            self.failures.append(Failure(place, reason))


Progress = Callable[[Tally], None]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A mail, where it belongs, and the source that it is for ever."""

    mail: StoredMail
    digest: str
    mailbox: str
    source: str


def import_mail(
    site: Site,
    user: User,
    mails: Iterable[StoredMail],
    *,
    mailbox: Sequence[str] = (),
    progress: Progress = lambda _: None,
) -> Tally:
    """File mails in an account, those of folders in mailboxes of these names, all below `mailbox` if it is given.

    `mailbox` is a path from the top, () for the inbox. `progress` is told after each batch.

    Raises:
        Temporary: the store cannot take it now. What was filed is known when the import is run again.
    """
    actor = Actor("import", "import", f"{site.clock.now()}")
    mailboxes = Mailboxes(site, actor, user.account)
    tally = Tally()
    for batch in _batches(mails):
        wanted = [_wanted(mail, _mailbox(mailboxes, mail, mailbox)) for mail in batch if not mail.problem]
        _file_batch(site, actor, user.account, wanted, tally)
        for mail in batch:
            tally.consumed += mail.consumed
            if mail.problem:
                tally.fail(mail.place, mail.problem)
        progress(tally)
    return tally


def received_at(raw: bytes, dated: int | None, now: int) -> int:
    """When a message came (ms since 1970): by its last hop, its Date, its keeper's word, or else now.

    RFC 8621 §4.8: the most recent Received header. A Date that lies in the future is not believed.
    """
    headers = parse_headers(raw[:MAX_HEADER_BYTES])
    received = [header.value.rpartition(b";")[2] for header in headers if header.name.lower() == "received"]
    dates = [header.value for header in headers if header.name.lower() == "date"]
    for value in (*received[:1], *dates[-1:]):
        date = as_date(value)
        if date is not None and (at := milliseconds_of(date)) <= now + DAY_MS:
            return at
    return now if dated is None else dated


def _batches(mails: Iterable[StoredMail]) -> Iterator[list[StoredMail]]:
    batch: list[StoredMail] = []
    size = 0
    for mail in mails:
        if batch and (len(batch) >= BATCH_MAILS or size + len(mail.raw) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(mail)
        size += len(mail.raw)
    if batch:
        yield batch


def _mailbox(mailboxes: Mailboxes, mail: StoredMail, above: Sequence[str]) -> str:
    if mail.is_deleted:
        return keys.TRASH
    path = (*above, *mail.folder)
    return mailboxes.find(path) if path else keys.INBOX


def _wanted(mail: StoredMail, mailbox: str) -> _Wanted:
    digest = digest_of(mail.raw)
    return _Wanted(mail, digest, mailbox, f"import:{mailbox}:{digest}")


def _file_batch(site: Site, actor: Actor, account: str, batch: Sequence[_Wanted], tally: Tally) -> None:
    """Store and file what is not there yet."""
    markers = {one.source: (account, marker_key(IMPORT, delivery_of(one.source))) for one in batch}
    there = site.store.get_many(list(markers.values()))
    new = {one.source: one for one in batch if markers[one.source] not in there}
    tally.already_there += len(batch) - len(new)
    site.blobs.put_many([one.mail.raw for one in new.values()])
    now = site.clock.now()
    arrivals = [_arrival(one, now) for one in new.values()]
    for one, reply in zip(new.values(), _file_each(site, actor, account, arrivals), strict=True):
        if reply is None:
            tally.imported += 1
        else:
            tally.fail(one.mail.place, reply.text)


def _arrival(one: _Wanted, now: int) -> Arrival:
    envelope = Envelope("", (), protocol="import", received_at=received_at(one.mail.raw, one.mail.dated, now))
    arrival = arrival_of(Landed(one.source, envelope, one.mail.raw), one.digest, now)
    return replace(arrival, mailbox_ids=(one.mailbox,), keywords=one.mail.keywords, marker=IMPORT)


def _file_each(site: Site, actor: Actor, account: str, arrivals: Sequence[Arrival]) -> list[Refused | None]:
    """As `file`; but a message that can never be filed must not stop the others: hence the one `except`."""
    try:
        return file(site, actor, account, arrivals)
    except Permanent as error:
        if len(arrivals) == 1:
            return [Refused(554, "5.6.0", str(error))]
    return [reply for one in arrivals for reply in _file_each(site, actor, account, [one])]
