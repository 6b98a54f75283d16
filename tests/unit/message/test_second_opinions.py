"""Other parsers look at the same well-formed mail and must see the same tree and the same bytes."""

from __future__ import annotations

import email
from email.message import Message as StdlibMessage
from typing import Any

import fast_mail_parser
import pytest

from homing.message import Part, decode_content, parse
from tests.unit.message.letters import build

MAIL = [build(seed) for seed in range(60)]


def our_shape(part: Part) -> Any:
    return (part.type, tuple(our_shape(child) for child in part.parts)) if part.parts else part.type


def stdlib_shape(part: StdlibMessage) -> Any:
    if part.get_content_maintype() == "multipart":
        return (part.get_content_type(), tuple(stdlib_shape(child) for child in part.get_payload()))  # type: ignore[arg-type,union-attr]
    return part.get_content_type()


def rust_shape(part: Any) -> Any:
    kind = part.content_type.partition(";")[0].strip().lower()
    if kind.startswith("multipart/"):
        return (kind, tuple(rust_shape(child) for child in part.children))
    return kind


@pytest.mark.parametrize("raw", MAIL, ids=range(len(MAIL)))
def test_the_tree_is_that_of_the_standard_library_and_of_fast_mail_parser(raw: bytes) -> None:
    shape = our_shape(parse(raw).root)

    assert shape == stdlib_shape(email.message_from_bytes(raw))
    assert shape == rust_shape(fast_mail_parser.parse_email_tree(raw, mode="lazy"))


@pytest.mark.parametrize("raw", MAIL, ids=range(len(MAIL)))
def test_headers_and_leaves_are_byte_for_byte_those_of_the_standard_library(raw: bytes) -> None:
    ours = parse(raw)
    theirs = email.message_from_bytes(raw)

    assert [header.name for header in ours.headers] == theirs.keys()
    leaves = [part for part in ours.root.walk() if not part.parts and part.type != "message/rfc822"]
    contents = [decode_content(raw[part.body : part.end], part.encoding)[0] for part in leaves]
    assert contents == [payload for payload in _stdlib_leaves(theirs) if payload is not None]
    assert [part.name for part in leaves] == [part.get_filename() for part in _walk(theirs) if not part.is_multipart()]


def _walk(part: StdlibMessage) -> list[StdlibMessage]:
    """As `Message.walk`, but not into attached messages."""
    if part.get_content_maintype() != "multipart":
        return [part]
    return [leaf for child in part.get_payload() for leaf in _walk(child)]  # type: ignore[arg-type,union-attr]


def _stdlib_leaves(part: StdlibMessage) -> list[Any]:
    return [leaf.get_payload(decode=True) for leaf in _walk(part) if leaf.get_content_type() != "message/rfc822"]
