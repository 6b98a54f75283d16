"""RFC 3894 (copy), RFC 5232 (imap4flags), RFC 5429 (reject), RFC 5490 (mailbox), RFC 8579 (special-use)."""

from __future__ import annotations

import pytest

from homing.sieve.engine import FileInto, Keep, Redirect, Reject, keywords_of
from tests.unit.sieve.scripts import failure, fields, is_true, perform, value_of

IMPLICIT = Keep(implicit=True)


@pytest.mark.parametrize(
    ("script", "actions"),
    [
        ('fileinto :copy "incoming";', (FileInto("incoming"), IMPLICIT)),
        ('redirect :copy "a@b.example";', (Redirect("a@b.example", copy=True), IMPLICIT)),
        ('fileinto :copy "a"; fileinto "b";', (FileInto("a"), FileInto("b"))),
        ('fileinto "a"; fileinto :copy "a";', (FileInto("a"),)),
        ('fileinto :copy "INBOX";', (Keep(),)),
        ('fileinto :copy "a"; discard;', (FileInto("a"),)),
        ('redirect "a@b.example"; redirect :copy "a@B.example";', (Redirect("a@b.example"),)),
    ],
)
def test_a_copy_does_not_cancel_the_implicit_keep(script: str, actions: tuple[object, ...]) -> None:
    assert perform(script).actions == actions


@pytest.mark.parametrize(
    ("script", "actions"),
    [
        ('setflag "\\\\Seen"; keep;', (Keep(("\\Seen",)),)),
        ('setflag "\\\\seen";', (Keep(("\\Seen",), implicit=True),)),
        ('addflag ["A b", "B", "$MDNSent"];', (Keep(("A", "b", "$MDNSent"), implicit=True),)),
        ('addflag "  a   c  "; removeflag "A";', (Keep(("c",), implicit=True),)),
        ('setflag "a"; setflag "b";', (Keep(("b",), implicit=True),)),
        ('setflag ["", "\\\\Recent", "\\\\Odd", "ä", "a(b", "x]", "ok"];', (Keep(("ok",), implicit=True),)),
        ('setflag "a"; keep :flags "b";', (Keep(("b",)),)),
        ('setflag "a"; keep :flags "";', (Keep(),)),
        (
            'setflag "a"; fileinto "x"; setflag "b"; fileinto "y";',
            (FileInto("x", flags=("a",)), FileInto("y", flags=("b",))),
        ),
        ('fileinto :flags "a" "x"; fileinto :flags "b" "x";', (FileInto("x", flags=("b",)),)),
        ('keep; keep :flags "\\\\Flagged";', (Keep(("\\Flagged",)),)),
        ('setflag "v" "\\\\Flagged"; fileinto :flags "${v}" "x";', (FileInto("x", flags=("\\Flagged",)),)),
        ('set "v" "a b a"; addflag "v" "c"; keep :flags "${v}";', (Keep(("a", "b", "c")),)),
    ],
)  # fmt: skip
def test_flags_go_with_what_is_filed(script: str, actions: tuple[object, ...]) -> None:
    assert perform(script).actions == actions


@pytest.mark.parametrize(
    ("before", "test", "expected"),
    [
        ("", 'hasflag "\\\\Seen"', False),
        ("", 'hasflag :count "ge" "1"', False),
        ('setflag "A B";', 'hasflag :is "b A"', True),
        ('setflag "A B";', 'hasflag ["b", "A"]', True),
        ('setflag "";', 'hasflag ""', False),
        ('setflag "A B A";', 'hasflag :count "eq" "2"', True),
        ('set "MyFlags" "A B";', 'hasflag :count "ge" :comparator "i;ascii-numeric" "MyFlags" "2"', True),
        ('set "F" "A B C A B C";', 'hasflag :count "eq" "F" "3"', True),
        ('set "a" "x y"; set "b" "z";', 'hasflag :count "eq" ["A", "B"] "3"', True),
        ('setflag "B" "Bflag";', 'hasflag ["a", "b", "c"] ["Bflag"]', True),
        ('setflag "frop"; ', 'hasflag :matches "f*"', True),
        ('setflag "frop"; ', 'hasflag :comparator "i;octet" "FROP"', False),
    ],
)
def test_flags_can_be_tested(before: str, test: str, expected: bool) -> None:
    assert is_true(test, before=before) is expected


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('hasflag :contains "MyVar" "Junk"', True),
        ('hasflag :contains "MyVar" "forward"', True),
        ('hasflag :contains "MyVar" ["label", "forward"]', True),
        ('hasflag :contains "MyVar" "junk forward"', True),
        ('hasflag :contains "MyVar" "label"', False),
        ('hasflag :contains "MyVar" ["label1", "label2"]', False),
    ],
)
def test_the_example_of_many_flags(test: str, expected: bool) -> None:
    flags = "NonJunk Junk gnus-forward $Forwarded NotJunk JunkRecorded $Junk $NotJunk"

    assert is_true(test, before=f'set "MyVar" "{flags}";') is expected


