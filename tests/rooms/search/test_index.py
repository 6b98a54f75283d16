"""The index follows the ledger, whoever indexes, however often, and whatever the mail."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from dataclasses import replace

import pytest

from homing.delivery.accept import accept
from homing.directory.accounts import User
from homing.errors import Temporary
from homing.ids import thread_of
from homing.ledger.entry import Actor
from homing.ledger.transact import Transaction, transact
from homing.ledger.view import View
from homing.ports.search import Document, Search
from homing.search import index
from homing.search.expression import EVERYTHING, parse_text
from homing.search.index import IDLE_ENTRIES, STEP_EMAILS, catch_up, rebuild
from homing.site import Site
from tests.doubles import CountingBlobs
from tests.mail import landed, message
from tests.unit.search import files


class Watched:
    """A search that remembers what was applied, and lets a test do something just before."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self.applied: list[tuple[int, int, list[str], list[str]]] = []
        self.before_apply = lambda: None

    def __getattr__(self, name: str):
        return getattr(self._search, name)

    def apply(
        self, account: str, since: int, until: int, documents: Sequence[Document], removed: Collection[str]
    ) -> bool:
        before, self.before_apply = self.before_apply, lambda: None
        before()
        taken = self._search.apply(account, since, until, documents, removed)
        if taken:
            self.applied.append((since, until, [one.email for one in documents], list(removed)))
        return taken


@pytest.fixture
def site(site: Site, user: User) -> Site:
    return replace(site, search=Watched(site.search))


def deliver(site: Site, *raws: bytes) -> None:
    assert all(reply is None for [reply] in accept(site, [landed(raw) for raw in raws]))


def found(site: Site, user: User, text: str = "") -> list[str]:
    """Subjects of what is found, the newest first."""
    ids = [hit.email for hit in site.search.query(user.account, parse_text(("subject", "body"), text))]
    records = View(site.store, user.account, 0).objects("Email", ids)
    return [records[id].get("subject", "") for id in ids]


def ids(site: Site, user: User) -> list[str]:
    return sorted(View(site.store, user.account, 0).all_objects("Email"))


def destroy(site: Site, user: User, actor: Actor, *emails: str) -> None:
    def decide(transaction: Transaction) -> None:
        draft = transaction.draft(user.account)
        for id in emails:
            draft.update("Thread", thread_of(id), {"emails": {id: None}})
            draft.destroy("Email", id)

    transact(site, actor, decide)


def flag(site: Site, user: User, actor: Actor, email: str, value: bool | None) -> None:
    def decide(transaction: Transaction) -> None:
        patch = {"emails": {email: {"keywords": {"$flagged": value}}}}
        transaction.draft(user.account).update("Thread", thread_of(email), patch)

    transact(site, actor, decide)


def test_what_was_delivered_is_found_after_catching_up(site: Site, user: User) -> None:
    deliver(site, message("First", body="alpha"), message("Second", body="beta"))

    assert found(site, user, "alpha") == []
    assert catch_up(site, user.account)
    assert found(site, user, "alpha") == ["First"]
    assert sorted(found(site, user)) == ["First", "Second"]


def test_hits_come_by_the_time_of_arrival(site: Site, user: User) -> None:
    for at, subject in ((3_000, "c"), (1_000, "a"), (2_000, "b")):
        accept(site, [landed(message(subject), received_at=1_795_000_000_000 + at)])

    catch_up(site, user.account)

    assert found(site, user) == ["c", "b", "a"]


def test_catching_up_again_does_nothing(site: Site, user: User) -> None:
    deliver(site, message())
    catch_up(site, user.account)
    site.search.applied.clear()

    assert catch_up(site, user.account)

    assert site.search.applied == []


def test_what_is_destroyed_is_no_longer_found(site: Site, user: User, actor: Actor) -> None:
    deliver(site, message("Stays"), message("Goes"))
    catch_up(site, user.account)
    gone = next(
        id for id, one in View(site.store, user.account, 0).all_objects("Email").items() if one["subject"] == "Goes"
    )

    destroy(site, user, actor, gone)
    catch_up(site, user.account)

    assert found(site, user) == ["Stays"]
    assert site.search.applied[-1][2:] == ([], [gone])


def test_what_came_and_went_meanwhile_is_not_read(site: Site, user: User, actor: Actor) -> None:
    deliver(site, message("Goes"))
    destroy(site, user, actor, *ids(site, user))
    counting = CountingBlobs(site.blobs)

    catch_up(replace(site, blobs=counting), user.account)

    assert found(site, user) == []
    assert counting.calls.total() == 0


def test_flags_are_read_past_without_writing_until_there_are_many(site: Site, user: User, actor: Actor) -> None:
    deliver(site, message())
    catch_up(site, user.account)
    (email,) = ids(site, user)
    position = site.search.position(user.account)
    site.search.applied.clear()

    for number in range(IDLE_ENTRIES - 1):
        flag(site, user, actor, email, None if number % 2 else True)
    assert catch_up(site, user.account)
    assert site.search.applied == []

    flag(site, user, actor, email, None)
    assert catch_up(site, user.account)
    assert site.search.applied == [(position, position + IDLE_ENTRIES, [], [])]


def test_a_limit_stops_after_a_step_and_the_next_call_goes_on(site: Site, user: User) -> None:
    deliver(site, *(message(f"m{number}") for number in range(STEP_EMAILS + 20)))

    assert not catch_up(site, user.account, 10)
    some = len(found(site, user))
    assert STEP_EMAILS <= some < STEP_EMAILS + 20
    assert catch_up(site, user.account, 10_000)
    assert len(found(site, user)) == STEP_EMAILS + 20


