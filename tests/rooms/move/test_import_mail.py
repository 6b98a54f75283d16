"""Importing into an account: where mail goes, when it came, and that it comes once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from homing.config import Limits
from homing.delivery.accept import accept
from homing.directory.accounts import User, set_user
from homing.errors import Temporary
from homing.ledger import keys
from homing.ledger.entry import Actor
from homing.ledger.verify import verify
from homing.ledger.view import View
from homing.move.import_mail import Tally, import_mail, received_at
from homing.move.stored_mail import StoredMail
from homing.ports.store import Store
from homing.site import Site
from tests.conftest import START, FakeClock
from tests.doubles import Crashed, FaultPlan, FaultyBlobs, FaultyStore
from tests.mail import landed, message

DATE_OF_MESSAGES = 1_795_168_800_000
"""Fri, 20 Nov 2026 10:00:00 +0000, in every message of `tests.mail`."""


def stored(*subjects: str, **found: Any) -> list[StoredMail]:
    raws = [message(subject, message_id=f"{subject}@sender.example") for subject in subjects]
    return [StoredMail(f"file {n}", raw, len(raw), **found) for n, raw in enumerate(raws)]


def emails(site: Site, user: User) -> dict[str, dict[str, Any]]:
    """State of each email by its subject."""
    view = View(site.store, user.account, site.clock.now())
    states = [pair for thread in view.all_objects("Thread").values() for pair in thread["emails"].items()]
    return {(view.object("Email", id) or {})["subject"]: state for id, state in states}


def mailboxes(site: Site, user: User) -> dict[str, str]:
    """Full name of each mailbox by id."""
    rows = View(site.store, user.account, site.clock.now()).all_objects("Mailbox")

    def full(id: str) -> str:
        parent = rows[id].get("parentId")
        return (full(parent) + "/" if parent else "") + str(rows[id]["name"])

    return {id: full(id) for id in rows}


def places(site: Site, user: User) -> dict[str, list[str]]:
    """Names of the mailboxes of each email, by its subject."""
    names = mailboxes(site, user)
    return {subject: [names[id] for id in state["mailboxIds"]] for subject, state in emails(site, user).items()}


def counts(tally: Tally) -> tuple[int, int, int]:
    return tally.imported, tally.already_there, tally.failed


def test_mail_goes_to_the_inbox_with_its_keywords(site: Site, user: User) -> None:
    tally = import_mail(site, user, stored("A", keywords=frozenset({"$seen", "$flagged"})))

    assert counts(tally) == (1, 0, 0)
    state = emails(site, user)["A"]
    assert state["mailboxIds"] == {keys.INBOX: 1}
    assert state["keywords"] == {"$seen": True, "$flagged": True}


def test_an_import_that_is_run_again_adds_nothing(site: Site, user: User) -> None:
    mails = stored("A", "B", "C")
    import_mail(site, user, mails[:2])

    tally = import_mail(site, user, mails)

    assert counts(tally) == (1, 2, 0)
    assert sorted(emails(site, user)) == ["A", "B", "C"]


def test_an_import_that_is_run_again_months_later_adds_nothing(site: Site, user: User, clock: FakeClock) -> None:
    import_mail(site, user, stored("A"))
    clock.advance(180 * 24 * 3_600 * 1_000)

    tally = import_mail(site, user, stored("A"))

    assert counts(tally) == (0, 1, 0)


def test_the_same_message_twice_in_a_source_comes_once(site: Site, user: User) -> None:
    tally = import_mail(site, user, stored("A") + stored("A"))

    assert counts(tally) == (1, 1, 0)


def test_the_same_message_in_two_folders_is_in_both(site: Site, user: User) -> None:
    import_mail(site, user, stored("A") + stored("A", folder=("Copies",)))

    view = View(site.store, user.account, site.clock.now())
    (thread,) = view.all_objects("Thread").values()
    assert len(thread["emails"]) == 2
    assert len({id for state in thread["emails"].values() for id in state["mailboxIds"]}) == 2


def test_two_accounts_import_the_same_mail_each_for_itself(site: Site, user: User, actor: Actor) -> None:
    from homing.directory.accounts import create_user  # noqa: PLC0415

    other = create_user(site, actor, "ben@example.org", "correct horse")

    assert counts(import_mail(site, user, stored("A"))) == (1, 0, 0)
    assert counts(import_mail(site, other, stored("A"))) == (1, 0, 0)


def test_folders_become_mailboxes_of_their_names(site: Site, user: User) -> None:
    import_mail(site, user, stored("A", folder=("Work", "2020")) + stored("B", folder=("Work",)))

    assert places(site, user) == {"A": ["Work/2020"], "B": ["Work"]}


@pytest.mark.parametrize(
    ("folder", "name"),
    [("Sent", "Sent"), ("INBOX", "Inbox"), ("Sent Items", "Sent"), ("Spam", "Junk"), ("Deleted Messages", "Trash")],
)
def test_folders_find_the_mailbox_of_their_role(site: Site, user: User, folder: str, name: str) -> None:
    import_mail(site, user, stored("A", folder=(folder,)))

    assert places(site, user) == {"A": [name]}


def test_all_goes_below_a_mailbox_that_is_named(site: Site, user: User) -> None:
    import_mail(site, user, stored("A") + stored("B", folder=("Sent",)), mailbox=("Old", "Laptop"))

    assert places(site, user) == {"A": ["Old/Laptop"], "B": ["Old/Laptop/Sent"]}


def test_folders_deeper_than_the_limit_become_part_of_the_last_name(site: Site, user: User) -> None:
    shallow = replace(site, config=replace(site.config, limits=Limits(max_mailbox_depth=3)))

    import_mail(shallow, user, stored("A", folder=("1", "2", "3", "4")))

    view = View(site.store, user.account, site.clock.now())
    names = [row["name"] for row in view.all_objects("Mailbox").values() if row["name"] in ("1", "2", "3/4")]
    assert sorted(names) == ["1", "2", "3/4"]


def test_a_name_that_no_mailbox_may_have_is_made_fit(site: Site, user: User) -> None:
    import_mail(site, user, stored("A", folder=("a\tb\ufffe" + "\u00e9" * 300,)))

    ((name,),) = places(site, user).values()
    assert name.startswith("a\ufffdb\ufffd\u00e9")
    assert len(name.encode()) <= site.config.limits.max_size_mailbox_name


def test_deleted_mail_goes_to_the_trash(site: Site, user: User) -> None:
    import_mail(site, user, stored("A", folder=("Work",), is_deleted=True))

    assert places(site, user) == {"A": ["Trash"]}


def test_mail_for_a_mailbox_that_has_gone_goes_to_the_inbox(site: Site, user: User) -> None:
    class Going:
        """Takes the new mailbox away when the mail is about to be filed."""

        def __init__(self, store: Store) -> None:
            self.store = store

        def __getattr__(self, name: str) -> Any:
            return getattr(self.store, name)

        def get_many(self, places: Any) -> Any:
            from homing.ledger.transact import Transaction, transact  # noqa: PLC0415

            if any("/Import/" in key for _, key in places):

                def destroy(transaction: Transaction) -> None:
                    draft = transaction.draft(user.account)
                    for id, row in draft.all_objects("Mailbox").items():
                        if row["name"] == "Work":
                            draft.destroy("Mailbox", id)

                transact(site, Actor("other", "test"), destroy)
            return self.store.get_many(places)

    import_mail(replace(site, store=Going(site.store)), user, stored("A", folder=("Work",)))  # type: ignore[arg-type]

    assert places(site, user) == {"A": ["Inbox"]}


@pytest.mark.parametrize(
    ("headers", "dated", "at"),
    [
        (["Received: from a by b; Thu, 19 Nov 2026 10:00:00 +0000"], 5, 1_795_082_400_000),
        (["Received: from a by b; Thu, 19 Nov 2026 10:00:00 +0000", "Received: x; Wed, 18 Nov 2026 10:00:00 +0000"], 5,
         1_795_082_400_000),
        (["Received: from a by b (no date)"], 5, DATE_OF_MESSAGES),
        ([], 5, DATE_OF_MESSAGES),
    ],
)  # fmt: skip
def test_mail_came_when_its_last_hop_says_or_its_date(headers: list[str], dated: int, at: int) -> None:
    assert received_at(message(headers=headers), dated, DATE_OF_MESSAGES) == at


def test_mail_without_a_date_came_when_its_keeper_says_or_now() -> None:
    raw = b"Subject: x\r\n\r\n"

    assert received_at(raw, 5, START) == 5
    assert received_at(raw, None, START) == START


def test_a_date_in_the_future_is_not_believed() -> None:
    assert received_at(b"Date: Fri, 20 Nov 2099 10:00:00 +0000\r\n\r\n", 5, START) == 5


def test_what_cannot_be_read_is_counted_with_its_reason(site: Site, user: User) -> None:
    mails = [*stored("A"), StoredMail("lost", b"", 0, problem="Permission denied"), *stored("B")]

    tally = import_mail(site, user, mails)

    assert counts(tally) == (2, 0, 1)
    assert [(failure.place, failure.reason) for failure in tally.failures] == [("lost", "Permission denied")]


def test_mail_above_the_quota_is_counted_with_its_reason(site: Site, user: User, actor: Actor) -> None:
    mails = stored("A", "B")
    set_user(site, actor, user.login, quota=len(mails[0].raw) + 10)

    tally = import_mail(site, user, mails)

    assert counts(tally) == (1, 0, 1)
    assert tally.failures[0].reason == "This mailbox is full"


def test_progress_is_told_up_to_the_end(site: Site, user: User) -> None:
    mails = stored(*(f"S{number}" for number in range(150)))
    told: list[tuple[int, int]] = []

    import_mail(site, user, mails, progress=lambda tally: told.append((tally.messages, tally.consumed)))

    assert [messages for messages, _ in told] == [64, 128, 150]
    assert told[-1][1] == sum(mail.consumed for mail in mails)


def test_imported_mail_joins_the_threads_of_delivered_mail(site: Site, user: User) -> None:
    accept(site, [landed(message("A", message_id="1@sender.example"))])
    reply = message("Re: A", message_id="2@sender.example", in_reply_to="1@sender.example")

    import_mail(site, user, [StoredMail("reply", reply, len(reply))])

    (thread,) = View(site.store, user.account, site.clock.now()).all_objects("Thread").values()
    assert len(thread["emails"]) == 2


@pytest.mark.parametrize("stop_after", [0, 1, 2, 20, 21, 22, 23, 24])  # the mailbox, 20 blobs, 3 commits
def test_an_import_that_was_stopped_anywhere_is_finished_by_the_next(
    site: Site, user: User, scratch: Store, stop_after: int
) -> None:
    mails = stored(*(f"S{number}" for number in range(20)), folder=("Work",))
    plan = FaultPlan(stop_after)
    faulty = replace(site, store=FaultyStore(site.store, plan), blobs=FaultyBlobs(site.blobs, plan))
    with pytest.raises(Crashed):
        import_mail(faulty, user, mails)

    tally = import_mail(site, user, mails)

    assert tally.imported + tally.already_there == 20
    assert sorted(emails(site, user)) == sorted(f"S{number}" for number in range(20))
    assert View(site.store, user.account, site.clock.now()).head.emails == 20
    assert verify(site.store, user.account, scratch, site.clock.now()) == []


def test_a_store_that_cannot_take_mail_now_ends_the_import(site: Site, user: User) -> None:
    plan = FaultPlan(2, lambda: Temporary("storeBusy", "another process is writing"))

    with pytest.raises(Temporary):
        import_mail(replace(site, store=FaultyStore(site.store, plan)), user, _endless())


def _endless() -> Iterable[StoredMail]:
    number = 0
    while True:
        yield from stored(f"S{number}")
        number += 1