def test_flags_in_a_variable_are_words_without_doubles() -> None:
    assert value_of("${f}", before='setflag "f" "$a \\\\seen $A"; addflag "f" ["b  $a", "\\\\Seen"];') == r"$a \Seen b"


def test_flags_become_keywords() -> None:
    assert keywords_of(("\\Seen", "\\Deleted", "$Forwarded", "Work")) == {"$seen", "$forwarded", "work"}


def test_a_set_of_flags_is_bounded() -> None:
    flags = " ".join(f"flag{n}" for n in range(1_500))
    more = " ".join(f"more{n}" for n in range(1_500))

    result = perform(f'addflag "{flags}"; addflag "{more}"; addflag "{flags}x";')

    assert 500 < len(result.actions[0].flags) < 3_000  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("script", "actions"),
    [
        ('reject "No.";', (Reject("No."),)),
        ('ereject "Nö.\n";', (Reject("Nö.\r\n", extended=True),)),
        ('reject "No."; discard;', (Reject("No."),)),
        ('discard; reject "No.";', (Reject("No."),)),
    ],
)
def test_a_rejected_message_is_not_kept(script: str, actions: tuple[object, ...]) -> None:
    assert perform(script).actions == actions


@pytest.mark.parametrize("reject", ['reject "x";', 'ereject "x";'])
@pytest.mark.parametrize(
    "other",
    [
        "keep;",
        'fileinto "a";',
        'fileinto :copy "a";',
        'redirect "a@b.example";',
        'vacation "y";',
        'reject "z";',
        'ereject "z";',
    ],
)
def test_a_message_is_not_rejected_and_delivered_or_answered(reject: str, other: str) -> None:
    assert "reject" in failure(reject + other)
    assert "reject" in failure(other + reject)


def test_a_reject_and_an_answer_that_is_withheld_exclude_each_other_all_the_same() -> None:
    listed = fields("List-Id: <x.example>")

    assert "reject" in failure('vacation "y"; reject "x";', listed)
    assert "reject" in failure('reject "x"; vacation "y";', listed)


@pytest.mark.parametrize(
    ("script", "actions"),
    [
        ('fileinto :create "a";', (FileInto("a", create=True),)),
        ('fileinto :create "a"; fileinto "a";', (FileInto("a", create=True),)),
        ('fileinto :specialuse "\\\\Junk" "Spam";', (FileInto("Spam", special_use="\\Junk"),)),
        ('fileinto :specialuse "\\\\Junk" :create "INBOX";', (FileInto("INBOX", create=True, special_use="\\Junk"),)),
        ('fileinto :specialuse "\\\\Junk" "a"; fileinto "a";', (FileInto("a", special_use="\\Junk"), FileInto("a"))),
        ('set "use" "\\\\Junk"; fileinto :specialuse "${use}" "Spam";', (FileInto("Spam", special_use="\\Junk"),)),
    ],
)
def test_what_is_said_of_a_mailbox_is_handed_on(script: str, actions: tuple[object, ...]) -> None:
    assert perform(script).actions == actions


def test_a_special_use_that_is_none_is_an_error_at_run_time_too() -> None:
    assert "special use" in failure('set "use" "Junk"; fileinto :specialuse "${use}" "Spam";')


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('mailboxexists "Partners"', True),
        ('mailboxexists ["Partners", "Grüße"]', True),
        ('mailboxexists ["Partners", "Nothing"]', False),
        ('mailboxexists "${hex:ff}rop"', False),
        ('specialuse_exists "\\\\Junk"', True),
        ('specialuse_exists ["\\\\Junk", "\\\\Sent"]', False),
        ('specialuse_exists "Spam" "\\\\Junk"', True),
        ('specialuse_exists "Partners" "\\\\Junk"', False),
        ('specialuse_exists "${hex:ff}rop" "\\\\Junk"', False),
    ],
)
def test_scripts_ask_which_mailboxes_there_are(test: str, expected: bool) -> None:
    mailboxes = {"Partners", "Grüße", "Spam"}

    assert (
        is_true(
            test,
            mailbox_exists=mailboxes.__contains__,
            special_use_exists=lambda attribute, name: attribute == "\\Junk" and name in (None, "Spam"),
        )
        is expected
    )
