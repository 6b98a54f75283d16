"""Addresses: from what SMTP says to the account that receives (RFC 5321 §4.1.2, RFC 5233, RFC 5891)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from homing.ledger import keys
from homing.ledger.entry import decode_body
from homing.ports.store import Store

MAX_LOCAL_BYTES: Final = 64 * 4
MAX_DOMAIN_BYTES: Final = 255
SUBADDRESS: Final = "+"


@dataclass(frozen=True, slots=True)
class Address:
    """A normalised address: local part in NFC and folded case, domain in lower-case A-labels."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def base(self) -> str:
        """The local part without its subaddress (RFC 5233): `ann+news` is Ann's."""
        return self.local.partition(SUBADDRESS)[0] or self.local


def parse_address(text: str) -> Address | None:
    """The normalised address, or None if it is not one that we could have."""
    local, at, domain = text.strip().strip("<>").rpartition("@")
    if not at or not local or not domain:
        return None
    if len(local) > 1 and local[0] == local[-1] == '"':
        local = local[1:-1].replace("\\", "")
    normal = unicodedata.normalize("NFC", local).casefold()
    labels = normalize_domain(domain)
    fits = normal and len(normal.encode(errors="replace")) <= MAX_LOCAL_BYTES
    if labels is None or not fits or any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) <= 0xDFFF for c in normal):
        return None
    return Address(normal, labels)


def normalize_domain(domain: str) -> str | None:
    """Lower-case A-labels without a final dot, or None if it is no domain name."""
    try:
        labels = domain.strip().rstrip(".").casefold().encode("idna").decode("ascii")
    except UnicodeError:
        return None
    labels = labels.rstrip(".")  # it was one of another script (RFC 3490 §3.1)
    allowed = labels.replace("-", "").replace(".", "").replace("_", "")
    if not allowed.isalnum() or not 0 < len(labels) <= MAX_DOMAIN_BYTES:
        return None
    return labels


def find_accounts(store: Store, addresses: Iterable[str]) -> dict[str, str]:
    """The account that each address belongs to; addresses that nobody has are left out.

    One read for all of them. An exact entry wins over the one without the subaddress.
    """
    places: dict[str, list[tuple[str, str]]] = {}
    for text in addresses:
        if (address := parse_address(text)) is not None:
            partition = keys.address_partition(address.domain)
            locals_ = dict.fromkeys((address.local, address.base))
            places[text] = [(partition, keys.object_key("Address", local)) for local in locals_]
    rows = store.get_many([place for candidates in places.values() for place in candidates])
    return {
        text: decode_body(rows[place].body)["account"]
        for text, candidates in places.items()
        if (place := next((place for place in candidates if place in rows), None)) is not None
    }


def local_addresses(store: Store, addresses: Iterable[str]) -> set[str]:
    """Those whose domain is one of this site's, whether anybody has them or not. One read for all of them."""
    parsed = {text: address for text in addresses if (address := parse_address(text)) is not None}
    domain = keys.object_key("Domain", keys.SELF)
    rows = store.get_many([(keys.address_partition(address.domain), domain) for address in parsed.values()])
    return {text for text, address in parsed.items() if (keys.address_partition(address.domain), domain) in rows}
