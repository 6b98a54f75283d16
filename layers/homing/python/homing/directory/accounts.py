"""Users and their accounts: made in one commit over tenant, domain and account, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from homing.directory.addresses import Address, parse_address
from homing.directory.credentials import hash_password
from homing.errors import Permanent
from homing.ledger import keys
from homing.ledger.entry import Actor
from homing.ledger.transact import Draft, Transaction, transact
from homing.ledger.view import View
from homing.site import Site

DEFAULT_TENANT: Final = "default"

_MAILBOXES: Final = (
    (keys.INBOX, "Inbox", "inbox"),
    ("drafts", "Drafts", "drafts"),
    ("sent", "Sent", "sent"),
    ("archive", "Archive", "archive"),
    ("junk", "Junk", "junk"),
    (keys.TRASH, "Trash", "trash"),
)


@dataclass(frozen=True, slots=True)
class User:
    """A person with an account. `quota` is in bytes, None for no limit."""

    account: str
    login: str
    name: str
    quota: int | None = None
    disabled: bool = False


def create_user(
    site: Site, actor: Actor, login: str, password: str, *, name: str = "", quota: int | None = None
) -> User:
    """Make a user with an account and the usual mailboxes; its domain is made if it is new.

    Raises:
        Permanent: not an address, a password that is too short, or the address is taken.
    """
    address = _address(login)
    secret = hash_password(password)
    account = site.new_id("a")
    user = User(account, str(address), name or address.local, quota)

    def decide(transaction: Transaction) -> User:
        _take_address(transaction, address, account, secret)
        tenant = transaction.draft(keys.tenant_partition(DEFAULT_TENANT))
        tenant.create("Principal", account, {"type": "user", "login": user.login, "name": user.name})
        _furnish(transaction.draft(account), user)
        return user

    return transact(site, actor, decide)


def set_user(
    site: Site, actor: Actor, login: str, *, disabled: bool | None = None, quota: int | None = None, password: str = ""
) -> User:
    """Change a user; what is None (or "") stays. A `quota` of 0 or less takes the limit away.

    Raises:
        Permanent: no such user, or a password that is too short.
    """
    address = _address(login)
    secret = hash_password(password) if password else ""

    def decide(transaction: Transaction) -> User:
        domain = transaction.draft(keys.address_partition(address.domain))
        account = _account_of(domain, address)
        if secret:
            domain.update("Login", address.local, {"password": secret})
        draft = transaction.draft(account)
        patch: dict[str, Any] = {} if disabled is None else {"disabled": True if disabled else None}
        if quota is not None:
            patch["quota"] = quota if quota > 0 else None
        if patch:
            draft.update("Account", keys.SELF, patch)
        return _user(account, draft.object("Account", keys.SELF) or {})

    return transact(site, actor, decide)


def add_address(site: Site, actor: Actor, alias: str, login: str) -> None:
    """Let a user receive under one more address.

    Raises:
        Permanent: not an address, taken, or no such user.
    """
    address, owner = _address(alias), _address(login)

    def decide(transaction: Transaction) -> None:
        account = _account_of(transaction.draft(keys.address_partition(owner.domain)), owner)
        _create_address(_domain(transaction, address.domain), address, account)

    transact(site, actor, decide)


def share_account(site: Site, actor: Actor, owner: str, other: str, *, read_only: bool = False) -> None:
    """Let another user into the whole of a user's account; both accounts know it by one commit.

    Raises:
        Permanent: no such user, or both are the same.
    """
    _set_share(site, actor, owner, other, {"isReadOnly": read_only})


def unshare_account(site: Site, actor: Actor, owner: str, other: str) -> None:
    """Undo `share_account`; harmless if the account is not shared with this user.

    Raises:
        Permanent: no such user, or both are the same.
    """
    _set_share(site, actor, owner, other, None)


def _set_share(site: Site, actor: Actor, owner: str, other: str, share: dict[str, Any] | None) -> None:
    owner_address, other_address = _address(owner), _address(other)

    def decide(transaction: Transaction) -> None:
        theirs = _account_of(transaction.draft(keys.address_partition(owner_address.domain)), owner_address)
        guest = _account_of(transaction.draft(keys.address_partition(other_address.domain)), other_address)
        if theirs == guest:
            raise Permanent("sameUser", "an account is shared with another user", login=other)
        named = None if share is None else {**share, "name": str(owner_address)}
        transaction.draft(guest).update("Account", keys.SELF, {"shared": {theirs: named}})
        given = None if share is None else {**share, "name": str(other_address)}
        transaction.draft(theirs).update("Account", keys.SELF, {"sharedWith": {guest: given}})

    transact(site, actor, decide)


def find_user(site: Site, login: str) -> User:
    """The user with this login.

    Raises:
        Permanent: no such user.
    """
    address, now = _address(login), site.clock.now()
    account = _account_of(View(site.store, keys.address_partition(address.domain), now), address)
    return _user(account, View(site.store, account, now).object("Account", keys.SELF) or {})


def list_accounts(site: Site) -> list[str]:
    """Every account of the site's one tenant, the oldest first. One scan, of the tenant's principals alone."""
    return list(View(site.store, keys.tenant_partition(DEFAULT_TENANT), site.clock.now()).all_objects("Principal"))


def list_users(site: Site) -> Iterator[User]:
    """Every user of the site's one tenant, the oldest first."""
    now = site.clock.now()
    for account in list_accounts(site):
        yield _user(account, View(site.store, account, now).object("Account", keys.SELF) or {})


def _take_address(transaction: Transaction, address: Address, account: str, secret: str) -> None:
    domain = _domain(transaction, address.domain)
    _create_address(domain, address, account)
    domain.create("Login", address.local, {"account": account, "password": secret})


def _domain(transaction: Transaction, name: str) -> Draft:
    draft = transaction.draft(keys.address_partition(name))
    if draft.object("Domain", keys.SELF) is None:
        draft.create("Domain", keys.SELF, {"tenant": DEFAULT_TENANT})
    return draft


def _create_address(domain: Draft, address: Address, account: str) -> None:
    if domain.object("Address", address.local) is not None:
        raise Permanent("addressTaken", "this address is taken; choose another", address=str(address))
    domain.create("Address", address.local, {"account": account})


def _furnish(draft: Draft, user: User) -> None:
    settings: dict[str, Any] = {"login": user.login, "name": user.name, "tenant": DEFAULT_TENANT}
    if user.quota:
        settings["quota"] = user.quota
    draft.create("Account", keys.SELF, settings)
    for order, (id, name, role) in enumerate(_MAILBOXES, 1):
        draft.create("Mailbox", id, {"name": name, "role": role, "sortOrder": order, "isSubscribed": True})


def _user(account: str, settings: dict[str, Any]) -> User:
    return User(account, settings["login"], settings["name"], settings.get("quota"), settings.get("disabled", False))


def _address(text: str) -> Address:
    address = parse_address(text)
    if address is None:
        raise Permanent("badAddress", "write the address as name@domain", address=text)
    return address


def _account_of(domain: View, login: Address) -> str:
    """The account of whoever signs in with this address."""
    entry = domain.object("Login", login.local)
    if entry is None:
        raise Permanent("noSuchUser", "there is no user with this login", login=str(login))
    account: str = entry["account"]
    return account
