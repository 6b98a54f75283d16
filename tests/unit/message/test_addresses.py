from __future__ import annotations

import pytest

from homing.message import as_addresses, as_grouped_addresses
from homing.message.addresses import MAX_ADDRESSES

CASES = [
    (b" ann@example.org", [(None, "ann@example.org")]),
    (b"Ann <ann@example.org>", [("Ann", "ann@example.org")]),
    (
        b'"Ex\\"ample, Ann" <ann@example.org>, bob@example.net',
        [('Ex"ample, Ann', "ann@example.org"), (None, "bob@example.net")],
    ),
    (b"ann@example.org (Ann Example)", [("Ann Example", "ann@example.org")]),
    (b"ann@example.org (Ann (the first) Example)", [("Ann (the first) Example", "ann@example.org")]),
    (b"Ann\r\n Example\r\n\t<ann@example.org>", [("Ann Example", "ann@example.org")]),
    (b"=?utf-8?q?J=C3=BC?= <j@example.org>", [("Jü", "j@example.org")]),
    (b'"=?utf-8?q?J=C3=BC?=" <j@example.org>', [("Jü", "j@example.org")]),
    (b"=?utf-8?b?5pel?= =?utf-8?b?5pys?= <j@example.org>", [("日本", "j@example.org")]),
    ("Jürgen <jürgen@exämple.org>".encode(), [("Jürgen", "jürgen@exämple.org")]),
    (b"J\xfcrgen <j@example.org>", [("Jürgen", "j@example.org")]),
    (b"<@relay.example,@b.example:ann@example.org>", [(None, "ann@example.org")]),
    (b'"ann smith"@example.org', [(None, '"ann smith"@example.org')]),
    (b"ann @ example . org", [(None, "ann@example.org")]),
    (b"<Ann  Smith@example.org>", [(None, "Ann Smith@example.org")]),
    (b"Ann Smith ann@example.org", [("Ann Smith", "ann@example.org")]),
    (b"Dr. Ann B. Smith <ann@example.org>", [("Dr. Ann B. Smith", "ann@example.org")]),
    (b"ann@[192.0.2.1], bob@[IPv6:2001:db8::1]", [(None, "ann@[192.0.2.1]"), (None, "bob@[IPv6:2001:db8::1]")]),
    (b"ann@example.org; bob@example.org", [(None, "ann@example.org"), (None, "bob@example.org")]),
    (b", ,ann@example.org,,", [(None, "ann@example.org")]),
    (b"ann", [(None, "ann")]),
    (b"Ann <>", [("Ann", "")]),
    (b"<>", []),
    (b"", []),
    (b'"open quote <ann@example.org>', [("open quote", "ann@example.org")]),
    (b"Ann <ann@example.org", [("Ann", "ann@example.org")]),
    (b"Ann <ann@example.org>>, bob@example.org", [("Ann", "ann@example.org"), (None, "bob@example.org")]),
    (b"[List] Name <list@example.org>", [("[List] Name", "list@example.org")]),
]


@pytest.mark.parametrize(("value", "expected"), CASES)
def test_an_address_list_is_read_as_well_as_it_can_be(value: bytes, expected: list[tuple[str | None, str]]) -> None:
    assert [(address["name"], address["email"]) for address in as_addresses(value)] == expected


def test_groups_keep_their_members_and_the_rest_stand_in_groups_without_a_name() -> None:
    value = b'a@x.org, Team "A": b@x.org, C <c@x.org>;, d@x.org, Empty:;'

    groups = [(g["name"], [a["email"] for a in g["addresses"]]) for g in as_grouped_addresses(value)]

    assert groups == [(None, ["a@x.org"]), ("Team A", ["b@x.org", "c@x.org"]), (None, ["d@x.org"]), ("Empty", [])]


def test_a_group_that_is_not_closed_ends_with_the_value() -> None:
    assert as_grouped_addresses(b"Team: b@x.org, c@x.org")[0]["addresses"] == [
        {"name": None, "email": "b@x.org"},
        {"name": None, "email": "c@x.org"},
    ]


def test_undisclosed_recipients_are_an_empty_list() -> None:
    assert as_addresses(b"undisclosed-recipients:;") == []


def test_no_more_addresses_are_read_than_the_limit() -> None:
    assert len(as_addresses(b"a@b.c," * (MAX_ADDRESSES + 5))) == MAX_ADDRESSES
