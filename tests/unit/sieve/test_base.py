"""RFC 5228: control, the base tests, and actions of the base language."""

from __future__ import annotations

import pytest

from homing.sieve.engine import FileInto, Keep, Redirect
from tests.unit.sieve.scripts import PLAIN, failure, fields, is_true, mail, perform, refusal, value_of

A = fields(
    "Date: Tue, 1 Apr 1997 09:06:31 -0800 (PST)",
    "From: coyote@desert.example.org",
    "To: roadrunner@acme.example.com",
    "Subject: I have a present for you",
)
B = fields(
    "From: youcouldberich!@reply-by-postal-mail.invalid",
    "To: rube@landru.example.com",
    "Date: Mon, 31 Mar 1997 18:26:10 -0800",
    "Subject: $$$ YOU, TOO, CAN BE A MILLIONAIRE! $$$",
)

CHAIN = """
if header :contains ["From"] ["coyote"] { redirect "acm@example.com"; }
elsif header :contains "Subject" "$$$" { redirect "postmaster@example.com"; }
else { redirect "field@example.com"; }
"""

EXTENDED = """
if header :is "Sender" "owner-ietf-mta-filters@imc.org" { fileinto "filter"; }
elsif address :DOMAIN :is ["From", "To"] "example.com" { keep; }
elsif anyof (NOT address :all :contains ["To", "Cc", "Bcc"] "me@example.com",
             header :matches "subject" ["*make*money*fast*", "*university*dipl*mas*"]) { fileinto "spam"; }
else { fileinto "personal"; }
"""


@pytest.mark.parametrize(
    ("raw", "address"),
    [(A, "acm@example.com"), (B, "postmaster@example.com"), (fields("From: x@y"), "field@example.com")],
)
def test_one_block_of_a_chain_is_run(raw: bytes, address: str) -> None:
    assert perform(CHAIN, raw).actions == (Redirect(address),)


@pytest.mark.parametrize(
    ("raw", "action"),
    [
        (fields("Sender: owner-ietf-mta-filters@imc.org", "From: a@example.com"), FileInto("filter")),
        (fields("From: boss@example.com", "To: x@y.example"), Keep()),
        (fields("From: a@b.example", "To: you@c.example"), FileInto("spam")),
        (
            fields("From: a@b.example", "To: me@example.com.example", "Subject: Make much Money very fast"),
            FileInto("spam"),
        ),
        (fields("From: a@b.example", "Cc: me@example.com.example", "Subject: Hello"), FileInto("personal")),
    ],
)
def test_the_extended_example_sorts_as_its_comments_say(raw: bytes, action: object) -> None:
    assert perform(EXTENDED, raw).actions == (action,)


@pytest.mark.parametrize(
    ("script", "actions"),
    [
        ("", (Keep(implicit=True),)),
        ("keep;", (Keep(),)),
        ("keep; keep;", (Keep(),)),
        ("discard;", ()),
        ("discard; keep;", (Keep(),)),
        ('fileinto "a"; discard;', (FileInto("a"),)),
        ("stop; discard;", (Keep(implicit=True),)),
        ("if true { if true { stop; } } discard;", (Keep(implicit=True),)),
        ("if false { keep; } if true { discard; } else { keep; }", ()),
        ("if false {} elsif true { discard; } elsif true { keep; } else { keep; }", ()),
        ("if true {} else { discard; }", (Keep(implicit=True),)),
        ("if size :over 500K { discard; }", (Keep(implicit=True),)),
        ('redirect "a@b.example";', (Redirect("a@b.example"),)),
        ('redirect "a@b.example"; keep;', (Redirect("a@b.example"), Keep())),
        ('fileinto "a"; fileinto "b"; fileinto "a";', (FileInto("a"), FileInto("b"))),
        ('fileinto "INBOX";', (Keep(),)),
        ('fileinto "inbox"; keep;', (Keep(),)),
    ],
)
def test_the_implicit_keep_is_taken_unless_something_cancels_it(script: str, actions: tuple[object, ...]) -> None:
    assert perform(script).actions == actions


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("true", True),
        ("false", False),
        ("not false", True),
        ("allof (true, true)", True),
        ("allof (true, false)", False),
        ("anyof (false, false)", False),
        ("anyof (false, true)", True),
        ('exists ["From", "subject"]', True),
        ('exists ["From", "Cc"]', False),
        ('header :is "Subject" "I have a present for you"', True),
        ('header :contains ["to", "subject"] ["x", "PRESENT"]', True),
        ('header :contains "subject:" ""', False),
        ('header :contains "to!" ""', False),
        ('header :contains "" ""', False),
        ('address "from" "COYOTE@desert.example.org"', True),
        ('address :localpart "from" "coyote"', True),
        ('address :domain ["to", "from"] "acme.example.com"', True),
        ('address :domain "from" "example.org"', False),
    ],
)
def test_base_tests_on_message_a(test: str, expected: bool) -> None:
    assert is_true(test, A) is expected


