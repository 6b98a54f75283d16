"""Message Encryption for Web Push (RFC 8291) with the `aes128gcm` content coding (RFC 8188), one record.

The push service in between learns nothing but the size. Never sees what the message means.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

RECORD_SIZE: Final = 4_096
OVERHEAD: Final = 16 + 4 + 1 + 65 + 1 + 16
"""Bytes besides the message: salt, record size, length and bytes of the key, delimiter, tag."""
MAX_MESSAGE: Final = RECORD_SIZE - OVERHEAD
"""Every push service takes a body of 4,096 bytes (RFC 8030 §7.2)."""
SALT_BYTES: Final = 16
_POINT_BYTES: Final = 65
_AUTH_BYTES: Final = 16
_ENCODED_CHARACTERS: Final = 100
_LAST_RECORD: Final = b"\x02"


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """The public key of a client, a point of P-256 in its uncompressed form, and the secret it shares with us."""

    point: bytes
    auth: bytes = field(repr=False)


def parse_keys(given: Mapping[str, Any]) -> ClientKeys:
    """The `keys` of a PushSubscription (RFC 8620 §7.2); padding is optional, as browsers leave it out.

    Raises:
        ValueError: in words for the client.
    """
    if given.keys() != {"p256dh", "auth"}:
        raise ValueError("keys has p256dh and auth")
    point, auth = (_decode(name, given[name]) for name in ("p256dh", "auth"))
    if len(auth) != _AUTH_BYTES:
        raise ValueError(f"auth is {_AUTH_BYTES} bytes")
    if len(point) != _POINT_BYTES or not _is_on_curve(point):
        raise ValueError("p256dh is an uncompressed point of P-256")
    return ClientKeys(point, auth)


def encrypt(message: bytes, keys: ClientKeys, salt: bytes, sender: EllipticCurvePrivateKey | None = None) -> bytes:
    """The body of a push message. `sender` is made for this message only, unless a test gives one."""
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415  # 40 ms that only push pays for
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    curve = ec.SECP256R1()
    own = sender or ec.generate_private_key(curve)
    shared = own.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(curve, keys.point))
    point = encode_point(own)
    content_key, nonce = derive(keys, point, shared, salt)
    sealed = AESGCM(content_key).encrypt(nonce, message + _LAST_RECORD, None)
    return salt + RECORD_SIZE.to_bytes(4, "big") + bytes([len(point)]) + point + sealed


def derive(keys: ClientKeys, sender: bytes, shared: bytes, salt: bytes) -> tuple[bytes, bytes]:
    """Content encryption key and nonce (RFC 8291 §3.4): both sides come to the same ones."""
    input_key = _expand(_hmac(keys.auth, shared), b"WebPush: info\0" + keys.point + sender)
    secret = _hmac(salt, input_key)
    return _expand(secret, b"Content-Encoding: aes128gcm\0")[:16], _expand(secret, b"Content-Encoding: nonce\0")[:12]


def encode_point(key: EllipticCurvePrivateKey) -> bytes:
    """The public key that belongs to a private one, uncompressed (X9.62)."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def base64url(content: bytes) -> str:
    """Without padding (RFC 7515 §2)."""
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _decode(name: str, text: object) -> bytes:
    if not isinstance(text, str) or len(text) > _ENCODED_CHARACTERS:
        raise ValueError(f"{name} is URL-safe base64")
    bare = text.rstrip("=")
    try:
        decoded = urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except (ValueError, binascii.Error) as error:
        raise ValueError(f"{name} is URL-safe base64") from error
    if base64url(decoded) != bare:
        raise ValueError(f"{name} is URL-safe base64")
    return decoded


def _is_on_curve(point: bytes) -> bool:
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        return False
    return True


def _hmac(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, content, "sha256")


def _expand(key: bytes, info: bytes) -> bytes:
    """HKDF-Expand (RFC 5869 §2.3) of one block."""
    return _hmac(key, info + b"\x01")
