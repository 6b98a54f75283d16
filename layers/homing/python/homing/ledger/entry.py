"""A ledger entry: what changed, by whom, when, through which protocol; hash-chained.

An entry's row is `{"hash": H, "entry": {...}}` where H is the SHA-256 of the inner object's bytes and
the inner object carries the previous entry's H. So a changed byte shows in the entry itself, and a
recomputed H shows in the next entry or in the head.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from homing.errors import Permanent

GENESIS: Final = "0" * 64
"""The `previous` of the first entry."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who causes a change: `name` is a login or the name of a part of the system, `correlation` one id
    for everything that one request or delivery caused."""

    name: str
    protocol: str
    correlation: str = ""


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One object created, updated or destroyed. Just one of the last three is set.

    `update` is a JSON Merge Patch (RFC 7396): nested members replace theirs, null removes.
    """

    type: str
    id: str
    create: dict[str, Any] | None = None
    update: dict[str, Any] | None = None
    destroy: bool = False


class Touched(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """Ids of one type that an entry created, updated, destroyed, or (mailboxes) merely recounted."""

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    destroyed: tuple[str, ...] = ()
    counted: tuple[str, ...] = ()


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A position in a partition's history. `at` is in ms since 1970. `touched` follows from `changes`;
    it is kept so that `changes(since)` need not derive it again."""

    seq: int
    at: int
    actor: str
    protocol: str
    correlation: str
    previous: str
    changes: tuple[Change, ...]
    touched: dict[str, Touched]


class _Sealed(msgspec.Struct):
    hash: str
    entry: msgspec.Raw


class _TouchedOnly(msgspec.Struct):
    touched: dict[str, Touched]


class _SealedTouched(msgspec.Struct):
    entry: _TouchedOnly


_decode_sealed: Final = msgspec.json.Decoder(_Sealed).decode
_decode_entry: Final = msgspec.json.Decoder(Entry).decode
_decode_touched: Final = msgspec.json.Decoder(_SealedTouched).decode
encode_body: Final = msgspec.json.Encoder(order="deterministic").encode
"""JSON as it is stored: compact, members sorted, so that equal values are equal bytes."""
decode_body: Final = msgspec.json.Decoder().decode


def seal(entry: Entry) -> tuple[bytes, str]:
    """(row body, hash) of an entry."""
    payload = encode_body(entry)
    digest = hashlib.sha256(payload).hexdigest()
    return b'{"hash":"' + digest.encode() + b'","entry":' + payload + b"}", digest


def unseal(body: bytes) -> tuple[Entry, str]:
    """(entry, hash) of a row body.

    Raises:
        Permanent: ("badEntry") not JSON of this form, or the hash is not that of the entry.
    """
    try:
        sealed = _decode_sealed(body)
        payload = bytes(sealed.entry)
        entry = _decode_entry(payload)
        expected, digest = seal(entry)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Permanent("badEntry", "not a ledger entry", detail=str(error)) from error
    if digest != sealed.hash or expected != body:
        raise Permanent("badEntry", "the entry's hash is not that of its content", seq=entry.seq)
    return entry, digest


def touched_of(body: bytes) -> dict[str, Touched]:
    """Only the `touched` member of an entry's row, decoded without the rest."""
    return _decode_touched(body).entry.touched


def merge_patch(target: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """`target` with `patch` merged in (RFC 7396 §2); neither argument is altered."""
    merged = dict(target)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            before = merged.get(name)
            merged[name] = merge_patch(before if isinstance(before, dict) else {}, value)
        else:
            merged[name] = value
    return merged
