"""The `notify` function on each of its samples: whoever subscribed hears of the accounts that moved."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from functions.ingest.handler import handler as ingest
from functions.jmap.handler import handler as jmap
from functions.notify.handler import handler as notify
from functions.task.handler import handler as task
from homing.errors import Temporary
from homing.lambda_shell import Event, changed_accounts, use_aside, use_site
from homing.ledger import tasks
from homing.ledger.entry import encode_body
from tests.doubles import RecordingNotifier
from tests.functions.conftest import EVENTS, PASSWORD, Home, created, queued, sample
from tests.mail import message

MOVED: dict[str, tuple[list[str], int]] = {
    "head_moved": (["account"], 1),
    "moved_twice": (["account"], 1),
    "rows_only": ([], 0),
    "account_is_gone": ([], 0),
}
"""Of each sample: the accounts that moved, and how many pushes it causes."""


@pytest.fixture
def subscribed(home: Home) -> Iterator[Home]:
    """With one verified subscription, and mail that came after."""
    notifier = RecordingNotifier()
    subscribed = replace(home, site=replace(home.site, notifier=notifier))
    use_site(subscribed.site)
    create = {"create": {"new": {"deviceClientId": "d1", "url": "https://push.example.net/r"}}}
    call(subscribed, "PushSubscription/set", create)
    run_due(subscribed)
    posted = json.loads(notifier.posted.pop()[2])
    update = {posted["pushSubscriptionId"]: {"verificationCode": posted["verificationCode"]}}
    assert call(subscribed, "PushSubscription/set", {"update": update})["updated"]
    ingest(queued(created(subscribed.put(message("1")))), None)
    yield subscribed
    use_aside(None)


def call(home: Home, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """One JMAP call without an account."""
    event = sample("jmap/api_inbox.json")
    event["body"] = json.dumps({"using": ["urn:ietf:params:jmap:core"], "methodCalls": [[name, arguments, "c"]]})
    event["headers"]["authorization"] = "Basic " + basic(home)
    given: dict[str, Any] = json.loads(jmap(event, None)["body"])["methodResponses"][0][1]
    return given


def basic(home: Home) -> str:
    return base64.b64encode(f"{home.user.login}:{PASSWORD}".encode()).decode()


def run_due(home: Home) -> None:
    """Let the queue bring what is due."""
    due = list(tasks.due_tasks(home.site.store, home.site.clock.now()))
    task(queued(*(encode_body(one).decode() for one in due)), None)


def pushes(home: Home) -> list[dict[str, Any]]:
    assert isinstance(home.site.notifier, RecordingNotifier)
    return [json.loads(body) for _, _, body in home.site.notifier.posted]


def test_every_sample_has_an_outcome() -> None:
    assert {path.stem for path in (EVENTS / "notify").glob("*.json")} == set(MOVED)


@pytest.mark.parametrize("name", MOVED)
def test_a_sample_says_which_accounts_moved(name: str) -> None:
    assert changed_accounts(sample(f"notify/{name}.json", "account")) == MOVED[name][0]


@pytest.mark.parametrize("name", MOVED)
def test_notify_answers_each_sample(subscribed: Home, name: str) -> None:
    answer = notify(sample(f"notify/{name}.json", subscribed.user.account), None)

    assert answer == {"batchItemFailures": []}
    told = pushes(subscribed)
    assert len(told) == MOVED[name][1]
    assert all(one["changed"].keys() == {subscribed.user.account} for one in told)


def test_an_event_that_comes_twice_is_told_once(subscribed: Home) -> None:
    event = sample("notify/head_moved.json", subscribed.user.account)

    notify(event, None)
    notify(event, None)

    assert len(pushes(subscribed)) == 1


def test_what_fails_does_not_hold_up_the_stream(subscribed: Home) -> None:
    class Failing(RecordingNotifier):
        def post(self, *_: Any) -> int:
            raise RuntimeError("a bug")

    use_site(replace(subscribed.site, notifier=Failing()))

    answer = notify(sample("notify/head_moved.json", subscribed.user.account), None)

    assert answer == {"batchItemFailures": []}


def test_a_push_that_failed_comes_by_task(subscribed: Home) -> None:
    class Unwell(RecordingNotifier):
        def post(self, *_: Any) -> int:
            raise Temporary("pushUnanswered")

    use_site(replace(subscribed.site, notifier=Unwell()))
    notify(sample("notify/head_moved.json", subscribed.user.account), None)
    [waiting] = list(tasks.due_tasks(subscribed.site.store, subscribed.site.clock.now() + 3_600_000))
    assert waiting.kind == "push"
    later = replace(subscribed.site, clock=At(waiting.due))
    use_site(later)

    task(queued(encode_body(waiting).decode()), None)

    assert len(pushes(subscribed)) == 1
    assert tasks.next_due(subscribed.site.store) is None


def test_a_task_of_push_runs_where_this_process_lets_it(subscribed: Home) -> None:
    create = {"create": {"new": {"deviceClientId": "d2", "url": "https://push.example.net/r2"}}}
    call(subscribed, "PushSubscription/set", create)
    given: list[Callable[[], None]] = []
    use_aside(given.append)

    run_due(subscribed)

    assert pushes(subscribed) == []
    for work in given:
        work()
    assert [one["@type"] for one in pushes(subscribed)] == ["PushVerification"]


def test_the_event_source_of_a_function_answers_at_once_and_says_when_to_come_back(subscribed: Home) -> None:
    first = listen(subscribed)
    ingest(queued(created(subscribed.put(message("2", message_id="2@x")))), None)

    again = listen(subscribed, last=first["id"])

    assert first.keys() == again.keys() - {"event", "data"} == {"retry", "id"}
    assert again["event"] == "state"
    assert json.loads(again["data"])["changed"].keys() == {subscribed.user.account}
    assert listen(subscribed, last=again["id"]).keys() == {"retry", "id"}


def listen(home: Home, last: str = "") -> dict[str, str]:
    """The fields of what the event source answers."""
    event: Event = sample("jmap/session.json")
    event["rawPath"] = "/jmap/events"
    event["rawQueryString"] = "types=*&closeafter=no&ping=0"
    event["headers"]["authorization"] = "Basic " + basic(home)
    if last:
        event["headers"]["last-event-id"] = last
    answer = jmap(event, None)
    assert answer["statusCode"] == 200
    assert answer["headers"]["content-type"] == "text/event-stream"
    lines = base64.b64decode(answer["body"]).decode().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines if line)}


class At:
    """A clock that stands still."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self) -> int:
        return self._now
