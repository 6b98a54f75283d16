"""What the door says of a recipient, and filing afterwards: the same words."""

from __future__ import annotations

import pytest

from homing.delivery.accept import accept
from homing.delivery.recipients import recipient_refusal
from homing.directory.accounts import User, set_user
from homing.ledger.entry import Actor
from homing.site import Site
from tests.mail import landed, message

ANN = "ann@example.org"


def filing_says(site: Site, address: str) -> str | None:
    [[reply]] = accept(site, [landed(message(), address)])
    return reply and reply.to_reply()


def door_says(site: Site, address: str) -> str | None:
    refusal = recipient_refusal(site, address)
    return refusal and refusal.to_reply()


@pytest.mark.parametrize("address", [ANN, "nobody@example.org", "no address"])
def test_the_door_says_of_an_address_what_filing_says(site: Site, user: User, address: str) -> None:
    assert door_says(site, address) == filing_says(site, address)


def test_the_door_refuses_a_disabled_user_as_filing_does(site: Site, actor: Actor, user: User) -> None:
    set_user(site, actor, ANN, disabled=True)

    assert door_says(site, ANN) == filing_says(site, ANN) == "550 5.2.1 This mailbox is disabled"


def test_the_door_lets_in_while_one_byte_is_free(site: Site, actor: Actor, user: User) -> None:
    size = len(message())
    set_user(site, actor, ANN, quota=size)

    assert door_says(site, ANN) is None
    assert filing_says(site, ANN) is None
    assert door_says(site, ANN) == filing_says(site, ANN) == "552 5.2.2 This mailbox is full"
