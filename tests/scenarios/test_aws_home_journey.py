"""A site at home on AWS, served by the process host: made by commands, used by Ann and Bob through its sockets.

Runs on MiniStack and osmem-server (`tests/aws_home.py`); skipped, with the word, where MiniStack is not.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.aws_home import Missing, aws_environment
from tests.mail import message
from tests.scenarios.cli.command import COMMAND
from tests.scenarios.serving import LOGIN, OTHER, PASSWORD, PATIENCE, USING, EventStream, Served, serve_command, served

pytestmark = pytest.mark.aws

SUBMISSION = "urn:ietf:params:jmap:submission"
LARGE = "Lorem ipsum. " * 6_000
"""With this in its body a request is one for the side process."""

Object = dict[str, Any]


def homing(environment: Mapping[str, str], *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words], env=environment, input=stdin, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """Of processes that share one AWS home, in which Ann and Bob are."""
    try:
        with aws_environment() as environment:
            for login in (LOGIN, OTHER):
                added = homing(environment, "user", "add", login, "--password-stdin", stdin=PASSWORD + "\n")
                assert added.returncode == 0, added.stderr
            yield environment
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def serving(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("log"), environment) as serving:
        yield serving


@pytest.fixture
def ann(serving: Served) -> Iterator[httpx.Client]:
    with serving.client() as client:
        yield client


@pytest.fixture
def bob(serving: Served) -> Iterator[httpx.Client]:
    with serving.client(auth=(OTHER, PASSWORD)) as client:
        yield client


def account_of(client: httpx.Client) -> str:
    account: str = client.get("/.well-known/jmap", follow_redirects=True).json()["primaryAccounts"][SUBMISSION]
    return account


def call(client: httpx.Client, *calls: tuple[str, Object]) -> list[Object]:
    """The arguments of the responses to some method calls on the client's own account."""
    account = account_of(client)
    full = [(name, {"accountId": account, **given}, str(number)) for number, (name, given) in enumerate(calls)]
    answer = client.post("/jmap/api", json={"using": [*USING, SUBMISSION], "methodCalls": full})
    return [given for _, given, _ in answer.raise_for_status().json()["methodResponses"]]


def found(client: httpx.Client, text: str, mailbox: str) -> list[str]:
    """The subjects of what a search finds in a mailbox."""
    back = {"resultOf": "0", "name": "Email/query", "path": "/ids"}
    _, emails = call(
        client,
        ("Email/query", {"filter": {"text": text, "inMailbox": mailbox}}),
        ("Email/get", {"#ids": back, "properties": ["subject"]}),
    )
    return [email["subject"] for email in emails["list"]]


def write_draft(client: httpx.Client, subject: str, text: str) -> str:
    draft = {
        "mailboxIds": {"drafts": True},
        "keywords": {"$draft": True},
        "from": [{"name": "Ann", "email": LOGIN}],
        "to": [{"name": "Bob", "email": OTHER}],
        "subject": subject,
        "bodyStructure": {"type": "text/plain", "partId": "1"},
        "bodyValues": {"1": {"value": text}},
    }
    (answer,) = call(client, ("Email/set", {"create": {"draft": draft}}))
    id: str = answer["created"]["draft"]["id"]
    return id


def states_of(stream: EventStream, name: str) -> None:
    """Wait for an event that tells of a change of the type `name`."""
    while (event := stream.next()) is not None:
        if name in event.get("data", ""):
            return
    raise AssertionError("the stream ended")


def test_ann_writes_a_draft_finds_it_and_sends_it_to_bob(serving: Served, ann: httpx.Client, bob: httpx.Client) -> None:
    listening = EventStream(serving.addresses.http, "types=EmailDelivery&closeafter=no&ping=0", login=OTHER)

    draft = write_draft(ann, "An outing", "Shall we go to the zoological garden?")
    drafts = found(ann, "zoological", "drafts")
    patch = {"mailboxIds/drafts": None, "mailboxIds/sent": True, "keywords/$draft": None}
    create = {"send": {"identityId": "default", "emailId": draft}}
    submitted, filed = call(ann, ("EmailSubmission/set", {"create": create, "onSuccessUpdateEmail": {"#send": patch}}))
    states_of(listening, "EmailDelivery")

    assert drafts == ["An outing"]
    assert submitted["created"]["send"]["id"]
    assert filed["updated"] == {draft: None}
    assert found(bob, "garden", "inbox") == ["An outing"]
    assert found(ann, "zoological", "drafts") == []
    assert found(ann, "zoological", "sent") == ["An outing"]


