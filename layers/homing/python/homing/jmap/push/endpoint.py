"""An `Endpoint`: where to push for a subscription, how to seal it, and what was pushed already.

Its row lies in a partition without a ledger, for two reasons: a ledger keeps everything for ever, while a URL
and keys must be erased with their subscription (RFC 8620 §7.2); and what was pushed must not move the state of
the account that it tells of. What a client may see of a subscription is an object in its account's ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from homing.errors import StoreConflict
from homing.ledger import keys
from homing.ledger.entry import encode_body
from homing.ledger.tasks import Task
from homing.ports.store import ABSENT, Batch, Delete, Put, Row, Store
from homing.site import Site

PUSH_TASK: Final = "push"
VERIFY_TASK: Final = "push-verify"
RATE_SECONDS: Final = 3_600
"""The span in which creations are counted."""
ATTEMPTS: Final = 10


class Endpoint(msgspec.Struct, frozen=True, rename="camel"):
    """`told` maps accounts to the positions that the client knows of. `expires` is in seconds, `not_before` in
    ms since 1970; `failures` are those since the last success. `keys` is None or as the client gave it."""

    id: str
    url: str
    keys: dict[str, str] | None
    code: str
    expires: int
    told: dict[str, int] = {}
    failures: int = 0
    not_before: int = 0
    revision: int = 0


_decode: Final = msgspec.json.Decoder(Endpoint).decode


def endpoints_of(store: Store, account: str, now: int) -> Iterator[Endpoint]:
    """All of an account's user that have not expired by `now` (ms)."""
    for row in store.scan(keys.push_partition(account), *keys.prefix_range(keys.ENDPOINT_PREFIX)):
        endpoint = _decode(row.body)
        if endpoint.expires * 1000 > now:
            yield endpoint


def endpoint_of(store: Store, account: str, id: str, now: int) -> Endpoint | None:
    """That of one subscription, if it has not expired by `now` (ms)."""
    row = store.get(keys.push_partition(account), keys.endpoint_key(id))
    endpoint = _decode(row.body) if row else None
    return endpoint if endpoint is not None and endpoint.expires * 1000 > now else None


def creations_of(store: Store, account: str, now: int) -> int:
    """How many subscriptions were created within `RATE_SECONDS` before `now` (ms), destroyed or not."""
    rows = store.scan(keys.push_partition(account), *keys.prefix_range(keys.CREATION_PREFIX))
    return sum(row.expires is not None and row.expires * 1000 > now for row in rows)


def put_new(account: str, endpoint: Endpoint, now: int) -> tuple[Put, Put]:
    """The operations that add an endpoint and count its creation."""
    counted = Row(keys.push_partition(account), keys.creation_key(endpoint.id), b"{}", 0, now // 1000 + RATE_SECONDS)
    return Put(_row(account, endpoint), ABSENT), Put(counted)


def replace(account: str, endpoint: Endpoint, **changes: object) -> tuple[Endpoint, Put]:
    """The endpoint with changes, and the operation that writes it unless somebody else has changed it meanwhile."""
    changed = msgspec.structs.replace(endpoint, revision=endpoint.revision + 1, **changes)
    return changed, Put(_row(account, changed), endpoint.revision)


def prolong(store: Store, account: str, id: str, expires: int, now: int) -> None:
    """Let an endpoint last until another time (seconds), whatever else is written to it at the same moment."""
    for _ in range(ATTEMPTS):
        endpoint = endpoint_of(store, account, id, now)
        if endpoint is None or endpoint.expires == expires:
            return
        try:
            store.commit(Batch((replace(account, endpoint, expires=expires)[1],)))
        except StoreConflict:
            continue
        return


def erase(store: Store, account: str, ids: Iterable[str]) -> None:
    """Forget URLs and keys for good."""
    for id in ids:
        store.commit(Batch((Delete(keys.push_partition(account), keys.endpoint_key(id)),)))


def task_of(site: Site, kind: str, account: str, id: str, due: int) -> Task:
    """Work to be done for one subscription."""
    return Task(site.new_id("k"), kind, account, due, {"subscription": id})


def _row(account: str, endpoint: Endpoint) -> Row:
    body = encode_body(endpoint)
    return Row(keys.push_partition(account), keys.endpoint_key(endpoint.id), body, endpoint.revision, endpoint.expires)
