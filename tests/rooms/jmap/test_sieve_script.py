"""SieveScript (RFC 9661)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from homing.delivery.accept import accept
from homing.jmap.types.sieve_script import MAX_SCRIPTS
from homing.ledger import keys
from homing.ledger.view import View
from homing.sieve import MAX_SCRIPT, SUPPORTED
from tests.conftest import FakeClock
from tests.mail import landed, message
from tests.rooms.delivery.filters import filed
from tests.rooms.delivery.outcome import assert_sound
from tests.rooms.jmap.conftest import Client, Object

URN = "urn:ietf:params:jmap:sieve"


def upload(ann: Client, text: str | bytes) -> str:
    raw = text.encode() if isinstance(text, str) else text
    response = ann.http("POST", f"/jmap/upload/{ann.account}/", raw, {"content-type": "application/sieve"})
    blob: str = json.loads(response.body)["blobId"]
    return blob


def create(ann: Client, text: str = "keep;", *, active: bool = False, name: str | None = None) -> Object:
    given: Object = {"blobId": upload(ann, text), **({} if name is None else {"name": name})}
    then: Object = {"onSuccessActivateScript": "#a"} if active else {}
    answer = ann.call("SieveScript/set", create={"a": given}, **then)
    assert answer["created"], answer
    return dict(answer["created"]["a"])


def refusal(ann: Client, **given: object) -> Object:
    answer = ann.call("SieveScript/set", create={"a": given})
    assert answer["created"] is None, answer
    return dict(answer["notCreated"]["a"])


def scripts(ann: Client) -> dict[str, Object]:
    return {one["name"]: one for one in ann.call("SieveScript/get", ids=None)["list"]}


def settings(ann: Client) -> Object:
    return View(ann.site.store, ann.account, ann.site.clock.now()).object("Account", keys.SELF) or {}


def text_of(ann: Client, blob: str) -> bytes | None:
    response = ann.http("GET", f"/jmap/download/{ann.account}/{blob}/script.sieve")
    pieces = [response.body] if isinstance(response.body, bytes) else response.body
    return b"".join(pieces) if response.status == 200 else None


def test_the_session_says_what_scripts_may_do(ann: Client) -> None:
    session = json.loads(ann.http("GET", "/jmap/session").body)

    assert session["capabilities"][URN] == {"implementation": "Homing"}
    assert session["primaryAccounts"][URN] == ann.account
    can = session["accounts"][ann.account]["accountCapabilities"][URN]
    assert can.keys() == {
        "maxSizeScriptName", "maxSizeScript", "maxNumberScripts", "maxNumberRedirects", "sieveExtensions",
        "notificationMethods", "externalLists",
    }  # fmt: skip
    assert can["maxSizeScriptName"] >= 512
    assert set(SUPPORTED) <= set(can["sieveExtensions"])
    assert {"fileinto", "vacation", "comparator-i;ascii-numeric"} < set(can["sieveExtensions"])
    assert (can["notificationMethods"], can["externalLists"]) == (None, None)


def test_a_script_is_created_and_its_text_read_again(ann: Client) -> None:
    before = ann.state("SieveScript")

    made = create(ann, "discard;", name="Höre auf")

    assert made["isActive"] is False
    [found] = ann.call("SieveScript/get", ids=[made["id"]])["list"]
    assert found == {"id": made["id"], "name": "Höre auf", "blobId": made["blobId"], "isActive": False}
    assert text_of(ann, found["blobId"]) == b"discard;"
    assert ann.call("SieveScript/changes", sinceState=before)["created"] == [made["id"]]
    assert ann.call("SieveScript/get", ids=["other"])["notFound"] == ["other"]


def test_without_a_name_the_server_gives_one(ann: Client) -> None:
    answer = ann.call("SieveScript/set", create={"a": {"name": None, "blobId": upload(ann, "keep;")},
                                                 "b": {"blobId": upload(ann, "stop;")}})  # fmt: skip

    names = {answer["created"][key]["name"] for key in ("a", "b")}
    assert len(names) == 2
    assert scripts(ann).keys() == names


@pytest.mark.parametrize("name", ["", "a\nb", "\x00", "\x7f", "\x85", "\u2028", "é" * 257])
def test_a_name_that_is_none_is_refused(ann: Client, name: str) -> None:
    error = refusal(ann, name=name, blobId=upload(ann, "keep;"))

    assert (error["type"], error["properties"]) == ("invalidProperties", ["name"])


def test_two_scripts_of_one_name_cannot_be(ann: Client) -> None:
    one, other = create(ann, name="one")["id"], create(ann, name="other")["id"]

    error = refusal(ann, name="one", blobId=upload(ann, "stop;"))
    assert (error["type"], error["existingId"]) == ("alreadyExists", one)
    error = ann.update("SieveScript", other, name="one")["notUpdated"][other]
    assert (error["type"], error["existingId"]) == ("alreadyExists", one)
    assert ann.update("SieveScript", one, name="one")["updated"] == {one: None}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"keep", "line 1"),
        (b"keep;\nnonsense;\n", "line 2"),
        (b'require "no.such.extension";', "no.such.extension"),
        (b'fileinto "x";', "fileinto"),
        (b"\xff", "UTF-8"),
    ],
)
def test_what_is_no_script_is_refused_with_its_line(ann: Client, text: bytes, words: str) -> None:
    error = refusal(ann, blobId=upload(ann, text))

    assert error["type"] == "invalidSieve"
    assert words in error["description"]
    answer = ann.call("SieveScript/validate", blobId=upload(ann, text))
    assert answer["error"] == error
    assert scripts(ann) == {}


def test_a_script_can_be_validated_without_being_kept(ann: Client) -> None:
    position = ann.position()
    blob = upload(ann, "keep;")

    answer = ann.call("SieveScript/validate", blobId=blob)

    assert answer == {"accountId": ann.account, "error": None}
    assert ann.position() == position + 1  # the upload
    assert ann.call("SieveScript/validate", blobId="nothing")["error"]["type"] == "blobNotFound"
    assert ann.call("SieveScript/validate", blobId=upload(ann, "#" * 300_000))["error"]["type"] == "tooLarge"


def test_a_script_that_is_too_large_or_not_there_is_refused(ann: Client) -> None:
    assert refusal(ann, blobId=upload(ann, "#" * (MAX_SCRIPT + 1)))["type"] == "tooLarge"
    assert refusal(ann, blobId="bnothing")["type"] == "blobNotFound"
    assert refusal(ann, name="x")["type"] == "invalidProperties"
    assert refusal(ann, blobId=upload(ann, "keep;"), isActive=True)["properties"] == ["isActive"]


def test_another_account_s_blob_is_no_script(ann: Client, bob: Client) -> None:
    assert refusal(bob, blobId=upload(ann, "keep;"))["type"] == "blobNotFound"


def test_there_can_be_so_many_scripts(ann: Client) -> None:
    blob = upload(ann, "keep;")

    answer = ann.call("SieveScript/set", create={f"c{number}": {"blobId": blob} for number in range(MAX_SCRIPTS + 1)})

    assert len(answer["created"]) == MAX_SCRIPTS
    assert [error["type"] for error in answer["notCreated"].values()] == ["overQuota"]


# activation


def test_a_script_is_activated_with_its_creation_and_takes_the_other_s_place(ann: Client) -> None:
    first = create(ann, name="first", active=True)
    assert first["isActive"] is True
    state = ann.state("SieveScript")

    answer = ann.call("SieveScript/set", create={"a": {"blobId": upload(ann, "stop;")}}, onSuccessActivateScript="#a")

    second = answer["created"]["a"]
    assert second["isActive"] is True
    assert answer["updated"] == {first["id"]: {"isActive": False}}
    assert (answer["oldState"], answer["newState"]) == (state, ann.state("SieveScript"))
    assert settings(ann)["activeScript"] == {"id": second["id"], "blob": second["blobId"][1:]}
    assert {one["id"]: one["isActive"] for one in scripts(ann).values()} == {first["id"]: False, second["id"]: True}


def test_a_script_is_deactivated_and_activated_again(ann: Client) -> None:
    id = create(ann, active=True, name="one")["id"]

    answer = ann.call("SieveScript/set", update={id: {"name": "two"}}, onSuccessDeactivateScript=True)
    assert answer["updated"] == {id: {"isActive": False}}
    assert "activeScript" not in settings(ann)

    answer = ann.call("SieveScript/set", onSuccessActivateScript=id)
    assert answer["updated"] == {id: {"isActive": True}}
    assert ann.call("SieveScript/set", onSuccessActivateScript=id)["updated"] is None
    assert scripts(ann)["two"]["isActive"] is True


@pytest.mark.parametrize("wanted", ["nothing", "#nothing"])
def test_an_id_that_is_none_activates_nothing(ann: Client, wanted: str) -> None:
    id = create(ann, active=True)["id"]

    answer = ann.call("SieveScript/set", onSuccessActivateScript=wanted)
    assert answer["updated"] is None
    assert settings(ann)["activeScript"]["id"] == id

    answer = ann.call("SieveScript/set", onSuccessActivateScript=wanted, onSuccessDeactivateScript=True)
    assert answer["updated"] == {id: {"isActive": False}}


def test_nothing_is_activated_unless_all_succeeds(ann: Client) -> None:
    id = create(ann)["id"]

    answer = ann.call("SieveScript/set", update={"other": {"name": "x"}}, onSuccessActivateScript=id)

    assert answer["notUpdated"]["other"]["type"] == "notFound"
    assert answer["updated"] is None
    assert "activeScript" not in settings(ann)


def test_both_arguments_exchange_the_active_script(ann: Client) -> None:
    first, second = create(ann, active=True)["id"], create(ann, "stop;")["id"]

    answer = ann.call("SieveScript/set", onSuccessActivateScript=second, onSuccessDeactivateScript=True)

    assert answer["updated"] == {first: {"isActive": False}, second: {"isActive": True}}


def test_the_active_script_cannot_be_destroyed(ann: Client) -> None:
    id = create(ann, active=True)["id"]

    answer = ann.call("SieveScript/set", destroy=[id], onSuccessDeactivateScript=True)
    assert answer["notDestroyed"][id]["type"] == "sieveIsActive"
    assert scripts(ann)

    ann.call("SieveScript/set", onSuccessDeactivateScript=True)
    assert ann.call("SieveScript/set", destroy=[id])["destroyed"] == [id]
    assert scripts(ann) == {}


def test_which_script_is_active_cannot_be_set_otherwise(ann: Client) -> None:
    id = create(ann)["id"]

    error = ann.update("SieveScript", id, isActive=True)["notUpdated"][id]

    assert (error["type"], error["properties"]) == ("invalidProperties", ["isActive"])
    assert ann.update("SieveScript", id, isActive=False, name="x")["updated"] == {id: None}


# texts


def test_a_new_text_of_the_active_script_acts_at_once(ann: Client, user: object) -> None:
    id = create(ann, 'require "fileinto"; fileinto "Archive";', active=True)["id"]
    accept(ann.site, [landed(message(), "ann@example.org", received_at=1)])

    blob = upload(ann, 'require "fileinto"; fileinto "Drafts";')
    assert ann.update("SieveScript", id, blobId=blob)["updated"] == {id: None}
    accept(ann.site, [landed(message(), "ann@example.org", received_at=2)])
    error = ann.update("SieveScript", id, blobId=upload(ann, "broken"))["notUpdated"][id]
    accept(ann.site, [landed(message(), "ann@example.org", received_at=3)])

    assert error["type"] == "invalidSieve"
    assert [boxes for boxes, _ in filed(ann.site, ann.user)] == [["Archive"], ["Drafts"], ["Drafts"]]


def test_a_text_uploaded_in_the_same_request_is_meant_by_its_creation_id(ann: Client) -> None:
    id = create(ann)["id"]

    answers = ann.responses(
        ("Blob/upload", {"create": {"B": {"data": [{"data:asText": "discard;"}]}}}),
        ("SieveScript/set", {"update": {id: {"blobId": "#B"}}, "create": {"n": {"blobId": "#B", "name": "n"}}}),
    )

    blob = answers[0][1]["created"]["B"]["id"]
    assert answers[1][1]["updated"] == {id: {"blobId": blob}}
    assert scripts(ann)["n"]["blobId"] == blob


def test_a_part_of_a_message_can_be_a_script(ann: Client) -> None:
    email = ann.deliver(message(attachments=[("my.sieve", b"discard;")]))[0]
    [part] = ann.email(email, "attachments")["attachments"]

    answer = ann.call("SieveScript/set", create={"a": {"blobId": part["blobId"]}})

    made = answer["created"]["a"]
    assert made["blobId"] != part["blobId"]
    ann.call("Email/set", destroy=[email])
    assert text_of(ann, made["blobId"]) == b"discard;"


def test_a_script_keeps_its_text_when_the_upload_is_forgotten_and_lets_go_of_it(
    ann: Client, clock: FakeClock, tmp_path: Path
) -> None:
    one, other = create(ann, "discard;", name="one"), create(ann, "discard;", name="other")
    clock.advance(3 * 24 * 3_600 * 1_000)
    assert text_of(ann, one["blobId"]) == b"discard;"

    ann.call("SieveScript/set", destroy=[one["id"]])
    assert text_of(ann, one["blobId"]) == b"discard;"
    ann.update("SieveScript", other["id"], blobId=upload(ann, "keep;"))
    assert text_of(ann, one["blobId"]) is None
    assert_sound(ann.site, [ann.account], tmp_path)


# queries


def test_scripts_are_found_by_name_and_by_activity_in_an_order(ann: Client) -> None:
    ids = {name: create(ann, name=name, active=name == "Beta")["id"] for name in ("alpha", "Beta", "alphabet")}

    def found(**arguments: object) -> list[str]:
        answer = ann.call("SieveScript/query", **arguments)["ids"]
        return [name for id in answer for name, one in ids.items() if one == id]

    by_name = [{"property": "name"}]
    assert found(sort=by_name) == ["alpha", "alphabet", "Beta"]
    assert found(sort=[{"property": "isActive", "isAscending": False}, *by_name]) == ["Beta", "alpha", "alphabet"]
    assert found(filter={"name": "ALPHA"}, sort=by_name) == ["alpha", "alphabet"]
    assert found(filter={"isActive": True}) == ["Beta"]
    assert found(filter={"isActive": False, "name": "bet"}) == ["alphabet"]
    assert found(filter={"operator": "NOT", "conditions": [{"name": "bet"}]}) == ["alpha"]
    assert ann.call("SieveScript/query", calculateTotal=True, limit=1)["total"] == 3
    assert ann.error("SieveScript/query", filter={"blobId": "x"})["type"] == "unsupportedFilter"
    assert ann.error("SieveScript/query", sort=[{"property": "blobId"}])["type"] == "unsupportedSort"


def test_query_changes_tells_of_an_activation(ann: Client) -> None:
    one, other = create(ann, active=True)["id"], create(ann, "stop;")["id"]
    state = ann.call("SieveScript/query", filter={"isActive": True})["queryState"]

    ann.call("SieveScript/set", onSuccessActivateScript=other)

    changes = ann.call("SieveScript/queryChanges", filter={"isActive": True}, sinceQueryState=state)
    assert set(changes["removed"]) == {one, other}
    assert changes["added"] == [{"id": other, "index": 0}]


def test_after_another_s_change_the_new_state_stays_where_the_client_has_heard_of_all(ann: Client) -> None:
    one, other = create(ann)["id"], create(ann, "stop;")["id"]
    state = ann.state("SieveScript")

    answer = ann.call("SieveScript/set", update={one: {"name": "renamed"}}, onSuccessActivateScript=other)

    changes = ann.call("SieveScript/changes", sinceState=answer["oldState"])
    assert answer["oldState"] == state
    assert changes["newState"] == answer["newState"]
    assert set(changes["updated"]) == {one, other}
