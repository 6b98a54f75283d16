"""Whatever a client says of an email, it becomes a message that is sound, or faults that are named."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.jmap.types.email_create_body import Body
from homing.jmap.types.email_create_fields import CONVENIENT, Faults, email_fields
from homing.jmap.types.email_render import is_header_property
from homing.message import parse
from homing.message.compose import compose

TEXTS = st.text(max_size=30) | st.sampled_from(
    ["text/plain", "multipart/mixed", "1", "a@b.c", "a\r\nX: y", "\0", "utf-8"]
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
PERSON = st.fixed_dictionaries({"name": st.none() | TEXTS, "email": TEXTS})
HEADER = st.builds(
    "header:{}{}{}".format,
    st.sampled_from(["X-A", "Subject", "From", "Content-Type", "Content-ID", "Date", "content-transfer-encoding", "é"]),
    st.sampled_from(["", ":asText", ":asAddresses", ":asGroupedAddresses", ":asMessageIds", ":asDate", ":asURLs"]),
    st.sampled_from(["", ":all"]),
)
LEAF: dict[str, st.SearchStrategy[Any]] = {
    "partId": st.sampled_from(["1", "2", "3"]) | JSON,
    "blobId": st.just("b") | JSON,
    "type": st.sampled_from(["text/plain", "text/html", "image/png", "message/rfc822"]) | JSON,
    "charset": JSON,
    "disposition": st.sampled_from(["inline", "attachment"]) | JSON,
    "name": TEXTS | JSON,
    "cid": st.just("a@b") | JSON,
    "language": st.just(["de"]) | JSON,
    "location": JSON,
    "size": JSON,
}


def chosen(members: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of these members and some header properties."""
    some = st.fixed_dictionaries({}, optional=members)
    return st.builds(lambda one, two: {**one, **two}, some, st.dictionaries(HEADER, JSON | st.just(" x"), max_size=2))


PART = st.recursive(
    chosen(LEAF) | JSON,
    lambda inner: chosen({"type": st.just("multipart/mixed") | JSON, "subParts": st.lists(inner, max_size=3) | JSON}),
    max_leaves=4,
)
VALUES = st.dictionaries(st.sampled_from(["1", "2"]), st.fixed_dictionaries({"value": TEXTS}) | JSON)
ADDRESSES = {name: st.lists(PERSON, max_size=2) | JSON for name in ("from", "to", "bcc")}
EMAIL = chosen(
    {
        **dict.fromkeys(CONVENIENT, JSON),
        **ADDRESSES,
        "bodyStructure": PART,
        "bodyValues": VALUES | JSON,
        "textBody": st.lists(PART, max_size=2) | JSON,
        "htmlBody": st.lists(PART, max_size=2) | JSON,
        "attachments": st.lists(PART, max_size=2) | JSON,
    }
)


@given(EMAIL)
def test_whatever_is_said_becomes_a_sound_message_or_faults_that_are_named(given: dict[str, Any]) -> None:
    faults = Faults()
    fields = email_fields(given, faults)
    root = Body(faults, lambda _: b"content").read(given)

    if "bodyStructure" in given:
        assert {"textBody", "htmlBody", "attachments"} & given.keys() <= faults.found.keys()
    if faults.found:
        for name in faults.found:
            assert name.partition("/")[0] in given or is_header_property(name)
        return
    assert root is not None
    raw = compose(fields, root, message_id="1@x", at=0)
    assert raw.isascii()
    assert re.search(rb"\r(?!\n)|(?<!\r)\n", raw) is None
    names = [one.name.lower() for one in parse(raw).headers]
    assert "x" not in names
    assert names.count("message-id") == names.count("date") == 1


@pytest.mark.parametrize("name", ["textBody", "htmlBody", "attachments"])
@pytest.mark.parametrize("structure", [None, {}, {"partId": "1"}])
def test_the_lists_and_the_structure_are_never_both_taken(name: str, structure: Any) -> None:
    faults = Faults()

    Body(faults, lambda _: b"content").read({"bodyStructure": structure, name: []})

    assert name in faults.found
