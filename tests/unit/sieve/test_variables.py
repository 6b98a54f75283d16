"""RFC 5229: variables, match variables, modifiers."""

from __future__ import annotations

import pytest

from homing.sieve.limits import MAX_VARIABLE
from tests.unit.sieve.scripts import failure, fields, is_true, perform, value_of

COMPANY = 'set "company" "ACME"; set "s" "$";'


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("&%${}!", "&%${}!"),
        ("${doh!}", "${doh!}"),
        ("${full}", ""),
        ("${company}", "ACME"),
        ("${COMPANY}", "ACME"),
        ("${BAD${Company}", "${BADACME"),
        ("${President, ${Company} Inc.}", "${President, ACME Inc.}"),
        (r"${comp\any}", "ACME"),
        (r"${comp\\any}", r"${comp\any}"),
        (r"\${company}", "ACME"),
        (r"\\${company}", r"\ACME"),
        ("${s}{company}", "${company}"),
        ("${hex:24}{company}", "ACME"),
        ("dear${hex:20 24 7b 63}ompany}", "dear ACME"),
        ("${20}", ""),
        ("${0.s}", "${0.s}"),
        ("$$${s}$", "$$$$"),
        ("${${company}}", "${ACME}"),
    ],
)
def test_references_are_replaced_once_and_what_is_none_stays(text: str, value: str) -> None:
    assert value_of(text, before=COMPANY) == value


@pytest.mark.parametrize(
    ("modifiers", "given", "value"),
    [
        ("", "juMBlEd lETteRS", "juMBlEd lETteRS"),
        (":length", "juMBlEd lETteRS", "15"),
        (":lower", "juMBlEd lETteRS", "jumbled letters"),
        (":upper", "juMBlEd lETteRS", "JUMBLED LETTERS"),
        (":upperfirst", "juMBlEd lETteRS", "JuMBlEd lETteRS"),
        (":lowerfirst", "JUMBLED", "jUMBLED"),
        (":upperfirst :lower", "juMBlEd lETteRS", "Jumbled letters"),
        (":LOWER :upperfirst", "juMBlEd lETteRS", "Jumbled letters"),
        (":lowerfirst :upper", "VaLuE", "vALUE"),
        (":quotewildcard", "Rock*", r"Rock\*"),
        (":quotewildcard", r"^*?\\^", r"^\*\?\\^"),
        (":length :quotewildcard", "^^***??**^^", "18"),
        (":length", "", "0"),
        (":length", "Das ist überhaupt nicht möglich.", "32"),
        (":upper", "über", "üBER"),
        (":upperfirst", "über", "über"),
    ],
)
def test_modifiers_apply_in_the_order_of_their_precedence(modifiers: str, given: str, value: str) -> None:
    assert value_of("${b}", before=f'set "a" "{given}"; set {modifiers} "b" "${{a}}";') == value


@pytest.mark.parametrize(
    ("line", "test", "text", "value"),
    [
        ("List-ID: A <users.lists@acme.example>", 'header :matches "List-ID" "*<*@*"', "${2}", "users.lists"),
        (
            "Subject: [acme-users] [fwd] version 1.0 is out",
            'header :matches "Subject" "[*] *"',
            "${1}|${2}",
            "acme-users|[fwd] version 1.0 is out",
        ),
        (
            "To: coyote@ACME.Example.COM",
            'address :matches ["To", "Cc"] ["coyote@**.com", "wile@**.com"]',
            "${0}|${1}|${2}",
            "coyote@ACME.Example.COM||ACME.Example",
        ),
        ("To: a@b.com", 'anyof (true, address :domain :matches "To" "*.com")', "${0}${1}", ""),
        ("Subject: x", 'header :matches "subject" ["y*", "?"]', "${0000001}${2}", "x"),
        ("Subject: =?utf-8?q?caf=C3=A9_au_lait?=", 'header :matches "subject" "* au *"', "${1}+${2}", "café+lait"),
    ],
)
def test_match_variables_hold_what_wildcards_stood_for(line: str, test: str, text: str, value: str) -> None:
    assert value_of(text, fields(line), before=f"if {test} {{}}") == value


def test_match_variables_stay_until_the_next_match_succeeds() -> None:
    before = 'if string :matches "the cat" "the *" {} if string :matches "the dog" "a *" {} if string "x" "x" {}'

    assert value_of("${1}", before=before) == "cat"


def test_match_variables_end_where_the_pattern_does() -> None:
    assert value_of("${1}${2}", before='if string :matches "ab" "??" {} if string :matches "c" "*" {}') == "c"


def test_tests_are_evaluated_from_left_to_right_and_no_further_than_needed() -> None:
    before = """
    if anyof (string :matches "a" "*", string :matches "b" "*") {}
    if allof (string :matches "c" "*", false, string :matches "d" "*") {}
    """

    assert value_of("${1}", before=before) == "c"


def test_state_can_be_kept_in_words() -> None:
    before = 'set "state" "${state} pending";'

    assert is_true('string :matches " ${state} " "* pending *"', before=before)


def test_white_space_of_values_is_kept() -> None:
    assert is_true('string :is "  ${a} " "   b  "', before='set "a" " b ";')


def test_a_value_that_is_too_long_is_cut_between_characters() -> None:
    doubled = 'set "a" "é-------";' + 'set "a" "${a}${a}";' * 12
    longer = 'set "a" "x${a}";'

    assert value_of("${n}", before=doubled + 'set :length "n" "${a}";') == str(MAX_VARIABLE * 8 // 9)
    assert perform(doubled + longer * 9 + 'if not string :matches "${a}" "*-" { discard; }').error is None


@pytest.mark.parametrize("shift", range(10))
def test_a_cut_value_is_still_text(shift: int) -> None:
    before = 'set "a" "' + "x" * shift + '"; set "b" "日本語";' + 'set "b" "${b}${b}";' * 11 + 'set "c" "${a}${b}";'
    cut = (MAX_VARIABLE - shift) // 3

    assert value_of("${n}", before=before + 'set :length "n" "${c}";') == str(shift + cut)


def test_a_quoted_value_is_not_cut_between_backslash_and_wildcard() -> None:
    stars = 'set "a" "*";' + 'set "a" "${a}${a}";' * 14
    before = stars + 'set :quotewildcard "b" "x${a}";'

    assert is_true('string :matches "${b}" "*\\\\*"', before=before)
    assert value_of("${n}", before=before + 'set :length "n" "${b}";') == str(MAX_VARIABLE - 1)


def test_a_string_that_grows_beyond_its_limit_is_an_error() -> None:
    grown = 'set "a" "0123456789abcdef";' + 'set "a" "${a}${a}";' * 10

    assert "longer than" in failure(grown + f'fileinto "{"${a}" * 17}";')


def test_strings_are_plain_without_the_extension() -> None:
    assert perform('fileinto "${a}";', extensions=["fileinto"]).actions[0].mailbox == "${a}"  # type: ignore[union-attr]


def test_a_multi_line_text_holds_variables_too() -> None:
    result = perform('set "n" "Ann"; reject text:\nDear ${n},\n..\n.\n;')

    assert result.actions[0].reason == "Dear Ann,\r\n.\r\n"  # type: ignore[union-attr]
