"""A JMAP client that we did not write (jmaplib, PyPI) goes through a day with its mail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from jmap import AuthenticationError, MethodError
from jmap.auth import BasicAuth
from jmap.client import JMAPClient
from jmap.sync import ChangeStream, ResyncRequiredError

from homing.directory.accounts import User
from tests.mail import message
from tests.scenarios.serving import LOGIN, OTHER, PASSWORD, EventStream, Running


def deliver(running: Running, *raws: bytes) -> None:
    with running.lmtp() as lmtp:
        for raw in raws:
            assert lmtp.sendmail("bea@sender.example", [LOGIN], raw) == {}


@pytest.fixture
def client(running: Running) -> Iterator[JMAPClient]:
    with JMAPClient.connect(f"{running.url}/.well-known/jmap", auth=BasicAuth(LOGIN, PASSWORD)) as client:
        yield client


def test_jmaplib_finds_its_way_from_the_well_known_address(client: JMAPClient, running: Running) -> None:
    assert client.session.username == LOGIN
    assert client.session.implied_account() == running.user.account
    assert client.echo(hello=True) == {"hello": True}
    assert client.session_stale is False


def test_jmaplib_with_a_wrong_password_is_told_so(running: Running) -> None:
    with pytest.raises(AuthenticationError):
        JMAPClient.connect(f"{running.url}/.well-known/jmap", auth=BasicAuth(LOGIN, "wrong horse"))


def test_jmaplib_reads_flags_moves_and_follows_the_changes(client: JMAPClient, running: Running) -> None:
    deliver(running, message("Hello", message_id="a@x"), message("Re: Hello", in_reply_to="a@x"), message("Other"))

    with client.batch() as batch:
        boxes = batch.mail.mailbox.get()
        found = batch.mail.email.query(
            filter={"inMailbox": "inbox"},
            sort=[{"property": "receivedAt", "isAscending": False}],
            limit=10,
            calculate_total=True,
        )
        emails = batch.mail.email.get(ids=found.ref_ids(), properties=["subject", "threadId", "from", "keywords"])
        threads = batch.mail.thread.get(ids=emails.ref_list("threadId"))

    roles = {box.role: box.id for box in boxes.result.items}
    assert roles["inbox"] == "inbox"
    assert found.result.total == 3
    assert [email.subject for email in emails.result.items] == ["Other", "Re: Hello", "Hello"]
    assert sorted(len(thread.email_ids) for thread in threads.result.items) == [1, 2]

    stream = ChangeStream(client, "Email", account_id=client.session.implied_account())
    stream.seed(emails.result.state)
    first, second, third = found.result.ids
    with client.batch() as batch:
        done = batch.mail.email.set(
            update={first: {"keywords/$seen": True}, second: {f"mailboxIds/{roles['archive']}": True}},
            destroy=[third],
        )
    assert set(done.result.updated) == {first, second}
    assert list(done.result.destroyed) == [third]
    deliver(running, message("Late"))

    changed = stream.catch_up(max_changes=1)

    assert len(changed.created) == 1
    assert (set(changed.updated), set(changed.destroyed)) == ({first, second}, {third})


def test_jmaplib_drafts_and_sends_mail_that_the_other_user_finds(
    client: JMAPClient, running: Running, other_user: User
) -> None:
    draft = {
        "mailboxIds": {"drafts": True},
        "keywords": {"$draft": True},
        "from": [{"name": "Ann", "email": LOGIN}],
        "to": [{"name": "Bob", "email": OTHER}],
        "subject": "An outing",
        "bodyValues": {"text": {"value": "Shall we meet at the lighthouse?"}},
        "textBody": [{"partId": "text", "type": "text/plain"}],
    }
    heard = EventStream(running.addresses.http, login=OTHER)

    with client.batch() as batch:
        identities = batch.submission.identity.get()
    with client.batch() as batch:
        drafted = batch.mail.email.set(create={"draft": draft})
        sent = batch.submission.email_submission.set(
            create={"send": {"emailId": "#draft", "identityId": identities.result.items[0].id}},
            onSuccessUpdateEmail={"#send": {"keywords/$draft": None, "mailboxIds": {"sent": True}}},
        )
    assert set(drafted.result.created) == {"draft"}
    assert set(sent.result.created) == {"send"}
    assert heard.next() is not None
    heard.close()

    wanted = {"text": "lighthouse", "inMailbox": "inbox"}
    with (
        JMAPClient.connect(f"{running.url}/.well-known/jmap", auth=BasicAuth(OTHER, PASSWORD)) as other,
        other.batch() as batch,
    ):
        found = batch.mail.email.query(filter=wanted)
        emails = batch.mail.email.get(ids=found.ref_ids(), properties=["subject", "from", "preview"])
        snippets = batch.mail.search_snippet.get(filter=wanted, email_ids=found.ref_ids())
    assert [email.subject for email in emails.result.items] == ["An outing"]
    assert "<mark>lighthouse</mark>" in snippets.result.items[0].preview


def test_jmaplib_makes_a_mailbox_and_learns_why_another_is_refused(client: JMAPClient) -> None:
    with client.batch() as batch:
        done = batch.mail.mailbox.set(create={"a": {"name": "Work"}, "b": {"name": "Work", "parentId": "#a"}})
        refused = batch.mail.mailbox.set(create={"c": {"name": "Work"}})

    assert set(done.result.created) == {"a", "b"}
    assert refused.result.not_created["c"]["type"] == "alreadyExists"


def test_jmaplib_uploads_and_downloads(client: JMAPClient) -> None:
    uploaded = client.upload(b"some bytes", content_type="text/plain")

    assert uploaded.size == 10
    assert client.download(uploaded.blob_id, name="a b.txt", content_type="text/plain") == b"some bytes"


def test_jmaplib_is_told_to_begin_anew_from_a_state_that_never_was(client: JMAPClient) -> None:
    stream = ChangeStream(client, "Email", account_id=client.session.implied_account())
    stream.seed("123456789")

    with pytest.raises(ResyncRequiredError):
        stream.catch_up()


def test_jmaplib_hears_why_a_call_is_refused(client: JMAPClient) -> None:
    with pytest.raises(MethodError) as caught:
        client.call("Email/get", {"ids": 1})

    assert caught.value.type == "invalidArguments"
