"""Blob/upload, Blob/get and Blob/lookup (RFC 9404)."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from typing import Any

import pytest

from homing.config import Limits
from homing.jmap.blob import UPLOAD_SECONDS
from homing.jmap.types.blob_source import MAX_DATA_SOURCES
from homing.ledger import apply
from homing.ports.blobs import READ_BYTES, digest_of
from tests.conftest import FakeClock
from tests.doubles import CountingBlobs, CountingStore
from tests.mail import message
from tests.rooms.jmap.conftest import CORE, MAIL, Client, Object

BLOB = "urn:ietf:params:jmap:blob"
FOX = "The quick brown fox jumped over the lazy dog."
BROKEN = b"The quick brown fox jumped over the \x81\x81 dog."


def call(client: Client, method: str, /, using: Any = (CORE, MAIL, BLOB), **arguments: Any) -> Object:
    given = [method, {"accountId": client.account, **arguments}, "c"]
    name, answer, _ = client.request(given, using=list(using))["methodResponses"][0]
    return {"error": answer["type"]} if name == "error" else answer


def text(value: str) -> Object:
    return {"data:asText": value}


def binary(value: bytes) -> Object:
    return {"data:asBase64": base64.b64encode(value).decode()}


def make(client: Client, *sources: Object, **more: Any) -> Object:
    answer = call(client, "Blob/upload", create={"new": {"data": list(sources), **more}})
    assert answer["notCreated"] is None, answer
    made: Object = answer["created"]["new"]
    return made


def refusal(client: Client, upload: Any) -> str:
    answer = call(client, "Blob/upload", create={"new": upload})
    assert answer["created"] is None
    kind: str = answer["notCreated"]["new"]["type"]
    return kind


def got(client: Client, id: str, *properties: str, **arguments: Any) -> Object:
    answer = call(client, "Blob/get", ids=[id], properties=list(properties) or None, **arguments)
    assert (answer["notFound"], answer["list"][0].pop("id")) == ([], id)
    found: Object = answer["list"][0]
    return found


def test_the_session_says_what_can_be_asked(ann: Client) -> None:
    session = json.loads(ann.http("GET", "/jmap/session").body)

    assert session["capabilities"][BLOB] == {}
    assert session["accounts"][ann.account]["accountCapabilities"][BLOB] == {
        "maxSizeBlobSet": session["capabilities"][CORE]["maxSizeUpload"],
        "maxDataSources": 100,
        "supportedTypeNames": ["Email", "Thread", "Mailbox"],
        "supportedDigestAlgorithms": ["sha-256", "sha-512", "sha"],
    }


def test_a_blob_is_made_of_texts_base64_and_pieces_of_others(ann: Client) -> None:
    calls = [
        ["Blob/upload", {"accountId": ann.account, "create": {"b4": {"data": [text(FOX)]}}}, "S"],
        [
            "Blob/upload",
            {
                "accountId": ann.account,
                "create": {
                    "cat": {
                        "type": "text/plain",
                        "data": [
                            text("How"),
                            {"blobId": "#b4", "length": 7, "offset": 3},
                            text("was t"),
                            {"blobId": "#b4", "length": 1, "offset": 1},
                            binary(b"at?"),
                        ],
                    }
                },
            },
            "C",
        ],
        ["Blob/get", {"accountId": ann.account, "ids": ["#cat"], "properties": ["data:asText", "size"]}, "G"],
    ]

    answers = ann.request(*calls, using=[CORE, BLOB], createdIds={})

    id = "b" + digest_of(b"How quick was that?")
    responses = [one[1] for one in answers["methodResponses"]]
    assert responses[1]["created"] == {"cat": {"id": id, "blobId": id, "type": "text/plain", "size": 19}}
    assert responses[2]["list"] == [{"id": id, "data:asText": "How quick was that?", "size": 19}]
    assert answers["createdIds"]["cat"] == id


def test_blobs_of_one_call_are_made_of_each_other_in_any_order(ann: Client) -> None:
    create = {
        "c": {"data": [{"blobId": "#b"}, text("c")]},
        "b": {"data": [{"blobId": "#a"}, text("b")]},
        "a": {"data": [text("a")]},
        "x": {"data": [{"blobId": "#y"}]},
        "y": {"data": [{"blobId": "#x"}]},
        "z": {"data": [{"blobId": "#z"}]},
    }

    answer = call(ann, "Blob/upload", create=create)

    assert got(ann, answer["created"]["c"]["id"], "data:asText") == {"data:asText": "abc"}
    assert set(answer["created"]) == {"a", "b", "c"}
    assert {key: one["type"] for key, one in answer["notCreated"].items()} == dict.fromkeys("xyz", "blobNotFound")


def test_an_empty_blob_is_a_blob(ann: Client) -> None:
    made = make(ann)

    assert (made["size"], made["type"]) == (0, "application/octet-stream")
    assert got(ann, made["id"]) == {"data:asText": "", "size": 0}


@pytest.mark.parametrize(
    "upload",
    [
        {},
        {"data": None},
        {"data": "text"},
        {"data": [1]},
        {"data": [{}]},
        {"data": [{"data:asText": None}]},
        {"data": [{"data:asText": 1}]},
        {"data": [{"data:asText": "x", "data:asBase64": "eA=="}]},
        {"data": [{"data:asText": "x", "offset": 0}]},
        {"data": [{"data:asBase64": "x"}]},
        {"data": [{"data:asBase64": "eA"}]},
        {"data": [{"data:asBase64": "eA=\n="}]},
        {"data": [{"data:asBase64": "é==="}]},
        {"data": [{"data:asHex": "00"}]},
        {"data": [{"blobId": 1}]},
        {"data": [{"blobId": "{id}", "offset": -1}]},
        {"data": [{"blobId": "{id}", "length": "1"}]},
        {"data": [{"blobId": "{id}", "offset": 46}]},
        {"data": [{"blobId": "{id}", "offset": 1, "length": 45}]},
        {"data": [text("x")], "type": 1},
        {"data": [text("x")], "name": "x"},
        {"data": [text("")] * (MAX_DATA_SOURCES + 1)},
    ],
)
def test_what_cannot_be_taken_as_it_is_given_is_refused(ann: Client, upload: Any) -> None:
    id = make(ann, text(FOX))["id"]
    given = json.loads(json.dumps(upload).replace("{id}", id))

    assert refusal(ann, given) == "invalidProperties"


def test_ranges_may_be_empty_and_end_where_the_blob_ends(ann: Client) -> None:
    id = make(ann, text(FOX))["id"]

    made = make(ann, {"blobId": id, "offset": 45}, {"blobId": id, "length": 0}, {"blobId": id, "offset": 41})

    assert got(ann, made["id"]) == {"data:asText": "dog.", "size": 4}


def test_a_blob_that_is_larger_than_one_piece_is_put_together(ann: Client) -> None:
    content = bytes(range(256)) * (READ_BYTES // 128)
    id = make(ann, binary(content))["id"]

    made = make(ann, {"blobId": id, "offset": 1}, {"blobId": id, "length": READ_BYTES + 1})

    wanted = content[1:] + content[: READ_BYTES + 1]
    assert (made["id"], made["size"]) == ("b" + digest_of(wanted), len(wanted))


def test_blobs_that_the_account_may_not_read_are_not_found(ann: Client, bob: Client) -> None:
    theirs = make(bob, text("secret"))["id"]

    assert refusal(ann, {"data": [{"blobId": theirs}]}) == "blobNotFound"
    assert call(ann, "Blob/get", ids=[theirs])["notFound"] == [theirs]


def limited(client: Client, **limits: int) -> Client:
    config = dataclasses.replace(client.site.config, limits=Limits(**limits))
    return Client(dataclasses.replace(client.site, config=config), client.user)


def test_limits_are_kept(ann: Client) -> None:
    small = limited(ann, max_size_upload=10)
    assert make(small, text("1234567890"))["size"] == 10
    assert refusal(small, {"data": [text("12345"), text("678901")]}) == "tooLarge"

    id = make(ann, text("x" * 600))["id"]
    tight = limited(ann, max_bytes_in_get=1_000)
    twice = {"data": [{"blobId": id}]}
    before = ann.position()
    assert call(tight, "Blob/upload", create={"a": twice, "b": twice}) == {"error": "requestTooLarge"}
    assert ann.position() == before
    few = limited(ann, max_objects_in_set=1)
    assert call(few, "Blob/upload", create={"a": twice, "b": twice}) == {"error": "requestTooLarge"}


def test_more_blobs_than_fit_into_one_commit_are_made(ann: Client) -> None:
    answer = call(ann, "Blob/upload", create={f"k{i}": {"data": [text(f"{i}")]} for i in range(200)})

    assert len(answer["created"]) == 200
    ids = [one["id"] for one in answer["created"].values()]
    assert call(ann, "Blob/get", ids=ids, properties=["size"])["notFound"] == []


def test_what_is_made_ends_as_an_upload_does(ann: Client, clock: FakeClock) -> None:
    id = make(ann, text("x"))["id"]

    clock.advance(UPLOAD_SECONDS * 1_000 + 1)

    assert call(ann, "Blob/get", ids=[id])["notFound"] == [id]


def test_octets_are_got_as_text_or_else_in_base64(ann: Client) -> None:
    fox, broken = make(ann, text(FOX))["id"], make(ann, binary(BROKEN))["id"]
    whole = base64.b64encode(BROKEN).decode()

    assert got(ann, fox) == {"data:asText": FOX, "size": 45}
    assert got(ann, fox, "data:asBase64") == {"data:asBase64": base64.b64encode(FOX.encode()).decode()}
    assert got(ann, broken) == {"data:asBase64": whole, "isEncodingProblem": True, "size": len(BROKEN)}
    assert got(ann, broken, "data:asText") == {"data:asText": None, "isEncodingProblem": True}
    assert got(ann, broken, "data:asBase64") == {"data:asBase64": whole}
    assert got(ann, broken, length=5) == {"data:asText": "The q", "size": len(BROKEN)}


def test_text_that_no_json_may_hold_is_got_in_base64(ann: Client) -> None:
    octets = b"a\xef\xbf\xbf\xf0\x9f\xbf\xbe"
    id = make(ann, binary(octets))["id"]

    assert got(ann, id, "data") == {"data:asBase64": base64.b64encode(octets).decode(), "isEncodingProblem": True}
    assert got(ann, id, "data", length=1) == {"data:asText": "a"}


def test_a_range_within_a_character_is_no_text(ann: Client) -> None:
    id = make(ann, text("aé"))["id"]

    assert got(ann, id, "data", length=2) == {"data:asBase64": "YcM=", "isEncodingProblem": True}


@pytest.mark.parametrize(
    ("arguments", "expected", "is_truncated"),
    [
        ({"offset": 4, "length": 9}, "quick bro", False),
        ({"offset": 40}, " dog.", False),
        ({"offset": 40, "length": 5}, " dog.", False),
        ({"offset": 40, "length": 6}, " dog.", True),
        ({"offset": 45}, "", False),
        ({"offset": 45, "length": 0}, "", False),
        ({"offset": 45, "length": 1}, "", True),
        ({"offset": 46}, "", True),
        ({"offset": 99, "length": 1}, "", True),
        ({"offset": None, "length": None}, FOX, False),
        ({"length": 0}, "", False),
    ],
)
def test_a_range_is_cut_at_the_end_and_says_so(
    ann: Client, arguments: Object, expected: str, is_truncated: bool
) -> None:
    id = make(ann, text(FOX))["id"]

    found = got(ann, id, "data", "size", "digest:sha", **arguments)

    assert (found["data:asText"], found["size"], found.get("isTruncated", False)) == (expected, 45, is_truncated)
    assert found["digest:sha"] == base64.b64encode(hashlib.sha1(expected.encode()).digest()).decode()  # noqa: S324


def test_digests_are_those_of_the_range(ann: Client) -> None:
    id = make(ann, text(FOX))["id"]

    assert got(ann, id, "digest:sha", "digest:sha-256", "digest:sha-512") == {
        "digest:sha": "wIVPufsDxBzOOALLDSIFKebu+U4=",
        "digest:sha-256": base64.b64encode(hashlib.sha256(FOX.encode()).digest()).decode(),
        "digest:sha-512": base64.b64encode(hashlib.sha512(FOX.encode()).digest()).decode(),
    }
    assert got(ann, id, "digest:sha", "digest:sha-256", offset=4, length=9) == {
        "digest:sha": "QiRAPtfyX8K6tm1iOAtZ87Xj3Ww=",
        "digest:sha-256": "gdg9INW7lwHK6OQ9u0dwDz2ZY/gubi0En0xlFpKt0OA=",
    }


def test_size_and_name_of_a_whole_blob_are_known_without_reading_it(ann: Client) -> None:
    id = make(ann, text(FOX))["id"]
    blobs = CountingBlobs(ann.site.blobs)
    client = Client(dataclasses.replace(ann.site, blobs=blobs), ann.user)

    got(client, id, "size", "digest:sha-256")

    assert blobs.calls.as_dict() == {"size": 1}


def test_a_part_of_a_message_is_a_blob(ann: Client) -> None:
    email = ann.deliver(message(attachments=[("a.bin", b"attached octets")]))[0]
    part = ann.email(email, "attachments")["attachments"][0]["blobId"]

    assert got(ann, part) == {"data:asText": "attached octets", "size": 15}
    assert got(ann, part, "data", offset=9, length=3) == {"data:asText": "oct"}
    made = make(ann, {"blobId": part, "length": 8}, text("!"))
    assert got(ann, made["id"]) == {"data:asText": "attached!", "size": 9}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, "invalidArguments"),
        ({"ids": None}, "invalidArguments"),
        ({"ids": [], "properties": ["nonsense"]}, "invalidArguments"),
        ({"ids": [], "properties": ["digest:md5"]}, "invalidArguments"),
        ({"ids": [], "properties": ["sha"]}, "invalidArguments"),
        ({"ids": [], "offset": -1}, "invalidArguments"),
        ({"ids": [], "length": "1"}, "invalidArguments"),
        ({"ids": [f"b{i}" for i in range(1_001)]}, "requestTooLarge"),
    ],
)
def test_wrong_arguments_are_refused(ann: Client, arguments: Object, error: str) -> None:
    assert call(ann, "Blob/get", **arguments) == {"error": error}


def test_what_one_request_gets_is_bounded(ann: Client) -> None:
    id = make(ann, text("x" * 600))["id"]
    tight = limited(ann, max_bytes_in_get=1_000)

    assert got(tight, id)["size"] == 600
    assert call(tight, "Blob/get", ids=[id], properties=["data:asText", "data:asBase64"]) == {
        "error": "requestTooLarge"
    }
    assert call(tight, "Blob/get", ids=[id], properties=["data", "digest:sha"]) == {"error": "requestTooLarge"}
    assert got(tight, id, "data", "digest:sha", length=400)["data:asText"] == "x" * 400


def lookup(client: Client, *ids: str, types: Any = ("Email", "Thread", "Mailbox")) -> list[Object]:
    answer = call(client, "Blob/lookup", ids=list(ids), typeNames=list(types))
    assert [one["id"] for one in answer["list"]] == list(ids)
    return [one["matchedIds"] for one in answer["list"]]


NOWHERE: Object = {"Email": [], "Thread": [], "Mailbox": []}


def test_a_raw_message_is_found_where_its_emails_are(ann: Client) -> None:
    raw = message("twice", message_id="a@x")
    first, second = ann.deliver(raw, raw)
    ann.deliver(message("other"))
    blob = ann.email(first, "blobId")["blobId"]
    thread = ann.email(first, "threadId")["threadId"]
    ann.patch(second, {"mailboxIds": {"archive": True, "junk": True}})

    assert lookup(ann, blob) == [
        {"Email": sorted([first, second]), "Thread": [thread], "Mailbox": ["archive", "inbox", "junk"]}
    ]
    ann.call("Email/set", destroy=[first])
    assert lookup(ann, blob) == [{"Email": [second], "Thread": [thread], "Mailbox": ["archive", "junk"]}]
    ann.call("Email/set", destroy=[second])
    assert lookup(ann, blob) == [NOWHERE]


def test_a_part_is_found_in_the_emails_that_show_it(ann: Client) -> None:
    email = ann.deliver(message(attachments=[("a.bin", b"attached octets")]))[0]
    part = ann.email(email, "attachments")["attachments"][0]["blobId"]
    other = part.replace("-", "-1", 1)

    assert [one["Email"] for one in lookup(ann, part, other)] == [[email], []]


def test_what_is_not_the_accounts_looks_like_what_does_not_exist(ann: Client, bob: Client) -> None:
    raw = message("theirs")
    theirs = bob.email(bob.deliver(raw)[0], "blobId")["blobId"]
    upload = make(ann, text("not used"))["id"]

    assert lookup(ann, theirs, "b" + "0" * 64, "nonsense", upload) == [NOWHERE] * 4
    ann.http("POST", f"/jmap/upload/{ann.account}/", raw)
    assert lookup(ann, theirs) == [NOWHERE]


@pytest.mark.parametrize(
    ("types", "using", "error"),
    [
        (["Email"], (CORE, BLOB), "unknownDataType"),
        (["Calendar"], (CORE, MAIL, BLOB), "unknownDataType"),
        (["Identity"], (CORE, MAIL, BLOB), "unknownDataType"),
        (["Email"], (CORE, MAIL), "unknownMethod"),
        (None, (CORE, MAIL, BLOB), "invalidArguments"),
    ],
)
def test_only_types_that_the_request_uses_are_looked_up(ann: Client, types: Any, using: Any, error: str) -> None:
    assert call(ann, "Blob/lookup", using=using, typeNames=types, ids=[]) == {"error": error}


def test_a_lookup_scans_nothing(ann: Client) -> None:
    ids = ann.deliver(*(message(f"s{i}") for i in range(30)))
    blobs = [ann.email(id, "blobId")["blobId"] for id in ids[:10]]
    store = CountingStore(ann.site.store)
    client = Client(dataclasses.replace(ann.site, store=store), ann.user)

    assert [one["Email"] for one in lookup(client, *blobs)] == [[id] for id in ids[:10]]
    calls = store.calls.as_dict()
    assert ("scan" not in calls, calls["get_many"]) == (True, 3)


def test_of_very_many_copies_some_are_known(ann: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "NOTED_EMAILS", 2)
    raw = message("copies", message_id="a@x")
    ids = ann.deliver(raw, raw, raw)

    assert lookup(ann, "b" + digest_of(raw))[0]["Email"] == sorted(ids[:2])


def test_a_lookup_of_more_emails_than_one_answer_holds_is_refused(ann: Client) -> None:
    raw = message("copies", message_id="a@x")
    ann.deliver(raw, raw, raw)
    tight = limited(ann, max_objects_in_get=2)

    assert call(tight, "Blob/lookup", ids=["b" + digest_of(raw)], typeNames=["Email"]) == {"error": "requestTooLarge"}
