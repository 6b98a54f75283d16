"""What a script may ask for. One place for every bound of the language and of its execution.

RFC 5228 §2.10.4 and §2.10.7 (limits are allowed, and which must at least be granted), RFC 5229 §6.
Sizes are octets of UTF-8 unless said otherwise.
"""

from __future__ import annotations

from typing import Final

MAX_SCRIPT: Final = 262_144
"""Size of a script (`maxSizeScript` of RFC 9661 §1.2.1)."""
MAX_NESTING: Final = 32
"""Levels of blocks, and of tests within tests (RFC 5228 §2.10.7 wants fifteen of each)."""
MAX_NODES: Final = 10_000
"""Commands and tests of a script."""
MAX_NUMBER: Final = 2**63 - 1
MAX_NAME: Final = 64
"""Characters of a variable's name (RFC 5229 §6 wants 32)."""
MAX_VARIABLES: Final = 256
"""Distinct variables of a script (RFC 5229 §6 wants 128)."""
MAX_VARIABLE: Final = 16_384
"""Size of a variable's value; longer ones are cut (RFC 5229 §6 wants 4,000 characters)."""
MAX_MATCHES: Final = 32
"""The highest match variable (RFC 5229 §6 wants nine)."""
MAX_STRING: Final = MAX_SCRIPT
"""Size of a string once its variables are in it."""
MAX_MAILBOX: Final = 1_000
"""Characters of a mailbox name."""
MAX_ACTIONS: Final = 32
"""Actions of one run."""
MAX_REDIRECTS: Final = 5
"""Addresses that one run may send to (`maxNumberRedirects` of RFC 9661 §1.2.1)."""
MAX_RECEIVED: Final = 100
"""Received fields from which on a redirected message counts as going round in a loop (RFC 5321 §6.3)."""
MAX_ENCLOSED: Final = 5
"""Levels of messages within messages that a body test looks into."""

MAX_WORK: Final = 536_870_912
"""Octets that one run may look at, all tests and strings together; about a second."""
MIN_CHARGE: Final = 512
"""What the smallest step counts for, in the same unit."""

DAY: Final = 86_400
"""Seconds."""
VACATION_SECONDS: Final = 7 * DAY
MIN_VACATION_SECONDS: Final = 60
MAX_VACATION_SECONDS: Final = 365 * DAY
DUPLICATE_SECONDS: Final = 7 * DAY
MAX_DUPLICATE_SECONDS: Final = 30 * DAY
MAX_SUBJECT: Final = 256
"""Characters of the subject of a reply."""
