"""Mail comes in through the listeners and is there for JMAP when the client is told so."""

from __future__ import annotations

import asyncio
import smtplib
import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest

from homing.bootstrap import Home
from homing.directory.accounts import User, add_address, set_user
from homing.errors import Refused, Temporary
from homing.host.ingest import BUSY, HostIntake
from homing.host.tailer import NotifyingStore
from homing.host.threads import Threads
from homing.lambda_shell import use_site
from homing.ledger.entry import Actor
from homing.ports.landings import Envelope
from homing.ports.store import Batch, Row, Store
from tests.mail import message
from tests.scenarios.serving import LOGIN, PATIENCE, Running, inbox_ids, message_ids

ACTOR = Actor("tester", "test")
SENDER = "bea@sender.example"


def test_what_lmtp_acknowledged_is_in_the_inbox(running: Running) -> None:
    with running.lmtp() as lmtp:
        lmtp.sendmail(SENDER, [LOGIN], message(message_id="one@x"))

    with running.client() as client:
        assert message_ids(client, running.user.account) == ["one@x"]


def test_what_smtp_acknowledged_is_in_the_inbox(running: Running) -> None:
    with smtplib.SMTP(*running.addresses.smtp, timeout=PATIENCE) as smtp:
        smtp.sendmail(SENDER, [LOGIN], message(message_id="one@x"))

    with running.client() as client:
        assert message_ids(client, running.user.account) == ["one@x"]


def test_a_message_that_is_sent_again_is_there_once(running: Running) -> None:
    for _ in range(3):
        with running.lmtp() as lmtp:
            lmtp.sendmail(SENDER, [LOGIN], message(message_id="again@x"))

    with running.client() as client:
        assert message_ids(client, running.user.account) == ["again@x"]


def test_two_equal_messages_without_a_message_id_are_two(running: Running) -> None:
    with running.lmtp() as lmtp:
        for _ in range(2):
            lmtp.sendmail(SENDER, [LOGIN], message(message_id=None))

    with running.client() as client:
        assert len(inbox_ids(client, running.user.account)) == 2


def test_a_message_id_in_the_body_is_none(running: Running) -> None:
    with running.lmtp() as lmtp:
        for _ in range(2):
            lmtp.sendmail(SENDER, [LOGIN], message(message_id=None, body="Message-ID: <a@b>\r\n"))

    with running.client() as client:
        assert len(inbox_ids(client, running.user.account)) == 2


def test_many_senders_at_once_each_have_their_mail_filed_once(running: Running) -> None:
    def send(sender: int) -> None:
        with running.lmtp() as lmtp:
            for number in range(20):
                lmtp.sendmail(SENDER, [LOGIN], message(message_id=f"{sender}.{number}@x"))

    senders = [threading.Thread(target=send, args=(number,)) for number in range(6)]
    for thread in senders:
        thread.start()
    for thread in senders:
        thread.join()

    with running.client() as client:
        found = message_ids(client, running.user.account)
    assert sorted(found) == sorted(f"{sender}.{number}@x" for sender in range(6) for number in range(20))


def reply_to(running: Running, recipient: str) -> tuple[int, str]:
    with running.lmtp() as lmtp:
        lmtp.ehlo_or_helo_if_needed()
        lmtp.mail(SENDER)
        code, text = lmtp.rcpt(recipient)
    return code, text.decode()[:5]


def test_nobody_is_told_at_the_door(running: Running) -> None:
    assert reply_to(running, "nobody@example.org") == (550, "5.1.1")
    assert reply_to(running, "ann@elsewhere.example") == (550, "5.1.1")


def test_a_disabled_account_is_told_at_the_door(running: Running) -> None:
    set_user(running.home.site, ACTOR, LOGIN, disabled=True)

    assert reply_to(running, LOGIN) == (550, "5.2.1")


def test_a_full_account_is_told_at_the_door(running: Running) -> None:
    add_address(running.home.site, ACTOR, "sales@example.org", LOGIN)
    with running.lmtp() as lmtp:
        lmtp.sendmail(SENDER, ["sales@example.org"], message())
    set_user(running.home.site, ACTOR, LOGIN, quota=10)

    assert reply_to(running, LOGIN) == (552, "5.2.2")


