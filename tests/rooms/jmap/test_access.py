"""Who may do what: Basic (RFC 7617), Bearer (RFC 6750), and accounts of others (RFC 8620 §3.6.2)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from homing.directory import credentials
from homing.directory.accounts import set_user
from homing.directory.credentials import Identity, create_token
from homing.ids import blob_id
from homing.ledger import keys
from homing.ledger.entry import Actor, unseal
from homing.ledger.transact import transact
from homing.ports.blobs import digest_of
from homing.site import Site
from tests.conftest import FakeClock
from tests.mail import message
from tests.rooms.jmap.conftest import PASSWORD, Client
from tests.rooms.jmap.samples import ARGUMENTS, needed

COPIES = sorted(name for name in ARGUMENTS if name.endswith("/copy"))
ACCOUNT_METHODS = sorted(
    name for name, arguments in ARGUMENTS.items() if "accountId" in arguments and name not in COPIES
)
ARGON2 = credentials._hasher


def basic(text: str | bytes) -> str:
    return "Basic " + base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


@pytest.mark.parametrize("login", ["ann@example.org", "ANN@Example.ORG", "ann@EXAMPLE.org."])
@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_a_password_signs_in_however_the_login_is_written(ann: Client, login: str, scheme: str) -> None:
    header = basic(f"{login}:{PASSWORD}").replace("Basic", scheme)

    response = ann.http("GET", "/jmap/session", headers={"authorization": header})

    assert response.status == 200
    assert json.loads(response.body)["username"] == "ann@example.org"


def test_a_password_may_hold_colons_and_any_letters(ann: Client, site: Site, actor: Actor) -> None:
    set_user(site, actor, "ann@example.org", password="a:b:c:ü€😀:")

    assert Client(site, ann.user, basic("ann@example.org:a:b:c:ü€😀:")).http("GET", "/jmap/session").status == 200


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic ",
        "Basic !!!!",
        "Basic YWJj=",
        "Basic é",
        "Basic " + "A" * 1_000_000,
        "Bearer",
        "Bearer ",
        "Bearer homing",
        "Bearer homing_",
        "Bearer homing__",
        "Bearer homing_k_x",
        "Bearer homing_k/../x_y",
        "Bearer homing_" + "k" * 500 + "_x",
        "Bearer homing_" + "k" * 2_000 + "_x",
        "Bearer homing_" + "k" * 1_000_000 + "_x",
        "Bearer \ud800",
        "Bearer é_é_é",
        "Digest username=ann",
        "Negotiate abc",
        basic(""),
        basic(":"),
        basic("ann@example.org"),
        basic("ann@example.org:"),
        basic("ann@example.org:wrong password"),
        basic(f"ann:{PASSWORD}"),
        basic(f"ann@example.com:{PASSWORD}"),
        basic(f"nobody@example.org:{PASSWORD}"),
        basic(f"@example.org:{PASSWORD}"),
        basic(f"ann@:{PASSWORD}"),
        basic(f"ann@{'x' * 400}:{PASSWORD}"),
        basic(f"{'x' * 400}@example.org:{PASSWORD}"),
        basic(f"ann\0@example.org:{PASSWORD}"),
        basic(b"\xff\xfe:" + PASSWORD.encode()),
    ],
)
def test_without_good_credentials_there_is_only_a_challenge(ann: Client, header: str | None) -> None:
    client = Client(ann.site, ann.user)
    client.headers = {} if header is None else {"authorization": header}

    response = client.http("GET", "/jmap/session")

    assert response.status == 401
    assert {"Basic", "Bearer"} <= {word.strip(",") for word in response.headers["www-authenticate"].split()}
    assert json.loads(response.body)["status"] == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/.well-known/jmap"),
        ("GET", "/jmap/session"),
        ("POST", "/jmap/api"),
        ("POST", "/jmap/upload/{account}/"),
        ("GET", "/jmap/download/{account}/b{zeros}/x"),
    ],
)
def test_every_path_asks_who_is_there(ann: Client, method: str, path: str) -> None:
    ann.headers = {}

    assert ann.http(method, path.format(account=ann.account, zeros="0" * 64)).status == 401


def test_a_token_signs_in_as_its_user(ann: Client, site: Site, actor: Actor) -> None:
    token = create_token(site, actor, Identity("ann@example.org", ann.account))

    client = Client(site, ann.user, f"Bearer {token}")
    assert client.call("Mailbox/get", ids=["inbox"])["list"]
    wrong = Client(site, ann.user, f"Bearer {token[:-1]}{'0' if token[-1] != '0' else '1'}")
    assert wrong.http("GET", "/jmap/session").status == 401


def test_a_revoked_token_is_refused_at_once(ann: Client, site: Site, actor: Actor) -> None:
    token = create_token(site, actor, Identity("ann@example.org", ann.account))
    client = Client(site, ann.user, f"Bearer {token}")
    assert client.http("GET", "/jmap/session").status == 200

    transact(site, actor, lambda transaction: transaction.draft(keys.SITE).destroy("Token", token.split("_")[1]))

    assert client.http("GET", "/jmap/session").status == 401


def test_a_changed_password_takes_effect_at_once(ann: Client, site: Site, actor: Actor) -> None:
    assert ann.http("GET", "/jmap/session").status == 200

    set_user(site, actor, "ann@example.org", password="another horse")

    assert ann.http("GET", "/jmap/session").status == 401
    assert Client(site, ann.user, basic("ann@example.org:another horse")).http("GET", "/jmap/session").status == 200


def test_the_old_password_is_good_again_when_it_is_set_again(ann: Client, site: Site, actor: Actor) -> None:
    set_user(site, actor, "ann@example.org", password="another horse")
    set_user(site, actor, "ann@example.org", password=PASSWORD)

    assert ann.http("GET", "/jmap/session").status == 200


class Hasher:
    """A password hasher that counts."""

    def __init__(self) -> None:
        self.verified = 0

    def hash(self, password: str) -> str:
        return ARGON2.hash(password)

    def verify(self, stored: str, password: str) -> bool:
        self.verified += 1
        return ARGON2.verify(stored, password)


@pytest.mark.parametrize("login", ["ann@example.org", "nobody@example.org", "nobody@nowhere.example", "no address"])
def test_a_login_that_nobody_has_costs_as_much_as_a_wrong_password(
    ann: Client, monkeypatch: pytest.MonkeyPatch, login: str
) -> None:
    hasher = Hasher()
    monkeypatch.setattr(credentials, "_hasher", hasher)

    assert Client(ann.site, ann.user, basic(f"{login}:wrong password")).http("GET", "/jmap/session").status == 401

    assert hasher.verified == 1


def test_a_password_without_end_is_not_even_looked_at(ann: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = Hasher()
    monkeypatch.setattr(credentials, "_hasher", hasher)

    header = basic("ann@example.org:" + "x" * 1_000_000)

    assert Client(ann.site, ann.user, header).http("GET", "/jmap/session").status == 401
    assert hasher.verified == 0


@pytest.mark.parametrize("method", ACCOUNT_METHODS)
@pytest.mark.parametrize("foreign", ["bob", "nobody", "site", "-"])
def test_the_account_of_another_is_not_found_whether_it_exists_or_not(
    ann: Client, bob: Client, method: str, foreign: str
) -> None:
    account = bob.account if foreign == "bob" else foreign
    before = bob.position()

    error = ann.error(method, **needed(method), accountId=account)

    assert error == {"type": "accountNotFound"}
    assert bob.position() == before


@pytest.mark.parametrize("method", ACCOUNT_METHODS)
@pytest.mark.parametrize("account", ["!site", "", "a/b", "../x", None, 1, ["a"], "x" * 256])
def test_an_account_that_is_no_id_is_an_invalid_argument(ann: Client, method: str, account: Any) -> None:
    assert ann.error(method, **needed(method), accountId=account)["type"] == "invalidArguments"


@pytest.mark.parametrize("method", ACCOUNT_METHODS)
def test_a_disabled_account_is_forbidden(ann: Client, site: Site, actor: Actor, method: str) -> None:
    set_user(site, actor, "ann@example.org", disabled=True)

    assert ann.error(method, **needed(method))["type"] == "forbidden"
    set_user(site, actor, "ann@example.org", disabled=False)
    ann.call(method, **needed(method))


@pytest.mark.parametrize("method", COPIES)
def test_a_copy_neither_comes_from_nor_goes_to_the_account_of_another(ann: Client, bob: Client, method: str) -> None:
    bob.deliver(message())
    before = bob.position()

    for foreign in (bob.account, "nobody"):
        given = needed(method) | {"fromAccountId": foreign}
        assert ann.error(method, **given)["type"] == "fromAccountNotFound"
        given = needed(method) | {"fromAccountId": ann.account, "accountId": foreign}
        assert ann.error(method, **given)["type"] == "accountNotFound"

    assert bob.position() == before


def test_a_disabled_account_neither_uploads_nor_downloads(ann: Client, site: Site, actor: Actor) -> None:
    id = json.loads(ann.http("POST", f"/jmap/upload/{ann.account}/", b"x").body)["blobId"]
    set_user(site, actor, "ann@example.org", disabled=True)

    assert ann.http("POST", f"/jmap/upload/{ann.account}/", b"x").status == 403
    assert ann.http("GET", f"/jmap/download/{ann.account}/{id}/x").status == 403


def test_a_message_of_another_cannot_be_had_by_its_hash(ann: Client, bob: Client) -> None:
    raw = message("secret")
    bob.deliver(raw)
    id = blob_id(digest_of(raw))

    assert bob.http("GET", f"/jmap/download/{bob.account}/{id}/x").status == 200
    assert ann.http("GET", f"/jmap/download/{ann.account}/{id}/x").status == 404
    assert ann.http("GET", f"/jmap/download/{bob.account}/{id}/x").status == 404
    assert ann.http("GET", f"/jmap/download/{ann.account}/{id}-0-10-n/x").status == 404


def test_an_email_of_another_is_not_found(ann: Client, bob: Client) -> None:
    theirs = bob.deliver(message("secret"))[0]
    thread = bob.email(theirs, "threadId")["threadId"]

    assert ann.call("Email/get", ids=[theirs])["notFound"] == [theirs]
    assert ann.call("Thread/get", ids=[thread])["notFound"] == [thread]
    answer = ann.call("Email/set", update={theirs: {"keywords/$seen": True}}, destroy=[theirs])
    assert answer["notUpdated"][theirs]["type"] in ("notFound", "willDestroy")
    assert answer["notDestroyed"] == {theirs: {"type": "notFound"}}
    assert bob.email(theirs, "keywords")["keywords"] == {}


def test_the_ledger_knows_who_changed_what_through_which_request(ann: Client, site: Site, clock: FakeClock) -> None:
    clock.advance(1_234)
    ann.create_mailbox("Work")

    row = site.store.get(ann.account, keys.entry_key(ann.position()))
    assert row is not None
    entry, _ = unseal(row.body)
    assert (entry.actor, entry.protocol, entry.correlation) == ("ann@example.org", "jmap", "request-1")
    assert entry.at == clock.now()
