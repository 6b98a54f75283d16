"""RFC 5228 §2.6, §2.10.5, §3: what is a script and what is none, and what its author is told."""

from __future__ import annotations

import pytest

from homing.sieve import SUPPORTED
from homing.sieve.engine import SieveError, compile_script
from homing.sieve.evaluate import TESTS
from homing.sieve.limits import MAX_NESTING, MAX_NODES
from homing.sieve.perform import COMMANDS
from homing.sieve.vocabulary import COMMAND_WORDS, TEST_WORDS
from tests.unit.sieve.scripts import ALL, refusal


def compiles(text: str) -> bool:
    compile_script(f"require {str(ALL).replace(chr(39), chr(34))};" + text)
    return True


@pytest.mark.parametrize(
    "text",
    [
        'if true {} elsif false {} elsif not false { stop; } else { if header "a" "b" {} }',
        'if allof (true, anyof (false, not exists ["From", "Date"])) { keep; }',
        'redirect "bart@example.com";',
        'if header :is :comparator "i;octet" ["a", "b"] ["c"] { discard; }',
        'if address :DOMAIN :Is "from" "x" { keep; }',
        'fileinto :copy :create :flags ["\\\\Seen", "a b"] "INBOX.x";',
        'vacation :mime :days 3 :subject "s" :from "a@b" :addresses ["c@d"] :handle "h" "r";',
        'set :lower :upperfirst :quotewildcard :length "name" "${value}";',
        'setflag "x"; addflag "v" ["x"]; if hasflag ["a", "b"] "x" {}',
        'if date :index 2 :last :zone "-0500" :value "gt" "received" "iso8601" "2007" {}',
        'if duplicate :handle "h" :header "X" :seconds 5 :last {}',
        'if body :content ["text"] :contains "x" {}',
        'if specialuse_exists "a" ["\\\\Junk"] { fileinto :specialuse "\\\\Junk" "Spam"; }',
        'if size :over 100K { reject "no"; } else { ereject "no"; }',
        'if envelope :detail "to" "x" { redirect :copy "a@b.example"; }',
        'if header :last :index 2 "to" "x" {}',
        "",
    ],
)
def test_a_well_formed_script_compiles(text: str) -> None:
    assert compiles(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("keep", '";" is missing after "keep"'),
        ('fileinto "x"\nkeep;', 'is ";" missing before "keep"'),
        ("frop;", '"frop" is not known'),
        ("if frop {}", '"frop" is not known'),
        ('header "a" "b";', '"header" is a test'),
        ("if keep {}", '"keep" is a command'),
        ("if true;", "block"),
        ("if {}", "lacks a test"),
        ("if (true, false) {}", "one test"),
        ("if not (true) {}", "one test"),
        ('if "a" true {}', "no further argument"),
        ("if if true {}", '"if" is a command'),
        ("else { keep; }", 'must follow "if"'),
        ("if true {} else {} elsif true {}", "must follow"),
        ("if true {} keep; else {}", "must follow"),
        ("if true {} else if true {}", "takes no test"),
        ("keep { }", "takes no block"),
        ("keep true;", "takes no test"),
        ("stop (true, false);", "no list of tests"),
        ('stop "x";', "no further argument"),
        ("keep }", "is missing after"),
        ("keep; }", "closes nothing"),
        ("if true { keep;", "no end"),
        ("if anyof (true {} ", '"," or ")"'),
        ("if anyof () {}", "A test must stand here"),
        ('redirect ["a@b", "c@d"];', "takes here a string"),
        ("redirect;", "lacks an argument: a string"),
        ("redirect 5;", "takes here a string"),
        ('fileinto "a" "b";', "no further argument"),
        ('fileinto :frop "a";', 'does not know ":frop"'),
        ('fileinto "a" :copy;', "before the other arguments"),
        ('fileinto :copy :copy "a";', "given twice"),
        ("if header [] [] {}", "one string at least"),
        ('if header ["a" "b"] "c" {}', '"," or "]"'),
        ('if header ["a",] "c" {}', "A string must stand here"),
        ('if header :is :contains "a" "b" {}', "cannot be used together"),
        ('if header :all "a" "b" {}', 'does not know ":all"'),
        ('if header "a" 5 {}', "a string or a list"),
        ('if header "a" {}', "lacks an argument"),
        ('if header :comparator "a" {}', "lacks an argument"),
        ('if header :comparator ["i;octet"] "a" "b" {}', "a string without variables"),
        ('if header :comparator :is "a" "b" {}', "a string without variables"),
        ('if header :comparator "${x}" "a" "b" {}', "without variables"),
        ("if header :comparator {}", "must be followed by"),
        ('if header :comparator "i;unknown" "a" "b" {}', '"i;unknown" is not known'),
        ('if header :contains :comparator "i;ascii-numeric" "a" "b" {}', "does not work"),
        ('if header :matches :comparator "i;ascii-numeric" "a" "b" {}', "does not work"),
        ('if header :value "gr" "a" "b" {}', "compares by"),
        ('if header :count ["eq"] "a" "b" {}', "a string without variables"),
        ('if address :all :domain "from" "x" {}', "cannot be used together"),
        ('if address "subject" "x" {}', '"subject" is not a field with addresses'),
        ('if address ["to", "frop"] "x" {}', '"frop" is not'),
        ('if envelope "frop" "x" {}', "part of the envelope"),
        ("if size 45 {}", ":over"),
        ("if size :over :under 45 {}", "cannot be used together"),
        ("if size :over {}", "lacks an argument"),
        ("if size 34M :over {}", "before the other arguments"),
        ('if true :comparator "i;octet" {}', "does not know"),
        ('if header :index 0 "a" "b" {}', "counts from 1"),
        ('if header :last "a" "b" {}', 'needs ":index"'),
        ('if header :index "x" "a" "b" {}', "followed by a number"),
        ('if date :zone "+1" "date" "year" "1" {}', "time zone"),
        ('if date :zone "+0100" :originalzone "date" "year" "1" {}', "cannot be used together"),
        ('if date "date" "century" "1" {}', "part of a date"),
        ('if currentdate :originalzone "year" "1" {}', "does not know"),
        ('if body :raw :text "x" {}', "cannot be used together"),
        ('if body :content "x" {}', "lacks an argument"),
        ('if duplicate :header "a" :uniqueid "b" {}', "cannot be used together"),
        ("if duplicate :seconds :last {}", "followed by a number"),
        ('vacation :days 1 :seconds 1 "x";', "cannot be used together"),
        ('vacation :from "Error" "x";', "not an address"),
        ('vacation :mime "Content-Type: te\u00e4t/plain\n\nx";', "ASCII"),
        ('set "1" "x";', "name of a variable"),
        ('set "a.b" "x";', "name of a variable"),
        ('set "${a}" "x";', "without variables"),
        ('set ".a" "x";', "name of a variable"),
        ('set :upper :lower "a" "x";', "cannot be used together"),
        ('set :frop "a" "x";', "does not know"),
        ('set "' + "v" * 65 + '" "x";', "name of a variable"),
        ('set "a" "' + "v" * 16_385 + '";', "holds at most"),
        ('setflag "not a name" "x";', "name of a variable"),
        ("keep :flags 5;", "a string or a list"),
        ('fileinto "";', "name of a mailbox"),
        ('fileinto "a\nb";', "name of a mailbox"),
        ('fileinto "${hex:ff}rop";', "name of a mailbox"),
        ('fileinto :specialuse "Junk" "x";', "special use"),
        ('if specialuse_exists "frop" ["frop"] {}', "special use"),
        ('fileinto "${namespace.x}";', "no variables of the kind"),
        ('fileinto "${33}";', "go up to"),
        ('fileinto "${unicode:200000}";', "Unicode"),
        ('fileinto "${Unicode:DF01}";', "Unicode"),
        ('fileinto "${unicode:33333333333333333}";', "Unicode"),
        ('require "copy"; keep; require "copy";', "very beginning"),
        ('if true { require "copy"; }', "very beginning"),
        ("require;", "a string or a list"),
        ("require 5;", "a string or a list"),
        ('require "copy" "body";', "a string or a list"),
        ('require "copy" true;', "takes no test"),
        ('require "copy" { keep; }', "takes no block"),
        ('require ["copy", "frop"];', '"frop" is not supported'),
        ('require "FILEINTO";', "not supported"),
        ('if ihave "copy" {}', 'needs require "ihave"'),
    ],
)
def test_a_fault_is_refused_in_words_that_name_it(text: str, says: str) -> None:
    assert says in refusal(text).description