def test_an_account_that_is_disabled_after_its_address_was_accepted_gets_nothing(running: Running) -> None:
    with running.lmtp() as lmtp:
        lmtp.sendmail(SENDER, [LOGIN], message(message_id="before@x"))
        set_user(running.home.site, ACTOR, LOGIN, disabled=True)
        with pytest.raises(smtplib.SMTPException, match=r"550, b'5\.2\.1"):
            lmtp.sendmail(SENDER, [LOGIN], message(message_id="after@x"))
    set_user(running.home.site, ACTOR, LOGIN, disabled=False)

    with running.client() as client:
        assert message_ids(client, running.user.account) == ["before@x"]


def test_a_message_too_large_for_the_quota_is_refused_and_a_small_one_is_not(running: Running) -> None:
    set_user(running.home.site, ACTOR, LOGIN, quota=5_000)
    with running.lmtp() as lmtp:
        with pytest.raises(smtplib.SMTPDataError, match="552"):
            lmtp.sendmail(SENDER, [LOGIN], message(message_id="large@x", body="x" * 80 + "\r\n" * 5_000))
        lmtp.sendmail(SENDER, [LOGIN], message(message_id="small@x"))

    with running.client() as client:
        assert message_ids(client, running.user.account) == ["small@x"]


def test_postmaster_without_a_domain_is_ours_if_somebody_is(running: Running) -> None:
    assert reply_to(running, "postmaster") == (550, "5.1.1")
    add_address(running.home.site, ACTOR, "postmaster@localhost", LOGIN)

    with running.lmtp() as lmtp:
        lmtp.sendmail(SENDER, ["Postmaster"], message(message_id="to-postmaster@x"))

    with running.client() as client:
        assert message_ids(client, running.user.account) == ["to-postmaster@x"]


def test_one_message_to_two_addresses_of_one_account_is_there_once(running: Running) -> None:
    add_address(running.home.site, ACTOR, "sales@example.org", LOGIN)
    with smtplib.SMTP(*running.addresses.smtp, timeout=PATIENCE) as smtp:
        assert smtp.sendmail(SENDER, [LOGIN, "sales@example.org"], message(message_id="both@x")) == {}

    with running.client() as client:
        assert message_ids(client, running.user.account) == ["both@x"]


class FullStore(NotifyingStore):
    """A store that cannot be written to."""

    def commit(self, batch: Batch) -> None:
        raise Temporary("storeUnavailable", "the disk is full")


def test_mail_that_cannot_be_stored_now_stays_with_its_sender(home: Home, served_user: User) -> None:
    running = Running(replace(home, site=replace(home.site, store=FullStore(home.site.store))), served_user)
    try:
        with running.lmtp() as lmtp, pytest.raises(smtplib.SMTPDataError, match="451"):
            lmtp.sendmail(SENDER, [LOGIN], message(message_id="later@x"))
    finally:
        running.stop()


def test_more_mail_than_may_wait_is_put_off_and_what_waits_is_filed(home: Home, served_user: User) -> None:
    use_site(home.site)

    async def scenario() -> tuple[Sequence[Refused | None], Sequence[Refused | None]]:
        calls = Threads(1, "call")
        intake = HostIntake(home.site, home.landings, calls, waiting_messages=1)
        waiting = asyncio.create_task(intake.deliver(Envelope(SENDER, (LOGIN,)), b"", message(message_id="one@x")))
        await asyncio.sleep(0)
        refused = await intake.deliver(Envelope(SENDER, (LOGIN,)), b"", message(message_id="two@x"))
        intake.start()
        return await waiting, refused

    assert asyncio.run(scenario()) == ((None,), (BUSY,))


class Held(NotifyingStore):
    """A store that lets nobody sign in before it is told to."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.asked = threading.Semaphore(0)
        self.released = threading.Event()

    def get(self, partition: str, key: str) -> Row | None:
        if key.startswith("o/Login/"):
            self.asked.release()
            self.released.wait(PATIENCE)
        return super().get(partition, key)


def test_mail_comes_in_while_every_thread_for_calls_is_busy(home: Home, served_user: User) -> None:
    store = Held(home.site.store)
    running = Running(replace(home, site=replace(home.site, store=store)), served_user)
    asking = [threading.Thread(target=sign_in, args=(running,)) for _ in range(running.settings.calls)]
    try:
        for thread in asking:
            thread.start()
            assert store.asked.acquire(timeout=PATIENCE)
        with running.lmtp() as lmtp:
            assert lmtp.sendmail(SENDER, [LOGIN], message(message_id="meanwhile@x")) == {}
    finally:
        store.released.set()
        for thread in asking:
            thread.join()
        running.stop()


def sign_in(running: Running) -> None:
    with running.client() as client:
        client.get("/jmap/session")
