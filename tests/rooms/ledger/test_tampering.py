"""`verify` names the very entry or row that somebody altered, dropped, swapped or added."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from homing.adapters.sqlite import Database, SqliteStore
from homing.directory.accounts import User
from homing.ledger import keys
from homing.ledger.entry import Actor, encode_body, seal, unseal
from homing.ledger.transact import transact
from homing.ledger.verify import Finding, verify
from homing.ports.store import Batch, Delete, Operation, Put, Row
from homing.site import Site
from tests.conftest import FakeClock

from .traffic import Traffic

ROUNDS = int(os.environ.get("HOMING_TEST_TAMPERINGS", "50"))
OPERATIONS = 40


class Suspect:
    """An account to tamper with, and its rows as they should be."""

    def __init__(self, site: Site, account: str, now: int, folder: Path) -> None:
        self.site = site
        self.account = account
        self.now = now
        self.rows = list(site.store.scan(account))
        self.entries = [row for row in self.rows if row.key.startswith(keys.ENTRY_PREFIX)]
        self.others = [row for row in self.rows if not row.key.startswith(keys.ENTRY_PREFIX)]
        self._folder = folder
        self._empty = folder / "empty.db"
        Database(self._empty, durable=False).close()

    def findings_after(self, *operations: Operation) -> list[Finding]:
        """What `verify` finds after the tampering, which is then undone."""
        self.site.store.commit(Batch(operations))
        found = self.findings()
        touched = {operation.key for operation in operations}
        undo: list[Operation] = [Put(row) for row in self.rows if row.key in touched]
        undo += [Delete(self.account, key) for key in touched - {row.key for row in self.rows}]
        self.site.store.commit(Batch(tuple(undo)))
        return found

    def findings(self) -> list[Finding]:
        scratch = self._folder / "scratch.db"
        shutil.copy(self._empty, scratch)
        database = Database(scratch, durable=False)
        try:
            return verify(self.site.store, self.account, SqliteStore(database), self.now)
        finally:
            database.close()
            for suffix in ("", "-wal", "-shm"):
                scratch.with_name(scratch.name + suffix).unlink(missing_ok=True)


@pytest.fixture
def suspect(site: Site, user: User, clock: FakeClock, tmp_path: Path) -> Suspect:
    Traffic(site, clock, user.account).run(3, OPERATIONS)
    return Suspect(site, user.account, clock.now(), tmp_path)


@pytest.fixture
def chance() -> random.Random:
    return random.Random(int(os.environ.get("HOMING_TEST_SEED", "1")))


def put(row: Row, **changes: object) -> Put:
    values = {name: getattr(row, name) for name in ("partition", "key", "body", "revision", "expires")}
    return Put(Row(**(values | changes)))


def with_a_byte_altered(row: Row, chance: random.Random) -> Put:
    body = bytearray(row.body)
    body[chance.randrange(len(body))] ^= chance.randrange(1, 256)
    return put(row, body=bytes(body))


def seq_of(row: Row) -> int:
    return int(row.key.removeprefix(keys.ENTRY_PREFIX))


def test_nothing_is_found_where_nothing_was_done(suspect: Suspect) -> None:
    assert suspect.findings() == []


def test_an_altered_byte_of_an_entry_is_found_in_that_entry(suspect: Suspect, chance: random.Random) -> None:
    for _ in range(ROUNDS):
        row = chance.choice(suspect.entries)
        altered = with_a_byte_altered(row, chance)

        found = suspect.findings_after(altered)

        assert [(one.key, one.seq) for one in found] == [(row.key, seq_of(row))], altered.row.body


def test_an_altered_byte_of_a_row_is_found_in_that_row(suspect: Suspect, chance: random.Random) -> None:
    for _ in range(ROUNDS):
        row = chance.choice(suspect.others)
        altered = with_a_byte_altered(row, chance)

        found = suspect.findings_after(altered)

        assert [(one.key, one.seq) for one in found] == [(row.key, row.revision)], altered.row.body


def test_an_altered_byte_of_the_head_is_found_in_the_head(suspect: Suspect, chance: random.Random) -> None:
    head = next(row for row in suspect.rows if row.key == keys.HEAD)

    for position in chance.sample(range(len(head.body)), min(ROUNDS * 2, len(head.body))):
        body = bytearray(head.body)
        body[position] ^= chance.randrange(1, 256)

        found = suspect.findings_after(put(head, body=bytes(body)))

        assert [one.key for one in found] == [keys.HEAD], bytes(body)


def test_a_dropped_entry_is_found_missing(suspect: Suspect, chance: random.Random) -> None:
    for row in [suspect.entries[0], suspect.entries[-1], *chance.sample(suspect.entries, 5)]:
        found = suspect.findings_after(Delete(suspect.account, row.key))

        assert [(one.key, one.seq, one.what) for one in found] == [(row.key, seq_of(row), "the entry is missing")]


def test_several_dropped_entries_are_each_found_missing(suspect: Suspect) -> None:
    dropped = [*suspect.entries[4:7], *suspect.entries[-2:]]

    found = suspect.findings_after(*(Delete(suspect.account, row.key) for row in dropped))

    assert [one.seq for one in found] == [seq_of(row) for row in dropped]


def test_a_dropped_row_is_found_missing(suspect: Suspect, chance: random.Random) -> None:
    for row in chance.sample(suspect.others, min(ROUNDS, len(suspect.others))):
        found = suspect.findings_after(Delete(suspect.account, row.key))

        assert row.key in [one.key for one in found]
        assert len(found) == 1


def test_swapped_entries_are_both_found(suspect: Suspect, chance: random.Random) -> None:
    for _ in range(5):
        one, other = chance.sample(suspect.entries, 2)

        found = suspect.findings_after(put(one, body=other.body), put(other, body=one.body))

        assert {finding.key for finding in found} == {one.key, other.key}


def test_swapped_bodies_of_rows_are_both_found(suspect: Suspect, chance: random.Random) -> None:
    for _ in range(ROUNDS):
        one, other = chance.sample(suspect.others, 2)
        if one.body == other.body or keys.HEAD in (one.key, other.key):
            continue

        found = suspect.findings_after(put(one, body=other.body), put(other, body=one.body))

        assert {finding.key for finding in found} == {one.key, other.key}


def test_an_altered_revision_is_found(suspect: Suspect, chance: random.Random) -> None:
    for row in chance.sample(suspect.rows, min(ROUNDS, len(suspect.rows))):
        found = suspect.findings_after(put(row, revision=row.revision + chance.choice((-1, 1, 100))))

        assert [one.key for one in found] == [row.key]


def test_an_altered_expiry_is_found(suspect: Suspect, chance: random.Random) -> None:
    for row in chance.sample(suspect.rows, min(ROUNDS, len(suspect.rows))):
        found = suspect.findings_after(put(row, expires=(row.expires or 10**10) + 1))

        assert [one.key for one in found] == [row.key]


@pytest.mark.parametrize("key", ["o/Mailbox/forged", "a", "zz", "x/list/inbox/0000000000001/e", "b/" + "0" * 64])
def test_a_row_that_no_entry_wrote_is_found(suspect: Suspect, key: str) -> None:
    found = suspect.findings_after(Put(Row(suspect.account, key, b"{}", 1)))

    assert found == [Finding(suspect.account, key, "no entry wrote this row", None)]


def test_an_entry_added_at_the_end_is_found(suspect: Suspect) -> None:
    last, _ = unseal(suspect.entries[-1].body)
    forged, _ = seal(last.__class__(last.seq + 1, 0, "me", "test", "", unseal(suspect.entries[-1].body)[1], (), {}))
    row = Row(suspect.account, keys.entry_key(last.seq + 1), forged, last.seq + 1)

    assert [one.key for one in suspect.findings_after(Put(row))] == [keys.HEAD]


def rewritten(row: Row, rewrite: Callable[[dict], None]) -> Put:
    """An entry altered by somebody who knows how to seal it again."""
    entry, _ = unseal(row.body)
    plain = msgspec.to_builtins(entry)
    rewrite(plain)
    return put(row, body=seal(msgspec.convert(plain, type(entry)))[0])


def test_an_entry_sealed_again_is_found_by_the_one_that_followed_it(suspect: Suspect) -> None:
    for row in (suspect.entries[0], suspect.entries[7], suspect.entries[-2]):
        found = suspect.findings_after(rewritten(row, lambda entry: entry.update(actor="somebody else")))

        assert [(one.key, one.seq) for one in found] == [(row.key, seq_of(row))]


def test_the_last_entry_sealed_again_is_found_by_the_head(suspect: Suspect) -> None:
    row = suspect.entries[-1]

    found = suspect.findings_after(rewritten(row, lambda entry: entry.update(actor="somebody else")))

    assert [one.seq for one in found] == [seq_of(row)]


def test_a_history_rewritten_to_its_end_with_the_head_is_found_by_its_rows(suspect: Suspect) -> None:
    """Who can rewrite everything must also find every row that follows from it: here one is forgotten."""
    row = suspect.entries[-1]
    entry, _ = unseal(row.body)
    changed = rewritten(row, lambda plain: plain.update(at=entry.at + 1))
    _, digest = unseal(changed.row.body)
    head = next(one for one in suspect.rows if one.key == keys.HEAD)
    body = encode_body({**_decoded(head), "hash": digest, "usage": {"emails": 0, "bytes": 0}})

    assert [one.key for one in suspect.findings_after(changed, put(head, body=body))] == [keys.HEAD]


def test_a_missing_head_is_found(suspect: Suspect) -> None:
    assert [one.key for one in suspect.findings_after(Delete(suspect.account, keys.HEAD))] == [keys.HEAD]


@pytest.mark.parametrize("body", [b"", b"[]", b"5", b"{}", b"\xff", b'{"seq":"1","hash":1,"states":{},"usage":{}}'])
def test_an_unreadable_head_is_found(suspect: Suspect, body: bytes) -> None:
    head = next(row for row in suspect.rows if row.key == keys.HEAD)

    assert [one.key for one in suspect.findings_after(put(head, body=body))] == [keys.HEAD]


def test_a_row_that_has_expired_may_be_missing(suspect: Suspect, site: Site, clock: FakeClock) -> None:
    expiring = [row for row in suspect.rows if row.expires is not None and row.key.startswith("d/")]
    suspect.now = max(row.expires or 0 for row in expiring) * 1000

    assert suspect.findings_after(*(Delete(suspect.account, row.key) for row in expiring)) == []
    assert suspect.findings() == []


def test_every_ledger_of_a_site_can_be_verified(site: Site, user: User, actor: Actor, tmp_path: Path) -> None:
    transact(site, actor, lambda transaction: transaction.draft(keys.SITE).create("Token", "k1", {}))
    partitions = list(site.store.partitions())

    assert len(partitions) == 4
    for partition in partitions:
        assert Suspect(site, partition, 0, tmp_path).findings() == []


def _decoded(row: Row) -> dict:
    found: dict = json.loads(row.body)
    return found
