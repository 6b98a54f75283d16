"""Who may have mail: the refusals of a recipient (RFC 5321 §4.2, RFC 3463 §3.2 and §3.3), worded once.

The door asks before it takes a message, filing decides in the commit. Never sees a message.
"""

from __future__ import annotations

from typing import Final

from homing.directory.addresses import find_accounts
from homing.errors import Refused
from homing.ledger import keys
from homing.ledger.view import View
from homing.site import Site

NO_SUCH_USER: Final = (550, "5.1.1", "No such user here")


def recipient_refusal(site: Site, address: str) -> Refused | None:
    """Why no mail at all for an address would be filed now, or None. Two or three reads."""
    account = find_accounts(site.store, [address]).get(address)
    if account is None:
        return Refused(*NO_SUCH_USER)
    return account_refusal(View(site.store, account, site.clock.now()), 1)


def account_refusal(account: View, size: int, added: int = 0) -> Refused | None:
    """Why an account cannot have `size` bytes of mail, or None; `added` is what this commit gives it already.

    Usage is the sum of the sizes of all emails, as RFC 9425 counts octets. The head is read only for a quota.
    """
    settings = account.object("Account", keys.SELF)
    if settings is None:
        return Refused(*NO_SUCH_USER)
    if settings.get("disabled"):
        return Refused(550, "5.2.1", "This mailbox is disabled")
    quota: int | None = settings.get("quota")
    if quota is not None and account.head.bytes + added + size > quota:
        return Refused(552, "5.2.2", "This mailbox is full")
    return None
