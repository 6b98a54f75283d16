"""Blobs inside of requests: `Blob/upload`, `Blob/get` (RFC 9404 §4.1, §4.2) and `Blob/copy` (RFC 8620 §6.3).

Everything is bounded by the octets that one request may bring together; a whole blob is copied by a row, never by
its bytes. `Blob/lookup` lies in `blob_lookup`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Final

from homing.config import Config
from homing.errors import MethodError
from homing.ids import blob_id, parse_blob_id
from homing.jmap.blob import Content, find_content, is_readable, keep
from homing.jmap.capabilities import BLOB, CORE
from homing.jmap.context import Context
from homing.jmap.datatype import Object, Property, SetError
from homing.jmap.dispatch import Function
from homing.jmap.kinds import ID, ID_OR_REFERENCE, OBJECT, STRING, UNSIGNED_INT, list_of, map_of, nullable
from homing.jmap.methods.arguments import check_arguments
from homing.jmap.request import has_noncharacter
from homing.jmap.types.blob_lookup import LOOKUP_ARGUMENTS, SUPPORTED_TYPES, blob_lookup
from homing.jmap.types.blob_source import MAX_DATA_SOURCES, Composition, in_order_of_need, parse_upload
from homing.ledger import keys
from homing.ledger.view import View

ALGORITHMS: Final = {"sha-256": "sha256", "sha-512": "sha512", "sha": "sha1"}
"""Digests by their names in the registry of RFC 3230, the preferred first."""
DATA: Final = ("data", "data:asText", "data:asBase64")
DIGEST: Final = "digest:"
PROPERTIES: Final = frozenset({"id", "size", *DATA, *(DIGEST + name for name in ALGORITHMS)})

UPLOAD_ARGUMENTS: Final = {"accountId": Property(ID), "create": Property(map_of(OBJECT))}
GET_ARGUMENTS: Final = {
    "accountId": Property(ID),
    "ids": Property(list_of(ID_OR_REFERENCE)),
    "properties": Property(nullable(list_of(STRING)), default=None),
    "offset": Property(nullable(UNSIGNED_INT), default=None),
    "length": Property(nullable(UNSIGNED_INT), default=None),
}
COPY_ARGUMENTS: Final = {"fromAccountId": Property(ID), "accountId": Property(ID), "blobIds": Property(list_of(ID))}


def capability(config: Config) -> Object:
    """What the Session says of an account (RFC 9404 §3.1)."""
    return {
        "maxSizeBlobSet": config.limits.max_size_upload,
        "maxDataSources": MAX_DATA_SOURCES,
        "supportedTypeNames": list(SUPPORTED_TYPES),
        "supportedDigestAlgorithms": list(ALGORITHMS),
    }


def upload(context: Context, given: Object) -> Object:
    """Make blobs of texts, base64 and pieces of other blobs (RFC 9404 §4.1)."""
    arguments = check_arguments(given, UPLOAD_ARGUMENTS)
    account, wanted = arguments["accountId"], arguments["create"]
    context.check_set(len(wanted))
    view = context.writable(account)
    composition = Composition(context, view)
    created: dict[str, Object] = {}
    failed: dict[str, Object] = {}
    uploads = {key: parse_upload(one) for key, one in wanted.items()}
    for key in in_order_of_need(uploads):
        parsed = uploads[key]
        made = parsed if isinstance(parsed, SetError) else composition.make(key, parsed)
        if isinstance(made, SetError):
            failed[key] = made.to_body()
        else:
            created[key] = made
    keep(context, account, composition.digests)
    context.created.update({key: one["id"] for key, one in created.items()})
    return {"accountId": account, "created": created or None, "notCreated": failed or None}


def get(context: Context, given: Object) -> Object:
    """Octets of blobs, their digests and sizes (RFC 9404 §4.2)."""
    arguments = check_arguments(given, GET_ARGUMENTS)
    properties = _properties(arguments["properties"])
    ids = list(dict.fromkeys(map(context.resolve, arguments["ids"])))
    context.check_got(len(ids))
    view = context.view(arguments["accountId"])
    view.load(keys.blob_key(parsed[0]) for id in ids if (parsed := parse_blob_id(id)) is not None)
    start, length = arguments["offset"] or 0, arguments["length"]
    found: list[Object] = []
    for id in ids:
        content = find_content(context, view, id)
        if content is not None:
            found.append({"id": id, **_render(context, content, properties, start, length)})
    known = {one["id"] for one in found}
    return {
        "accountId": arguments["accountId"],
        "list": found,
        "notFound": [id for id in ids if id not in known],
    }


def copy(context: Context, given: Object) -> Object:
    """Let one account read what another may (RFC 8620 §6.3)."""
    arguments = check_arguments(given, COPY_ARGUMENTS)
    source, target = arguments["fromAccountId"], arguments["accountId"]
    if source == target:
        raise MethodError("invalidArguments", "blobs are copied between two accounts", arguments=["fromAccountId"])
    context.check_set(len(arguments["blobIds"]))
    context.writable(target)
    view = context.source(source)
    ids = list(dict.fromkeys(arguments["blobIds"]))
    view.load(keys.blob_key(parsed[0]) for id in ids if (parsed := parse_blob_id(id)) is not None)
    copied = {id: digest for id in ids if (digest := _copy(context, view, id)) is not None}
    if copied:
        keep(context, target, list(copied.values()))
    # RFC 8620 §6.3 lets it be "notFound", too; the public conformance suite asks for the name that other methods use
    missing = {id: SetError("blobNotFound").to_body() for id in ids if id not in copied}
    return {
        "fromAccountId": source,
        "accountId": target,
        "copied": {id: blob_id(digest) for id, digest in copied.items()} or None,
        "notCopied": missing or None,
    }


def _copy(context: Context, view: View, id: str) -> str | None:
    """The digest of what the other account shall read. A part becomes a blob of its own: a right to the raw message
    would be a right to more than was copied."""
    parsed = parse_blob_id(id)
    if parsed is None or not is_readable(context, view, parsed[0]):
        return None
    if parsed[1] is None:
        return parsed[0] if context.site.blobs.size(parsed[0]) is not None else None
    content = find_content(context, view, id)
    return None if content is None else context.site.blobs.put(content.read(0, content.size))


def _properties(asked: Sequence[str] | None) -> list[str]:
    properties = ["data", "size"] if asked is None else list(dict.fromkeys(asked))
    for name in properties:
        if name not in PROPERTIES:
            raise MethodError("invalidArguments", f"a Blob has no property {name!r}", arguments=["properties"])
    return properties


def _render(context: Context, content: Content, properties: Sequence[str], start: int, length: int | None) -> Object:
    """The properties asked for, of the octets in the range (RFC 9404 §4.2)."""
    rendered: Object = {}
    if start > content.size or (length is not None and start + length > content.size):
        rendered["isTruncated"] = True
    present = max(0, min(content.size - start, content.size if length is None else length))
    asked = [name for name in DATA if name in properties]
    context.count_fetched(present * len(asked))
    if asked:
        rendered |= _data(content.read(start, present), asked)
    for name in properties:
        if name.startswith(DIGEST):
            rendered[name] = _digest(context, content, name.removeprefix(DIGEST), start, present)
    if "size" in properties:
        rendered["size"] = content.size
    return rendered


def _data(octets: bytes, asked: Sequence[str]) -> Object:
    rendered: Object = {}
    text = _text(octets) if asked != ["data:asBase64"] else None
    if text is None and asked != ["data:asBase64"]:
        rendered["isEncodingProblem"] = True
    if "data:asText" in asked or ("data" in asked and text is not None):
        rendered["data:asText"] = text
    if "data:asBase64" in asked or ("data" in asked and text is None):
        rendered["data:asBase64"] = base64.b64encode(octets).decode()
    return rendered


def _text(octets: bytes) -> str | None:
    """What is UTF-8, and may be in a response as it is."""
    try:
        return None if has_noncharacter(octets) else octets.decode()
    except UnicodeDecodeError:
        return None


def _digest(context: Context, content: Content, algorithm: str, start: int, length: int) -> str:
    """The digest of a range, in base64; that of a whole blob is known by its name."""
    if algorithm == "sha-256" and content.digest and (start, length) == (0, content.size):
        return base64.b64encode(bytes.fromhex(content.digest)).decode()
    context.count_fetched(length)
    digest = hashlib.new(ALGORITHMS[algorithm], usedforsecurity=False)
    for piece in content.pieces(start, length):
        digest.update(piece)
    return base64.b64encode(digest.digest()).decode()


FUNCTIONS: Final = {
    "Blob/copy": Function(CORE, copy, COPY_ARGUMENTS),
    "Blob/upload": Function(BLOB, upload, UPLOAD_ARGUMENTS),
    "Blob/get": Function(BLOB, get, GET_ARGUMENTS),
    "Blob/lookup": Function(BLOB, blob_lookup, LOOKUP_ARGUMENTS),
}
