"""Which accounts a listener hears of: all that he sees (RFC 8620 §7.1)."""

from __future__ import annotations

from homing.errors import MethodError
from homing.jmap.context import Context


def visible_accounts(context: Context) -> list[str]:
    """The caller's own account, then those shared with him, without what is disabled.

    Raises:
        MethodError: his own account is disabled or gone.
    """
    own = context.identity.account
    return [own, *(account for account in context.own.get("shared", {}) if _is_open(context, account))]


def _is_open(context: Context, account: str) -> bool:
    try:
        context.view(account)
    except MethodError:
        return False
    return True
