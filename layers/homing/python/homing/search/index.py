"""The index follows the ledger: what an account's entries say since the index last read becomes documents.

Any number of indexers may do so at once: each step says from where to where it goes, and the index takes it only from
whoever is first. A step looks at what there is now, not at what an entry says, so doing it again changes nothing.
A request that searches calls `catch_up` first: what is listed is found.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from homing.errors import Temporary
from homing.ids import thread_of
from homing.ledger import keys
from homing.ledger.entry import touched_of
from homing.ledger.rows import Body
from homing.ledger.view import View
from homing.ports.blobs import Blobs
from homing.ports.search import Document, Search
from homing.search.attachments import Extractor
from homing.search.document import make_document
from homing.search.text import Read, read_texts
from homing.site import Site

STEP_EMAILS: Final = 100
"""Emails of one step, as far as entries can be told apart: one entry may bring more."""
STEP_ENTRIES: Final = 1_000
"""Entries of the ledger that one step reads at most."""
APPLY_CHARACTERS: Final = 4_000_000
"""Characters of documents that are held before they are handed to the index."""
STEP_SECONDS: Final = 1.0
"""After these a step ends with the entry that it is at."""
FOREIGN_SECONDS: Final = 6.0
"""After these no more of a message's attached documents are read."""
WHOLE_BYTES: Final = 512 * 1_024
"""A message up to this size is read at once; of a larger one only the parts with text."""
IDLE_ENTRIES: Final = 64
"""Entries without mail that may lie before the index: reading them again costs less than writing a position."""
REQUEST_EMAILS: Final = 500
REQUEST_SECONDS: Final = 2.0
"""What somebody who waits for an answer waits for at most."""


def catch_up(site: Site, account: str, limit: int | None = None) -> bool:
    """Let the index read what the account's ledger has beyond it; whether it has now read everything.

    With `limit`, it stops after about that many emails (the rest is for the next call). Without, it works for
    somebody who waits: it is done, or it raises.

    Raises:
        Temporary: ("indexing") there is more than a request can wait for; some of it was done.
    """
    started, done = time.monotonic(), 0
    while (step := _next_step(site, account)) is not None:
        if limit is not None and done >= limit:
            return False
        if limit is None and (done >= REQUEST_EMAILS or time.monotonic() - started > REQUEST_SECONDS):
            raise Temporary("indexing", "the mail of this account is still being indexed; try again soon")
        done += max(1, _take_step(site, account, step))
    return True


def rebuild(site: Site, account: str) -> None:
    """Make the account's index anew from its ledger and blobs. Searches meanwhile find what is done so far, or ask
    to try again."""
    site.search.forget(account)
    while not catch_up(site, account, STEP_EMAILS):
        pass


@dataclass(frozen=True, slots=True)
class _Step:
    """Part of the ledger after the position `since`: of each entry its position and the emails that came or went."""

    since: int
    entries: Sequence[tuple[int, Sequence[str]]]
    view: View

    @property
    def emails(self) -> list[str]:
        """All of them, each once."""
        return list(dict.fromkeys(email for _, emails in self.entries for email in emails))


def _next_step(site: Site, account: str) -> _Step | None:
    """What to read next; None if there is nothing, or nothing that is worth writing down."""
    since = site.search.position(account)
    view = View(site.store, account, site.clock.now())
    last = view.head.states.get("Email", 0)
    if since >= last:
        return None
    entries: list[tuple[int, Sequence[str]]] = []
    count = 0
    for position, emails in _entries(view, since, last):
        entries.append((position, emails))
        count += len(emails)
        if count >= STEP_EMAILS:
            break
    if not count and last - since < IDLE_ENTRIES:
        return None
    return _Step(since, entries, view)


def _entries(view: View, since: int, last: int) -> Iterator[tuple[int, Sequence[str]]]:
    """(position, emails created or destroyed) of the entries after one position up to another."""
    for row in view.scan(keys.entry_key(since + 1), keys.entry_key(last + 1), limit=STEP_ENTRIES):
        touched = touched_of(row.body).get("Email")
        position = int(row.key.removeprefix(keys.ENTRY_PREFIX))
        yield position, (*touched.created, *touched.destroyed) if touched else ()


def _take_step(site: Site, account: str, step: _Step) -> int:
    """Hand the step to the index, in several calls if its documents are large; how many emails it had.

    What takes too long ends with an entry before its time; where another indexer was first, the rest is left.
    """
    view, emails, started = step.view, step.emails, time.monotonic()
    view.load([keys.object_key("Thread", thread_of(id)) for id in emails])
    view.load([keys.object_key("Email", id) for id in emails])
    ready = _Ready(site.search, account, step.since)
    done: set[str] = set()
    reached = step.since
    with Extractor() as extractor:
        for position, touched in step.entries:
            for id in dict.fromkeys(touched):
                if id not in done and not ready.add(id, _document(site.blobs, extractor, view, id)):
                    return len(emails)
                done.add(id)
            reached = position
            if time.monotonic() - started > STEP_SECONDS:
                break
    ready.finish(reached)
    return len(done)


class _Ready:
    """Documents on their way to the index, handed over before they are too many to hold."""

    def __init__(self, search: Search, account: str, since: int) -> None:
        self._search = search
        self._account = account
        self._since = since
        self._documents: list[Document] = []
        self._removed: list[str] = []
        self._size = 0

    def add(self, email: str, document: Document | None) -> bool:
        """The document of an email, None for one that is gone; False if another indexer was first."""
        if document is None:
            self._removed.append(email)
            return True
        self._documents.append(document)
        self._size += sum(map(len, document.fields.values()))
        return self._size < APPLY_CHARACTERS or self.finish(self._since)

    def finish(self, position: int) -> bool:
        """Hand over what is ready and move to a position; False if another indexer was first."""
        documents, removed = self._documents, self._removed
        self._documents, self._removed, self._size = [], [], 0
        return self._search.apply(self._account, self._since, position, documents, removed)


def _email(view: View, id: str) -> tuple[Body, int] | None:
    """(record, receivedAt) of an email that exists."""
    thread, record = view.object("Thread", thread_of(id)), view.object("Email", id)
    if thread is None or record is None or id not in thread["emails"]:
        return None
    return record, thread["emails"][id]["receivedAt"]


def _document(blobs: Blobs, extractor: Extractor, view: View, id: str) -> Document | None:
    """The document of an email; None if there is no such email any more."""
    found = _email(view, id)
    if found is None:
        return None
    record, received_at = found
    read = _reader(blobs, record)
    texts = read_texts(record, read)
    extracted: list[str] = []
    started = time.monotonic()
    for one in texts.foreign:
        if time.monotonic() - started > FOREIGN_SECONDS:
            break
        extracted.append(extractor.text(one.kind, one.read(read)))
    return make_document(id, received_at, texts, extracted)


def _reader(blobs: Blobs, record: Body) -> Read:
    """Reads ranges of a raw message: out of the whole, if it is small. A message that is lost has no text."""
    digest: str = record["blob"]
    if record["size"] <= WHOLE_BYTES:
        raw = blobs.get(digest) or b""
        return lambda start, end: raw[start:end]
    return lambda start, end: blobs.get(digest, start, end - start) or b""
