"""`accept`: landed mail becomes email, step by step.

    landed -recipients-> accounts -store-> blobs -arrival_of-> arrivals -file-> one commit an account

Redelivered, reordered or killed between any two steps, the end state is the same: the blob is stored
under its hash, and a delivery that was done is known by its marker, written in the commit that files it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from homing.delivery.arrival import Arrival, addressed, arrival_of
from homing.delivery.file import file
from homing.delivery.recipients import NO_SUCH_USER
from homing.directory.addresses import find_accounts
from homing.errors import Permanent, Refused, Temporary
from homing.ledger.entry import Actor
from homing.ports.landings import Landed
from homing.site import Site

Replies = list[Refused | None]


def accept(site: Site, landed: Sequence[Landed]) -> list[Replies]:
    """File landed messages; for each, a reply for each recipient of its envelope (None: filed).

    A reply of the 4xx class asks for the same message again. Raises `Temporary` if nothing could be
    decided at all.
    """
    accounts = find_accounts(site.store, {address for one in landed for address in one.envelope.rcpt_to})
    wanted = [one for one in landed if any(address in accounts for address in one.envelope.rcpt_to)]
    digests = site.blobs.put_many([one.raw for one in wanted])
    now = site.clock.now()
    arrivals = {one.source: arrival_of(one, digest, now) for one, digest in zip(wanted, digests, strict=True)}
    filed = {account: _file_all(site, account, one) for account, one in _by_account(landed, accounts, arrivals).items()}
    return [[_reply(one, address, accounts, filed) for address in one.envelope.rcpt_to] for one in landed]


def _by_account(
    landed: Sequence[Landed], accounts: Mapping[str, str], arrivals: Mapping[str, Arrival]
) -> dict[str, dict[str, Arrival]]:
    """Arrivals by account and source: two addresses of one account are one arrival, that came by the first."""
    grouped: dict[str, dict[str, Arrival]] = {}
    for one in landed:
        for address in one.envelope.rcpt_to:
            if (account := accounts.get(address)) is not None:
                sources = grouped.setdefault(account, {})
                sources.setdefault(one.source, addressed(arrivals[one.source], address))
    return grouped


def _file_all(site: Site, account: str, arrivals: Mapping[str, Arrival]) -> dict[str, Refused | None]:
    """Replies by source. An account that is busy or damaged must not stop the others: hence the one `except`.

    Neither loses the mail: who sent it keeps it and tries again.
    """
    try:
        replies = file(site, _actor(arrivals), account, list(arrivals.values()))
    except (Temporary, Permanent) as error:
        refusal = Refused(451, "4.3.0", "Try again later", cause=error.type)
        return dict.fromkeys(arrivals, refusal)
    return dict(zip(arrivals, replies, strict=True))


def _actor(arrivals: Mapping[str, Arrival]) -> Actor:
    first = next(iter(arrivals.values()))
    return Actor("delivery", str(first.provenance["envelope"]["protocol"]), first.delivery)


def _reply(
    one: Landed, address: str, accounts: Mapping[str, str], filed: Mapping[str, Mapping[str, Refused | None]]
) -> Refused | None:
    account = accounts.get(address)
    if account is None:
        return Refused(*NO_SUCH_USER, address=address)
    return filed[account][one.source]