@pytest.mark.parametrize(
    ("text", "extension"),
    [
        ('fileinto "x";', "fileinto"),
        ('redirect :copy "a@b.example";', "copy"),
        ('if envelope "from" "x" {}', "envelope"),
        ('if address :user "from" "x" {}', "subaddress"),
        ('if header :count "eq" "a" "1" {}', "relational"),
        ('if header :comparator "i;ascii-numeric" "a" "1" {}', "comparator-i;ascii-numeric"),
        ('if header :index 1 "a" "1" {}', "index"),
        ('set "a" "b";', "variables"),
        ('if string "a" "b" {}', "variables"),
        ('setflag "x";', "imap4flags"),
        ('keep :flags "x";', "imap4flags"),
        ('vacation "x";', "vacation"),
        ('reject "x";', "reject"),
        ('ereject "x";', "ereject"),
        ('if body "x" {}', "body"),
        ('if currentdate "year" "x" {}', "date"),
        ("if duplicate {}", "duplicate"),
        ('if mailboxexists "x" {}', "mailbox"),
        ('if environment "name" "x" {}', "environment"),
        ('if specialuse_exists "x" {}', "special-use"),
    ],
)
def test_an_extension_that_is_not_required_is_not_there(text: str, extension: str) -> None:
    assert f'needs require "{extension}"' in refusal(text, ()).description


