"""The check of a whole site: what it finds, and that it is not misled by a site in use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import apsw
import pytest

from homing.adapters.sqlite import Database, SqliteStore
from homing.bootstrap import scratch_store
from homing.delivery.accept import accept
from homing.directory.accounts import User
from homing.ledger import keys
from homing.ledger.verify import Finding
from homing.move.verify import Looked, ledgers_of, replay_ledgers, verify_blobs, verify_ledgers
from homing.ports.blobs import digest_of
from homing.ports.store import Batch, Delete, Put, Store
from homing.site import Site
from tests.mail import landed, message

RAW = message("Whole")


@pytest.fixture
def filled(site: Site, user: User) -> Site:
    accept(site, [landed(RAW), landed(message("Other"))])
    return site


def ledgers(site: Site, how: Callable[..., Iterator[Finding]] = verify_ledgers) -> tuple[list[Finding], Looked]:
    looked = Looked()
    return list(how(site, ledgers_of(site.store), scratch_store, looked, lambda _: None)), looked


def blobs(site: Site, user: User, *, hashing: bool = True) -> list[str]:
    return [f.what for f in verify_blobs(site, [user.account], Looked(), lambda _: None, hashing=hashing)]


@pytest.mark.parametrize("how", [verify_ledgers, replay_ledgers])
def test_a_sound_site_gives_no_findings(filled: Site, user: User, how: Callable[..., Iterator[Finding]]) -> None:
    findings, looked = ledgers(filled, how)

    assert findings == []
    assert looked.ledgers == len(ledgers_of(filled.store)) == 3
    assert looked.entries == 4
    assert blobs(filled, user) == []


def test_the_outbox_has_no_ledger(filled: Site) -> None:
    assert not any(partition.startswith(("!tasks/", "!dead/")) for partition in ledgers_of(filled.store))


@pytest.mark.parametrize("how", [verify_ledgers, replay_ledgers])
def test_a_row_that_was_altered_is_found(filled: Site, user: User, how: Callable[..., Iterator[Finding]]) -> None:
    row = filled.store.get(user.account, keys.object_key("Mailbox", keys.INBOX))
    assert row is not None
    filled.store.commit(Batch((Put(row._replace(body=row.body.replace(b"Inbox", b"inbox"))),)))

    findings, _ = ledgers(filled, how)

    assert [(finding.partition, finding.key, finding.what) for finding in findings] == [
        (user.account, row.key, "the row was altered")
    ]


def test_an_entry_that_was_removed_is_found_by_the_chain(filled: Site, user: User) -> None:
    filled.store.commit(Batch((Delete(user.account, keys.entry_key(1)),)))

    findings, _ = ledgers(filled)

    assert [finding.key for finding in findings] == [keys.entry_key(1)]


def alter(site: Site, sql: str, *values: object) -> None:
    path = site.config.data / "site.db"
    connection = apsw.Connection(str(path))
    connection.execute(sql, values)
    connection.close()


def test_a_blob_that_is_missing_is_found_without_hashing(filled: Site, user: User) -> None:
    filled.blobs.delete(digest_of(RAW))

    assert blobs(filled, user, hashing=False) == [f"its blob {digest_of(RAW)} is missing"]


def test_a_blob_whose_bytes_were_altered_is_found_by_hashing(filled: Site, user: User) -> None:
    altered = RAW.replace(b"Whole", b"whole")
    alter(filled, "UPDATE blobs SET content = ? WHERE digest = ?", altered, bytes.fromhex(digest_of(RAW)))

    assert blobs(filled, user, hashing=False) == []
    assert blobs(filled, user) == [f"the bytes of its blob {digest_of(RAW)} were altered"]


def test_a_blob_of_another_size_is_found_without_hashing(filled: Site, user: User) -> None:
    alter(filled, "UPDATE blobs SET size = 7 WHERE digest = ?", bytes.fromhex(digest_of(RAW)))

    assert blobs(filled, user, hashing=False) == [f"its blob {digest_of(RAW)} has 7 bytes instead of {len(RAW)}"]


def test_a_blob_that_has_lost_a_piece_is_found_and_does_not_end_the_search(site: Site, user: User) -> None:
    large = message("Large", body="x" * 700_000)
    accept(site, [landed(large), landed(RAW)])
    alter(site, "DELETE FROM pieces WHERE number = 1")
    site.blobs.delete(digest_of(RAW))

    found = sorted(blobs(site, user))

    assert len(found) == 2
    assert any("cannot be read" in what for what in found)
    assert any("is missing" in what for what in found)


def test_a_record_that_is_damaged_is_found(filled: Site, user: User) -> None:
    row = next(filled.store.scan(user.account, *keys.prefix_range(keys.object_key("Email", ""))))
    filled.store.commit(Batch((Put(row._replace(body=b"{")),)))

    assert blobs(filled, user) == ["it names no blob"]


def test_mail_that_arrives_during_the_check_is_no_finding(filled: Site, user: User) -> None:
    made: list[int] = []

    @contextmanager
    def disturbed() -> Iterator[Store]:
        """A scratch store; when the first one is asked for, a message arrives after its entries were read."""
        with scratch_store() as store:
            made.append(1)
            yield Disturbing(store, filled) if len(made) == 1 else store

    looked = Looked()
    findings = list(verify_ledgers(filled, [user.account], disturbed, looked, lambda _: None))

    assert findings == []
    assert len(made) == 2


class Disturbing:
    """A scratch store; a message is delivered to the site when its rows are about to be compared."""

    def __init__(self, store: Store, site: Site) -> None:
        self._store = store
        self._site = site

    def __getattr__(self, name: str) -> object:
        if name == "scan":
            accept(self._site, [landed(message("Late"))])
        return getattr(self._store, name)


def test_a_ledger_that_never_stands_still_is_told(filled: Site, user: User) -> None:
    @contextmanager
    def disturbed() -> Iterator[Store]:
        with scratch_store() as store:
            yield Disturbing(store, filled)  # type: ignore[misc]

    findings = list(verify_ledgers(filled, [user.account], disturbed, Looked(), lambda _: None))

    assert [finding.what for finding in findings] == ["this ledger changes too fast to be checked; try again"]


def test_a_scratch_store_is_empty_and_leaves_nothing() -> None:
    with scratch_store() as store:
        assert list(store.partitions()) == []
        assert isinstance(store, SqliteStore)
        database: Database = store._database
        assert database.path.exists()
    assert not database.path.exists()
