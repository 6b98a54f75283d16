"""The index function: what the table's stream may bring, and what becomes findable."""

from __future__ import annotations

from dataclasses import replace

import pytest

from functions.index.handler import handler as index
from homing.adapters.no_search import NoSearch
from homing.delivery.accept import accept
from homing.lambda_shell import use_site
from homing.ports.search import Search
from homing.search.expression import EVERYTHING
from homing.search.index import STEP_EMAILS
from tests.functions.conftest import EVENTS, Home, sample
from tests.mail import landed, message

SAMPLES = {"head_moved": 1, "moved_among_others": 1, "rows_only": 0}
"""Of each sample: how many emails can then be found, if one has arrived."""


class Context:
    """As Lambda gives it: what time is left."""

    def __init__(self, *milliseconds: int) -> None:
        self._left = list(milliseconds)

    def get_remaining_time_in_millis(self) -> int:
        return self._left.pop(0)


class Broken:
    """A search that fails for one account."""

    def __init__(self, search: Search, account: str, error: Exception) -> None:
        self._search = search
        self._account = account
        self._error = error

    def __getattr__(self, name: str):
        return getattr(self._search, name)

    def position(self, account: str) -> int:
        if account == self._account:
            raise self._error
        return self._search.position(account)


def found(home: Home) -> int:
    return home.site.search.count(home.user.account, EVERYTHING)


def test_every_sample_is_tried() -> None:
    assert {path.stem for path in (EVENTS / "index").glob("*.json")} == set(SAMPLES)


@pytest.mark.parametrize("name", SAMPLES)
def test_index_answers_each_sample(local_home: Home, name: str) -> None:
    accept(local_home.site, [landed(message())])

    answer = index(sample(f"index/{name}.json", local_home.user.account), Context())

    assert answer == {"batchItemFailures": []}
    assert found(local_home) == SAMPLES[name]


def test_an_account_that_fails_is_named_by_its_first_record_and_the_others_are_done(local_home: Home) -> None:
    accept(local_home.site, [landed(message())])
    event = sample("index/moved_among_others.json", local_home.user.account)
    lost = event["Records"][4]["dynamodb"]
    use_site(replace(local_home.site, search=Broken(local_home.site.search, lost["Keys"]["p"]["S"], RuntimeError("!"))))

    answer = index(event, Context())

    assert answer == {"batchItemFailures": [{"itemIdentifier": lost["SequenceNumber"]}]}
    assert found(local_home) == 1


def test_an_account_with_more_than_there_is_time_for_comes_again(local_home: Home) -> None:
    accept(local_home.site, [landed(message()) for _ in range(3 * STEP_EMAILS)])
    event = sample("index/head_moved.json", local_home.user.account)
    again = {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["dynamodb"]["SequenceNumber"]}]}

    assert index(event, Context(900_000, 1_000)) == again
    assert STEP_EMAILS <= found(local_home) < 3 * STEP_EMAILS
    assert index(event, Context(*[900_000] * 9)) == {"batchItemFailures": []}
    assert found(local_home) == 3 * STEP_EMAILS


def test_a_site_without_an_index_does_not_hold_up_the_stream(local_home: Home) -> None:
    use_site(replace(local_home.site, search=NoSearch()))

    assert index(sample("index/head_moved.json", local_home.user.account), None) == {"batchItemFailures": []}
