"""PushSubscription (RFC 8620 §7.2): who may see which, what is posted to whom, and when it ends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from functions.task.handler import handler as run_tasks
from homing.directory.accounts import User, set_user, share_account, unshare_account
from homing.directory.credentials import Identity, create_token, revoke_token
from homing.errors import Permanent, Temporary
from homing.jmap.push.encryption import MAX_MESSAGE, base64url, encode_point
from homing.jmap.push.endpoint import PUSH_TASK
from homing.jmap.push.sending import MAX_RETRIES, messages_of, push_changes
from homing.jmap.types.push_subscription import MAX_PER_HOUR, MAX_PER_USER
from homing.lambda_shell import use_site
from homing.ledger import keys, tasks
from homing.ledger.entry import Actor
from homing.ledger.view import View
from homing.ports.notifier import Notifier
from homing.site import Site
from tests.conftest import START, FakeClock
from tests.doubles import RecordingNotifier
from tests.mail import message
from tests.rooms.jmap.conftest import Client, Object
from tests.web_push import unseal

DAY = 24 * 3_600_000
URL = "https://push.example.net/r/1"
KEY = ec.generate_private_key(ec.SECP256R1())
AUTH = b"0123456789abcdef"
KEYS = {"p256dh": base64url(encode_point(KEY)), "auth": base64url(AUTH)}


class Push:
    """A user with a push service."""

    def __init__(self, client: Client, site: Site) -> None:
        self.client = client
        self.site = site

    @property
    def notifier(self) -> RecordingNotifier:
        assert isinstance(self.site.notifier, RecordingNotifier)
        return self.site.notifier

    def call(self, method: str, **arguments: Any) -> Object:
        name, given, _ = self.client.request((f"PushSubscription/{method}", arguments, "c"))["methodResponses"][0]
        return {"error": name, **given} if name == "error" else given

    def create(self, **given: Any) -> Object:
        """The answer for one creation: what was created, or its SetError."""
        answer = self.call("set", create={"new": {"deviceClientId": "d1", "url": URL, **given}})
        return {**(answer["created"] or {}), **(answer["notCreated"] or {})}["new"]

    def update(self, id: str, /, **patch: Any) -> Any:
        answer = self.call("set", update={id: patch})
        return {**(answer["updated"] or {}), **(answer["notUpdated"] or {})}[id]

    def list(self, **arguments: Any) -> list[Object]:
        found: list[Object] = self.call("get", **arguments)["list"]
        return found

    def run_due(self) -> None:
        """Let the worker run what is due."""
        use_site(self.site)
        due = list(tasks.due_tasks(self.site.store, self.site.clock.now()))
        run_tasks({"Records": [{"messageId": t.id, "body": tasks.encode_body(t).decode()} for t in due]}, None)

    def verified(self, **given: Any) -> str:
        """A subscription that its client has verified; what was posted until then is forgotten."""
        id: str = self.create(**given)["id"]
        self.run_due()
        body = self.notifier.posted[-1][2]
        code = json.loads(unseal(body, KEY, AUTH) if "keys" in given else body)["verificationCode"]
        assert self.update(id, verificationCode=code) is None
        self.notifier.posted.clear()
        return id

    def push(self, account: str = "") -> list[tuple[str, Mapping[str, str], bytes]]:
        """Let the account's changes be told; what was posted for that."""
        self.notifier.posted.clear()
        push_changes(self.site, account or self.client.account)
        return list(self.notifier.posted)

    def changed(self, account: str = "") -> Object:
        """Let changes be told by one message; what it says has changed."""
        posted = self.push(account)
        assert len(posted) == 1, posted
        body = json.loads(posted[0][2])
        assert body["@type"] == "StateChange"
        changed: Object = body["changed"]
        return changed


@pytest.fixture
def push(ann: Client, site: Site) -> Push:
    return Push(ann, site)


def with_notifier(push: Push, notifier: Notifier) -> Push:
    site = replace(push.site, notifier=notifier)
    return Push(Client(site, push.client.user), site)


