"""Addresses in their many spellings (RFC 5321 §4.1.2, RFC 5233, RFC 5891)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.directory.addresses import Address, normalize_domain, parse_address
from homing.ports.store import check_key


@pytest.mark.parametrize(
    ("text", "local", "domain"),
    [
        ("ann@example.org", "ann", "example.org"),
        ("ANN@EXAMPLE.ORG", "ann", "example.org"),
        (" <ann@example.org> ", "ann", "example.org"),
        ("ann@example.org.", "ann", "example.org"),
        ("ann@example\u3002org\u3002", "ann", "example.org"),
        ('"ann b"@example.org', "ann b", "example.org"),
        ('"a\\"b"@example.org', 'a"b', "example.org"),
        ("a@b@example.org", "a@b", "example.org"),
        ("jo\u0308rg@example.org", "j\u00f6rg", "example.org"),
        ("ann@b\u00fccher.example", "ann", "xn--bcher-kva.example"),
        ("ann@localhost", "ann", "localhost"),
    ],
)
def test_spellings_of_an_address_are_one(text: str, local: str, domain: str) -> None:
    assert parse_address(text) == Address(local, domain)


@pytest.mark.parametrize(
    "text",
    ["", "@", "ann", "ann@", "@x.org", "ann@x y", "ann@x..y", "ann@[1.2.3.4]", "ann@x/y", "a\x7fb@x", "a\nb@x.org",
     "\ud800@x.org", "x" * 257 + "@x.org", "ann@" + "x" * 64 + ".org", "ann@" + "x." * 200 + "org", "ann@\ud800"],
)  # fmt: skip
def test_what_we_could_not_have_is_no_address(text: str) -> None:
    assert parse_address(text) is None


@given(st.text())
def test_any_text_is_an_address_or_not(text: str) -> None:
    address = parse_address(text)

    if address is not None:
        assert parse_address(str(address)) is not None
        check_key(f"!addr/{address.domain}", f"o/Address/{address.local}")


@pytest.mark.parametrize(("local", "base"), [("ann+news", "ann"), ("ann", "ann"), ("a+b+c", "a"), ("+x", "+x")])
def test_a_subaddress_is_cut_off(local: str, base: str) -> None:
    assert Address(local, "x.org").base == base


@pytest.mark.parametrize("domain", ["", ".", "!", "a b", "a..b", "-" * 70, "\0"])
def test_what_is_no_domain_is_none(domain: str) -> None:
    assert normalize_domain(domain) is None
