"""Addresses as Sieve sees them: parts to compare, and addresses that mail may be sent to.

RFC 5228 §2.4.2.3 (what may be sent to), §2.7.4 (`:localpart`, `:domain`, `:all`), §5.4 (source routes);
RFC 5233 (`:user`, `:detail`). Address lists of headers are read by `homing.message`.
"""

from __future__ import annotations

import re
from typing import Final

from homing.message import as_addresses

ALL: Final = ":all"

ADDRESS_HEADERS: Final = frozenset(
    """
    from to cc bcc sender reply-to resent-from resent-to resent-cc resent-bcc resent-sender resent-reply-to
    abuse-reports-to apparently-to delivered-to disposition-notification-to envelope-to errors-to for-approval
    for-comment for-handling mail-followup-to mail-reply-to read-receipt-to
    registered-mail-reply-requested-by return-path return-receipt-requested return-receipt-to x-admin x-beenthere
    x-complaints-to x-confirm-reading-to x-envelope-from x-envelope-to x-forwarded-to
    x-original-from x-original-to x-report-abuse-to x-sender
    """.split()
)
"""Fields with addresses, which alone the address test may look at (RFC 5228 §5.1)."""

MAX_ADDRESS: Final = 320
"""Characters of an address that mail may be sent to (RFC 5321 §4.5.3.1: 64 before the sign, 255 after it)."""

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]++"
_QUOTED: Final = r'"(?:[^"\\\x00-\x1f\x7f-\U0010ffff]|\\[\x20-\x7e])*+"'
_DOMAIN: Final = r"(?:[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]++)*+\.?+|\[[A-Za-z0-9.:_-]++\])"
_ADDR_SPEC: Final = re.compile(rf"\s*+(?P<local>{_ATOM}|{_QUOTED})\s*+@\s*+(?P<domain>{_DOMAIN})\s*+")
_NAMED: Final = re.compile(r'(?:[^"<>()@,:;\\\[\]]++|"(?:[^"\\]|\\.)*+")*+<(?P<address>[^<>]++)>\s*+', re.DOTALL)
_PLAIN_LOCAL: Final = re.compile(r'"([A-Za-z0-9!#$%&\'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&\'*+/=?^_`{|}~-]+)*)"@')
_SOURCE_ROUTE: Final = re.compile(r"@[^@,:]++(?:,@[^@,:]++)*+:")
_PAREN: Final = re.compile(r'\\.|"[^"\\]*+(?:\\.[^"\\]*+)*+"|[()]', re.DOTALL)


def read_recipient(text: str) -> str | None:
    """The bare address of a sieve-address (RFC 5228 §2.4.2.3), or None if it is not one. ASCII only."""
    named = _NAMED.fullmatch(text) if text.rstrip().endswith(">") else None
    match = _ADDR_SPEC.fullmatch(named["address"] if named else text)
    if match is None:
        return None
    address = f"{match['local']}@{match['domain'].rstrip('.')}"
    return _without_quotes(address) if len(address) <= MAX_ADDRESS else None


def header_addresses(value: bytes) -> list[str]:
    """The addresses of a field, without names, comments and groups; "text" where it holds no address."""
    found = (_without_quotes(_without_comments(entry["email"] or "")) for entry in as_addresses(value))
    return [address for address in found if address]


def envelope_address(path: str) -> str:
    """A path of SMTP as an address: no angle brackets, no source route (RFC 5228 §5.4)."""
    path = path.strip()
    if path.startswith("<") and path.endswith(">"):
        path = path[1:-1]
    return _without_quotes(_SOURCE_ROUTE.sub("", path, count=1) if path.startswith("@") else path)


def address_part(address: str, part: str, separator: str) -> str | None:
    """The part of an address that a test asks for; None where it has no such part, and so matches nothing.

    The empty address (the null reverse-path) is empty in every part.
    """
    if part == ALL or not address:
        return address
    local, sign, domain = address.rpartition("@")
    if not (local and sign and domain) or ("@" in local and not local.startswith('"')):
        return None
    if part == ":domain":
        return domain
    if part == ":localpart":
        return local
    user, found, detail = local.partition(separator)
    if part == ":user":
        return user
    return detail if found else None


def _without_quotes(address: str) -> str:
    """`"ann"@example.org` is `ann@example.org` (RFC 5322 §3.4.1)."""
    if not address.startswith('"'):
        return address
    match = _PLAIN_LOCAL.match(address)
    return f"{match[1]}@{address[match.end() :]}" if match else address


def _without_comments(address: str) -> str:
    if "(" not in address:
        return address
    kept: list[str] = []
    depth = position = 0
    for match in _PAREN.finditer(address):
        if match[0] == "(":
            if depth == 0:
                kept.append(address[position : match.start()])
            depth += 1
        elif match[0] == ")" and depth > 0:
            depth -= 1
            position = match.end()
    if depth == 0:
        kept.append(address[position:])
    return "".join(kept)
