"""How much an account has sent lately: whoever has somebody's password must not send without end (RFC 6409 §3.2, §4).

Each submission leaves a mark that expires by itself. No I/O but a view's.
"""

from __future__ import annotations

from typing import Final

from homing.ledger import keys
from homing.ledger.rows import value_of
from homing.ledger.transact import Draft
from homing.ledger.view import View

RATE_SECONDS: Final = 3_600
"""The span in which recipients are counted."""
_MARK: Final = "sent-"


def recipients_lately(view: View) -> int:
    """Recipients of what the account has submitted within `RATE_SECONDS`."""
    rows = view.scan(*keys.prefix_range(keys.delivery_key(_MARK)))
    marks = (value_of(row, view.now) for row in rows)
    return sum(mark.body["recipients"] for mark in marks if mark is not None)


def count_recipients(draft: Draft, submission: str, recipients: int) -> None:
    """Note a submission to so many."""
    expires = draft.now // 1_000 + RATE_SECONDS
    draft.create("Done", _MARK + submission, {"expires": expires, "recipients": recipients})
