"""SIGKILL while mail pours in: after a restart, what was acknowledged is there, exactly once."""

from __future__ import annotations

import signal
import smtplib
import threading
from dataclasses import dataclass, field
from pathlib import Path

from tests.mail import message
from tests.scenarios.serving import LOGIN, Served, message_ids, served

SENDERS = 4
BEFORE_THE_KILL = 60


@dataclass
class Record:
    """What the senders know: what was sent, and for which of it they have a 250."""

    sent: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    enough: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, lmtp: smtplib.LMTP, id: str) -> None:
        with self.lock:
            self.sent.add(id)
        lmtp.sendmail("bea@sender.example", [LOGIN], message(message_id=id, body="Hello.\r\n" * 500))
        with self.lock:
            self.acknowledged.add(id)
            if len(self.acknowledged) >= BEFORE_THE_KILL:
                self.enough.set()


def pour(serving: Served, record: Record, sender: int) -> None:
    """Send until the other end is gone."""
    try:
        with serving.lmtp() as lmtp:
            for number in range(10_000):
                record.send(lmtp, f"{sender}.{number}@x")
    except (OSError, smtplib.SMTPException):
        pass


def test_after_a_kill_everything_acknowledged_is_there_exactly_once(data: Path) -> None:
    record = Record()
    with served(data) as serving:
        senders = [threading.Thread(target=pour, args=(serving, record, number)) for number in range(SENDERS)]
        for thread in senders:
            thread.start()
        assert record.enough.wait(60)
        serving.signal(signal.SIGKILL)
        serving.wait()
        for thread in senders:
            thread.join()

    with served(data) as serving, serving.client() as client:
        account = client.get("/jmap/session").json()["primaryAccounts"]["urn:ietf:params:jmap:mail"]
        found = message_ids(client, account)
        unanswered = record.sent - record.acknowledged
        with serving.lmtp() as lmtp:  # as every sender does with what was not acknowledged
            for id in sorted(unanswered):
                record.send(lmtp, id)
        afterwards = message_ids(client, account)

    assert len(found) == len(set(found))
    assert set(found) >= record.acknowledged - unanswered
    assert sorted(afterwards) == sorted(record.sent)
