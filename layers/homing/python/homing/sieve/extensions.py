"""The extensions of the language that are here, by name: what scripts may require, and what clients are told of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SUPPORTED: Final[tuple[str, ...]] = (
    "body",
    "comparator-i;ascii-casemap",
    "comparator-i;ascii-numeric",
    "comparator-i;octet",
    "copy",
    "date",
    "duplicate",
    "encoded-character",
    "envelope",
    "environment",
    "ereject",
    "fileinto",
    "ihave",
    "imap4flags",
    "index",
    "mailbox",
    "reject",
    "relational",
    "special-use",
    "subaddress",
    "vacation",
    "vacation-seconds",
    "variables",
)
"""Capability names (RFC 5228 §6.1) that `require` knows."""

BUILT_IN: Final = frozenset({"comparator-i;ascii-casemap", "comparator-i;octet"})
"""What need not be required (RFC 5228 §2.7.3)."""
IMPLIED: Final[Mapping[str, str]] = {"vacation-seconds": "vacation"}
"""RFC 6131 §2."""
CHANGE_STRINGS: Final = frozenset({"encoded-character", "variables"})
"""Extensions that ihave cannot enable, since they change what strings mean (RFC 5463 §4)."""
