"""The Session object (RFC 8620 §2): what this server can do for this user, and where."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from homing.config import Config
from homing.directory.credentials import Identity
from homing.jmap.capabilities import (
    BLOB,
    CORE,
    MAIL,
    MDN,
    QUOTA,
    SIEVE,
    SUBMISSION,
    VACATION,
    VAPID,
    WEBSOCKET,
    Capability,
    core,
)
from homing.jmap.types.blob import capability as blob_capability
from homing.jmap.types.email import EMAIL
from homing.jmap.types.email_submission import capability as submission_capability
from homing.jmap.types.sieve_script import account_capability as sieve_account
from homing.jmap.types.sieve_script import server_capability as sieve_server
from homing.ledger.entry import encode_body

API_PATH: Final = "/jmap/api"
SESSION_PATH: Final = "/jmap/session"
UPLOAD_PATH: Final = "/jmap/upload/"
DOWNLOAD_PATH: Final = "/jmap/download/"
EVENTS_PATH: Final = "/jmap/events"


def session(
    config: Config, identity: Identity, own: Mapping[str, Any], origin: str, *, vapid: str = "", websocket: str = ""
) -> dict[str, Any]:
    """The Session of a user whose account has the settings `own`.

    `origin` is what its absolute URLs begin with; `vapid` is the public key by which push services know us
    (RFC 9749 §3); `websocket` is the URL of that door where there is one (RFC 8887 §3).
    """
    server = {urn: one.server(config) for urn, one in CAPABILITIES.items() if one.server is not None}
    if vapid:
        server[VAPID] = {"applicationServerKey": vapid}
    if websocket:
        server[WEBSOCKET] = {"url": websocket, "supportsPush": True}
    shared = own.get("shared") or {}
    accounts = {identity.account: _account(config, identity.login, own=True, read_only=False)}
    for id, share in shared.items():
        accounts[id] = _account(config, share["name"], own=False, read_only=share["isReadOnly"])
    body: dict[str, Any] = {
        "capabilities": server,
        "accounts": accounts,
        "primaryAccounts": dict.fromkeys(accounts[identity.account]["accountCapabilities"], identity.account),
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


def _account(config: Config, name: str, *, own: bool, read_only: bool) -> dict[str, Any]:
    can = {
        urn: one.account(config) for urn, one in CAPABILITIES.items() if one.account is not None and (own or one.shared)
    }
    if read_only:
        can[MAIL] = {**can[MAIL], "mayCreateTopLevelMailbox": False}
    return {"name": name, "isPersonal": own, "isReadOnly": read_only, "accountCapabilities": can}


def _mail(config: Config) -> dict[str, Any]:
    """RFC 8621 §1.3.1."""
    limits = config.limits
    return {
        "maxMailboxesPerEmail": limits.max_mailboxes_per_email,
        "maxMailboxDepth": limits.max_mailbox_depth,
        "maxSizeMailboxName": limits.max_size_mailbox_name,
        "maxSizeAttachmentsPerEmail": limits.max_size_attachments_per_email,
        "emailQuerySortOptions": sorted(EMAIL.querying.sorts) if EMAIL.querying else [],
        "mayCreateTopLevelMailbox": True,
    }


CAPABILITIES: Final[Mapping[str, Capability]] = {
    CORE: Capability(core),
    MAIL: Capability(account=_mail),
    BLOB: Capability(account=blob_capability),
    QUOTA: Capability(account=lambda _config: {}),
    SUBMISSION: Capability(account=submission_capability, shared=False),
    MDN: Capability(account=lambda _config: {}, shared=False),
    VACATION: Capability(account=lambda _config: {}, shared=False),
    SIEVE: Capability(sieve_server, sieve_account, shared=False),
    VAPID: Capability(None),
    WEBSOCKET: Capability(None),
}
"""What a request may use. Those of the server that depend on the request are added by `session`."""
