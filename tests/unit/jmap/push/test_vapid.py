"""VAPID (RFC 8292): tokens that a push service can check, and one key for a site."""

from __future__ import annotations

import json
import threading
from base64 import urlsafe_b64decode
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256

from homing.host.tailer import NotifyingStore
from homing.jmap.push.vapid import application_server_key, authorization, origin_of
from homing.site import Site
from tests.conftest import START
from tests.doubles import CountingStore


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_a_push_service_can_check_who_we_are(site: Site) -> None:
    scheme, token, key = authorization(site, "https://Push.example.net:443/r/1?x").replace(",", "").split()

    header, claims, signature = token.removeprefix("t=").split(".")
    assert scheme == "vapid"
    assert json.loads(decoded(header)) == {"typ": "JWT", "alg": "ES256"}
    told = json.loads(decoded(claims))
    assert told["aud"] == "https://push.example.net"
    assert told["sub"] == "mailto:postmaster@localhost"
    assert 0 < told["exp"] - START // 1000 <= 24 * 3_600
    raw = decoded(signature)
    der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(key.removeprefix("k=")))
    public.verify(der, f"{header}.{claims}".encode(), ec.ECDSA(SHA256()))


def test_the_example_of_the_rfc_has_a_key_of_our_form(site: Site) -> None:
    example = "BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs"

    assert len(application_server_key(site)) == len(example)
    assert application_server_key(site)[0] == example[0]


def test_the_key_is_made_once_for_a_site_and_read_once_by_a_process(site: Site) -> None:
    key = application_server_key(site)
    other = _with(site, CountingStore(site.store))

    assert [application_server_key(other) for _ in range(5)] == [key] * 5
    assert other.store.calls.as_dict() == {"get": 1}  # type: ignore[attr-defined]


def test_those_who_ask_first_at_the_same_time_get_the_same_key(site: Site) -> None:
    sites = [_with(site, NotifyingStore(site.store)) for _ in range(4)]
    start, found = threading.Barrier(len(sites)), []

    def ask(one: Site) -> None:
        start.wait()
        found.append(application_server_key(one))

    threads = [threading.Thread(target=ask, args=(one,)) for one in sites]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == len(sites)
    assert len(set(found)) == 1


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://a.example/p", "https://a.example"),
        ("https://a.example:8443/p", "https://a.example:8443"),
        ("http://127.0.0.1:9/p", "http://127.0.0.1:9"),
        ("https://[2001:db8::1]:443/", "https://[2001:db8::1]"),
    ],
)
def test_an_origin_is_without_its_usual_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin


def _with(site: Site, store: object) -> Site:
    return replace(site, store=store)  # type: ignore[arg-type]