def test_vacation_seconds_brings_vacation_but_not_the_other_way_round() -> None:
    compile_script('require "vacation-seconds"; vacation :seconds 5 "x";')

    assert 'needs require "vacation-seconds"' in refusal('require "vacation"; vacation :seconds 5 "x";', ()).description


def test_a_variable_in_flags_needs_the_variables_extension() -> None:
    assert "variables" in refusal('setflag "a" "x";', ["imap4flags"]).description
    assert "variables" in refusal('if hasflag "a" "x" {}', ["imap4flags"]).description


def test_the_built_in_comparators_need_not_be_required() -> None:
    compile_script('if header :comparator "i;octet" "a" "b" {} if header :comparator "i;ascii-casemap" "a" "b" {}')


def test_the_script_tells_what_it_requires() -> None:
    script = compile_script('require ["fileinto", "copy"]; require "fileinto"; require "body";')

    assert script.extensions == ("body", "copy", "fileinto")


def test_a_site_may_offer_fewer_extensions() -> None:
    with pytest.raises(SieveError, match='"body" is not supported'):
        compile_script('require "body";', extensions=["fileinto"])


def test_every_extension_can_be_required() -> None:
    assert compile_script("".join(f'require "{name}";' for name in SUPPORTED)).extensions == tuple(sorted(SUPPORTED))


def test_every_word_of_the_vocabulary_is_carried_out_by_a_function() -> None:
    assert set(TESTS) == set(TEST_WORDS)
    assert set(COMMANDS) | {"if", "elsif", "else", "stop", "require"} == set(COMMAND_WORDS)


@pytest.mark.parametrize(
    "nested",
    [
        lambda n: "if true {" * n + "}" * n,
        lambda n: "if " + "not " * (n - 1) + "true {}",
        lambda n: "if " + "anyof (" * (n - 1) + "true" + ")" * (n - 1) + " {}",
    ],
)
def test_nesting_is_bounded_but_goes_beyond_what_the_rfc_wants(nested) -> None:
    compile_script(nested(MAX_NESTING))

    assert f"nested {MAX_NESTING} deep" in refusal(nested(MAX_NESTING + 1), ()).description
    assert "nested" in refusal(nested(20_000), ()).description
    assert MAX_NESTING >= 15


def test_the_number_of_commands_is_bounded() -> None:
    compile_script("keep;" * MAX_NODES)

    assert "commands and tests" in refusal("keep;" * (MAX_NODES + 1), ()).description


def test_the_number_of_variables_is_bounded() -> None:
    many = "".join(f'set "v{n}" "x";' for n in range(256))
    compile_script('require "variables";' + many + 'set "V1" "again";')

    assert "256 variables" in refusal(many + 'set "one_more" "x";').description


def test_an_error_is_placed_where_it_is() -> None:
    error = refusal('keep;\n  if header :is\n    :contains "a" "b" { }', ())

    assert (error.line, error.column, error.type) == (3, 5, "invalidSieve")
