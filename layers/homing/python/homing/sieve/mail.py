"""What a script runs on: a message with its envelope, and the world around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from homing.message import Message
from homing.sieve.limits import MAX_REDIRECTS


@dataclass(frozen=True, slots=True)
class Mail:
    """A message at the door of one recipient. `mail_from` is "" for the null reverse-path; `rcpt_to` is the
    address that brought it here; `auth` is who signed in to send it, if anyone."""

    message: Message
    mail_from: str = ""
    rcpt_to: str = ""
    auth: str = ""


def _never(_: str) -> bool:
    return False


def _no_special_use(_: str, __: str | None) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Environment:
    """What a script can learn besides the message. What the callbacks raise, `run` raises.

    - `now`: ms since 1970, the one moment of the whole run; `zone`: the owner's minutes east of UTC.
    - `addresses`: all addresses of the owner, for vacation.
    - `mailbox_exists(name)`: whether the owner may file there (RFC 5490 §3.1).
    - `special_use_exists(attribute, name or None)`: whether that mailbox, or any, has the attribute (RFC 8579).
    - `seen(id)`: whether an earlier run asked to remember the id, and it has not expired (RFC 7352).
    - `items`: what the environment test finds, by name in lower case (RFC 5183 §4.1).
    - `separator`: what divides user from detail in a local part (RFC 5233).
    """

    now: int = 0
    zone: int = 0
    addresses: tuple[str, ...] = ()
    mailbox_exists: Callable[[str], bool] = _never
    special_use_exists: Callable[[str, str | None], bool] = _no_special_use
    seen: Callable[[str], bool] = _never
    items: Mapping[str, str] = field(default_factory=dict)
    separator: str = "+"
    max_redirects: int = MAX_REDIRECTS
