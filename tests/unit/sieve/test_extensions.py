"""RFC 5233 (subaddress), RFC 5260 (date, index), RFC 7352 (duplicate), RFC 5183 (environment), RFC 5463 (ihave)."""

from __future__ import annotations

import pytest

from homing.sieve.engine import FileInto, Keep, Remember, SieveError, compile_script
from homing.sieve.limits import DAY, MAX_DUPLICATE_SECONDS
from tests.unit.sieve.scripts import NOW, failure, fields, is_true, mail, perform, value_of

DETAILS = fields(
    "From: stephan+@example.org", "To: timo+spam+eggs@example.net", "Cc: nico@example.com", "Bcc: undisclosed:;"
)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('address :user "cc" "nico"', True),
        ('address :user "to" "timo"', True),
        ('address :user "from" "stephan"', True),
        ('address :detail "to" "spam+eggs"', True),
        ('address :detail :contains "cc" ""', False),
        ('address :detail "from" ""', True),
        ('address :user :contains "bcc" ""', False),
        ('address :domain "to" "example.net"', True),
        ('address :count "eq" :detail ["to", "cc"] "2"', True),
    ],
)
def test_a_local_part_is_user_and_detail(test: str, expected: bool) -> None:
    assert is_true(test, DETAILS) is expected


def test_the_separator_is_the_sites() -> None:
    subject = mail(DETAILS, to="ken--foo@example.com")

    assert is_true('envelope :detail "to" "foo"', subject, separator="--")
    assert not is_true('envelope :contains :detail "to" ""', subject)


DATED = fields(
    "Date: Mon, 20 Jul 2009 21:44:43 +0300",
    "Delivery-Date: Wed, 22 Jul 2009 23:30:14 +0300",
    "Invalid-Date: Moo, 34 Juul 3060 25:30:42 +6600",
    "No-Leap: Sun, 29 Feb 2009 10:00:00 +0000",
    "Zulu: Thu, 1 Jan 2009 00:00:00 -0000",
    "End: Fri, 31 Dec 9999 23:59:59 +0000",
    "Received: from mx.example.com by mx.example.org\r\n with SMTP id 1.2.3; Wed, 12 Nov 2014 18:18:31 +0100",
    "Received: by x; Wed, 12 Nov 2014 18:18:30 +0100",
    "Received: by y; Wed, 12 Nov 2014 18:18:29 +0100",
)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("year", "2009"),
        ("Month", "07"),
        ("day", "20"),
        ("date", "2009-07-20"),
        ("julian", "55032"),
        ("hour", "21"),
        ("minute", "44"),
        ("second", "43"),
        ("time", "21:44:43"),
        ("iso8601", "2009-07-20T21:44:43+03:00"),
        ("std11", "Mon, 20 Jul 2009 21:44:43 +0300"),
        ("zone", "+0300"),
        ("weekday", "1"),
    ],
)
def test_a_date_has_these_parts(part: str, value: str) -> None:
    assert value_of("${0}", DATED, before=f'if date :originalzone :matches "date" "{part}" "*" {{}}') == value


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('date "date" "iso8601" "2009-07-20T18:44:43Z"', True),
        ('date :zone "+0200" "date" "time" "20:44:43"', True),
        ('date :zone "-0530" "date" "iso8601" "2009-07-20T13:14:43-05:30"', True),
        ('date :zone "+0200" "date" "zone" "+0200"', True),
        ('date :zone "-0000" "date" "zone" "+0000"', True),
        ('date :originalzone "zulu" "zone" "+0000"', True),
        ('date :originalzone "delivery-date" "julian" "55034"', True),
        ('date "zulu" "weekday" "4"', True),
        ('date :matches "invalid-date" "std11" "*"', False),
        ('date :matches "no-leap" "std11" "*"', False),
        ('date :matches "missing" "std11" "*"', False),
        ('date :zone "+1400" :matches "end" "std11" "*"', False),
        ('date :count "eq" "date" "date" "1"', True),
        ('date :count "eq" "invalid-date" "date" "0"', True),
        ('date :originalzone :value "ge" "delivery-date" "date" "2009-07-22"', True),
        ('date :originalzone :value "lt" "delivery-date" "date" "2009-07-22"', False),
        ('date :originalzone :value "lt" "date" "hour" "17"', False),
        ('date :originalzone "received" "second" "31"', True),
        ('date :index 2 :originalzone "received" "second" "30"', True),
        ('date :last :index 1 :originalzone "received" "second" "29"', True),
        ('date :index 4 :originalzone :matches "received" "second" "*"', False),
        ('date :matches "date" "${part}" "*"', False),
    ],
)
def test_dates_of_fields_are_compared(test: str, expected: bool) -> None:
    assert is_true(test, DATED) is expected


