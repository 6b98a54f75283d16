"""What `Email/query` and `Email/queryChanges` take (RFC 8621 §4.4, §4.5): conditions, comparators, hooks."""

from __future__ import annotations

from typing import Final

from homing.jmap.datatype import Property, Querying
from homing.jmap.kinds import BOOLEAN, ID, KEYWORD, UNSIGNED_INT, UTC_DATE, list_of
from homing.jmap.types.email_query import find, rows_known
from homing.jmap.types.email_query_changes import altered
from homing.jmap.types.email_query_text import TEXT_CONDITIONS

QUERYING: Final = Querying(
    conditions={
        "inMailbox": ID,
        "inMailboxOtherThan": list_of(ID),
        "before": UTC_DATE,
        "after": UTC_DATE,
        "minSize": UNSIGNED_INT,
        "maxSize": UNSIGNED_INT,
        "allInThreadHaveKeyword": KEYWORD,
        "someInThreadHaveKeyword": KEYWORD,
        "noneInThreadHaveKeyword": KEYWORD,
        "hasKeyword": KEYWORD,
        "notKeyword": KEYWORD,
        "hasAttachment": BOOLEAN,
        **TEXT_CONDITIONS,
    },
    sorts={
        "receivedAt": {},
        "sentAt": {},
        "size": {},
        "from": {},
        "to": {},
        "subject": {},
        "hasKeyword": {"keyword": KEYWORD},
        "allInThreadHaveKeyword": {"keyword": KEYWORD},
        "someInThreadHaveKeyword": {"keyword": KEYWORD},
    },
    find=find,
    prefetch=rows_known,
    altered=altered,
    arguments={"collapseThreads": Property(BOOLEAN, default=False)},
)
