"""Nobody sends in the name of somebody else, whatever the message is made of."""

from __future__ import annotations

import pytest

from homing.site import Site
from tests.rooms.submission.posting import Sender, sent, store, work

ENVELOPE = {"mailFrom": {"email": "ann@example.org"}, "rcptTo": [{"email": "eve@example.com"}]}
OWN = b"From: ann@example.org\r\nTo: eve@example.com\r\n"
REST = b"Subject: x\r\n\r\nText\r\n"


@pytest.mark.parametrize(
    ("block", "error"),
    [
        (b"X-A: b\rFrom: bob@example.org\r\n" + OWN, "invalidEmail"),
        (b"X-A: b\rFrom: bob@example.org\r\rText\r\n" + OWN, "invalidEmail"),
        (OWN + b"X-A: b\rBcc: eve@example.com\r\n", "invalidEmail"),
        (OWN + b"no field\r\nFrom: bob@example.org\r\n", "invalidEmail"),
        (OWN + b"X: y\r\n" * 2_000 + b"From: bob@example.org\r\n", "invalidEmail"),
        (b" From: bob@example.org\r\n" + OWN, "invalidEmail"),
        (b"From: bob@example.org\r\nTo: eve@example.com\r\n", "forbiddenFrom"),
        (b"Sender: bob@example.org\r\n" + OWN, "forbiddenFrom"),
        (b"Resent-From: ann@example.org\r\nFrom: bob@example.org\r\n", "forbiddenFrom"),
        (b"Resent-From: ann@example.org\r\nFrom: nobody@example.org\r\n", "forbiddenFrom"),
        (b"Resent-From: bob@example.org\r\n" + OWN, "forbiddenFrom"),
    ],
)
def test_a_message_that_others_may_read_as_somebody_elses_is_not_sent(
    site: Site, ann: Sender, bob: Sender, block: bytes, error: str
) -> None:
    email = store(site, ann.user, block + REST)

    assert ann.refusal(email, envelope=ENVELOPE)["type"] == error
    assert (work(site), sent(site)) == (0, [])


def test_a_message_of_somebody_elsewhere_is_sent_again_by_who_puts_her_name_to_it(site: Site, ann: Sender) -> None:
    block = b"Resent-From: ann@example.org\r\nFrom: bea@example.com\r\nSender: cas@example.com\r\n"

    ann.submit(store(site, ann.user, block + REST), envelope=ENVELOPE)
    work(site)

    assert sent(site)[0].raw.endswith(block + REST)
