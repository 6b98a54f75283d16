"""Whether a message may be answered by a program, and what the answer says first.

RFC 5230 §4.5-4.6 (personal messages only, never to programs or lists), §5.3 (subject), RFC 3834 §2. For the
vacation action and for whatever else answers on its owner's behalf.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from homing.message import Message, as_text
from homing.sieve.addresses import header_addresses
from homing.sieve.limits import MAX_SUBJECT
from homing.sieve.mail import Mail

_RECIPIENT_FIELDS: Final = ("to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc")
_LIST_FIELDS: Final = frozenset(
    "list-id list-help list-subscribe list-unsubscribe list-post list-owner list-archive".split()
)
_PROGRAMS: Final = re.compile(
    r"mailer-?daemon|listserv|majordomo|bounces?|(?:do[-_.]?not|no)[-_.]?reply|owner-.*|.*-(?:request|owner|bounces?)",
    re.DOTALL,
)
_LOUD: Final = frozenset({"bulk", "junk", "list"})
_SUPPRESSED: Final = frozenset({"all", "oof"})
_DEFAULT_SUBJECT: Final = "Automated reply"


def withhold_reply(mail: Mail, own: Collection[str]) -> str:
    """Why there must be no automatic answer, in a few words; "" if there may be one.

    `own` are the addresses of who would answer; the one that the message came to is always one of them.
    """
    mine = {address.lower() for address in (*own, mail.rcpt_to) if address}
    sender = mail.mail_from.lower()
    if not sender:
        return "there is no sender to answer"
    if sender in mine:
        return "it would go to its own sender"
    local = sender.rpartition("@")[0] or sender
    if _PROGRAMS.fullmatch(local.partition("+")[0]):
        return "the sender is a program"
    return _automatic(mail.message) or _impersonal(mail.message, mine)


def reply_subject(message: Message, subject: str | None) -> str:
    """The subject of an answer: the given one, or one made of the message's. One line, of bounded length."""
    if subject is None:
        own = " ".join((message.subject or "").split())
        subject = f"Auto: {own}" if own else _DEFAULT_SUBJECT
    subject = " ".join("".join(c if c.isprintable() else " " for c in subject).split())
    return subject if len(subject) <= MAX_SUBJECT else subject[: MAX_SUBJECT - 1].rstrip() + "…"


def _automatic(message: Message) -> str:
    """Signs that a program or a list sent it."""
    for name in ("auto-submitted", "precedence", "x-auto-response-suppress"):
        for header in message.headers_named(name):
            words = {word.strip().lower() for word in as_text(header.value).partition(";")[0].split(",")}
            if _is_sign(name, words):
                return "it was sent by a program"
    if any(header.name.lower() in _LIST_FIELDS for header in message.headers):
        return "it came by a mailing list"
    return ""


def _is_sign(name: str, words: set[str]) -> bool:
    if name == "auto-submitted":
        return {word.partition("(")[0].strip() for word in words} != {"no"}
    return bool(words & (_LOUD if name == "precedence" else _SUPPRESSED))


def _impersonal(message: Message, mine: set[str]) -> str:
    for name in _RECIPIENT_FIELDS:
        for header in message.headers_named(name):
            if not mine.isdisjoint(address.lower() for address in header_addresses(header.value)):
                return ""
    return "it does not name its recipient"
