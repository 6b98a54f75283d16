"""The `Intake` of the listeners: a message that has landed becomes an S3 event for `functions/ingest`.

    listener -deliver-> queue -gather-> one SQS event of all that waits -handler-> a reply for each

One thread takes whatever has landed while it was filing the batch before. A lone client's message is filed
at once; where several clients are busy, a batch waits a millisecond at most for as many as were under way
when the last one was done, so that they share its commits. The client hears 250 only after
the commit. Nothing here is durable: who was not told 250 sends again, and what has a Message-ID is known
by the hash of its bytes, so that it is filed once.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import queue
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from functions.ingest.handler import handler
from homing.delivery.recipients import recipient_refusal
from homing.errors import Refused
from homing.host.threads import Threads, settle
from homing.ports.landings import Envelope
from homing.site import Site

BATCH_MESSAGES: Final = 25
BATCH_BYTES: Final = 16 * 1024 * 1024
GATHER_SECONDS: Final = 0.001
"""Measured with four clients in step: batches of four instead of two, and a third more messages a second."""
WAITING_MESSAGES: Final = 1_000
WAITING_BYTES: Final = 256 * 1024 * 1024
WELCOME_SECONDS: Final = 1.0
WELCOME_ADDRESSES: Final = 10_000
TRY_AGAIN: Final = Refused(451, "4.3.0", "Not stored; try again later")
BUSY: Final = Refused(452, "4.3.1", "Too much mail at once; try again later")

_MESSAGE_ID: Final = re.compile(rb"(?:\A|\n)(?:(message-id)[ \t]*:|\r?\n)", re.IGNORECASE)

Replies = Sequence[Refused | None]

log = logging.getLogger("homing.host.ingest")


class Landing(Protocol):
    """Where this host puts what has landed: `Landings` whose outcome can be collected by who waits for it."""

    def land(self, envelope: Envelope, raw: bytes, source: str = "") -> str:
        """Keep a message; return its name. The same `source` is filed once; empty: this landing alone."""
        ...

    def collect(self, name: str) -> Replies | None:
        """The replies of a settled message, once; None if it was not settled. It is forgotten."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """A message in the queue, and who waits for its replies."""

    envelope: Envelope
    trace: bytes
    message: bytes
    loop: asyncio.AbstractEventLoop
    replies: asyncio.Future[Replies]
    since: float

    @property
    def size(self) -> int:
        return len(self.trace) + len(self.message)


class HostIntake:
    """Takes mail in for one site. Its coroutines belong to the event loop that the listeners run on."""

    def __init__(
        self,
        site: Site,
        landings: Landing,
        calls: Threads,
        *,
        threads: int = 1,
        waiting_messages: int = WAITING_MESSAGES,
        waiting_bytes: int = WAITING_BYTES,
    ) -> None:
        """`waiting_messages` and `waiting_bytes` may be in the queue at once; the first always may."""
        self._site = site
        self._landings = landings
        self._calls = calls
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._limits = (waiting_messages, waiting_bytes)
        self._messages = self._bytes = 0
        self._clients = 1
        self._welcome: dict[str, float] = {}
        self._threads = [threading.Thread(target=self._run, name=f"ingest-{n}", daemon=True) for n in range(threads)]

    def start(self) -> None:
        """Begin to file."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float | None = None) -> bool:
        """File what waits, then end; whether every thread has ended within `timeout` seconds each."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(timeout)
        return not any(thread.is_alive() for thread in self._threads)

    async def check_recipient(self, address: str) -> Refused | None:
        """Whether mail for `address` can be filed now. The last word is said when it is filed, and therefore
        a yes may be a second old."""
        now = time.monotonic()
        if self._welcome.get(address, 0.0) > now:
            return None
        refusal = await self._calls.run(recipient_refusal, self._site, self._full(address))
        if refusal is None:
            if len(self._welcome) >= WELCOME_ADDRESSES:
                self._welcome.clear()
            self._welcome[address] = now + WELCOME_SECONDS
        return refusal

    async def deliver(self, envelope: Envelope, trace: bytes, message: bytes) -> Replies:
        """File a message; a reply for each recipient once that is durable."""
        loop = asyncio.get_running_loop()
        addressed = replace(envelope, rcpt_to=tuple(map(self._full, envelope.rcpt_to)))
        waiting = _Waiting(addressed, trace, message, loop, loop.create_future(), time.monotonic())
        messages, size = self._limits
        if self._messages and (self._messages >= messages or self._bytes + waiting.size > size):
            return (BUSY,) * len(envelope.rcpt_to)
        self._count(1, waiting.size)
        waiting.replies.add_done_callback(lambda _: self._count(-1, -waiting.size))
        self._queue.put(waiting)
        # shielded: what is queued is filed even if the listener ends the connection, and is counted until then
        replies = await asyncio.shield(waiting.replies)
        _log_filed(waiting, replies)
        return replies

    def _count(self, messages: int, size: int) -> None:
        self._messages += messages
        self._bytes += size

    def _full(self, address: str) -> str:
        """`postmaster` alone is ours (RFC 5321 §4.5.1)."""
        return address if "@" in address else f"{address}@{self._site.config.hostname}"

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            batch, ending = self._gather(first)
            try:
                self._file(batch)
            except Exception:  # a shell: the mail is with its senders still, and the next batch must be filed
                log.exception("a batch of landed mail was not filed")
                for waiting in batch:
                    _reply(waiting, (TRY_AGAIN,) * len(waiting.envelope.rcpt_to))
            if ending:
                return
            del first, batch

    def _gather(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        """Everything that waits, up to a batch, and what comes soon; and whether the end was among it."""
        batch, size = [first], first.size
        until = time.monotonic() + GATHER_SECONDS
        while len(batch) < BATCH_MESSAGES and size < BATCH_BYTES:
            patience = max(0.0, until - time.monotonic()) if len(batch) < self._clients else 0.0
            try:
                following = self._queue.get(timeout=patience) if patience else self._queue.get_nowait()
            except queue.Empty:
                break
            if following is None:
                return batch, True
            batch.append(following)
            size += following.size
        return batch, False

    def _file(self, batch: Sequence[_Waiting]) -> None:
        names = [
            self._landings.land(waiting.envelope, waiting.trace + waiting.message, source_of(waiting.message))
            for waiting in batch
        ]
        handler(event_of(names), None)
        self._clients = self._messages  # before they are answered: so many are sending at once
        for waiting, name in zip(batch, names, strict=True):
            replies = self._landings.collect(name)
            _reply(waiting, (TRY_AGAIN,) * len(waiting.envelope.rcpt_to) if replies is None else replies)


def source_of(message: bytes) -> str:
    """The name of a landing: by content if the message has a Message-ID, else "" for one of its own.

    A message that is meant to arrive twice has other bytes the second time, at least in its trace; only
    without a Message-ID (a notice written by a script) may two that are meant be equal.
    """
    found = _MESSAGE_ID.search(message)
    if found is None or found[1] is None:
        return ""
    return "content:" + hashlib.sha256(message).hexdigest()


def event_of(names: Sequence[str]) -> dict[str, Any]:
    """Landings as the queue brings them to the function: an S3 event in each record."""
    return {
        "Records": [
            {
                "messageId": name,
                "body": json.dumps({"Records": [{"eventSource": "aws:s3", "s3": {"object": {"key": name}}}]}),
                "attributes": {"ApproximateReceiveCount": "1"},
                "eventSource": "aws:sqs",
            }
            for name in names
        ]
    }


def _reply(waiting: _Waiting, replies: Replies) -> None:
    settle(waiting.loop, waiting.replies.set_result, waiting.replies, replies)


def _log_filed(waiting: _Waiting, replies: Replies) -> None:
    refused = [reply for reply in replies if reply is not None]
    fields = {
        "protocol": waiting.envelope.protocol,
        "client": waiting.envelope.client_address,
        "mail_from": waiting.envelope.mail_from,
        "recipients": len(replies),
        "size": waiting.size,
        "ms": round((time.monotonic() - waiting.since) * 1000, 1),
    }
    if refused:
        log.warning("not filed", extra={**fields, "refused": len(refused), "reply": refused[0].to_reply()})
    else:
        log.info("filed", extra=fields)
