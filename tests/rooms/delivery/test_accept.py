"""Who receives what: recipients, refusals, exactly-once, and what it costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from homing.delivery.accept import accept
from homing.directory.accounts import User, add_address, create_user, set_user
from homing.errors import Permanent, Refused, Temporary
from homing.ids import thread_of
from homing.ledger import keys
from homing.ledger.entry import Actor, unseal
from homing.ledger.view import View
from homing.ports.blobs import digest_of
from homing.ports.store import Batch, Store
from homing.site import Site
from tests.conftest import FakeClock
from tests.doubles import CountingBlobs, CountingStore
from tests.mail import landed, message

ANN = "ann@example.org"


def emails(site: Site, user: User) -> dict[str, dict]:
    return View(site.store, user.account, site.clock.now()).all_objects("Email")


def inbox(site: Site, user: User) -> dict:
    return View(site.store, user.account, site.clock.now()).object("Mailbox", "inbox") or {}


def codes(replies: list[list[Refused | None]]) -> list[list[str]]:
    return [[f"{reply.code} {reply.enhanced}" if reply else "filed" for reply in one] for one in replies]


@pytest.fixture
def bob(site: Site, actor: Actor, user: User) -> User:
    return create_user(site, actor, "bob@example.org", "correct horse")


def test_a_message_arrives_unread_in_the_inbox(site: Site, user: User) -> None:
    raw = message("Hi", message_id="1@x")

    assert codes(accept(site, [landed(raw, ANN, received_at=1_795_000_111_222)])) == [["filed"]]

    [(id, record)] = emails(site, user).items()
    thread = View(site.store, user.account, 0).object("Thread", thread_of(id)) or {}
    assert record["blob"] == digest_of(raw)
    assert site.blobs.get(record["blob"]) == raw
    assert thread["emails"] == {id: {"mailboxIds": {"inbox": 1}, "keywords": {}, "receivedAt": 1_795_000_111_222}}
    assert inbox(site, user)["counts"] == [1, 1, 1, 1]


def test_without_a_time_of_arrival_it_is_now(site: Site, user: User, clock: FakeClock) -> None:
    accept(site, [landed(message())])

    [row] = View(site.store, user.account, 0).scan(*keys.prefix_range("x/list/inbox/"))
    assert row.key.startswith(f"x/list/inbox/{clock.now()}/")


@pytest.mark.parametrize(
    "address",
    ["nobody@example.org", "ann@elsewhere.example", "ann", "", "@", "ann@", "@example.org", "<>", "ann@[127.0.0.1]",
     "ann@" + "x" * 300 + ".org", "\udcff@example.org", "ann@exa mple.org", "a\0nn@example.org", "x" * 5_000 + "@x.org",
     "ann@example.org/../../h", "o/Login/ann@example.org"],
)  # fmt: skip
def test_an_address_that_nobody_has_is_refused(site: Site, user: User, address: str) -> None:
    assert codes(accept(site, [landed(message(), address)])) == [["550 5.1.1"]]
    assert emails(site, user) == {}
    assert list(site.blobs.digests()) == []


@pytest.mark.parametrize(
    "address",
    ["ann@example.org", "ANN@Example.ORG", "<ann@example.org>", "ann+news@example.org", '"ann"@example.org',
     "ann@example.org.", "Ann+A+B@example.org"],
)  # fmt: skip
def test_an_address_is_hers_in_any_spelling_and_with_any_subaddress(site: Site, user: User, address: str) -> None:
    assert codes(accept(site, [landed(message(), address)])) == [["filed"]]
    assert len(emails(site, user)) == 1


def test_an_address_of_its_own_wins_over_a_subaddress(site: Site, actor: Actor, user: User, bob: User) -> None:
    add_address(site, actor, "ann+bob@example.org", "bob@example.org")

    accept(site, [landed(message(), "ann+bob@example.org")])

    assert (len(emails(site, user)), len(emails(site, bob))) == (0, 1)


def test_a_domain_is_found_by_its_unicode_and_its_ascii_name(site: Site, actor: Actor) -> None:
    eve = create_user(site, actor, "eve@bücher.example", "correct horse")

    accept(site, [landed(message(), "eve@xn--bcher-kva.example"), landed(message(), "eve@BÜCHER.example")])

    assert len(emails(site, eve)) == 2


def test_a_disabled_user_is_refused_until_enabled_again(site: Site, actor: Actor, user: User) -> None:
    set_user(site, actor, ANN, disabled=True)
    assert codes(accept(site, [landed(message())])) == [["550 5.2.1"]]

    set_user(site, actor, ANN, disabled=False)

    assert codes(accept(site, [landed(message())])) == [["filed"]]
    assert len(emails(site, user)) == 1


def test_mail_that_was_filed_stays_filed_for_a_redelivery_to_a_disabled_user(
    site: Site, actor: Actor, user: User
) -> None:
    one = landed(message())
    accept(site, [one])
    set_user(site, actor, ANN, disabled=True, quota=1)

    assert codes(accept(site, [one])) == [["filed"]]


def test_a_full_mailbox_refuses_and_takes_what_still_fits(site: Site, actor: Actor, user: User) -> None:
    small, large = message(body="x"), message(body="x" * 10_000)
    set_user(site, actor, ANN, quota=len(small) * 2)

    replies = [accept(site, [landed(raw)]) for raw in (small, large, small, small)]

    assert [codes(reply) for reply in replies] == [[["filed"]], [["552 5.2.2"]], [["filed"]], [["552 5.2.2"]]]
    assert len(emails(site, user)) == 2


def test_a_quota_counts_what_comes_in_the_same_batch(site: Site, actor: Actor, user: User) -> None:
    raw = message()
    set_user(site, actor, ANN, quota=len(raw) * 3)

    replies = accept(site, [landed(raw) for _ in range(5)])

    assert codes(replies) == [["filed"], ["filed"], ["filed"], ["552 5.2.2"], ["552 5.2.2"]]
    assert View(site.store, user.account, 0).head.bytes == len(raw) * 3


def test_each_recipient_has_a_reply_of_its_own(site: Site, actor: Actor, user: User, bob: User) -> None:
    set_user(site, actor, "bob@example.org", disabled=True)

    replies = accept(site, [landed(message(), "bob@example.org", "nobody@example.org", ANN)])

    assert codes(replies) == [["550 5.2.1", "550 5.1.1", "filed"]]


def test_two_addresses_of_one_person_in_an_envelope_are_one_email(site: Site, actor: Actor, user: User) -> None:
    add_address(site, actor, "anna@example.org", ANN)

    replies = accept(site, [landed(message(), ANN, "anna@example.org", "ann+x@example.org", ANN)])

    assert codes(replies) == [["filed"] * 4]
    assert len(emails(site, user)) == 1


def test_the_same_landing_twice_is_one_email(site: Site, user: User) -> None:
    one = landed(message())

    replies = [accept(site, [one]), accept(site, [one, one])]

    assert [codes(reply) for reply in replies] == [[["filed"]], [["filed"], ["filed"]]]
    assert len(emails(site, user)) == 1


def test_the_same_content_in_two_landings_is_two_emails_and_one_blob(site: Site, user: User) -> None:
    raw = message()

    accept(site, [landed(raw), landed(raw)])

    filed = emails(site, user)
    assert [record["blob"] for record in filed.values()] == [digest_of(raw)] * 2
    assert list(site.blobs.digests()) == [digest_of(raw)]
    use = View(site.store, user.account, 0).body(keys.blob_key(digest_of(raw)))
    assert use is not None
    assert (use["uses"], set(use["emails"])) == (2, set(filed))


def test_a_recipient_learns_nothing_of_the_others_copy(site: Site, user: User, bob: User) -> None:
    accept(site, [landed(message(), ANN, "bob@example.org")])

    assert not emails(site, user).keys() & emails(site, bob).keys()


def test_an_empty_batch_is_no_work(site: Site) -> None:
    assert accept(site, []) == []


def test_a_message_without_recipients_goes_nowhere(site: Site) -> None:
    assert accept(site, [replace(landed(message()), envelope=replace(landed(message()).envelope, rcpt_to=()))]) == [[]]


@pytest.mark.parametrize(
    "raw",
    [b"", b"\0" * 1_000, b"\r\n\r\n", b"garbage without any header", bytes(range(256)) * 40, b":\r\n:\r\n",
     b"\xff" * 5_000, b"Subject: =?utf-8?b?/////?=\r\n\r\n",
     b"Content-Type: multipart/x; boundary=x\r\n\r\n" + b"--x\r\n" * 5_000,
     b"A: b\r\n" * 20_000, b"Message-ID: <\xff\xfe@\xed\xa0\x80>\r\nReferences: <\xff>\r\n\r\n",
     b"References: " + b"<x@y> " * 20_000 + b"\r\n\r\n"],
    ids=["empty", "NULs", "blank lines", "no header", "all bytes", "colons", "0xFF", "bad word", "no end",
         "many fields", "bad ids", "many references"],
)  # fmt: skip
def test_what_cannot_be_parsed_arrives_all_the_same(site: Site, user: User, raw: bytes) -> None:
    assert codes(accept(site, [landed(raw)])) == [["filed"]]

    [record] = emails(site, user).values()
    assert site.blobs.get(record["blob"]) == raw
    assert record["size"] == len(raw)


def test_an_envelope_with_any_bytes_does_not_keep_mail_out(site: Site, user: User) -> None:
    odd = landed(message(), source="\udcff", mail_from="b\udcffea\0@x" + "y" * 9_000, helo="\ud800" * 9_000)

    assert codes(accept(site, [odd])) == [["filed"]]

    [provenance] = View(site.store, user.account, 0).all_objects("Provenance").values()
    assert len(provenance["envelope"]["mailFrom"]) <= 1_000


def test_a_message_with_an_attachment_of_20_megabytes_arrives_whole(site: Site, user: User) -> None:
    raw = message(attachments=[("large.bin", bytes(range(256)) * 80_000)])

    accept(site, [landed(raw)])

    [record] = emails(site, user).values()
    assert record["size"] == len(raw) > 27_000_000
    assert record["hasAttachment"] is True
    assert digest_of(site.blobs.get(record["blob"]) or b"") == record["blob"]


def counted(site: Site) -> tuple[Site, CountingStore, CountingBlobs]:
    store, blobs = CountingStore(site.store), CountingBlobs(site.blobs)
    return replace(site, store=store, blobs=blobs), store, blobs


@pytest.mark.parametrize("messages", [1, 2, 5])
def test_several_messages_of_a_batch_are_one_commit_for_each_account(
    site: Site, user: User, bob: User, messages: int
) -> None:
    watched, store, _ = counted(site)

    accept(watched, [landed(message(message_id=f"{n}@x"), ANN, "bob@example.org") for n in range(messages)])

    assert store.calls.as_dict()["commit"] == 2
    assert (len(emails(site, user)), len(emails(site, bob))) == (messages, messages)


def test_a_large_batch_takes_a_few_commits_and_loses_nothing(site: Site, user: User) -> None:
    watched, store, _ = counted(site)
    mail = [landed(message(message_id=f"{n}@x", references=[f"r{n}.{m}@x" for m in range(9)])) for n in range(50)]

    assert codes(accept(watched, mail)) == [["filed"]] * 50

    assert len(emails(site, user)) == 50
    assert store.calls.as_dict()["commit"] < 50


def test_a_message_to_one_recipient_takes_at_most_eight_calls(site: Site, user: User) -> None:
    watched, store, blobs = counted(site)
    mail = [message("Plan", message_id="1@x"), message("Re: Plan", message_id="2@x", references=["1@x"])]
    totals = []

    for raw in mail:
        accept(watched, [landed(raw)])
        totals.append({**store.calls.as_dict(), **{f"blobs {name}": n for name, n in blobs.calls.as_dict().items()}})
        store.calls.clear()
        blobs.calls.clear()

    assert totals == [
        {"get": 1, "get_many": 2, "commit": 1, "blobs put_many": 1},
        {"get": 1, "get_many": 3, "commit": 1, "blobs put_many": 1},
    ]
    assert all(sum(total.values()) <= 8 for total in totals)


def test_who_caused_the_entry_is_said_in_it(site: Site, user: User) -> None:
    one = landed(message())
    accept(site, [replace(one, envelope=replace(one.envelope, protocol="lmtp"))])

    last = list(site.store.scan(user.account, *keys.prefix_range("g/")))[-1]
    entry, _ = unseal(last.body)

    assert (entry.actor, entry.protocol) == ("delivery", "lmtp")
    assert entry.correlation


class Refusing(CountingStore):
    """A store that cannot write to one partition."""

    def __init__(self, store: Store, partition: str, error: Exception) -> None:
        super().__init__(store)
        self.partition = partition
        self.error = error

    def commit(self, batch: Batch) -> None:
        if any(operation.partition == self.partition for operation in batch.operations):
            raise self.error
        super().commit(batch)


@pytest.mark.parametrize("error", [Temporary("storeBusy"), Permanent("storeFailed")])
def test_an_account_that_cannot_be_written_does_not_keep_mail_from_the_others(
    site: Site, user: User, bob: User, error: Exception
) -> None:
    broken = replace(site, store=Refusing(site.store, user.account, error))
    one = landed(message(), ANN, "bob@example.org")

    assert codes(accept(broken, [one])) == [["451 4.3.0", "filed"]]
    assert codes(accept(site, [one])) == [["filed", "filed"]]

    assert (len(emails(site, user)), len(emails(site, bob))) == (1, 1)


def test_the_quota_of_a_user_is_taken_away_again(site: Site, actor: Actor, user: User) -> None:
    set_user(site, actor, ANN, quota=1)
    set_user(site, actor, ANN, quota=0)

    assert codes(accept(site, [landed(message())])) == [["filed"]]
