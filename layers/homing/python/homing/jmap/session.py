"""The Session object (RFC 8620 §2): what this server can do for this user, and where."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from homing.config import Limits
from homing.directory.credentials import Identity
from homing.jmap.types.email import EMAIL
from homing.ledger.entry import encode_body

CORE: Final = "urn:ietf:params:jmap:core"
MAIL: Final = "urn:ietf:params:jmap:mail"
CAPABILITIES: Final = (CORE, MAIL)

API_PATH: Final = "/jmap/api"
SESSION_PATH: Final = "/jmap/session"
UPLOAD_PATH: Final = "/jmap/upload/"
DOWNLOAD_PATH: Final = "/jmap/download/"
EVENTS_PATH: Final = "/jmap/events"


def session(identity: Identity, origin: str, limits: Limits) -> dict[str, Any]:
    """The Session of a user; `origin` is what its absolute URLs begin with."""
    body: dict[str, Any] = {
        "capabilities": {CORE: _core(limits), MAIL: {}},
        "accounts": {
            identity.account: {
                "name": identity.login,
                "isPersonal": True,
                "isReadOnly": False,
                "accountCapabilities": {MAIL: _mail(limits)},
            }
        },
        "primaryAccounts": {MAIL: identity.account},
        "username": identity.login,
        "apiUrl": origin + API_PATH,
        "downloadUrl": origin + DOWNLOAD_PATH + "{accountId}/{blobId}/{name}?type={type}",
        "uploadUrl": origin + UPLOAD_PATH + "{accountId}/",
        "eventSourceUrl": origin + EVENTS_PATH + "?types={types}&closeafter={closeafter}&ping={ping}",
    }
    return {**body, "state": session_state(body)}


def session_state(body: dict[str, Any]) -> str:
    """Changes if and only if the Session does."""
    return hashlib.sha256(encode_body(body)).hexdigest()[:16]


def _core(limits: Limits) -> dict[str, Any]:
    return {
        "maxSizeUpload": limits.max_size_upload,
        "maxConcurrentUpload": limits.max_concurrent_upload,
        "maxSizeRequest": limits.max_size_request,
        "maxConcurrentRequests": limits.max_concurrent_requests,
        "maxCallsInRequest": limits.max_calls_in_request,
        "maxObjectsInGet": limits.max_objects_in_get,
        "maxObjectsInSet": limits.max_objects_in_set,
        "collationAlgorithms": ["i;ascii-casemap", "i;unicode-casemap"],
    }


def _mail(limits: Limits) -> dict[str, Any]:
    """RFC 8621 §1.3.1."""
    return {
        "maxMailboxesPerEmail": limits.max_mailboxes_per_email,
        "maxMailboxDepth": limits.max_mailbox_depth,
        "maxSizeMailboxName": limits.max_size_mailbox_name,
        "maxSizeAttachmentsPerEmail": limits.max_size_attachments_per_email,
        "emailQuerySortOptions": sorted(EMAIL.querying.sorts) if EMAIL.querying else [],
        "mayCreateTopLevelMailbox": True,
    }