class Broken(RecordingNotifier):
    """A push service that cannot be posted to."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        super().post(url, headers, body)
        raise self.error


def waiting(site: Site, kind: str) -> list[tasks.Task]:
    return [task for task in tasks.due_tasks(site.store, START + 1_000 * DAY) if task.kind == kind]


def test_an_answer_names_neither_an_account_nor_a_state(push: Push) -> None:
    assert push.call("get") == {"list": [], "notFound": []}
    assert push.call("set").keys() == {
        "created", "updated", "destroyed", "notCreated", "notUpdated", "notDestroyed",
    }  # fmt: skip


@pytest.mark.parametrize("argument", ["accountId", "ifInState"])
def test_the_standard_arguments_that_it_lacks_are_refused(push: Push, argument: str) -> None:
    assert push.call("set", **{argument: None})["type"] == "invalidArguments"


def test_what_was_created_is_shown_without_its_url_and_keys(push: Push) -> None:
    created = push.create(keys=KEYS, types=["Email"])

    assert created == {"id": created["id"], "expires": "2026-12-18T11:06:40Z", "verificationCode": None}
    shown = {"id": created["id"], "deviceClientId": "d1", "verificationCode": None, "types": ["Email"]}
    assert push.list() == [{**shown, "expires": created["expires"]}]


@pytest.mark.parametrize("name", ["url", "keys"])
def test_to_ask_for_what_is_private_is_forbidden(push: Push, name: str) -> None:
    assert push.call("get", properties=["types", name])["type"] == "forbidden"


def test_an_unknown_property_is_an_invalid_argument(push: Push) -> None:
    assert push.call("get", properties=["nonsense"])["type"] == "invalidArguments"


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"url": "http://push.example.net/r/1"}, "url"),
        ({"verificationCode": "guessed"}, "verificationCode"),
        ({"expires": "2026-11-18T11:06:40Z"}, "expires"),
        ({"expires": "tomorrow"}, "expires"),
        ({"types": "Email"}, "types"),
        ({"types": ["Email"] * 101}, "types"),
        ({"deviceClientId": "d" * 256}, "deviceClientId"),
        ({"keys": {**KEYS, "auth": "short"}}, "keys"),
        ({"keys": {**KEYS, "p256dh": base64url(b"\4" + bytes(64))}}, "keys"),
        ({"keys": {**KEYS, "p256dh": KEYS["p256dh"][:-4]}}, "keys"),
        ({"keys": {**KEYS, "p256dh": KEYS["p256dh"][:-1] + "*"}}, "keys"),
        ({"keys": {"auth": KEYS["auth"]}}, "keys"),
        ({"keys": {"p256dh": 1, "auth": None}}, "keys"),
        ({"keys": {**KEYS, "more": ""}}, "keys"),
        ({"id": "p1"}, "id"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_a_property_that_is_wrong_is_named(push: Push, given: Object, wrong: str) -> None:
    refused = push.create(**given)

    assert (refused["type"], refused["properties"]) == ("invalidProperties", [wrong])
    assert push.list() == []
    assert waiting(push.site, "push-verify") == []


def test_keys_may_be_padded(push: Push) -> None:
    assert "id" in push.create(keys={"p256dh": KEYS["p256dh"] + "=", "auth": KEYS["auth"] + "=="})


@pytest.mark.parametrize(
    ("asked", "given"),
    [(None, START + 30 * DAY), ("2027-11-18T00:00:00Z", START + 30 * DAY), ("2026-11-20T00:00:00Z", None)],
)
def test_no_subscription_lasts_longer_than_thirty_days(push: Push, asked: str | None, given: int | None) -> None:
    expires = push.create(expires=asked)["expires"]

    assert expires == ("2026-12-18T11:06:40Z" if given else asked)


def test_a_longer_time_is_given_as_far_as_it_may_be_and_said(push: Push, clock: FakeClock) -> None:
    id = push.create(expires="2026-11-20T00:00:00Z")["id"]
    clock.advance(DAY)

    assert push.update(id, expires="2026-11-25T00:00:00Z") is None
    assert push.update(id, expires="2028-01-01T00:00:00Z") == {"expires": "2026-12-19T11:06:40Z"}
    assert push.list()[0]["expires"] == "2026-12-19T11:06:40Z"


def test_a_subscription_that_has_expired_is_gone(push: Push, clock: FakeClock) -> None:
    id = push.verified(expires="2026-11-20T00:00:00Z")
    clock.advance(3 * DAY)

    assert push.call("get", ids=[id]) == {"list": [], "notFound": [id]}
    assert push.update(id, types=None)["type"] == "notFound"
    assert push.push() == []


def test_one_that_was_prolonged_is_pushed_to_after_its_first_end(push: Push, clock: FakeClock) -> None:
    id = push.verified(expires="2026-11-20T00:00:00Z")
    push.update(id, expires="2026-11-25T00:00:00Z")
    clock.advance(4 * DAY)
    push.client.deliver(message())

    assert push.changed()


@pytest.mark.parametrize("patch", [{"url": URL}, {"keys": None}, {"deviceClientId": "d2"}, {"id": "p2"}])
def test_what_cannot_change_is_refused(push: Push, patch: Object) -> None:
    id = push.create(keys=KEYS)["id"]

    assert push.update(id, **patch)["properties"] == list(patch)


def test_a_verification_is_posted_at_once_and_once(push: Push) -> None:
    id = push.create()["id"]
    push.run_due()
    push.run_due()

    [(url, headers, body)] = push.notifier.posted
    assert url == URL
    assert headers["content-type"] == "application/json"
    assert headers["authorization"].startswith("vapid t=")
    assert int(headers["ttl"]) > 0
    assert headers["urgency"] == "high"
    assert "content-encoding" not in headers
    posted = json.loads(body)
    assert len(posted.pop("verificationCode")) == 40
    assert posted == {"@type": "PushVerification", "pushSubscriptionId": id}


def test_nothing_else_is_posted_before_the_client_has_said_the_code(push: Push) -> None:
    push.create()
    push.run_due()
    push.client.deliver(message())

    assert push.push() == []


def test_a_code_that_was_not_pushed_is_refused(push: Push) -> None:
    id = push.create()["id"]

    assert push.update(id, verificationCode="00" * 20)["properties"] == ["verificationCode"]
    assert push.list()[0]["verificationCode"] is None


def test_the_code_is_shown_once_the_client_has_said_it_and_stays(push: Push) -> None:
    id = push.verified()

    assert len(push.list()[0]["verificationCode"]) == 40
    assert push.update(id, verificationCode=None)["type"] == "invalidProperties"


def test_what_happened_while_the_client_was_verifying_is_told_afterwards(push: Push) -> None:
    id = push.create()["id"]
    push.client.deliver(message())
    push.run_due()
    push.update(id, verificationCode=json.loads(push.notifier.posted[0][2])["verificationCode"])

    assert push.changed()[push.client.account].keys() == {"Email", "EmailDelivery", "Mailbox", "Thread"}


def test_a_push_tells_the_states_that_get_gives(push: Push) -> None:
    push.verified()
    push.client.deliver(message())

    states = push.changed()[push.client.account]

    for type in ("Email", "Mailbox", "Thread"):
        assert states[type] == push.client.state(type)


def test_a_change_of_the_vacation_response_is_told(push: Push) -> None:
    push.verified()
    push.client.update("VacationResponse", "singleton", isEnabled=True)

    assert push.changed() == {push.client.account: {"VacationResponse": push.client.state("VacationResponse")}}


def test_what_was_told_is_not_told_again(push: Push) -> None:
    push.verified()
    id = push.client.deliver(message())[0]
    push.changed()
    push.client.patch(id, {"keywords/$flagged": True})

    assert push.changed() == {push.client.account: {"Email": push.client.state("Email")}}
    assert push.push() == []


def test_many_changes_between_two_pushes_are_one_message(push: Push) -> None:
    push.verified()
    push.client.deliver(*(message(message_id=f"{n}@x") for n in range(5)))

    assert push.changed()[push.client.account]["Email"] == push.client.state("Email")


def test_only_the_types_that_a_client_named_are_told(push: Push) -> None:
    push.verified(types=["EmailDelivery", "Nonsense"])
    id = push.client.deliver(message())[0]

    assert push.changed()[push.client.account].keys() == {"EmailDelivery"}
    push.client.patch(id, {"keywords/$seen": True})
    assert push.push() == []


def test_no_types_at_all_hears_nothing(push: Push) -> None:
    push.verified(types=[])
    push.client.deliver(message())

    assert push.push() == []


def test_new_mail_is_more_urgent_than_a_flag(push: Push) -> None:
    push.verified(types=["Email"])
    id = push.client.deliver(message())[0]
    [(_, delivered, _)] = push.push()
    push.client.patch(id, {"keywords/$flagged": True})
    [(_, flagged, _)] = push.push()

    assert (delivered["urgency"], flagged["urgency"]) == ("normal", "low")


def test_only_a_message_that_tells_of_the_same_types_takes_the_place_of_one_that_waits(push: Push) -> None:
    push.verified()
    topics = []
    for patch in ({"keywords/$flagged": True}, {"keywords/$flagged": None}, {"mailboxIds": {"archive": True}}):
        id = push.client.query()[0] if push.client.query() else push.client.deliver(message())[0]
        push.push()
        push.client.patch(id, patch)
        topics.append(push.push()[0][1]["topic"])

    assert topics[0] == topics[1] != topics[2]
    assert all(len(topic) <= 32 for topic in topics)


def test_with_keys_everything_is_sealed(push: Push) -> None:
    push.create(keys=KEYS)
    push.run_due()

    [(_, headers, body)] = push.notifier.posted
    assert headers["content-encoding"] == "aes128gcm"
    assert headers["content-type"] == "application/json"
    assert json.loads(unseal(body, KEY, AUTH))["@type"] == "PushVerification"


def test_a_destroyed_subscription_leaves_no_url_behind(push: Push) -> None:
    id = push.verified(keys=KEYS)

    assert push.call("set", destroy=[id])["destroyed"] == [id]
    push.client.deliver(message())

    assert push.push() == []
    everything = [row.body for partition in push.site.store.partitions() for row in push.site.store.scan(partition)]
    assert not any(b"push.example.net" in body or KEYS["auth"].encode() in body for body in everything)


@pytest.mark.parametrize("status", [404, 410])
def test_a_service_that_knows_the_subscription_no_more_ends_it(push: Push, status: int) -> None:
    push.verified()
    push.client.deliver(message())
    push.notifier.status = status

    assert len(push.push()) == 1
    assert push.list() == []
    assert list(push.site.store.scan(keys.push_partition(push.client.account), "s/", "s0")) == []


def test_a_url_that_turns_out_to_be_private_ends_the_subscription(push: Push) -> None:
    push.verified()
    push.client.deliver(message())
    broken = with_notifier(push, Broken(Permanent("pushForbidden")))

    broken.push()

    assert push.list() == []


@pytest.mark.parametrize("trouble", [429, 503, Temporary("pushUnanswered"), Temporary("pushUnreachable")])
def test_a_service_that_is_unwell_is_tried_again_later_with_all_that_has_changed_by_then(
    push: Push, clock: FakeClock, trouble: int | Temporary
) -> None:
    push.verified()
    push.client.deliver(message(message_id="1@x"))
    unwell = with_notifier(push, Broken(trouble)) if isinstance(trouble, Temporary) else push
    push.notifier.status = trouble if isinstance(trouble, int) else 201
    assert len(unwell.push()) == 1
    push.notifier.status = 201
    push.client.deliver(message(message_id="2@x"))

    assert push.push() == []  # not before its time
    [task] = waiting(push.site, PUSH_TASK)
    assert task.due > clock.now()
    clock.set(task.due)
    push.run_due()

    [(_, _, body)] = push.notifier.posted
    assert json.loads(body)["changed"][push.client.account]["Email"] == push.client.state("Email")
    assert waiting(push.site, PUSH_TASK) == []


def test_it_is_tried_less_and_less_often_and_then_only_with_new_changes(push: Push, clock: FakeClock) -> None:
    push.verified()
    push.client.deliver(message(message_id="1@x"))
    push.notifier.status = 503
    push.push()
    pauses = []
    while due := waiting(push.site, PUSH_TASK):
        pauses.append(due[0].due - clock.now())
        clock.set(due[0].due)
        push.run_due()

    assert pauses == sorted(pauses)
    assert len(pauses) == MAX_RETRIES
    clock.advance(DAY)
    push.client.deliver(message(message_id="2@x"))
    push.notifier.status = 201
    assert push.changed()


def test_a_request_that_is_refused_is_not_repeated_for_the_same_change(push: Push) -> None:
    push.verified()
    push.client.deliver(message())
    push.notifier.status = 403
    push.push()

    assert push.push() == []
    assert waiting(push.site, PUSH_TASK) == []


@pytest.mark.parametrize("trouble", [403, 429, 503, Temporary("pushUnanswered")])
def test_a_verification_that_was_answered_or_may_have_been_is_not_repeated(
    push: Push, trouble: int | Temporary
) -> None:
    push.create()
    unwell = with_notifier(push, Broken(trouble)) if isinstance(trouble, Temporary) else push
    push.notifier.status = trouble if isinstance(trouble, int) else 201
    unwell.run_due()

    assert len(unwell.notifier.posted) == 1
    assert waiting(push.site, "push-verify") == []


def test_a_verification_that_reached_nobody_is_tried_a_few_times(push: Push, clock: FakeClock) -> None:
    push.create()
    unwell = with_notifier(push, Broken(Temporary("pushUnreachable")))
    while due := waiting(push.site, "push-verify"):
        clock.set(max(clock.now(), due[0].due))
        unwell.run_due()

    assert len(unwell.notifier.posted) == 4


def test_a_user_has_only_so_many_subscriptions(push: Push) -> None:
    assert all("id" in push.create() for _ in range(MAX_PER_USER))
    assert push.create()["type"] == "overQuota"


def test_they_are_made_only_so_often(push: Push, clock: FakeClock) -> None:
    for _ in range(MAX_PER_HOUR):
        push.call("set", destroy=[push.create()["id"]])

    assert push.create()["type"] == "rateLimit"
    clock.advance(3_600_000)
    assert "id" in push.create()


def test_other_credentials_of_the_same_user_do_not_see_a_subscription(push: Push, site: Site, actor: Actor) -> None:
    id = push.verified()
    token = create_token(site, actor, Identity(push.client.user.login, push.client.account))
    other = Push(Client(site, push.client.user, f"Bearer {token}"), site)

    assert other.call("get", ids=[id]) == {"list": [], "notFound": [id]}
    assert other.update(id, types=["Email"])["type"] == "notFound"
    assert other.call("set", destroy=[id])["notDestroyed"][id]["type"] == "notFound"


def test_a_new_password_ends_what_the_old_one_subscribed_to(push: Push, site: Site, actor: Actor) -> None:
    push.verified()
    set_user(site, actor, push.client.user.login, password="another horse")

    assert push.push() == []
    assert not View(site.store, push.client.account, site.clock.now()).all_objects("PushSubscription")


def test_a_revoked_token_ends_what_it_subscribed_to(push: Push, site: Site, actor: Actor) -> None:
    token = create_token(site, actor, Identity(push.client.user.login, push.client.account))
    by_token = Push(Client(site, push.client.user, f"Bearer {token}"), site)
    by_token.verified()
    push.client.deliver(message(message_id="1@x"))
    assert by_token.changed()
    revoke_token(site, actor, token.split("_")[1])
    push.client.deliver(message(message_id="2@x"))

    assert push.push() == []
    assert not View(site.store, push.client.account, site.clock.now()).all_objects("PushSubscription")


def test_a_disabled_user_is_told_nothing(push: Push, site: Site, actor: Actor) -> None:
    push.verified()
    push.client.deliver(message())
    set_user(site, actor, push.client.user.login, disabled=True)

    assert push.push() == []


def test_a_change_in_a_shared_account_is_told_to_whom_it_is_shared_with(
    push: Push, bob: Client, site: Site, actor: Actor
) -> None:
    share_account(site, actor, bob.user.login, push.client.user.login)
    push.verified()
    bob.deliver(message())

    assert push.changed(bob.account).keys() == {bob.account}
    unshare_account(site, actor, bob.user.login, push.client.user.login)
    bob.deliver(message(message_id="2@x"))
    assert push.push(bob.account) == []
    assert push.push() == []


def test_messages_stay_within_what_every_service_takes() -> None:
    states = {f"Type{n}": "123456" for n in range(20)}
    changed = {f"a{n:020d}": states for n in range(50)}

    messages = list(messages_of("p1", changed, "low"))

    together: Object = {}
    for one in messages:
        assert len(json.dumps(one.body, separators=(",", ":"))) <= MAX_MESSAGE
        together |= one.body["changed"]
    assert together == changed
    assert len(messages) < len(changed)


def test_a_subscription_changes_no_state_that_is_pushed(push: Push) -> None:
    id = push.verified()
    push.update(id, types=["Email"])

    assert push.push() == []


def test_the_session_names_the_key_that_signs(push: Push, user: User) -> None:
    session = json.loads(push.client.http("GET", "/jmap/session").body)
    key = session["capabilities"]["urn:ietf:params:jmap:webpush-vapid"]["applicationServerKey"]
    push.create()
    push.run_due()

    assert push.notifier.posted[0][1]["authorization"].endswith(f", k={key}")
