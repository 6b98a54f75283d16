"""The words of the language as declarations: for each command and test its arguments and its extension.

A word that takes `MATCH` tags compares strings. Nothing here is executed; `check` reads scripts against these
tables, and `evaluate` (tests) and `perform` (commands) hold a function for each word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

STRING: Final = "a string"
CONSTANT: Final = "a string without variables"
STRINGS: Final = "a string or a list of strings"
CONSTANTS: Final = "a string or a list of strings, without variables"
NUMBER: Final = "a number"

NO_TEST: Final = "none"
ONE_TEST: Final = "one"
TESTS: Final = "list"


@dataclass(frozen=True, slots=True)
class Tag:
    """A tagged argument: the kind of its parameter ("" for none); of one `group` a call may have one only."""

    parameter: str = ""
    group: str = ""
    extension: str = ""


@dataclass(frozen=True, slots=True)
class Word:
    """A command or test. Of `positional` the first `optional` ones may be left out together."""

    positional: tuple[str, ...] = ()
    tags: Mapping[str, Tag] = field(default_factory=dict)
    extension: str = ""
    optional: int = 0
    tests: str = NO_TEST
    has_block: bool = False


MATCH: Final[Mapping[str, Tag]] = {
    ":is": Tag(group="match type"),
    ":contains": Tag(group="match type"),
    ":matches": Tag(group="match type"),
    ":value": Tag(CONSTANT, "match type", "relational"),
    ":count": Tag(CONSTANT, "match type", "relational"),
    ":comparator": Tag(CONSTANT),
}
PART: Final[Mapping[str, Tag]] = {
    ":all": Tag(group="address part"),
    ":localpart": Tag(group="address part"),
    ":domain": Tag(group="address part"),
    ":user": Tag(group="address part", extension="subaddress"),
    ":detail": Tag(group="address part", extension="subaddress"),
}
INDEX: Final[Mapping[str, Tag]] = {":index": Tag(NUMBER, extension="index"), ":last": Tag(extension="index")}
ZONE: Final[Mapping[str, Tag]] = {":zone": Tag(STRING, "zone")}
FLAGS: Final[Mapping[str, Tag]] = {":flags": Tag(STRINGS, extension="imap4flags")}
COPY: Final[Mapping[str, Tag]] = {":copy": Tag(extension="copy")}

COMMAND_WORDS: Final[Mapping[str, Word]] = {
    "if": Word(tests=ONE_TEST, has_block=True),
    "elsif": Word(tests=ONE_TEST, has_block=True),
    "else": Word(has_block=True),
    "require": Word((CONSTANTS,)),
    "stop": Word(),
    "error": Word((STRING,), extension="ihave"),
    "keep": Word(tags=FLAGS),
    "discard": Word(),
    "redirect": Word((STRING,), COPY),
    "fileinto": Word(
        (STRING,),
        {
            **FLAGS,
            **COPY,
            ":create": Tag(extension="mailbox"),
            ":specialuse": Tag(STRING, extension="special-use"),
        },
        extension="fileinto",
    ),
    "reject": Word((STRING,), extension="reject"),
    "ereject": Word((STRING,), extension="ereject"),
    "vacation": Word(
        (STRING,),
        {
            ":days": Tag(NUMBER, "period"),
            ":seconds": Tag(NUMBER, "period", "vacation-seconds"),
            ":subject": Tag(STRING),
            ":from": Tag(STRING),
            ":addresses": Tag(STRINGS),
            ":mime": Tag(),
            ":handle": Tag(STRING),
        },
        extension="vacation",
    ),
    "set": Word(
        (CONSTANT, STRING),
        {
            ":lower": Tag(group="case"),
            ":upper": Tag(group="case"),
            ":lowerfirst": Tag(group="first letter"),
            ":upperfirst": Tag(group="first letter"),
            ":quotewildcard": Tag(),
            ":length": Tag(),
        },
        extension="variables",
    ),
    "setflag": Word((CONSTANT, STRINGS), extension="imap4flags", optional=1),
    "addflag": Word((CONSTANT, STRINGS), extension="imap4flags", optional=1),
    "removeflag": Word((CONSTANT, STRINGS), extension="imap4flags", optional=1),
}

TEST_WORDS: Final[Mapping[str, Word]] = {
    "true": Word(),
    "false": Word(),
    "not": Word(tests=ONE_TEST),
    "allof": Word(tests=TESTS),
    "anyof": Word(tests=TESTS),
    "exists": Word((STRINGS,)),
    "size": Word((NUMBER,), {":over": Tag(group="comparison"), ":under": Tag(group="comparison")}),
    "header": Word((STRINGS, STRINGS), {**MATCH, **INDEX}),
    "address": Word((STRINGS, STRINGS), {**MATCH, **PART, **INDEX}),
    "envelope": Word((STRINGS, STRINGS), {**MATCH, **PART}, extension="envelope"),
    "body": Word(
        (STRINGS,),
        {
            **MATCH,
            ":raw": Tag(group="body transform"),
            ":text": Tag(group="body transform"),
            ":content": Tag(STRINGS, "body transform"),
        },
        extension="body",
    ),
    "string": Word((STRINGS, STRINGS), MATCH, extension="variables"),
    "hasflag": Word((STRINGS, STRINGS), MATCH, extension="imap4flags", optional=1),
    "date": Word(
        (STRING, STRING, STRINGS), {**MATCH, **INDEX, **ZONE, ":originalzone": Tag(group="zone")}, extension="date"
    ),
    "currentdate": Word((STRING, STRINGS), {**MATCH, **ZONE}, extension="date"),
    "environment": Word((STRING, STRINGS), MATCH, extension="environment"),
    "duplicate": Word(
        (),
        {
            ":handle": Tag(STRING),
            ":header": Tag(STRING, "identifier"),
            ":uniqueid": Tag(STRING, "identifier"),
            ":seconds": Tag(NUMBER),
            ":last": Tag(),
        },
        extension="duplicate",
    ),
    "mailboxexists": Word((STRINGS,), extension="mailbox"),
    "specialuse_exists": Word((STRING, STRINGS), extension="special-use", optional=1),
    "ihave": Word((CONSTANTS,), extension="ihave"),
}