def test_the_owners_time_zone_is_the_default() -> None:
    assert is_true('date "date" "iso8601" "2009-07-21T00:14:43+05:30"', DATED, zone=330)
    assert is_true('date "date" "zone" "-0330"', DATED, zone=-210)


def test_a_time_zone_that_turns_up_must_be_one() -> None:
    assert "time zone" in failure('set "z" "CET"; if date :zone "${z}" "date" "year" "2009" {}', DATED)


def test_the_current_date_is_that_of_the_environment() -> None:
    before = """
    if currentdate :matches "month" "*" { set "month" "${1}"; }
    if currentdate :matches "year" "*" { set "year" "${1}"; }
    """

    assert value_of("${month}-${year}", before=before) == "11-2026"
    assert is_true('currentdate "iso8601" "2026-11-18T11:06:40Z"')
    assert is_true('currentdate :zone "+1400" "date" "2026-11-19"')
    assert is_true('currentdate :count "eq" "date" "1"')
    assert is_true('currentdate "year" "1969"', now=-1_000)
    assert is_true('currentdate "year" "9999"', now=10**30)


INDEXED = fields(
    "To: first@x.example", "X-A: First", "To: second@x.example", "X-A: Second", "To: third@x.example", "X-A: Third",
    "To: fourth@x.example, fifth@x.example", "X-B: Other",
)  # fmt: skip


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('header :index 3 "x-a" "Third"', True),
        ('header :index 3 "x-a" ["First", "Second"]', False),
        ('header :index 3 :last "x-a" "First"', True),
        ('header :index 4 "x-a" "Third"', False),
        ('header :index 2 ["x-b", "x-a"] "First"', True),
        ('header :last :index 1 ["x-b", "x-a"] "Third"', True),
        ('address :localpart :index 2 "to" "second"', True),
        ('address :localpart :index 2 :last "to" "third"', True),
        ('address :localpart :index 4 "to" "fifth"', True),
        ('address :localpart :index 5 "to" "fifth"', False),
        ('header :index 2 :count "eq" "x-a" "1"', True),
        ('header :index 9 :count "eq" "x-a" "0"', True),
    ],
)
def test_an_index_picks_one_field(test: str, expected: bool) -> None:
    assert is_true(test, INDEXED) is expected


IDENTIFIED = fields("Message-ID: <a@b>", "X-Ticket: 5 ", "X-Ticket: 6", "X-Empty:")


def remembered(script: str, raw: bytes = IDENTIFIED, seen=(), **environment) -> tuple[Remember, ...]:
    result = perform(script, raw, seen=lambda id: id in seen, **environment)
    assert result.error is None
    return result.remember


def unique(test: str) -> str:
    (found,) = remembered(f"if {test} {{}}")
    return found.id


def test_a_message_is_a_duplicate_once_it_is_remembered() -> None:
    (found,) = remembered("if duplicate { discard; }")

    assert found.expires == NOW + 7 * DAY * 1_000
    assert perform("if duplicate { discard; }", IDENTIFIED).actions == (Keep(implicit=True),)
    assert perform("if duplicate { discard; }", IDENTIFIED, seen=lambda id: id == found.id).actions == ()


def test_it_does_not_matter_where_a_unique_id_comes_from() -> None:
    assert unique("duplicate") == unique('duplicate :header "message-id"') == unique('duplicate :uniqueid "<a@b>"')
    assert unique('duplicate :header "x-ticket"') == unique('duplicate :uniqueid "5"')


def test_handles_and_letter_case_tell_ids_apart() -> None:
    tests = [
        'duplicate :uniqueid "a"',
        'duplicate :uniqueid "A"',
        'duplicate :handle "" :uniqueid "a"',
        'duplicate :handle "a" :uniqueid "a"',
    ]

    assert len({unique(test) for test in tests}) == 4


def test_a_handle_and_an_id_do_not_run_together() -> None:
    assert unique('duplicate :handle "a" :uniqueid "bc"') != unique('duplicate :handle "ab" :uniqueid "c"')