def test_who_waits_is_told_to_come_again_when_there_is_too_much(
    site: Site, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(site, *(message(f"m{number}") for number in range(STEP_EMAILS + 20)))
    monkeypatch.setattr(index, "REQUEST_EMAILS", 50)

    with pytest.raises(Temporary) as caught:
        catch_up(site, user.account)

    assert caught.value.type == "indexing"
    assert catch_up(site, user.account)
    assert len(found(site, user)) == STEP_EMAILS + 20


def test_a_step_that_takes_long_ends_with_an_entry(
    site: Site, user: User, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(site, message("a"))
    deliver(site, message("b"))
    flag(site, user, actor, ids(site, user)[0], value=True)
    monkeypatch.setattr(index, "STEP_SECONDS", -1)

    assert catch_up(site, user.account)

    assert [(since, until) for since, until, *_ in site.search.applied] == [(0, 1), (1, 2), (2, 3)]
    assert sorted(found(site, user)) == ["a", "b"]


def test_documents_that_are_large_together_are_handed_over_in_several_calls(
    site: Site, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(site, *(message(f"m{number}") for number in range(10)))
    monkeypatch.setattr(index, "APPLY_CHARACTERS", 300)

    assert catch_up(site, user.account)

    assert len(found(site, user)) == 10
    assert len(site.search.applied) > 3
    assert [(since, until) for since, until, *_ in site.search.applied[:-1]] == [(0, 0)] * (
        len(site.search.applied) - 1
    )


def test_of_a_message_whose_documents_take_long_the_rest_is_found(
    site: Site, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    attachments = [("a.pdf", files.pdf("first")), ("b.pdf", files.pdf("second"))]
    deliver(site, message("Slow", body="body", attachments=attachments))
    monkeypatch.setattr(index, "FOREIGN_SECONDS", -1)

    catch_up(site, user.account)

    assert (found(site, user, "body"), found(site, user, "b.pdf"), found(site, user, "second")) == (
        ["Slow"],
        ["Slow"],
        [],
    )


def test_another_indexer_may_be_first(site: Site, user: User) -> None:
    deliver(site, *(message(f"m{number}") for number in range(30)))
    site.search.before_apply = lambda: catch_up(site, user.account)

    assert catch_up(site, user.account)

    assert len(found(site, user)) == 30
    assert len(site.search.applied) == 1


def test_what_goes_while_it_is_being_indexed_is_removed_with_the_next_step(
    site: Site, user: User, actor: Actor
) -> None:
    deliver(site, message("Goes"))
    (email,) = ids(site, user)
    site.search.before_apply = lambda: destroy(site, user, actor, email)

    catch_up(site, user.account)

    assert found(site, user) == []


def test_several_indexers_and_deliveries_at_once_end_with_everything(site: Site, user: User) -> None:
    def work(number: int) -> None:
        for turn in range(10):
            deliver(site, message(f"m{number} {turn}"))
            catch_up(site, user.account, 5)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    catch_up(site, user.account)

    assert sorted(found(site, user)) == sorted(f"m{number} {turn}" for number in range(4) for turn in range(10))


def test_a_rebuilt_index_finds_the_same(site: Site, user: User, actor: Actor) -> None:
    deliver(site, message("One", body="alpha"), message("Two", body="alpha beta"), message("Three", body="gamma"))
    destroy(site, user, actor, ids(site, user)[0])
    catch_up(site, user.account)
    before = {text: found(site, user, text) for text in ("", "alpha", "beta", "gamma")}
    position = site.search.position(user.account)

    rebuild(site, user.account)

    assert {text: found(site, user, text) for text in before} == before
    assert site.search.position(user.account) == position


def test_the_words_of_attached_documents_are_found(site: Site, user: User) -> None:
    attachments = [
        ("a.pdf", files.pdf("quarterly figures")),
        ("bad.pdf", b"%PDF-1.4 nonsense"),
        ("b.docx", files.word_document("Grundriss der Wohnung")),
    ]
    deliver(site, message("With documents", body="see below", attachments=attachments), message("Without"))

    catch_up(site, user.account)

    for text in ('"quarterly figures"', "grundriss", "below", "bad.pdf"):
        assert found(site, user, text) == ["With documents"]


def test_a_message_whose_bytes_are_lost_does_not_stop_the_others(site: Site, user: User) -> None:
    deliver(site, message("Lost", body="lost"), message("Kept", body="kept"))
    lost = next(
        one for one in View(site.store, user.account, 0).all_objects("Email").values() if one["subject"] == "Lost"
    )
    site.blobs.delete(lost["blob"])

    assert catch_up(site, user.account)

    assert found(site, user, "kept") == ["Kept"]
    assert found(site, user, "lost") == []


def test_of_a_large_message_only_the_text_is_read(site: Site, user: User) -> None:
    picture = bytes(5_000_000)
    deliver(site, message("Large", body="words", attachments=[("picture.png", picture)]))
    read: list[int] = []

    class Measured(CountingBlobs):
        def get(self, digest: str, start: int = 0, length: int | None = None) -> bytes | None:
            found = super().get(digest, start, length)
            read.append(len(found or b""))
            return found

    catch_up(replace(site, blobs=Measured(site.blobs)), user.account)

    assert found(site, user, "words") == found(site, user, "picture.png") == ["Large"]
    assert sum(read) < 10_000


def test_an_account_without_mail_is_read_at_once(site: Site, user: User) -> None:
    assert catch_up(site, user.account)
    assert catch_up(site, "unknown")
    assert list(site.search.query(user.account, EVERYTHING)) == []
