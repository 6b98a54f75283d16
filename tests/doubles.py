"""Doubles that stand in front of any adapter: some count what is asked of a port, some fail on purpose.

They keep the port's contract and know no adapter. `Counting*` give the figures "store calls per
operation" as the AWS home would pay for them; `Faulty*` stop a use case after its n-th side effect,
for crash sweeps.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from homing.errors import Refused
from homing.ports.blobs import Blobs
from homing.ports.landings import Envelope, Landed, Landings
from homing.ports.store import Batch, Row, Store, row_size
from homing.ports.transport import Outgoing, Reply

PAGE_BYTES: Final = 1_024 * 1_024
"""A page of a DynamoDB Query ends before it is larger than this."""
GET_MANY_KEYS: Final = 100
"""Keys in one BatchGetItem."""


class Calls:
    """Calls per method, counted from any thread."""

    def __init__(self) -> None:
        self._counter: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, method: str, count: int = 1) -> None:
        with self._lock:
            self._counter[method] += count

    def clear(self) -> None:
        with self._lock:
            self._counter.clear()

    def as_dict(self) -> dict[str, int]:
        with self._lock:
            return {method: count for method, count in sorted(self._counter.items()) if count}

    def total(self) -> int:
        with self._lock:
            return self._counter.total()


class CountingStore:
    """Counts requests: one for each 100 different keys of `get_many`, and for each page of 1 MB of a `scan`
    that is reached (a scan that nobody reads asks nothing). `partitions` counts as one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.calls = Calls()

    def get(self, partition: str, key: str) -> Row | None:
        self.calls.add("get")
        return self._store.get(partition, key)

    def get_many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
        self.calls.add("get_many", -(-len(set(keys)) // GET_MANY_KEYS))
        return self._store.get_many(keys)

    def scan(
        self,
        partition: str,
        start: str = "",
        end: str | None = None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Iterator[Row]:
        return self._counted(self._store.scan(partition, start, end, reverse=reverse, limit=limit))

    def partitions(self, prefix: str = "") -> Iterator[str]:
        self.calls.add("partitions")
        return self._store.partitions(prefix)

    def commit(self, batch: Batch) -> None:
        self.calls.add("commit")
        self._store.commit(batch)

    def _counted(self, rows: Iterator[Row]) -> Iterator[Row]:
        self.calls.add("scan")
        filled = 0
        for row in rows:
            size = row_size(row.partition, row.key, row.body)
            if filled + size > PAGE_BYTES:
                self.calls.add("scan")
                filled = 0
            filled += size
            yield row


class CountingBlobs:
    """Counts requests: `put_many` one for each different content, everything else one."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self.calls = Calls()

    def put(self, content: bytes) -> str:
        self.calls.add("put")
        return self._blobs.put(content)

    def put_many(self, contents: Sequence[bytes]) -> list[str]:
        self.calls.add("put_many", len(set(contents)))
        return self._blobs.put_many(contents)

    def put_stream(self, pieces: Iterable[bytes]) -> tuple[str, int]:
        self.calls.add("put_stream")
        return self._blobs.put_stream(pieces)

    def get(self, digest: str, start: int = 0, length: int | None = None) -> bytes | None:
        self.calls.add("get")
        return self._blobs.get(digest, start, length)

    def open(self, digest: str) -> Iterator[bytes] | None:
        self.calls.add("open")
        return self._blobs.open(digest)

    def size(self, digest: str) -> int | None:
        self.calls.add("size")
        return self._blobs.size(digest)

    def delete(self, digest: str) -> None:
        self.calls.add("delete")
        self._blobs.delete(digest)

    def digests(self) -> Iterator[str]:
        self.calls.add("digests")
        return self._blobs.digests()


class CountingLandings:
    """Counts one request for each call."""

    def __init__(self, landings: Landings) -> None:
        self._landings = landings
        self.calls = Calls()

    def land(self, envelope: Envelope, raw: bytes) -> str:
        self.calls.add("land")
        return self._landings.land(envelope, raw)

    def get(self, name: str) -> Landed | None:
        self.calls.add("get")
        return self._landings.get(name)

    def settle(self, name: str, replies: Sequence[Refused | None]) -> None:
        self.calls.add("settle")
        self._landings.settle(name, replies)


class Crashed(BaseException):
    """The process is gone. No `except Exception` may catch it."""


class FaultPlan:
    """Stops after `stop_after` side effects (0: before the first), counted over all that share the plan.

    The last effect has happened when the plan stops. It stops by calling `raises` and raising what that
    returns; a function that kills the process (`os.kill`) never returns. From then on every call, reads
    too, raises `Crashed`: a dead process does nothing. With `stop_after=None` the plan only counts, which
    tells a sweep how many stops there are.
    """

    def __init__(self, stop_after: int | None = None, raises: Callable[[], BaseException] = Crashed) -> None:
        self._stop_after = stop_after
        self._raises = raises
        self._lock = threading.Lock()
        self.effects = 0
        self.stopped = False

    def before(self) -> None:
        """To be called before each call of a port."""
        if self.stopped:
            raise Crashed

    def before_effect(self) -> None:
        """To be called before each side effect."""
        self.before()
        if self.effects == self._stop_after:
            self._stop()

    def after_effect(self) -> None:
        """To be called after each side effect that succeeded."""
        with self._lock:
            self.effects += 1
            reached = self.effects == self._stop_after
        if reached:
            self._stop()

    def _stop(self) -> None:
        self.stopped = True
        raise self._raises()


class FaultyStore:
    """A store whose commits are side effects of a plan. A commit that conflicts has no effect."""

    def __init__(self, store: Store, plan: FaultPlan) -> None:
        self._store = store
        self._plan = plan

    def get(self, partition: str, key: str) -> Row | None:
        self._plan.before()
        return self._store.get(partition, key)

    def get_many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
        self._plan.before()
        return self._store.get_many(keys)

    def scan(
        self,
        partition: str,
        start: str = "",
        end: str | None = None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Iterator[Row]:
        self._plan.before()
        return self._store.scan(partition, start, end, reverse=reverse, limit=limit)

    def partitions(self, prefix: str = "") -> Iterator[str]:
        self._plan.before()
        return self._store.partitions(prefix)

    def commit(self, batch: Batch) -> None:
        self._plan.before_effect()
        self._store.commit(batch)
        self._plan.after_effect()


class FaultyBlobs:
    """Blobs whose writes and deletes are side effects of a plan. `put_many` has one for each content."""

    def __init__(self, blobs: Blobs, plan: FaultPlan) -> None:
        self._blobs = blobs
        self._plan = plan

    def put(self, content: bytes) -> str:
        self._plan.before_effect()
        digest = self._blobs.put(content)
        self._plan.after_effect()
        return digest

    def put_many(self, contents: Sequence[bytes]) -> list[str]:
        return [self.put(content) for content in contents]

    def put_stream(self, pieces: Iterable[bytes]) -> tuple[str, int]:
        self._plan.before_effect()
        stored = self._blobs.put_stream(pieces)
        self._plan.after_effect()
        return stored

    def get(self, digest: str, start: int = 0, length: int | None = None) -> bytes | None:
        self._plan.before()
        return self._blobs.get(digest, start, length)

    def open(self, digest: str) -> Iterator[bytes] | None:
        self._plan.before()
        return self._blobs.open(digest)

    def size(self, digest: str) -> int | None:
        self._plan.before()
        return self._blobs.size(digest)

    def delete(self, digest: str) -> None:
        self._plan.before_effect()
        self._blobs.delete(digest)
        self._plan.after_effect()

    def digests(self) -> Iterator[str]:
        self._plan.before()
        return self._blobs.digests()


class FaultyLandings:
    """Landings whose `land` and `settle` are side effects of a plan."""

    def __init__(self, landings: Landings, plan: FaultPlan) -> None:
        self._landings = landings
        self._plan = plan

    def land(self, envelope: Envelope, raw: bytes) -> str:
        self._plan.before_effect()
        name = self._landings.land(envelope, raw)
        self._plan.after_effect()
        return name

    def get(self, name: str) -> Landed | None:
        self._plan.before()
        return self._landings.get(name)

    def settle(self, name: str, replies: Sequence[Refused | None]) -> None:
        self._plan.before_effect()
        self._landings.settle(name, replies)
        self._plan.after_effect()


class RecordingTransport:
    """A next hop that takes everything and remembers it; `replies` by address say what it answers instead."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.replies: dict[str, Reply] = {}

    def send(self, outgoing: Outgoing) -> Sequence[Reply]:
        self.sent.append(outgoing)
        taken = Reply(250, "2.0.0", "OK")
        return [self.replies.get(recipient.address, taken) for recipient in outgoing.recipients]


class RecordingNotifier:
    """A push service that takes everything and remembers it; `status` is what it answers."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, Mapping[str, str], bytes]] = []
        self.status = 201

    def check(self, url: str) -> str | None:
        return None if url.startswith("https://") else "a push URL begins with https://"

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        self.posted.append((url, headers, body))
        return self.status
