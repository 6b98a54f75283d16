"""The key table: every partition and sort key that Homing writes, in one place.

| partition        | its objects                                                                              |
|------------------|------------------------------------------------------------------------------------------|
| an account's id  | Account, Mailbox, Email, Provenance, Thread, Import, Identity, EmailSubmission,          |
|                  | Transmission, Sent, SieveScript, VacationResponse, PushSubscription                      |
| `!tenant/<id>`   | Principal                                                                                |
| `!addr/<domain>` | Domain, Address, Login                                                                   |
| `!site`          | Token, Vapid                                                                             |
| `!tasks/<shard>` | no ledger: `<due ms>/<id>`, a task that waits; `!dead/<shard>`, one that failed for good |
| `!push/<account>`| no ledger, so that it can be erased: `s/<subscription>`, where to push to and what was   |
|                  | pushed; `c/<subscription>`, that it was created within the last hour                     |

| sort key                            | holds                                                                 |
|-------------------------------------|-----------------------------------------------------------------------|
| `h`                                 | head: position, hash of the last entry, state per type, usage         |
| `g/<seq>`                           | ledger entry                                                          |
| `o/<Type>/<id>`                     | an object of one of the types above                                   |
| `x/list/<mailbox or *>/<ms>/<email>`| what a list needs to filter and sort without the email                |
| `x/msgid/<hash>`                    | the thread that a Message-ID (with its subject) belongs to            |
| `d/<delivery>`                      | this was done and is not to be done again; expires. A delivery or a   |
|                                     | transmission taken up; `answer-<hash>`, a sender that was answered;   |
|                                     | `seen-<hash>`, an id that a script's duplicate test has met           |
| `b/<digest>`                        | this partition may read the blob: how often it is used and by which   |
|                                     | emails; of an upload until when, and by whose users                   |

Times in keys are milliseconds in 13 digits, positions have 12, so that byte order is their order.
"""

from __future__ import annotations

import hashlib
from typing import Final

KEYS_VERSION: Final = 1

HEAD: Final = "h"
SITE: Final = "!site"
TASK_SHARDS: Final = 8
TASKS_PREFIX: Final = "!tasks/"
DEAD_PREFIX: Final = "!dead/"
PUSH_PREFIX: Final = "!push/"
ALL_MAILBOXES: Final = "*"
ENTRY_PREFIX: Final = "g/"
OBJECT_PREFIX: Final = "o/"
ENDPOINT_PREFIX: Final = "s/"
CREATION_PREFIX: Final = "c/"

INBOX: Final = "inbox"
TRASH: Final = "trash"
"""Ids of the two mailboxes whose role is fixed: delivery finds the one, thread counters the other."""
SELF: Final = "self"
"""Id of the one object of its type in a ledger: the Account of an account, the Domain of a domain."""

_LAST_MS: Final = 9_999_999_999_999


def tenant_partition(tenant: str) -> str:
    """Configuration and principals of a tenant."""
    return f"!tenant/{tenant}"


def address_partition(domain: str) -> str:
    """Addresses and logins of a domain (lower-case A-labels)."""
    return f"!addr/{domain}"


def tasks_partition(shard: int) -> str:
    """Tasks that wait, of one shard."""
    return f"{TASKS_PREFIX}{shard}"


def dead_partition(shard: int) -> str:
    """Tasks that failed for good, of one shard."""
    return f"{DEAD_PREFIX}{shard}"


def push_partition(account: str) -> str:
    """What is needed to push to the subscriptions of an account's user, and must be forgotten with them."""
    return f"{PUSH_PREFIX}{account}"


def endpoint_key(subscription: str) -> str:
    """Where a push subscription leads to and what was pushed to it, in a `push_partition`."""
    return f"{ENDPOINT_PREFIX}{subscription}"


def creation_key(subscription: str) -> str:
    """That a push subscription was created a short while ago, in a `push_partition`."""
    return f"{CREATION_PREFIX}{subscription}"


def is_account(partition: str) -> bool:
    """Whether the partition is an account: all others begin with a sign that no id has."""
    return not partition.startswith("!")


def is_ledger(partition: str) -> bool:
    """Whether the partition has a ledger of its own (the outbox and what pushing needs have none)."""
    return not partition.startswith((TASKS_PREFIX, DEAD_PREFIX, PUSH_PREFIX))


def entry_key(seq: int) -> str:
    """The ledger entry at position `seq` (1 is the first)."""
    return f"{ENTRY_PREFIX}{seq:012d}"


def object_key(type: str, id: str) -> str:
    """The row of an object."""
    return f"{OBJECT_PREFIX}{type}/{id}"


def list_key(mailbox: str, received_at: int, email: str) -> str:
    """The index row of an email in a mailbox (or `ALL_MAILBOXES`)."""
    return f"{list_prefix(mailbox)}{clamp_ms(received_at):013d}/{email}"


def list_prefix(mailbox: str) -> str:
    """What the index rows of a mailbox begin with."""
    return f"x/list/{mailbox}/"


def message_id_key(hash: str) -> str:
    """The index row by which a message finds its thread; `hash` is from `message_id_hash`."""
    return f"x/msgid/{hash}"


def delivery_key(delivery: str) -> str:
    """The marker of a delivery that was done."""
    return f"d/{delivery}"


def id_of(key: str) -> str:
    """The id that the key of an object or of a list row ends with."""
    return key.rpartition("/")[2]


def blob_key(digest: str) -> str:
    """The row that lets the partition's owner read a blob."""
    return f"b/{digest}"


def message_id_hash(message_id: str, subject: str) -> str:
    """RFC 8621 §3: messages belong together if they share a message id *and* the base subject."""
    return hashlib.sha256(f"{message_id}\0{subject}".encode(errors="surrogatepass")).hexdigest()[:24]


def clamp_ms(ms: int) -> int:
    """`ms` within what a key's 13 digits can hold."""
    return min(max(ms, 0), _LAST_MS)


def prefix_range(prefix: str) -> tuple[str, str]:
    """(start, end) of a scan over every key that begins with `prefix` (whose last character is ASCII)."""
    return prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)
