"""A JMAP client that we did not write (jmapc, PyPI) works with the mail of two users. It speaks https only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jmapc
import pytest
from jmapc import (
    Address,
    Comparator,
    Email,
    EmailAddress,
    EmailBodyPart,
    EmailBodyValue,
    EmailQueryFilterCondition,
    EmailSubmission,
    Envelope,
    Ref,
)
from jmapc.methods import (
    EmailChanges,
    EmailGet,
    EmailQuery,
    EmailQueryChanges,
    EmailSet,
    EmailSubmissionSet,
    IdentityGet,
    MailboxGet,
    SearchSnippetGet,
    ThreadGet,
)

from homing.bootstrap import Home
from homing.directory.accounts import User
from homing.host.settings import Settings
from tests.mail import message
from tests.scenarios.serving import LOGIN, OTHER, PASSWORD, Running

Connect = Callable[..., jmapc.Client]

TEXT = "Shall we meet at the lighthouse?"
SENT_AS = Email(
    mail_from=[EmailAddress(name="Ann", email=LOGIN)],
    to=[EmailAddress(name="Bob", email=OTHER)],
    subject="An outing",
    keywords={"$draft": True},
    body_values={"text": EmailBodyValue(value=TEXT)},
    text_body=[EmailBodyPart(part_id="text", type="text/plain")],
)


@pytest.fixture
def running(home: Home, served_user: User, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    settings = Settings(http_port=0, smtp_port=0, lmtp_port=0, grace=5)
    running = Running(home, served_user, replace(settings, tls_certificate=certificate))
    yield running
    running.stop()


@pytest.fixture
def connect(running: Running) -> Connect:
    host, port = running.addresses.http

    def connect(user: str = LOGIN, **more: Any) -> jmapc.Client:
        return jmapc.Client.create_with_password(f"{host}:{port}", user, PASSWORD, **more)

    return connect


def deliver(running: Running, *subjects: str) -> None:
    with running.lmtp() as lmtp:
        for subject in subjects:
            lmtp.sendmail("bea@sender.example", [LOGIN], message(subject, message_id=f"{subject}@x"))


def responses(client: jmapc.Client, *calls: Any) -> list[Any]:
    return [answer.response for answer in client.request(list(calls), raise_errors=True)]


def roles(client: jmapc.Client) -> dict[str, str]:
    [boxes] = responses(client, MailboxGet(ids=None))
    return {box.role: box.id for box in boxes.data if box.role}


def found(client: jmapc.Client, **condition: Any) -> list[str]:
    [query] = responses(client, EmailQuery(filter=EmailQueryFilterCondition(**condition)))
    return list(query.ids)


def send(client: jmapc.Client, email: Email) -> Any:
    """Make a draft and submit it, which moves it to Sent: one request. The response to the submission."""
    [identities] = responses(client, IdentityGet(ids=None))
    box = roles(client)
    submission = EmailSubmission(
        email_id="#draft",
        identity_id=identities.data[0].id,
        envelope=Envelope(mail_from=Address(email=LOGIN), rcpt_to=[Address(email=OTHER)]),
    )
    moved = {"keywords/$draft": None, f"mailboxIds/{box['drafts']}": None, f"mailboxIds/{box['sent']}": True}
    drafted, submitted, _ = responses(
        client,
        EmailSet(create={"draft": replace(email, mailbox_ids={box["drafts"]: True})}),
        EmailSubmissionSet(create={"send": submission}, on_success_update_email={"#send": moved}),
    )
    assert drafted.not_created is None or not drafted.not_created
    return submitted


def test_jmapc_finds_mailboxes_mail_and_threads(connect: Connect, running: Running) -> None:
    client = connect()
    deliver(running, "one", "two", "three")

    query, got, threads = responses(
        client,
        EmailQuery(
            filter=EmailQueryFilterCondition(in_mailbox=roles(client)["inbox"]),
            sort=[Comparator(property="receivedAt", is_ascending=False)],
            limit=2,
            calculate_total=True,
        ),
        EmailGet(ids=Ref("/ids"), properties=["threadId", "subject", "receivedAt", "preview"]),
        ThreadGet(ids=Ref("/list/*/threadId")),
    )

    assert query.total == 3
    assert [email.subject for email in got.data] == ["three", "two"]
    assert [thread.email_ids for thread in threads.data] == [[id] for id in query.ids]


def test_jmapc_follows_what_it_changes_itself(connect: Connect, running: Running) -> None:
    client = connect()
    deliver(running, "one", "two")
    unread = EmailQueryFilterCondition(not_keyword="$seen")
    before, query = responses(client, EmailGet(ids=[]), EmailQuery(filter=unread))
    first, second = query.ids

    done, changes, altered = responses(
        client,
        EmailSet(update={first: {"keywords/$seen": True}}, destroy=[second]),
        EmailChanges(since_state=before.state),
        EmailQueryChanges(filter=unread, since_query_state=query.query_state),
    )

    assert list(done.updated) == [first]
    assert (changes.created, changes.updated, changes.destroyed) == ([], [first], [second])
    assert {first, second} <= set(altered.removed)


def test_jmapc_finds_words_and_shows_where_they_are(connect: Connect, running: Running) -> None:
    client = connect()
    deliver(running, "harvest", "winter")
    wanted = EmailQueryFilterCondition(text="harvest")

    query, snippets = responses(client, EmailQuery(filter=wanted), SearchSnippetGet(ids=Ref("/ids"), filter=wanted))

    assert len(query.ids) == 1
    assert snippets.data[0].subject == "<mark>harvest</mark>"


def test_jmapc_sends_mail_to_another_user_who_hears_of_it(connect: Connect, other_user: User, tmp_path: Path) -> None:
    known = next(connect(OTHER, last_event_id="0").events).id  # all that has happened before
    sender = connect()

    submitted = send(sender, SENT_AS)
    assert submitted.created
    event = next(connect(OTHER, last_event_id=known).events)

    assert event.data.changed[other_user.account].email
    receiver = connect(OTHER)
    [id] = found(receiver, in_mailbox=roles(receiver)["inbox"])
    [got] = responses(receiver, EmailGet(ids=[id], fetch_text_body_values=True))
    [email] = got.data
    assert email.subject == "An outing"
    assert email.body_values[email.text_body[0].part_id].value.strip() == TEXT
    assert found(sender, in_mailbox=roles(sender)["drafts"]) == []
    assert len(found(sender, in_mailbox=roles(sender)["sent"])) == 1


def test_jmapc_sends_an_attachment_that_arrives_whole(connect: Connect, other_user: User, tmp_path: Path) -> None:
    content = bytes(range(256)) * 40
    file, sender = tmp_path / "plan.bin", connect()
    file.write_bytes(content)
    known = next(connect(OTHER, last_event_id="0").events).id
    blob = sender.upload_blob(file)
    part = EmailBodyPart(blob_id=blob.id, type="application/octet-stream", name="plan.bin", disposition="attachment")

    send(sender, replace(SENT_AS, attachments=[part]))
    next(connect(OTHER, last_event_id=known).events)

    receiver = connect(OTHER)
    [got] = responses(receiver, EmailGet(ids=found(receiver, has_attachment=True)))
    [[attachment]] = [email.attachments for email in got.data]
    receiver.download_attachment(attachment, tmp_path / "got.bin")
    assert (tmp_path / "got.bin").read_bytes() == content
