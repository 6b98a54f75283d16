"""What one request may make the server do: small requests with work or answers without end are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from homing.jmap.methods.query import MAX_CONDITIONS
from homing.search.expression import MAX_TOKENS
from homing.site import Site
from tests.mail import message
from tests.rooms.jmap.conftest import Client

MAXIMUM = 20_000


@pytest.fixture
def site(site: Site) -> Site:
    limits = replace(site.config.limits, max_bytes_in_get=MAXIMUM)
    return replace(site, config=replace(site.config, limits=limits))


@pytest.fixture
def emails(ann: Client) -> list[str]:
    return ann.deliver(*(message(subject=f"{n}", message_id=f"{n}@x", body="x" * 9_000) for n in range(3)))


def test_body_values_are_fetched_up_to_a_sum_and_beyond_it_fewer_must_be_asked_for(
    ann: Client, emails: list[str]
) -> None:
    wanted: dict[str, Any] = {"properties": ["bodyValues"], "fetchAllBodyValues": True}

    assert ann.error("Email/get", ids=emails, **wanted)["type"] == "requestTooLarge"
    assert len(ann.call("Email/get", ids=emails[:2], **wanted)["list"]) == 2
    assert len(ann.call("Email/get", ids=emails, maxBodyValueBytes=100, **wanted)["list"]) == 3


def test_the_sum_is_that_of_all_calls_of_a_request(ann: Client, emails: list[str]) -> None:
    one = {"ids": emails[:1], "properties": ["bodyValues"], "fetchAllBodyValues": True}

    answers = ann.responses(*[("Email/get", one)] * 3)

    assert [name for name, _ in answers] == ["Email/get", "Email/get", "error"]
    assert answers[2][1]["type"] == "requestTooLarge"


@pytest.mark.parametrize("argument", ["properties", "bodyProperties"])
def test_one_header_under_many_names_counts_each_time(ann: Client, argument: str) -> None:
    ids = ann.deliver(message(headers=["X-Long: " + "y" * 900]))
    names = [f"header:{name}{form}" for name in ("x-long", "X-long", "x-Long", "X-LONG") for form in ("", ":asText")]
    names += [f"{name}:all" for name in names]
    more = ["header:x-lonG", "header:x-loNg", "header:x-lOng", "header:x-LonG", "header:x-LoNg", "header:x-LOng"]
    properties = {"properties": ["textBody"], argument: names}

    assert len(ann.call("Email/get", ids=ids, **properties)["list"]) == 1
    properties[argument] = names + more
    assert ann.error("Email/get", ids=ids, **properties)["type"] == "requestTooLarge"


def test_all_headers_count_too(ann: Client) -> None:
    ids = ann.deliver(*(message(message_id=f"{n}@x", headers=["X-Long: " + "y" * 9_000]) for n in range(3)))

    assert ann.error("Email/get", ids=ids, properties=["headers"])["type"] == "requestTooLarge"
    assert len(ann.call("Email/get", ids=ids[:2], properties=["headers"])["list"]) == 2


@pytest.mark.parametrize("method", ["Email/query", "Mailbox/query"])
def test_an_operator_without_conditions_counts_as_a_condition(ann: Client, method: str) -> None:
    empty = [{"operator": "OR", "conditions": []}] * MAX_CONDITIONS

    assert ann.error(method, filter={"operator": "NOT", "conditions": empty})["type"] == "unsupportedFilter"
    assert "ids" in ann.call(method, filter={"operator": "NOT", "conditions": empty[1:]})


@pytest.mark.parametrize("condition", ["subject", "from"])
def test_a_condition_looks_for_so_many_words_and_for_each_once(ann: Client, condition: str) -> None:
    words = [f"w{number}" for number in range(MAX_TOKENS + 1)]

    assert ann.error("Email/query", filter={condition: " ".join(words)})["type"] == "unsupportedFilter"
    assert ann.query(filter={condition: " ".join(words[1:] * 2) + " "}) == []


def test_parts_are_decoded_up_to_a_sum_whatever_they_are_wanted_for(ann: Client, emails: list[str]) -> None:
    parts = [ann.email(id, "textBody")["textBody"][0]["blobId"] for id in emails]
    ranges = [{"data": [{"blobId": part, "length": 1} for part in some * 30]} for some in (parts, parts[:2])]

    assert ann.error("Blob/upload", create={"new": ranges[0]})["type"] == "requestTooLarge"
    assert ann.call("Blob/upload", create={"new": ranges[1]})["created"]["new"]["size"] == 60
    wanted = {part: {"blobId": part, "mailboxIds": {"inbox": True}} for part in parts}
    assert ann.error("Email/import", emails=wanted)["type"] == "requestTooLarge"


def test_one_attachment_for_many_drafts_counts_for_each(site: Site, ann: Client) -> None:
    (blob,) = ann.call("Blob/upload", create={"b": {"data": [{"data:asText": "x" * 9_000}]}})["created"].values()
    draft = {"mailboxIds": {"drafts": True}, "attachments": [{"blobId": blob["id"], "type": "image/png"}]}

    assert len(ann.call("Email/set", create=dict.fromkeys("ab", draft))["created"]) == 2
    position = ann.position()
    assert ann.error("Email/set", create=dict.fromkeys("abc", draft))["type"] == "requestTooLarge"
    assert ann.position() == position
