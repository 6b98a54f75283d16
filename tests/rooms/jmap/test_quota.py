"""Quota (RFC 9425)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from homing.directory.accounts import set_user
from homing.ledger.entry import Actor
from homing.site import Site
from tests.mail import message
from tests.rooms.jmap.conftest import CORE, MAIL, Client, Object

QUOTA = "urn:ietf:params:jmap:quota"
LIMIT = 1_000_000


def call(client: Client, method: str, using: list[str] | None = None, **arguments: Any) -> Object:
    given = [method, {"accountId": client.account, **arguments}, "c"]
    answer = client.request(given, using=using or [CORE, MAIL, QUOTA])["methodResponses"][0]
    return {"error": answer[1]["type"]} if answer[0] == "error" else answer[1]


@pytest.fixture
def limited(ann: Client, site: Site, actor: Actor) -> Client:
    set_user(site, actor, ann.user.login, quota=LIMIT)
    return ann


def test_the_session_says_that_there_are_quotas(ann: Client) -> None:
    session = json.loads(ann.http("GET", "/jmap/session").body)

    assert session["capabilities"][QUOTA] == {}
    assert session["accounts"][ann.account]["accountCapabilities"][QUOTA] == {}


def test_usage_is_what_the_emails_weigh(limited: Client) -> None:
    raws = [message("a", body="x" * 5_000), message("b")]
    limited.deliver(*raws)

    answer = call(limited, "Quota/get", ids=None)

    assert answer["list"] == [
        {
            "id": "mail",
            "resourceType": "octets",
            "used": sum(map(len, raws)),
            "hardLimit": LIMIT,
            "scope": "account",
            "name": "Mail",
            "types": ["Email"],
            "warnLimit": LIMIT * 9 // 10,
            "softLimit": None,
            "description": None,
        }
    ]


def test_an_account_without_a_limit_has_no_quota(ann: Client) -> None:
    ann.deliver(message())

    answer = call(ann, "Quota/get", ids=["mail"])

    assert (answer["list"], answer["notFound"]) == ([], ["mail"])
    assert call(ann, "Quota/query")["ids"] == []


def test_a_client_that_knows_no_mail_sees_no_quota_on_it(limited: Client) -> None:
    assert call(limited, "Quota/get", using=[CORE, QUOTA])["list"] == []
    assert call(limited, "Quota/query", using=[CORE, QUOTA])["ids"] == []
    assert call(limited, "Quota/get", using=[CORE, MAIL]) == {"error": "unknownMethod"}


def test_only_the_usage_changes_with_mail(limited: Client) -> None:
    kept, gone = limited.deliver(message("a"), message("b"))
    state = call(limited, "Quota/get", ids=None)["state"]

    limited.patch(kept, {"keywords/$seen": True})
    unchanged = call(limited, "Quota/changes", sinceState=state)
    limited.call("Email/set", destroy=[gone])
    changed = call(limited, "Quota/changes", sinceState=state)

    assert (unchanged["newState"], unchanged["updated"], unchanged["updatedProperties"]) == (state, [], None)
    assert (changed["updated"], changed["updatedProperties"]) == (["mail"], ["used"])
    assert (changed["created"], changed["destroyed"], changed["hasMoreChanges"]) == ([], [], False)
    assert changed["newState"] == call(limited, "Quota/get", ids=None)["state"] != state


def test_a_limit_comes_changes_and_goes(ann: Client, site: Site, actor: Actor) -> None:
    states = [call(ann, "Quota/get", ids=None)["state"]]
    for quota in (LIMIT, 2 * LIMIT, 0):
        set_user(site, actor, ann.user.login, quota=quota)
        states.append(call(ann, "Quota/get", ids=None)["state"])

    def told(since: int, now: int) -> Object:
        set_user(site, actor, ann.user.login, quota=[0, LIMIT, 2 * LIMIT, 0][now])
        changes = call(ann, "Quota/changes", sinceState=states[since])
        return {
            verb: changes[verb] for verb in ("created", "updated", "destroyed", "updatedProperties") if changes[verb]
        }

    assert told(0, 1) == {"created": ["mail"]}
    assert told(1, 2) == {"updated": ["mail"]}
    assert told(2, 3) == {"destroyed": ["mail"]}
    assert told(0, 3) == {}


@pytest.mark.parametrize("state", ["", "x", "1", "1.", "-1.none", "1.2.3", "01.none"])
def test_a_state_that_never_was_cannot_be_told_from(limited: Client, state: str) -> None:
    assert call(limited, "Quota/changes", sinceState=state) == {"error": "cannotCalculateChanges"}


@pytest.mark.parametrize(
    ("filter", "is_found"),
    [
        (None, True),
        ({}, True),
        ({"name": "mai"}, True),
        ({"name": "calendar"}, False),
        ({"scope": "account"}, True),
        ({"scope": "global"}, False),
        ({"resourceType": "octets"}, True),
        ({"resourceType": "count"}, False),
        ({"type": "Email"}, True),
        ({"type": "Calendar"}, False),
        ({"type": "Email", "scope": "domain"}, False),
        ({"operator": "NOT", "conditions": [{"scope": "account"}]}, False),
        ({"operator": "OR", "conditions": [{"scope": "global"}, {"type": "Email"}]}, True),
    ],
)
def test_quotas_are_filtered(limited: Client, filter: Any, is_found: bool) -> None:
    answer = call(limited, "Quota/query", filter=filter, sort=[{"property": "used"}], calculateTotal=True)

    assert (answer["ids"], answer["total"]) == (["mail"] if is_found else [], int(is_found))


def test_the_results_follow_from_an_earlier_state(ann: Client, site: Site, actor: Actor) -> None:
    state = call(ann, "Quota/query", sort=[{"property": "name"}])["queryState"]
    set_user(site, actor, ann.user.login, quota=LIMIT)

    changes = call(ann, "Quota/queryChanges", sinceQueryState=state, sort=[{"property": "name"}])

    assert (changes["added"], changes["removed"]) == ([{"id": "mail", "index": 0}], [])


def test_uploads_do_not_count(limited: Client) -> None:
    assert limited.http("POST", f"/jmap/upload/{limited.account}/", b"x" * 50_000).status == 201

    assert call(limited, "Quota/get", ids=None)["list"][0]["used"] == 0
