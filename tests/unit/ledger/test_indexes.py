"""Counters of mailboxes as RFC 8621 §2 words them, and the rows of lists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.ledger.indexes import Counts, changed_emails, count_changes, count_thread, list_row

from .model import Body, state

KEYWORDS = st.sets(st.sampled_from(["$seen", "$draft", "$flagged"]))
MAILBOXES = st.sets(st.sampled_from(["inbox", "trash", "sent", "archive"]), min_size=1)
STATES = st.builds(lambda mailboxes, keywords: state(sorted(mailboxes), *keywords), MAILBOXES, KEYWORDS)
THREADS = st.dictionaries(st.sampled_from("abcde"), STATES).map(lambda emails: {"emails": emails})


def counts(*emails: Body) -> dict[str, Counts]:
    return count_thread({"emails": dict(enumerate(emails))})


def naive_count(thread: Body | None) -> dict[str, Counts]:
    """RFC 8621 §2 read word by word."""
    emails = list(thread["emails"].values()) if thread else []
    found = {}
    for mailbox in {mailbox for email in emails for mailbox in email["mailboxIds"]}:
        here = [email for email in emails if mailbox in email["mailboxIds"]]
        not_only_trash = [email for email in emails if set(email["mailboxIds"]) != {"trash"}]
        regarded = here if mailbox == "trash" else not_only_trash
        found[mailbox] = Counts(len(here), sum(map(unread, here)), 1, int(any(map(unread, regarded))))
    return found


def unread(email: Body) -> bool:
    return not {"$seen", "$draft"} & set(email["keywords"])


@given(THREADS)
def test_counters_are_what_a_naive_reading_of_the_rfc_gives(thread: Body) -> None:
    assert count_thread(thread) == naive_count(thread)


@given(st.none() | THREADS, st.none() | THREADS)
def test_a_change_of_counters_leads_from_the_old_to_the_new(before: Body | None, after: Body | None) -> None:
    old, new = naive_count(before), naive_count(after)
    changes = count_changes(before, after)

    for mailbox in old.keys() | new.keys() | changes.keys():
        start = old.get(mailbox, Counts())
        assert start.plus(changes.get(mailbox, Counts())) == new.get(mailbox, Counts())
    assert Counts() not in changes.values()


def test_a_thread_is_unread_in_a_mailbox_where_only_its_read_emails_are() -> None:
    found = counts(state(["inbox"], "$seen"), state(["archive"]))

    assert found["inbox"] == Counts(1, 0, 1, 1)
    assert found["archive"] == Counts(1, 1, 1, 1)


def test_an_unread_email_only_in_the_trash_does_not_make_its_thread_unread_elsewhere() -> None:
    found = counts(state(["inbox"], "$seen"), state(["trash"]))

    assert found["inbox"].unread_threads == 0
    assert found["trash"] == Counts(1, 1, 1, 1)


def test_an_unread_email_elsewhere_does_not_make_its_thread_unread_in_the_trash() -> None:
    found = counts(state(["inbox"]), state(["trash"], "$seen"))

    assert found["trash"] == Counts(1, 0, 1, 0)
    assert found["inbox"].unread_threads == 1


def test_an_unread_email_in_the_trash_and_elsewhere_counts_in_both() -> None:
    found = counts(state(["trash", "archive"]), state(["inbox"], "$seen"))

    assert [found[mailbox].unread_threads for mailbox in ("trash", "archive", "inbox")] == [1, 1, 1]


@pytest.mark.parametrize("keyword", ["$seen", "$draft"])
def test_a_seen_or_draft_email_is_not_unread(keyword: str) -> None:
    assert counts(state(["inbox"], keyword))["inbox"] == Counts(1, 0, 1, 0)


def test_several_emails_of_a_thread_are_one_thread() -> None:
    assert counts(state(["inbox"]), state(["inbox"], "$seen"), state(["inbox"]))["inbox"] == Counts(3, 2, 1, 1)


def test_only_emails_whose_state_differs_are_changed() -> None:
    before = {"emails": {"a": state(["inbox"]), "b": state(["inbox"]), "c": state(["inbox"])}}
    after = {"emails": {"a": state(["inbox"]), "b": state(["inbox"], "$seen"), "d": state(["inbox"])}}

    assert changed_emails(before, after) == ["b", "c", "d"]


def test_a_list_row_sorts_by_the_name_or_else_the_address() -> None:
    record = {"size": 5, "from": [{"name": "Bea", "email": "bea@x"}], "to": [{"email": "ann@x"}], "baseSubject": "s"}
    row = list_row(record, state(["inbox"], "$seen"))

    assert (row["from"], row["to"], row["subject"], row["keywords"]) == ("Bea", "ann@x", "s", {"$seen": True})


def test_a_list_row_of_a_message_without_anything_is_whole() -> None:
    row = list_row({"size": 0}, state(["inbox"]))

    assert (row["from"], row["to"], row["subject"], row["sentAt"], row["hasAttachment"]) == ("", "", "", "", False)


def test_a_list_row_stays_short_whatever_the_message_says() -> None:
    row = list_row({"size": 0, "from": [{"name": "x" * 9_000}], "baseSubject": "y" * 9_000}, state(["inbox"]))

    assert len(row["from"]) == len(row["subject"]) == 64
