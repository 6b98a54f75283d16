"""What an AWS error means for the caller: `Temporary` or `Permanent`.

Shared by every AWS adapter, so that throttling reads alike whichever service says it. The adapters add
only what is a contract of their port (a failed condition, a missing object) before they ask here.
Faults of the request and of the set-up are permanent; those of the network, of the service and of
credentials that are being renewed are not.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from botocore.exceptions import (
    BaseEndpointResolverError,
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConfigParseError,
    InvalidRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ValidationError,
)
from botocore.parsers import ResponseParserError

from homing.errors import Permanent, Temporary

VendorError: TypeAlias = ClientError | BotoCoreError | ResponseParserError
VENDOR_ERRORS: Final = (ClientError, BotoCoreError, ResponseParserError)
"""Everything that a call of the SDK raises: an answer, no answer, an answer that makes no sense."""

_TEMPORARY_CODES: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "ExpiredToken",
        "ExpiredTokenException",
        "InternalError",
        "InternalServerError",
        "LimitExceededException",
        "OperationAborted",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestExpired",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestTimeTooSkewed",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
_OWN_FAULT: Final = (
    BaseEndpointResolverError,
    ConfigNotFound,
    ConfigParseError,
    InvalidRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ValidationError,
)


def translate(error: VendorError) -> Temporary | Permanent:
    """The project's error for one of the SDK's: an answer of the service, or none at all."""
    if isinstance(error, ClientError):
        return _answer(error)
    detail = f"{type(error).__name__}: {error}"
    if isinstance(error, _OWN_FAULT):
        return Permanent("awsRequest", "the AWS SDK refused the request", detail=detail)
    return Temporary("awsUnreachable", "AWS could not be reached", detail=detail)


def is_temporary(code: str, status: int = 0) -> bool:
    """Whether an error code (or the reason of a cancelled transaction) or an HTTP status may pass."""
    return code in _TEMPORARY_CODES or status in (408, 429) or status >= 500


def code_of(error: ClientError) -> str:
    """The service's error code, e.g. `ThrottlingException`; the HTTP status where there was no body."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: BaseException) -> int:
    """The HTTP status of an answer, 0 if unknown. PynamoDB keeps it only on the error it wraps."""
    found: BaseException | None = error
    while found is not None:
        response: dict[str, Any] = getattr(found, "response", None) or {}
        if status := response.get("ResponseMetadata", {}).get("HTTPStatusCode"):
            return int(status)
        found = found.__cause__
    return 0


def _answer(error: ClientError) -> Temporary | Permanent:
    code, status = code_of(error), status_of(error)
    fields = {
        "code": code,
        "status": status,
        "operation": error.operation_name,
        "detail": str(error.response.get("Error", {}).get("Message", "")),
    }
    if is_temporary(code, status):
        return Temporary("awsUnavailable", "AWS asks to try again later", **fields)
    return Permanent("awsRefused", "AWS refused the request", **fields)