def test_what_the_side_process_commits_is_on_aws_and_told_to_who_listens(serving: Served, ann: httpx.Client) -> None:
    listening = EventStream(serving.addresses.http, "types=Email&closeafter=no&ping=0")

    draft = write_draft(ann, "A long one", LARGE)
    states_of(listening, "Email")

    arguments = {"ids": [draft], "properties": ["subject", "textBody", "bodyValues"], "fetchTextBodyValues": True}
    (answer,) = call(ann, ("Email/get", arguments))
    (email,) = answer["list"]
    assert email["bodyValues"][email["textBody"][0]["partId"]]["value"] == LARGE


def test_mail_that_comes_in_by_lmtp_can_be_read_and_found(serving: Served, bob: httpx.Client) -> None:
    with serving.lmtp() as lmtp:
        lmtp.sendmail("eve@example.com", [OTHER], message("From afar", body="A postcard with a lighthouse\r\n"))

    assert found(bob, "lighthouse", "inbox") == ["From afar"]


def test_a_wrong_password_is_refused(serving: Served) -> None:
    with serving.client(auth=(LOGIN, "wrong horse")) as stranger:
        assert stranger.get("/.well-known/jmap", follow_redirects=True).status_code == 401


def test_a_token_that_a_command_made_signs_in_and_a_revoked_one_does_not(
    environment: dict[str, str], serving: Served, ann: httpx.Client
) -> None:
    token = homing(environment, "token", "create", LOGIN, "--label", "test").stdout.strip()
    headers = {"Authorization": f"Bearer {token}"}
    with serving.client(auth=None, headers=headers) as program:
        assert account_of(program) == account_of(ann)

        revoked = homing(environment, "token", "revoke", token.split("_")[1])

        assert revoked.returncode == 0, revoked.stderr
        assert program.get("/.well-known/jmap", follow_redirects=True).status_code == 401


def test_another_process_of_the_same_site_sees_what_the_first_filed_and_ends_when_asked(
    environment: dict[str, str], ann: httpx.Client, tmp_path: Path
) -> None:
    write_draft(ann, "Here and there", "Seen from both processes")

    with served(tmp_path, environment) as other:
        with other.client() as client:
            subjects = found(client, "both processes", "drafts")
        other.signal(signal.SIGTERM)
        code = other.wait()

    assert subjects == ["Here and there"]
    assert code == 0, (tmp_path / "serve.log").read_text()


def test_every_ledger_and_message_is_sound(environment: dict[str, str], serving: Served) -> None:
    verified = homing(environment, "verify")

    assert "all is sound" in verified.stdout, verified


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("HOMING_TABLE", "there is no DynamoDB table 'nothing'; HOMING_TABLE names it"),
        ("HOMING_BUCKET", "there is no S3 bucket 'nothing'; HOMING_BUCKET names it"),
    ],
)
def test_what_is_not_there_is_told_before_anything_listens(environment: dict[str, str], name: str, said: str) -> None:
    command = serve_command(None)

    done = subprocess.run(
        command, env={**environment, name: "nothing"}, capture_output=True, text=True, timeout=PATIENCE, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"homing: {said}\n")


def test_a_folder_is_refused_for_a_site_on_aws(environment: dict[str, str], tmp_path: Path) -> None:
    done = homing(environment, "user", "list", "--data", str(tmp_path))

    assert (done.returncode, done.stdout) == (1, "")
    assert "--data is for a site in a folder" in done.stderr


def test_without_an_index_mail_is_read_and_only_text_is_not_looked_for(
    environment: dict[str, str], tmp_path: Path
) -> None:
    without = {name: value for name, value in environment.items() if name != "HOMING_SEARCH_URL"}

    with served(tmp_path, without) as serving, serving.client() as client:
        by_text, by_mailbox = call(
            client,
            ("Email/query", {"filter": {"text": "anything"}}),
            ("Email/query", {"filter": {"inMailbox": "inbox"}}),
        )

    assert "ids" not in by_text
    assert by_text["type"] == "unsupportedFilter"
    assert by_mailbox["ids"] == []
    assert "mail cannot be searched for text" in (tmp_path / "serve.log").read_text()
