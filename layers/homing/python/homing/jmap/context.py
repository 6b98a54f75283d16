"""What a method call knows: the site, who asks, and what this request has read and created so far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from homing.directory.credentials import Identity
from homing.errors import MethodError
from homing.ledger import keys
from homing.ledger.entry import Actor
from homing.ledger.rows import Body, head_of, value_of
from homing.ledger.transact import Draft, Transaction
from homing.ledger.view import View
from homing.ports.store import Store
from homing.site import Site


class Opened(View):
    """An account that a request reads: its head, its settings and what a method knows beforehand to need,
    in one call of the store.

    Those rows may be a moment older than the head, unlike all that is read later; a client that kept them
    under the state which the head names would miss a change. So they are kept apart.
    """

    def __init__(self, store: Store, account: str, now: int, wanted: Iterable[str] = ()) -> None:
        super().__init__(store, account, now)
        places = {key: (account, key) for key in (keys.HEAD, keys.object_key("Account", keys.SELF), *wanted)}
        found = store.get_many(list(places.values()))
        self.head = head_of(found.get(places.pop(keys.HEAD)))
        self._early = {key: value_of(found.get(place), now) for key, place in places.items()}

    def early(self, type: str, id: str) -> Body | None:
        """An object, perhaps as it was a moment before the head."""
        key = keys.object_key(type, id)
        value = self._early[key] if key in self._early else self.value(key)
        return value.body if value else None


@dataclass(slots=True)
class Context:
    """One request. `created` maps creation ids to ids across its calls (RFC 8620 §5.3); `using` are the capabilities
    that it names."""

    site: Site
    identity: Identity
    correlation: str
    created: dict[str, str] = field(default_factory=dict)
    using: Sequence[str] = ()
    implied: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    _fetched: int = 0
    _views: dict[str, Opened] = field(default_factory=dict)
    _own: Body | None = None

    @property
    def actor(self) -> Actor:
        """As whom the ledger knows this request."""
        return Actor(self.identity.login, "jmap", self.correlation)

    @property
    def own(self) -> Body:
        """The settings of the caller's own account.

        Raises:
            MethodError: as `view`.
        """
        if self._own is None:
            self.view(self.identity.account)
        return self._own or {}

    def view(self, account: str, wanted: Iterable[str] = ()) -> Opened:
        """The account as this request sees it. The one place where access to an account is decided.

        `wanted` are keys that come along if the account is opened by this call; see `Opened`.

        Raises:
            MethodError: `accountNotFound` for an account that is neither the caller's nor shared with him,
                whether it exists or not; `forbidden` if it is disabled.
        """
        if account != self.identity.account and account not in self.own.get("shared", {}):
            raise MethodError("accountNotFound")
        if account not in self._views:
            view = Opened(self.site.store, account, self.site.clock.now(), wanted)
            settings = view.early("Account", keys.SELF)
            if settings is None:
                raise MethodError("accountNotFound")
            if settings.get("disabled"):
                raise MethodError("forbidden", "this account is disabled")
            if account == self.identity.account:
                self._own = settings
            self._views[account] = view
        return self._views[account]

    def writable(self, account: str, wanted: Iterable[str] = ()) -> Opened:
        """As `view`, for a call that changes the account.

        Raises:
            MethodError: `accountReadOnly` as well.
        """
        view = self.view(account, wanted)
        if self.is_read_only(account):
            raise MethodError("accountReadOnly")
        return view

    def is_read_only(self, account: str) -> bool:
        """Whether an account that the caller sees is one that he may only read."""
        share = self.own.get("shared", {}).get(account)
        return share is not None and bool(share["isReadOnly"])

    def source(self, account: str) -> Opened:
        """As `view`, for the account that a call copies from.

        Raises:
            MethodError: `fromAccountNotFound` instead of `accountNotFound` (RFC 8620 §5.4, §6.3).
        """
        try:
            return self.view(account)
        except MethodError as error:
            raise MethodError("fromAccountNotFound") if error.type == "accountNotFound" else error from error

    def check_got(self, count: int) -> None:
        """Refuse a call that asks for too many objects at once.

        Raises:
            MethodError: `requestTooLarge`, more than maxObjectsInGet.
        """
        maximum = self.site.config.limits.max_objects_in_get
        if count > maximum:
            raise MethodError("requestTooLarge", f"maxObjectsInGet is {maximum}")

    def check_set(self, count: int) -> None:
        """Refuse a call that makes or changes too many objects at once.

        Raises:
            MethodError: `requestTooLarge`, more than maxObjectsInSet.
        """
        maximum = self.site.config.limits.max_objects_in_set
        if count > maximum:
            raise MethodError("requestTooLarge", f"maxObjectsInSet is {maximum}")

    def imply(self, name: str, arguments: dict[str, Any]) -> None:
        """Have another method called that follows from this call: its response comes right after this one's,
        under the same call id (RFC 8620 §5.4, RFC 8621 §7.5)."""
        self.implied.append((name, arguments))

    def first_ids(self, view: View, prefix: str) -> list[str]:
        """Ids of the rows under a prefix, one more than may be got at once, which `/get` then refuses."""
        rows = view.scan(*keys.prefix_range(prefix), limit=self.site.config.limits.max_objects_in_get + 1)
        return [keys.id_of(row.key) for row in rows]

    def count_fetched(self, size: int) -> None:
        """Note that so many bytes of messages go into the answer, which is held in memory until it is sent.

        Raises:
            MethodError: `requestTooLarge`, more than one request may bring together.
        """
        self._fetched += size
        maximum = self.site.config.limits.max_bytes_in_get
        if self._fetched > maximum:
            raise MethodError("requestTooLarge", f"more than {maximum} bytes of messages; ask for fewer at a time")

    def forget(self, account: str) -> None:
        """After a change: the next call reads anew."""
        self._views.pop(account, None)

    def resolve(self, id: str) -> str:
        """The id behind `id`, which may be `#` and a creation id; as it is if nothing was created under it."""
        return self.created.get(id[1:], id) if id.startswith("#") else id


@dataclass(frozen=True, slots=True)
class Step:
    """One object of a `/set` while it is decided: the drafts, and the creation ids known so far.

    When `together`, the objects of the call are judged as a whole afterwards: what depends on other objects
    is then not to be checked now (RFC 8620 §5.3, names that are swapped). `prepared` is what the type's
    `prepare` returned.
    """

    context: Context
    transaction: Transaction
    draft: Draft
    created: dict[str, str]
    arguments: dict[str, object]
    together: bool = False
    prepared: Any = None
    key: str = ""
    """The creation id, where an object is created."""

    def resolve(self, id: str) -> str | None:
        """The id behind `id`, which may be `#` and a creation id; None if nothing was created under it."""
        return self.created.get(id[1:]) if id.startswith("#") else id
