"""Which rows a change writes, what it touches, and which changes do not fit."""

from __future__ import annotations

from itertools import pairwise

import pytest

from homing.errors import Permanent
from homing.ledger import keys
from homing.ledger.apply import DELIVERY_SECONDS
from homing.ledger.entry import Change, Touched

from .model import NOW, Partition, email, mailbox, patch, state, thread

SECONDS = NOW // 1000
HOUR = 3_600
BLOB = "c" * 64


def furnished() -> Partition:
    partition = Partition()
    partition.apply(mailbox("inbox"), mailbox("archive"), mailbox("trash"))
    return partition


def with_mail() -> Partition:
    partition = furnished()
    partition.apply(email("e1"), thread("t1", {"e1": state({"inbox": 1})}, "h1"))
    return partition


def inbox(partition: Partition) -> list[int]:
    return (partition.body(keys.object_key("Mailbox", "inbox")) or {})["counts"]


def test_a_new_mailbox_has_counters_and_a_next_uid() -> None:
    partition = furnished()

    assert partition.body("o/Mailbox/inbox") == {"name": "inbox", "counts": [0, 0, 0, 0], "uidNext": 1}


def test_counters_and_uid_survive_a_rename() -> None:
    partition = with_mail()

    partition.apply(Change("Mailbox", "inbox", update={"name": "Eingang"}))

    assert partition.body("o/Mailbox/inbox") == {"name": "Eingang", "counts": [1, 1, 1, 1], "uidNext": 2}


def test_an_email_is_listed_in_its_mailboxes_and_among_all() -> None:
    partition = with_mail()

    assert list(partition.with_prefix("x/list/")) == [f"*/{NOW}/e1", f"inbox/{NOW}/e1"]


def test_only_a_new_email_moves_the_state_of_email_delivery() -> None:
    partition = furnished()

    created = partition.apply(email("e1"), thread("t1", {"e1": state({"inbox": 1})}))
    destroyed = partition.apply(patch("t1", {"e1": None}), Change("Email", "e1", destroy=True))

    assert created.touched["EmailDelivery"] == Touched(created=("e1",))
    assert "EmailDelivery" not in destroyed.touched


def test_a_moved_email_is_listed_where_it_is_now() -> None:
    partition = with_mail()

    partition.apply(patch("t1", {"e1": {"mailboxIds": {"inbox": None, "archive": 1}}}))

    assert list(partition.with_prefix("x/list/")) == [f"*/{NOW}/e1", f"archive/{NOW}/e1"]
    assert inbox(partition) == [0, 0, 0, 0]


def test_a_new_keyword_changes_the_list_rows_and_the_counters() -> None:
    partition = with_mail()

    applied = partition.apply(patch("t1", {"e1": {"keywords": {"$seen": True}}}))

    assert [row["keywords"] for row in partition.with_prefix("x/list/").values()] == [{"$seen": True}] * 2
    assert inbox(partition) == [1, 0, 1, 0]
    assert applied.touched == {"Email": Touched(updated=("e1",)), "Mailbox": Touched(counted=("inbox",))}


def test_a_patch_that_changes_nothing_touches_nothing() -> None:
    applied = with_mail().apply(patch("t1", {"e1": {"keywords": {}}}))

    assert applied.touched == {}


def test_a_thread_without_emails_has_no_row_and_no_message_ids() -> None:
    partition = with_mail()

    applied = partition.apply(patch("t1", {"e1": None}), Change("Email", "e1", destroy=True))

    assert applied.touched["Thread"] == Touched(destroyed=("t1",))
    assert applied.touched["Email"] == Touched(destroyed=("e1",))
    assert set(partition.rows) == {"o/Mailbox/inbox", "o/Mailbox/archive", "o/Mailbox/trash"}


def test_a_message_id_that_another_thread_took_over_stays_with_it() -> None:
    partition = with_mail()

    partition.apply(
        email("e2"),
        thread("t2", {"e2": state({"inbox": 2})}, "h1"),
        patch("t1", {"e1": None}, h1=None),
    )

    assert partition.with_prefix("x/msgid/") == {"h1": {"thread": "t2"}}


def test_the_next_uid_stays_above_every_uid_even_after_the_email_is_gone() -> None:
    partition = with_mail()
    partition.apply(patch("t1", {"e1": {"mailboxIds": {"archive": 9}}}))

    partition.apply(patch("t1", {"e1": {"mailboxIds": {"archive": None}}}))

    assert (partition.body("o/Mailbox/archive") or {})["uidNext"] == 10


def test_usage_counts_emails_and_their_sizes() -> None:
    partition = furnished()

    first = partition.apply(email("e1", size=70), email("e2", size=30))
    second = partition.apply(Change("Email", "e1", destroy=True))

    assert (first.emails, first.bytes) == (2, 100)
    assert (second.emails, second.bytes) == (-1, -70)


def test_created_and_updated_in_one_entry_is_created() -> None:
    applied = Partition().apply(mailbox("m"), Change("Mailbox", "m", update={"name": "n"}))

    assert applied.touched == {"Mailbox": Touched(created=("m",))}


def test_created_and_destroyed_in_one_entry_is_nothing() -> None:
    applied = Partition().apply(mailbox("m"), Change("Mailbox", "m", destroy=True))

    assert applied.touched == {}


def test_updated_and_destroyed_in_one_entry_is_destroyed() -> None:
    applied = furnished().apply(
        Change("Mailbox", "archive", update={"name": "n"}), Change("Mailbox", "archive", destroy=True)
    )

    assert applied.touched == {"Mailbox": Touched(destroyed=("archive",))}


