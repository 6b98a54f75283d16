"""The one error tree. The domain raises; only shells (Lambda, HTTP, SMTP, CLI) catch.

    HomingError                 type + fields, logged once, at the shell
    ├─ Problem                  request level (RFC 7807, RFC 8620 §3.6.1)  -> HTTP status
    ├─ MethodError              method level (RFC 8620 §3.6.2)             -> ["error", {...}, id]
    ├─ Refused                  SMTP/LMTP (RFC 5321 §4.2, RFC 3463)        -> reply line
    ├─ Temporary                try again later
    │  └─ StoreConflict         an expectation of a batch failed; only `ledger.transact` catches it
    └─ Permanent                never succeeds as it stands; goes to dead letters, replayable
       └─ LimitExceeded         a limit of a port's contract; names the limit, its value and the actual figure

Mail that fails a check is not an error but a value (`Verdict`, `Outcome`, `SetError`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class HomingError(Exception):
    """An error with a stable `type` token and JSON-serialisable `fields` for the log."""

    def __init__(self, type: str, description: str = "", **fields: Any) -> None:
        super().__init__(description or type)
        self.type = type
        self.description = description
        self.fields: Mapping[str, Any] = fields

    def __str__(self) -> str:
        details = ", ".join(f"{name}={value!r}" for name, value in self.fields.items())
        text = self.description or self.type
        return f"{text} ({details})" if details else text


class Problem(HomingError):
    """A whole HTTP request is refused: RFC 7807 problem details (RFC 8620 §3.6.1)."""

    def __init__(self, type: str, status: int, description: str = "", **fields: Any) -> None:
        super().__init__(type, description, **fields)
        self.status = status

    def to_body(self) -> dict[str, Any]:
        """The `application/problem+json` object."""
        body: dict[str, Any] = {"type": self.type, "status": self.status, **self.fields}
        if self.description:
            body["detail"] = self.description
        return body


class MethodError(HomingError):
    """One JMAP method call is refused (RFC 8620 §3.6.2); `type` is the RFC's token."""

    def to_arguments(self) -> dict[str, Any]:
        """The arguments object of the `error` response."""
        arguments: dict[str, Any] = {"type": self.type, **self.fields}
        if self.description:
            arguments["description"] = self.description
        return arguments


class Refused(HomingError):
    """An SMTP or LMTP command is refused: basic code, enhanced code (RFC 3463) and text."""

    def __init__(self, code: int, enhanced: str, text: str, **fields: Any) -> None:
        super().__init__("refused", text, **fields)
        self.code = code
        self.enhanced = enhanced
        self.text = text

    def to_reply(self) -> str:
        """The reply line without its line end, e.g. `550 5.1.1 No such user here`."""
        return f"{self.code} {self.enhanced} {self.text}"


class Temporary(HomingError):
    """The same request may succeed later (throttled, unavailable, busy)."""


class StoreConflict(Temporary):
    """An expectation of a batch did not hold: somebody else wrote first. Nothing was written."""

    def __init__(self, partition: str, key: str) -> None:
        super().__init__("storeConflict", "another writer was first", partition=partition, key=key)
        self.partition = partition
        self.key = key


class Permanent(HomingError):
    """The same request can never succeed; it goes to the dead letters with its fields."""


class LimitExceeded(Permanent):
    """A limit of a port's contract. Refused before anything is written, alike on every adapter."""

    def __init__(self, limit: str, maximum: int, actual: int, **fields: Any) -> None:
        super().__init__(
            "limitExceeded",
            f"{limit}: {actual} exceeds {maximum}",
            limit=limit,
            maximum=maximum,
            actual=actual,
            **fields,
        )
        self.limit = limit
