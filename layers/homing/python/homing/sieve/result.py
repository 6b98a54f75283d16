"""What a run comes to: actions, in order, as values. Nothing here is done yet."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

Flags = tuple[str, ...]
"""IMAP flags (`\\Seen`, `$label`), each once; `flags.keywords_of` makes JMAP keywords of them."""


@dataclass(frozen=True, slots=True)
class Keep:
    """File in the inbox. `implicit` if no command asked for it (RFC 5228 §2.10.2)."""

    flags: Flags = ()
    implicit: bool = False


@dataclass(frozen=True, slots=True)
class FileInto:
    """File in a mailbox, by its name as the script has it (never "INBOX": that is a `Keep`).

    With `create` the mailbox is to be made if it is not there (RFC 5490 §3.2). If there is a mailbox with the
    attribute `special_use` (such as `\\Junk`), it is meant instead of the named one; one that is created gets
    the attribute (RFC 8579).
    """

    mailbox: str
    create: bool = False
    flags: Flags = ()
    special_use: str | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """Send the message on, as it is, to one bare address. The null reverse-path stays null (RFC 5228 §4.2)."""

    address: str
    copy: bool = False


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse the message. `extended` tells ereject, which prefers a refusal in SMTP or LMTP to a message
    (RFC 5429 §2.1), from reject, which prefers the exact text. Lines of `reason` end in CRLF."""

    reason: str
    extended: bool = False


@dataclass(frozen=True, slots=True)
class Vacation:
    """Answer the sender, unless that was done within the last `seconds` (RFC 5230 §4-5).

    All that depends on the message has been looked at: such an action is only there if an answer is in place.
    `to` is the address to answer, `from_` the text for the From field ("" for the owner's usual one), `subject`
    is complete. `reason` is the text of the answer or, with `mime`, an entity with its own header; its lines end
    in CRLF. `handle` is the same for answers that count as the same; `addresses` are those the script adds.
    """

    reason: str
    to: str
    subject: str
    handle: str
    from_: str = ""
    mime: bool = False
    addresses: tuple[str, ...] = ()
    seconds: int = 0

    @property
    def tracking_id(self) -> str:
        """What to remember for `seconds`, and not to answer again meanwhile: 64 hex digits."""
        return digest(self.handle.encode("utf-8", "replace"), self.to.lower().encode("utf-8", "replace"))


Action = Keep | FileInto | Redirect | Reject | Vacation


@dataclass(frozen=True, slots=True)
class Remember:
    """A unique id, hashed, that duplicate tests must know until `expires` (ms since 1970) (RFC 7352 §3)."""

    id: str
    expires: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run ended early: a sentence for the owner and the line of the script."""

    line: int
    description: str


@dataclass(frozen=True, slots=True)
class Result:
    """What is to be done with a message.

    `actions` say it all: the implicit keep is among them if it is due, and none at all means discard. After an
    error they are the implicit keep alone, and nothing is to be remembered (RFC 5228 §2.10.6, RFC 7352 §3).
    `notes` tell what was left undone and why, for the trace of a delivery.
    """

    actions: tuple[Action, ...]
    remember: tuple[Remember, ...] = ()
    error: Failure | None = None
    notes: tuple[str, ...] = field(default=())


def digest(*texts: bytes) -> str:
    """A SHA-256 of texts that tells `("a", "b")` from `("ab", "")` (RFC 5230 §4.2)."""
    hashed = hashlib.sha256()
    for text in texts:
        hashed.update(b"%d:" % len(text))
        hashed.update(text)
    return hashed.hexdigest()
