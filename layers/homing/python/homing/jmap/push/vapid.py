"""Who we are to push services: VAPID (RFC 8292), and what clients are told of it (RFC 9749).

A site has one key, made when it is first asked for and kept in the site's ledger. Each process reads it once.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import msgspec

from homing.jmap.push.encryption import base64url, encode_point
from homing.ledger import keys
from homing.ledger.entry import Actor
from homing.ledger.rows import Body, value_of
from homing.ledger.transact import Transaction, transact
from homing.ports.store import Store
from homing.site import Site

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

TYPE: Final = "Vapid"
VALID_SECONDS: Final = 12 * 3_600
"""Of a token: at most 24 hours (RFC 8292 §2)."""
_HEX: Final = 16

_known: Final[WeakKeyDictionary[Store, Body]] = WeakKeyDictionary()
_lock: Final = threading.Lock()
_encode: Final = msgspec.json.Encoder().encode


def application_server_key(site: Site) -> str:
    """The public key as the Session tells it (RFC 9749 §3). Asks the store once for each process."""
    public: str = _key(site)["public"]
    return public


def authorization(site: Site, url: str) -> str:
    """The Authorization header for a request to a push resource (RFC 8292 §3)."""
    key = _key(site)
    claims = {
        "aud": origin_of(url),
        "exp": site.clock.now() // 1000 + VALID_SECONDS,
        "sub": f"mailto:postmaster@{site.config.hostname}",
    }
    return f"vapid t={sign(claims, key['private'])}, k={key['public']}"


def origin_of(url: str) -> str:
    """Scheme, host and a port that is not the usual one (RFC 6454 §6.2)."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    named = f"[{host}]" if ":" in host else host
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    return f"{parts.scheme}://{named}" + ("" if parts.port in (None, usual) else f":{parts.port}")


def sign(claims: dict[str, object], private: str) -> str:
    """A JSON Web Token, signed with ES256 (RFC 7515, RFC 7518 §3.4); `private` is the key in hexadecimal digits."""
    from cryptography.hazmat.primitives.asymmetric import ec, utils  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    header = {"typ": "JWT", "alg": "ES256"}
    signed = f"{base64url(_encode(header))}.{base64url(_encode(claims))}"
    signature = ec.derive_private_key(int(private, _HEX), ec.SECP256R1()).sign(signed.encode(), ec.ECDSA(SHA256()))
    r, s = utils.decode_dss_signature(signature)
    return f"{signed}.{base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _key(site: Site) -> Body:
    with _lock:
        known = _known.get(site.store)
    if known is None:
        known = _stored(site) or transact(site, Actor("push", "vapid"), _create)
        with _lock:
            _known[site.store] = known
    return known


def _stored(site: Site) -> Body | None:
    value = value_of(site.store.get(keys.SITE, keys.object_key(TYPE, keys.SELF)), site.clock.now())
    return value.body if value else None


def _create(transaction: Transaction) -> Body:
    draft = transaction.draft(keys.SITE)
    known = draft.object(TYPE, keys.SELF)  # another process may have been first
    if known is None:
        known = _new_key()
        draft.create(TYPE, keys.SELF, known)
    return known


def _new_key() -> Body:
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key: EllipticCurvePrivateKey = ec.generate_private_key(ec.SECP256R1())
    return {"private": f"{key.private_numbers().private_value:064x}", "public": base64url(encode_point(key))}
