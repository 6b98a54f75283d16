"""What a method call knows: the site, who asks, and what this request has read and created so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from homing.directory.accounts import ACCOUNT
from homing.directory.credentials import Identity
from homing.errors import MethodError
from homing.ledger import keys
from homing.ledger.entry import Actor
from homing.ledger.transact import Draft, Transaction
from homing.ledger.view import View
from homing.site import Site


@dataclass(slots=True)
class Context:
    """One request. `created` maps creation ids to ids across its calls (RFC 8620 §5.3)."""

    site: Site
    identity: Identity
    correlation: str
    created: dict[str, str] = field(default_factory=dict)
    _views: dict[str, View] = field(default_factory=dict)

    @property
    def actor(self) -> Actor:
        """As whom the ledger knows this request."""
        return Actor(self.identity.login, "jmap", self.correlation)

    def view(self, account: str) -> View:
        """The account as this request sees it. The one place where access to an account is decided.

        Raises:
            MethodError: `accountNotFound` for an account that is not the caller's, whether it exists or
                not; `forbidden` if it is disabled.
        """
        if account != self.identity.account:
            raise MethodError("accountNotFound")
        if account not in self._views:
            view = View(self.site.store, account, self.site.clock.now())
            view.load([keys.HEAD, keys.object_key("Account", ACCOUNT)])
            settings = view.object("Account", ACCOUNT)
            if settings is None:
                raise MethodError("accountNotFound")
            if settings.get("disabled"):
                raise MethodError("forbidden", "this account is disabled")
            self._views[account] = view
        return self._views[account]

    def forget(self, account: str) -> None:
        """After a change: the next call reads anew."""
        self._views.pop(account, None)


@dataclass(frozen=True, slots=True)
class Step:
    """One object of a `/set` while it is decided: the drafts, and the creation ids known so far."""

    context: Context
    transaction: Transaction
    draft: Draft
    created: dict[str, str]
    arguments: dict[str, object]

    def resolve(self, id: str) -> str | None:
        """The id behind `id`, which may be `#` and a creation id; None if nothing was created under it."""
        return self.created.get(id[1:]) if id.startswith("#") else id