CAFFEINE = fields("X-Caffeine: C8H10N4O2", "Comments:   ", "Subject: \t folded\r\n  in two  ", "X-Old  : spaced")


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('header :is ["X-Caffeine"] [""]', False),
        ('header :contains ["X-Caffeine"] [""]', True),
        ('header :is "Comments" ""', True),
        ('not header :matches "Comments" "?*"', True),
        ('not header :matches "Cc" "?*"', True),
        ('header :contains "Cc" ""', False),
        ('header "subject" "folded  in two"', True),
        ('header "X-Old" "spaced"', True),
    ],
)
def test_a_field_that_is_empty_differs_from_one_that_is_missing(test: str, expected: bool) -> None:
    assert is_true(test, CAFFEINE) is expected


@pytest.mark.parametrize(
    "subject",
    [
        "=?iso-8859-1?q?Gr=FC=DFe_aus_K=F6ln?=",
        "=?utf-8?b?R3LDvMOfZSBhdXM=?= =?utf-8?q?_K=C3=B6ln?=",
        "Grüße aus Köln",
    ],
)
def test_fields_are_decoded_before_they_are_compared(subject: str) -> None:
    assert is_true('header :is "Subject" "Grüße aus Köln"', fields(f"Subject: {subject}"))


MANY = fields(
    "From: Stephan Bosch <stephan(the author)@example.com>",
    "To: Nico <Nico@NL.example.com>, harry@de.example.com",
    "Cc: tukkers: henk@tukkerland.ex, theo@tukkerland.ex;",
    "Bcc: undisclosed-recipients:;",
    'Sender: "sirius"@example.org',
    "Reply-To: nobody",
)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('address :contains ["from", "to"] ["Bosch", "Nico <"]', False),
        ('address :contains "from" "author"', False),
        ('address :is "from" "stephan@example.com"', True),
        ('address :contains "cc" "tukkers"', False),
        ('address :is :domain "cc" "tukkerland.ex"', True),
        ('address :is :localpart "cc" "theo"', True),
        ('address :contains "bcc" ""', False),
        ('address :is :comparator "i;octet" "to" "Nico@NL.example.com"', True),
        ('address :is :comparator "i;octet" "to" "nico@nl.example.com"', False),
        ('address :matches "to" "*@*.example.com"', True),
        ('address :localpart "sender" "sirius"', True),
        ('address "reply-to" "nobody"', True),
        ('address :contains :localpart "reply-to" ""', False),
        ('address :contains :domain "reply-to" ""', False),
    ],
)
def test_addresses_are_bare_and_in_parts(test: str, expected: bool) -> None:
    assert is_true(test, MANY) is expected


def test_a_field_name_that_turns_up_at_run_time_and_holds_no_addresses_matches_nothing() -> None:
    assert not is_true('address :contains "${name}" ""', before='set "name" "subject";')
    assert is_true('address :contains "${name}" ""', before='set "name" "FROM";')


@pytest.mark.parametrize(
    ("sender", "test", "expected"),
    [
        ("tim@example.com", 'envelope :all :is "from" "tim@example.com"', True),
        ("tim@example.com", 'envelope :domain "FROM" "example.com"', True),
        ("tim@example.com", 'envelope :count "eq" ["from", "to"] "2"', True),
        ("", 'envelope :all :is "from" ""', True),
        ("", 'envelope :domain :is "from" ""', True),
        ("", 'envelope :count "eq" "from" "0"', True),
        ("<>", 'envelope "from" ""', True),
        ("<@cola.example.org,@mx.example.nl:stephan@example.org>", 'envelope "from" "stephan@example.org"', True),
        ("hutsefluts@", 'envelope :contains :localpart "from" ""', False),
        ("a@@example.org", 'envelope :contains :domain "from" ""', False),
        ("MAILER-DAEMON", 'envelope "from" "mailer-daemon"', True),
        ("x@y", 'envelope "to" "roadrunner@acme.example.com"', True),
        ("x@y", 'envelope :contains "auth" ""', False),
    ],
)
def test_the_envelope_is_compared_like_an_address(sender: str, test: str, expected: bool) -> None:
    assert is_true(test, mail(PLAIN, sender)) is expected


def test_an_unknown_part_of_the_envelope_is_an_error_at_run_time_too() -> None:
    assert "envelope" in failure('set "part" "frop"; if envelope "${part}" "x" { discard; }')


