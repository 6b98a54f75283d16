"""RFC 8620 §2, RFC 8621 §1.3."""

from __future__ import annotations

import dataclasses
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from homing.config import Limits
from homing.jmap.types.email import EMAIL
from tests.rooms.jmap.conftest import CORE, MAIL, ORIGIN, Client

URN = "urn:ietf:params:jmap:"


def session(client: Client) -> dict[str, Any]:
    response = client.http("GET", "/jmap/session")
    assert response.status == 200
    return json.loads(response.body)


def test_the_session_names_the_user_and_the_one_account(ann: Client) -> None:
    found = session(ann)

    assert found["username"] == "ann@example.org"
    assert list(found["accounts"]) == [ann.account]
    account = found["accounts"][ann.account]
    assert (account["name"], account["isPersonal"], account["isReadOnly"]) == ("ann@example.org", True, False)


def test_only_capabilities_with_methods_for_an_account_are_among_the_accounts(ann: Client) -> None:
    found = session(ann)

    for_accounts = {MAIL, *(URN + name for name in "submission vacationresponse blob quota mdn sieve".split())}
    assert set(found["accounts"][ann.account]["accountCapabilities"]) == for_accounts
    assert found["primaryAccounts"] == dict.fromkeys(for_accounts, ann.account)
    assert set(found["capabilities"]) == for_accounts | {CORE, URN + "webpush-vapid"}
    assert found["capabilities"][MAIL] == {}


@pytest.mark.parametrize(
    ("name", "minimum"),
    [
        ("maxSizeUpload", 50_000_000),
        ("maxConcurrentUpload", 4),
        ("maxSizeRequest", 10_000_000),
        ("maxConcurrentRequests", 4),
        ("maxCallsInRequest", 16),
        ("maxObjectsInGet", 500),
        ("maxObjectsInSet", 500),
    ],
)
def test_the_limits_are_at_least_those_that_the_standard_suggests(ann: Client, name: str, minimum: int) -> None:
    assert session(ann)["capabilities"][CORE][name] >= minimum


def test_the_core_capability_names_collations_of_rfc_4790(ann: Client) -> None:
    assert "i;unicode-casemap" in session(ann)["capabilities"][CORE]["collationAlgorithms"]


def test_the_mail_capability_has_every_member_of_rfc_8621(ann: Client) -> None:
    assert session(ann)["accounts"][ann.account]["accountCapabilities"][MAIL] == {
        "maxMailboxesPerEmail": Limits().max_mailboxes_per_email,
        "maxMailboxDepth": Limits().max_mailbox_depth,
        "maxSizeMailboxName": Limits().max_size_mailbox_name,
        "maxSizeAttachmentsPerEmail": Limits().max_size_attachments_per_email,
        "emailQuerySortOptions": sorted(EMAIL.querying.sorts if EMAIL.querying else ()),
        "mayCreateTopLevelMailbox": True,
    }


@pytest.mark.parametrize(
    ("url", "variables"),
    [
        ("apiUrl", []),
        ("downloadUrl", ["accountId", "blobId", "type", "name"]),
        ("uploadUrl", ["accountId"]),
        ("eventSourceUrl", ["types", "closeafter", "ping"]),
    ],
)
def test_urls_are_absolute_and_have_the_variables_of_the_standard(ann: Client, url: str, variables: list[str]) -> None:
    found = session(ann)[url]

    parts = urlsplit(found)
    assert f"{parts.scheme}://{parts.netloc}" == ORIGIN
    assert all(f"{{{variable}}}" in found for variable in variables)
    assert found.count("{") == len(variables)


def test_the_state_is_that_of_every_answer_until_the_session_changes(ann: Client) -> None:
    before = session(ann)["state"]
    ann.create_mailbox("Work")

    assert session(ann)["state"] == before
    assert ann.request(("Core/echo", {}, "a"))["sessionState"] == before


def test_the_state_changes_with_the_limits(ann: Client) -> None:
    config = dataclasses.replace(ann.site.config, limits=Limits(max_objects_in_get=501))
    other = Client(dataclasses.replace(ann.site, config=config), ann.user)

    assert session(other)["state"] != session(ann)["state"]


def test_the_session_is_not_to_be_cached(ann: Client) -> None:
    assert ann.http("GET", "/jmap/session").headers["cache-control"] == "no-cache, no-store, must-revalidate"


def test_the_well_known_address_is_the_session(ann: Client) -> None:
    assert ann.http("GET", "/.well-known/jmap").body == ann.http("GET", "/jmap/session").body


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/jmap/session", "GET"),
        ("GET", "/jmap/api", "POST"),
        ("DELETE", "/.well-known/jmap", "GET"),
        ("GET", "/jmap/upload/a/", "POST"),
        ("POST", "/jmap/download/a/b/c", "GET"),
    ],
)
def test_another_method_is_answered_with_the_one_that_is_allowed(
    ann: Client, method: str, path: str, allowed: str
) -> None:
    response = ann.http(method, path)

    assert (response.status, response.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("path", ["/", "", "/jmap", "/jmap/api/", "/jmap/sessions", "//jmap/session", "/jmap/../api"])
def test_there_is_nothing_at_other_paths(ann: Client, path: str) -> None:
    response = ann.http("GET", path)

    assert response.status == 404
    assert response.headers["content-type"] == "application/problem+json"
