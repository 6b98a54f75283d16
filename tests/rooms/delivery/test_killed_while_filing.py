"""A process killed with SIGKILL while mail pours in has lost nothing that it had acknowledged."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

from homing.adapters.sqlite import Database, SqliteBlobs, SqliteStore
from homing.delivery.accept import accept
from homing.directory.accounts import create_user
from homing.ids import thread_of
from homing.ledger.entry import Actor
from homing.ledger.view import View
from homing.ports.blobs import digest_of
from homing.site import Site

from .ingest_until_killed import landing
from .outcome import assert_sound, outcome_of, work_off

ROUNDS = 3
ACKNOWLEDGED_A_ROUND = 25


def ingest_and_kill(data: Path, first: int) -> list[int]:
    """Numbers that a child acknowledged before it was killed in the middle of its work."""
    command = [sys.executable, "-m", "tests.rooms.delivery.ingest_until_killed", str(data), str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        acknowledged = [int(line) for line, _ in zip(child.stdout, range(ACKNOWLEDGED_A_ROUND), strict=False)]
        child.kill()
        rest = child.stdout.read()
    assert child.returncode == -9
    complete = rest[: rest.rfind("\n") + 1]
    return acknowledged + [int(line) for line in complete.split()]


def emails_by_blob(site: Site, account: str) -> Counter[str]:
    emails = View(site.store, account, site.clock.now()).all_objects("Email").values()
    return Counter(email["blob"] for email in emails)


def test_after_each_kill_all_acknowledged_mail_is_there_once(site: Site, actor: Actor, tmp_path: Path) -> None:
    account = create_user(site, actor, "ann@example.org", "correct horse").account
    acknowledged: list[int] = []
    digests: dict[int, str] = {}

    for _ in range(ROUNDS):
        acknowledged += ingest_and_kill(tmp_path, (acknowledged or [-1])[-1] + 1)
        digests |= {number: digest_of(landing(number).raw) for number in acknowledged if number not in digests}
        found = emails_by_blob(site, account)
        assert [number for number in acknowledged if found[digests[number]] != 1] == []
        assert max(found.values()) == 1
        assert_sound(site, [account], tmp_path)

    assert len(acknowledged) >= ROUNDS * ACKNOWLEDGED_A_ROUND
    filed = outcome_of(site, account)
    known = range(acknowledged[-1] + 1)
    for number in known:
        assert accept(site, [landing(number)]) == [[None]]
    work_off(site)
    found = emails_by_blob(site, account)
    assert all(found[digests.get(number) or digest_of(landing(number).raw)] == 1 for number in known)
    assert max(found.values()) == 1
    if len(known) == len(acknowledged) == filed[2][0]:
        assert outcome_of(site, account) == filed
    threads = {thread_of(id) for id in View(site.store, account, 0).all_objects("Email")}
    assert len(threads) == 11
    assert_sound(site, [account], tmp_path)


def test_what_a_kill_leaves_of_a_large_blob_is_swept(site: Site, actor: Actor, tmp_path: Path) -> None:
    create_user(site, actor, "ann@example.org", "correct horse")
    acknowledged = ingest_and_kill(tmp_path, 0)
    database = Database(tmp_path / "site.db", durable=False)
    blobs, later = SqliteBlobs(database), 10**11

    blobs.sweep(later)

    assert blobs.sweep(later) == 0
    assert all(blobs.size(digest_of(landing(number).raw)) for number in acknowledged)
    assert SqliteStore(database).get("!addr/example.org", "h") is not None
    database.close()