@pytest.mark.parametrize("test", ["duplicate :seconds 0", 'duplicate :header "X-None"', 'duplicate :header "in:valid"'])
def test_without_an_id_or_a_period_nothing_is_a_duplicate(test: str) -> None:
    assert remembered(f"if {test} {{}}") == ()
    assert not is_true(test, IDENTIFIED, seen=lambda _: True)


def test_only_last_prolongs_what_is_already_remembered() -> None:
    seen = {unique("duplicate")}

    assert remembered("if duplicate :seconds 60 {}", seen=seen) == ()
    assert remembered("if duplicate :seconds 60 :last {}", seen=seen)[0].expires == NOW + 60_000


def test_the_period_is_bounded_without_complaint() -> None:
    assert remembered(f"if duplicate :seconds {10**18} {{}}")[0].expires == NOW + MAX_DUPLICATE_SECONDS * 1_000


def test_a_test_that_is_not_reached_or_a_script_that_fails_remembers_nothing() -> None:
    assert remembered("if allof (false, duplicate) {}") == ()
    assert failure('if duplicate {} redirect "${x}";', IDENTIFIED)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('environment "location" "MDA"', True),
        ('environment "LOCATION" "mda"', True),
        ('environment :contains "item" ""', False),
        ('environment :contains "remote-host" ""', True),
        ('environment :count "eq" "remote-host" "0"', True),
        ('environment :count "eq" "location" "1"', True),
        ('environment :count "eq" "item" "0"', False),
        ('environment :matches "remote-ip" "192.0.*"', True),
    ],
)
def test_items_of_the_environment_are_compared_if_they_are_known(test: str, expected: bool) -> None:
    items = {"location": "MDA", "remote-host": "", "remote-ip": "192.0.2.1"}

    assert is_true(test, items=items) is expected


def conditional(text: str):
    return perform(text, extensions=["ihave", "fileinto"])


@pytest.mark.parametrize(
    ("script", "actions"),
    [
        ('if ihave "nonsense" { nonsense :frop "x" 5 true { more; } } fileinto "a";', (FileInto("a"),)),
        ('if ihave ["copy", "nonsense"] { fileinto :copy "a"; }', (Keep(implicit=True),)),
        ('if ihave "copy" { fileinto :copy "a"; }', (FileInto("a"), Keep(implicit=True))),
        ('if ihave "copy" {} fileinto :copy "a";', (FileInto("a"), Keep(implicit=True))),
        ('if not ihave "copy" { discard; }', (Keep(implicit=True),)),
        ('if ihave "variables" { set "a" "b"; }', (Keep(implicit=True),)),
        ('if ihave "encoded-character" { discard; }', (Keep(implicit=True),)),
        ('if ihave "vacation-seconds" { discard; }', ()),
        ('if ihave "fileinto" { fileinto "${a}"; }', (FileInto("${a}"),)),
        ('if ihave "comparator-i;ascii-numeric" { if header :comparator "i;ascii-numeric" "a" "1" {} discard; }', ()),
        ('if allof (ihave "body", body :contains "hi") { discard; }', ()),
        ('if allof (ihave "nope", nope "x") { discard; }', (Keep(implicit=True),)),
    ],
)
def test_extensions_can_be_asked_for_while_the_script_runs(script: str, actions: tuple[object, ...]) -> None:
    assert conditional(script).actions == actions


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ('fileinto :copy "a";', "not available: copy"),
        ('if anyof (false, nope "x") { discard; }', '"nope"'),
        ('if header :frop "x" "y" { discard; }', '":frop"'),
        ('if header :comparator "i;nope" "x" "y" { discard; }', '"i;nope"'),
        ('if ihave "variables" {} else { error "No variables!"; }', "No variables!"),
        ("error text:\nBad ü\n.\n;", "Bad ü"),
    ],
)
def test_what_is_used_without_being_there_fails_when_it_is_reached(script: str, says: str) -> None:
    result = conditional(script)

    assert result.error is not None
    assert says in result.error.description
    assert result.actions == (Keep(implicit=True),)


def test_what_ihave_finds_are_the_extensions_of_the_site() -> None:
    script = compile_script('require "ihave"; if ihave "copy" { discard; }', extensions=["ihave"])

    assert "copy" not in script.available


def test_faults_of_known_words_are_still_found_early() -> None:
    with pytest.raises(SieveError, match="lacks an argument"):
        compile_script('require "ihave"; if ihave "fileinto" { fileinto; }')