def test_a_message_of_exactly_the_size_is_neither_over_nor_under() -> None:
    size = mail(PLAIN).message.size

    assert not is_true(f"size :over {size}")
    assert not is_true(f"size :under {size}")
    assert is_true(f"size :over {size - 1}")
    assert is_true(f"size :under {size + 1}")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$${hex:40}", "$@"),
        ("${hex: 40 }", "@"),
        ("${HEX: 40}", "@"),
        ("${hex:40", "${hex:40"),
        ("${hex:400}", "${hex:400}"),
        ("${hex:4${hex:30}}", "${hex:40}"),
        ("${hex:42 61\n 6 20}", "Ba\x06 "),
        ("${unicode:40}", "@"),
        ("${ unicode:40}", "${ unicode:40}"),
        ("${UnICoDE:0000040}", "@"),
        ("${Unicode:Cool}", "${Unicode:Cool}"),
        ("${unicode: 00fc 4e03}", "ü七"),
        ("${hex:c3 bc}", "ü"),
        ("${hex:}${unicode:}${hex}${", "${hex:}${unicode:}${hex}${"),
        ("${unicode:200000", "${unicode:200000"),
    ],
)
def test_encoded_characters_are_decoded_once(text: str, value: str) -> None:
    result = perform(f"error text:\n{text}\n.\n;", extensions=["encoded-character", "ihave"])

    assert result.error is not None
    assert result.error.description == value.replace("\n", "\r\n") + "\r\n"


def test_encoded_characters_mean_nothing_without_their_extension() -> None:
    assert perform('fileinto "${hex:40}";', extensions=["fileinto"]).actions == (FileInto("${hex:40}"),)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("bart@example.com", "bart@example.com"),
        ("Bart Simpson <bart@example.com>", "bart@example.com"),
        ('\\"Simpson, Bart\\" <bart@example.com>', "bart@example.com"),
        (" more  @  example.com  ", "more@example.com"),
        ("..japanese...localpart..@example.com", "..japanese...localpart..@example.com"),
        ('\\"Sirius\\"@example.net', "Sirius@example.net"),
        ('\\"S[r]us\\"@example.net', '"S[r]us"@example.net'),
        ("a@[192.0.2.1]", "a@[192.0.2.1]"),
        ("a@EXAMPLE.com.", "a@EXAMPLE.com"),
    ],
)
def test_mail_is_sent_on_to_the_bare_address(text: str, address: str) -> None:
    assert perform(f'redirect "{text}";').actions == (Redirect(address),)


@pytest.mark.parametrize(
    "text",
    [
        "@wrong.example.com",
        "error",
        "error@",
        "Stephan Bosch error@example.org",
        "Stephan Bosch <error@example.org",
        " more error @  example.com  ",
        "@",
        "<>",
        "Error <stephan@",
        "stephan@example.org,tss@example.net",
        "stephan@example.org,%&^&!!~",
        "rüdiger@example.com",
        "a@b@example.com",
        "group: a@example.com;",
        "a@example.com\nBcc: b@example.com",
        "a@exa mple.com",
        "x" * 320 + "@example.com",
        "",
    ],
)
def test_what_is_no_single_address_cannot_be_sent_to(text: str) -> None:
    assert "not an address" in refusal(f'redirect "{text}";').description
    assert "not an address" in failure(f'set "to" "{text}"; redirect "${{to}}";')


def test_an_invalid_mailbox_name_is_an_error_when_it_turns_up() -> None:
    assert "mailbox" in failure('set "box" "${hex:ff}rop"; fileinto "${box}";')
    assert "mailbox" in failure('fileinto "${empty}";')


def test_after_an_error_only_the_implicit_keep_counts() -> None:
    result = perform('setflag "x"; fileinto "a";\nredirect "a@b.example";\n redirect "${x}";\n discard;')

    assert result.actions == (Keep(implicit=True),)
    assert result.error is not None
    assert result.error.line == 4


def test_a_redirect_of_a_message_that_goes_round_in_a_loop_is_an_error() -> None:
    assert perform('redirect "a@b.example";', fields(*["Received: x"] * 100)).error is None
    assert "loop" in failure('redirect "a@b.example";', fields(*["Received: x"] * 101))


def test_the_number_of_redirects_is_limited() -> None:
    script = "".join(f'redirect "a{n}@b.example";' for n in range(5))

    assert len(perform(script + 'redirect "a1@B.example";').actions) == 5
    assert "5 addresses" in failure(script + 'redirect "one.more@b.example";')
    assert "1 addresses" in failure(script, max_redirects=1)


def test_the_number_of_actions_is_limited() -> None:
    script = "".join(f'fileinto "box {n}";' for n in range(32))

    assert len(perform(script).actions) == 32
    assert "32 actions" in failure(script + "keep;")


def test_mailbox_names_are_given_as_the_script_has_them() -> None:
    assert value_of("Grüße & mehr/日本") == "Grüße & mehr/日本"
