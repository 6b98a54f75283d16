"""Bytes to `Message` and back to what is stored of it. Pure: no clock, no network, no store.

`parse` scans any bytes into headers and parts by offset and decodes lazily; `describe` gives the record kept
with an e-mail; `provenance.provenance` looks at the way a message took; `compose` (imported by itself, since few
write) makes bytes again.
RFC 5322, RFC 2045-2049, RFC 2231, RFC 6532, RFC 8621 §4.1.
"""

from homing.message.addresses import Address, Group
from homing.message.bodies import decode_content
from homing.message.charsets import decode_text
from homing.message.header_forms import (
    as_addresses,
    as_date,
    as_grouped_addresses,
    as_message_ids,
    as_raw,
    as_text,
    as_urls,
)
from homing.message.message import Message, parse, parse_headers
from homing.message.model import Defect, Header, Part
from homing.message.preview import render_html_text
from homing.message.record import describe
from homing.message.structure import Bodies, arrange
from homing.message.subject import base_subject

__all__ = [
    "Address",
    "Bodies",
    "Defect",
    "Group",
    "Header",
    "Message",
    "Part",
    "arrange",
    "as_addresses",
    "as_date",
    "as_grouped_addresses",
    "as_message_ids",
    "as_raw",
    "as_text",
    "as_urls",
    "base_subject",
    "decode_content",
    "decode_text",
    "describe",
    "parse",
    "parse_headers",
    "render_html_text",
]
