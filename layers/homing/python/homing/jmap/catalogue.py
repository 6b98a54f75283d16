"""Every data type and every further method of this server: what requests may call, and whose states are told.

A type is made known here, and nowhere else: its methods, the tests of their arguments and push follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from homing.jmap.dispatch import Function
from homing.jmap.push.changes import pushed_types
from homing.jmap.types.blob import FUNCTIONS as BLOB_FUNCTIONS
from homing.jmap.types.email import EMAIL
from homing.jmap.types.email_copy import FUNCTIONS as COPY_FUNCTIONS
from homing.jmap.types.email_import import FUNCTIONS as IMPORT_FUNCTIONS
from homing.jmap.types.email_parse import FUNCTIONS as PARSE_FUNCTIONS
from homing.jmap.types.email_submission import EMAIL_SUBMISSION
from homing.jmap.types.identity import IDENTITY
from homing.jmap.types.mailbox import MAILBOX
from homing.jmap.types.mdn import FUNCTIONS as MDN_FUNCTIONS
from homing.jmap.types.push_subscription import FUNCTIONS as PUSH_FUNCTIONS
from homing.jmap.types.quota import QUOTA
from homing.jmap.types.search_snippet import FUNCTIONS as SNIPPET_FUNCTIONS
from homing.jmap.types.sieve_script import FUNCTIONS as SIEVE_FUNCTIONS
from homing.jmap.types.sieve_script import SIEVE_SCRIPT
from homing.jmap.types.thread import THREAD
from homing.jmap.types.vacation_response import VACATION_RESPONSE

TYPES: Final = (MAILBOX, THREAD, EMAIL, IDENTITY, EMAIL_SUBMISSION, VACATION_RESPONSE, SIEVE_SCRIPT, QUOTA)
FUNCTIONS: Final[Mapping[str, Function]] = {
    **BLOB_FUNCTIONS,
    **SNIPPET_FUNCTIONS,
    **PUSH_FUNCTIONS,
    **MDN_FUNCTIONS,
    **IMPORT_FUNCTIONS,
    **COPY_FUNCTIONS,
    **PARSE_FUNCTIONS,
    **SIEVE_FUNCTIONS,
}
"""Methods that are none of the standard verbs, by name."""

PUSHED: Final = pushed_types(TYPES)
"""The types whose states are told (RFC 8620 §7.1)."""


def wanted_types(names: Iterable[str] | None) -> frozenset[str]:
    """Those of the named types whose states are told; all of them for None."""
    return PUSHED if names is None else PUSHED.intersection(names)
