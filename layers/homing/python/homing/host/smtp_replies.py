"""Replies: a refusal as a line, and several outcomes as one. Pure.

RFC 5321 §4.2, §4.5.3.1.5; RFC 2034.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from homing.errors import Refused

MISBEHAVIOUR: Final = frozenset({500, 501, 502, 503, 504, 555})
"""Replies that count as errors of the client. A refused recipient or message does not."""

FAILED: Final = Refused(451, "4.3.0", "Local error, please try again")
"""Something is wrong on our side; the log says what."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def too_big(limit: int) -> Refused:
    """The reply to a message past `limit` bytes (RFC 1870 §6)."""
    return Refused(552, "5.3.4", f"Message is larger than {limit} bytes")


def sum_up(outcomes: Sequence[Refused | None]) -> Refused | None:
    """The one answer for several recipients.

    A temporary refusal wins, because the client must try again, and delivering again to the others has
    no effect. If some are stored and the rest refused for good, the answer is yes: they were all
    accepted at RCPT, so this is rare, and to tell the sender of the rest is a DSN's matter.
    """
    temporary = next((outcome for outcome in outcomes if outcome is not None and outcome.code < 500), None)
    if temporary is not None or None in outcomes:
        return temporary
    return outcomes[0]


def reply_line(refused: Refused) -> str:
    """The refusal as one line of ASCII within the 512 bytes of RFC 5321 §4.5.3.1.5."""
    text = _CONTROL.sub(" ", refused.to_reply())
    return text.encode("ascii", "replace").decode()[:500]