def test_destroyed_and_created_again_in_one_entry_is_updated() -> None:
    applied = furnished().apply(Change("Mailbox", "archive", destroy=True), mailbox("archive"))

    assert applied.touched == {"Mailbox": Touched(updated=("archive",))}


def test_counted_and_renamed_in_one_entry_is_updated() -> None:
    partition = with_mail()

    applied = partition.apply(
        patch("t1", {"e1": {"keywords": {"$seen": True}}}), Change("Mailbox", "inbox", update={"name": "n"})
    )

    assert applied.touched["Mailbox"] == Touched(updated=("inbox",))


@pytest.mark.parametrize(
    "change",
    [
        mailbox("inbox"),
        Change("Mailbox", "nowhere", update={"name": "n"}),
        Change("Mailbox", "nowhere", destroy=True),
        Change("Email", "e1", update={"size": 1}),
        Change("Mailbox", "inbox", destroy=True),
        patch("t1", {"e1": {"mailboxIds": {"nowhere": 1}}}),
        patch("t1", {"e9": state({"inbox": 2})}),
    ],
    ids=["exists", "update of nothing", "destroy of nothing", "email update", "full mailbox", "no mailbox", "no email"],
)
def test_a_change_that_does_not_fit_is_refused(change: Change) -> None:
    with pytest.raises(Permanent):
        with_mail().apply(change)


def test_a_blob_is_readable_as_long_as_an_email_uses_it_and_names_these_emails() -> None:
    partition = Partition()
    uses = []

    for change in (email("e1"), email("e2"), Change("Email", "e1", destroy=True), Change("Email", "e2", destroy=True)):
        partition.apply(change)
        uses.append(partition.body(keys.blob_key("b" * 64)))

    assert uses == [
        {"uses": 1, "emails": ["e1"]},
        {"uses": 2, "emails": ["e1", "e2"]},
        {"uses": 1, "emails": ["e2"]},
        None,
    ]


def test_a_blob_names_some_of_very_many_emails_and_counts_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homing.ledger.apply.NOTED_EMAILS", 2)
    partition = Partition()
    key = keys.blob_key("b" * 64)

    partition.apply(email("e1"), email("e2"), email("e3"))
    assert partition.body(key) == {"uses": 3, "emails": ["e1", "e2"]}
    partition.apply(*(Change("Email", id, destroy=True) for id in ("e1", "e2")))
    assert partition.body(key) == {"uses": 1}
    partition.apply(Change("Email", "e3", destroy=True))
    assert partition.body(key) is None


def test_an_upload_expires_unless_an_email_uses_it() -> None:
    partition = Partition()
    expiries = []

    upload = Change("Upload", BLOB, create={"expires": SECONDS + HOUR})
    for change in (upload, email("e1", blob=BLOB), Change("Email", "e1", destroy=True)):
        partition.apply(change)
        expiries.append(partition.rows[keys.blob_key(BLOB)].expires)

    assert expiries == [SECONDS + HOUR, None, SECONDS + HOUR]


def test_an_upload_that_has_expired_does_not_outlive_the_email() -> None:
    partition = Partition()
    partition.apply(Change("Upload", BLOB, create={"expires": SECONDS + HOUR}), email("e1", blob=BLOB))

    partition.apply(Change("Email", "e1", destroy=True), at=NOW + HOUR * 1000)

    assert keys.blob_key(BLOB) not in partition.rows


def test_a_second_upload_never_shortens_the_first() -> None:
    partition = Partition()

    for hours in (5, 2):
        partition.apply(Change("Upload", BLOB, create={"expires": SECONDS + hours * HOUR}))

    assert partition.rows[keys.blob_key(BLOB)].expires == SECONDS + 5 * HOUR


def test_an_upload_touches_no_type() -> None:
    applied = Partition().apply(Change("Upload", BLOB, create={"expires": SECONDS + HOUR}))

    assert applied.touched == {}


def test_a_delivery_is_remembered_for_a_while() -> None:
    partition = Partition()

    applied = partition.apply(Change("Delivery", "d1", create={"email": "e1"}))

    assert applied.touched == {}
    assert partition.rows[keys.delivery_key("d1")].expires == SECONDS + DELIVERY_SECONDS


def test_types_without_rules_of_their_own_have_one_row_each() -> None:
    partition = Partition()

    partition.apply(Change("Anything", "x", create={"a": {"b": 1}}))
    applied = partition.apply(Change("Anything", "x", update={"a": {"b": None, "c": 2}}))

    assert partition.with_prefix("") == {"o/Anything/x": {"a": {"c": 2}}}
    assert applied.touched == {"Anything": Touched(updated=("x",))}


def test_the_same_changes_give_the_same_rows_one_by_one_or_together() -> None:
    changes = [
        mailbox("inbox"), email("e1"), thread("t1", {"e1": state({"inbox": 1})}, "h1"),
        email("e2"), patch("t1", {"e2": state({"inbox": 2}, "$seen")}, h2=True),
        patch("t1", {"e1": {"keywords": {"$flagged": True}}}),
    ]  # fmt: skip
    together, single = Partition(), Partition()

    together.apply(*changes)
    for change in changes:
        single.apply(change)

    assert together.rows == single.rows


def test_applying_alters_no_row_in_place() -> None:
    partition = with_mail()
    versions = [dict(partition.rows)]
    kept = repr(versions[0])

    partition.apply(patch("t1", {"e1": {"keywords": {"$seen": True}, "mailboxIds": {"archive": 1}}}))

    assert repr(versions[0]) == kept
    assert all(one != other for one, other in pairwise([*versions, partition.rows]))
