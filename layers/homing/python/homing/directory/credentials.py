"""Passwords (argon2id, RFC 9106) and bearer tokens. Nothing here is ever logged."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cache
from typing import Final, NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from homing.directory.addresses import parse_address
from homing.errors import Permanent
from homing.ids import is_id
from homing.ledger import keys
from homing.ledger.entry import Actor, decode_body
from homing.ledger.transact import Transaction, transact
from homing.ledger.view import View
from homing.ports.store import Row, Store
from homing.site import Site

MIN_PASSWORD: Final = 8
TOKEN_PREFIX: Final = "homing"  # noqa: S105  # public: it names the kind of token
REMEMBERED: Final = 1_024

_hasher: Final = PasswordHasher()


class Credential(NamedTuple):
    """By what somebody signed in: the row of a password or a token. It holds as long as that row stays as it is."""

    partition: str
    key: str
    revision: int

    def holds(self, row: Row | None) -> bool:
        """Whether it can still be used; `row` is what now stands in its place."""
        return row is not None and row.revision == self.revision


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is asking: a login and the account that belongs to it."""

    login: str
    account: str
    credential: Credential | None = field(default=None, compare=False)


class PasswordMemory:
    """Passwords that were right a moment ago, so that argon2's 30 ms are paid once and not at each request.

    Holds only keyed digests (the key lives as long as the process), and each is bound to the revision of
    the login's row: a new password forgets the old one at once.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._lock = threading.Lock()

    def verify(self, row: Row, stored: str, password: str) -> bool:
        """Whether `password` is the one that `stored` was made of."""
        text = f"{row.partition}\0{row.key}\0{row.revision}\0{stored}\0{password}"
        digest = hmac.digest(self._key, text.encode(errors="surrogatepass"), "sha256")
        with self._lock:
            if digest in self._known:
                self._known.move_to_end(digest)
                return True
        if not check_password(stored, password):
            return False
        with self._lock:
            self._known[digest] = None
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return True


_memory: Final = PasswordMemory()


@cache
def _nobody() -> str:
    """What an unknown login's password is checked against. Made on first use: a hash costs an import 50 ms."""
    return _hasher.hash("nobody has this password")


def hash_password(password: str) -> str:
    """The argon2id string that is stored.

    Raises:
        Permanent: shorter than `MIN_PASSWORD` characters.
    """
    if len(password) < MIN_PASSWORD:
        raise Permanent("passwordTooShort", f"a password has at least {MIN_PASSWORD} characters")
    return _hasher.hash(password)


def check_password(stored: str, password: str) -> bool:
    """Whether `password` gives `stored`; in constant time, and some 30 ms."""
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False


def authenticate_password(store: Store, login: str, password: str, memory: PasswordMemory = _memory) -> Identity | None:
    """Who signs in with this password, or None. One read; an unknown login takes as long as a wrong password."""
    address = parse_address(login)
    row = None
    if address is not None:
        row = store.get(keys.address_partition(address.domain), keys.object_key("Login", address.local))
    if row is None:
        check_password(_nobody(), password)
        return None
    body = decode_body(row.body)
    if not memory.verify(row, body["password"], password):
        return None
    return Identity(str(address), body["account"], Credential(row.partition, row.key, row.revision))


def create_token(site: Site, actor: Actor, identity: Identity, label: str = "") -> str:
    """A new bearer token (RFC 6750) for a user; only its hash is stored, so it can be shown only now."""
    id = site.new_id("k")
    secret = site.ids.random(32).hex()

    def decide(transaction: Transaction) -> str:
        body = {"login": identity.login, "account": identity.account, "hash": _token_hash(secret), "label": label}
        transaction.draft(keys.SITE).create("Token", id, body)
        return f"{TOKEN_PREFIX}_{id}_{secret}"

    return transact(site, actor, decide)


def list_tokens(site: Site, login: str) -> dict[str, str]:
    """The tokens of a user: their labels by id, the oldest first. Reads every token of the site."""
    tokens = View(site.store, keys.SITE, site.clock.now()).all_objects("Token")
    return {id: token["label"] for id, token in tokens.items() if token["login"] == login}


def revoke_token(site: Site, actor: Actor, id: str) -> None:
    """Let a token sign in no more; at once.

    Raises:
        Permanent: there is no such token.
    """

    def decide(transaction: Transaction) -> None:
        draft = transaction.draft(keys.SITE)
        if draft.object("Token", id) is None:
            raise Permanent("noSuchToken", "there is no token with this id", id=id)
        draft.destroy("Token", id)

    transact(site, actor, decide)


def authenticate_token(store: Store, token: str) -> Identity | None:
    """Who this bearer token belongs to, or None. One read."""
    prefix, _, rest = token.partition("_")
    id, _, secret = rest.partition("_")
    if prefix != TOKEN_PREFIX or not is_id(id):
        return None
    row = store.get(keys.SITE, keys.object_key("Token", id))
    if row is None:
        return None
    body = decode_body(row.body)
    if not hmac.compare_digest(body["hash"], _token_hash(secret)):
        return None
    return Identity(body["login"], body["account"], Credential(row.partition, row.key, row.revision))


def _token_hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
