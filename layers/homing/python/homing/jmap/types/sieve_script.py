"""SieveScript (RFC 9661): the scripts of an account, of which delivery runs the active one.

A script's text is a blob that the script keeps. Which one is active stands in the settings of the account as well,
with its blob: delivery reads them anyway, so that an account without a script pays nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from homing.config import Config
from homing.ids import blob_id
from homing.jmap.blob import find_content
from homing.jmap.capabilities import SIEVE
from homing.jmap.context import Context, Opened, Step
from homing.jmap.datatype import Commit, DataType, Found, Object, Property, Querying, SetError, Setting
from homing.jmap.dispatch import Function
from homing.jmap.filters import Conditions, matches
from homing.jmap.kinds import BOOLEAN, ID, ID_OR_REFERENCE, STRING, nullable
from homing.jmap.methods.arguments import check_arguments
from homing.ledger import keys
from homing.ledger.transact import Draft, Transaction, transact
from homing.ledger.view import View
from homing.sieve import MAX_REDIRECTS, MAX_SCRIPT, SUPPORTED

TYPE: Final = "SieveScript"
MAX_NAME: Final = 512
"""Octets of a name; RFC 9661 §1.2.1 asks for at least as many."""
MAX_SCRIPTS: Final = 100

VALIDATE_ARGUMENTS: Final = {"accountId": Property(ID), "blobId": Property(ID_OR_REFERENCE)}


@dataclass(frozen=True, slots=True)
class _Text:
    """A script as it is stored, or what is wrong with it."""

    digest: str = ""
    error: SetError | None = None


def server_capability(_config: Config) -> Object:
    """RFC 9661 §1.2."""
    return {"implementation": "Homing"}


def account_capability(_config: Config) -> Object:
    """RFC 9661 §1.2.1."""
    return {
        "maxSizeScriptName": MAX_NAME,
        "maxSizeScript": MAX_SCRIPT,
        "maxNumberScripts": MAX_SCRIPTS,
        "maxNumberRedirects": MAX_REDIRECTS,
        "sieveExtensions": sorted(SUPPORTED),
        "notificationMethods": None,
        "externalLists": None,
    }


def sieve_validate(context: Context, given: Object) -> Object:
    """`SieveScript/validate` (RFC 9661 §2.6). What is wrong with the blob is told as what is wrong with the script."""
    arguments = check_arguments(given, VALIDATE_ARGUMENTS)
    view = context.view(arguments["accountId"])
    text = _read(context, view, arguments["blobId"])
    return {"accountId": arguments["accountId"], "error": text.error.to_body() if text.error else None}


def _read(context: Context, view: View, id: str, *, keep: bool = False) -> _Text:
    """What a blobId says, compiled; stored as a blob of its own if it is to be kept."""
    content = find_content(context, view, context.resolve(id))
    if content is None:
        return _Text(error=SetError("blobNotFound", "this account has no such blob", ("blobId",)))
    if content.size > MAX_SCRIPT:
        return _Text(error=SetError("tooLarge", f"a script has at most {MAX_SCRIPT} octets"))
    from homing.sieve.engine import SieveError, compile_script  # noqa: PLC0415  # the engine, for those who write scripts

    raw = content.read(0, content.size)
    try:
        compile_script(raw.decode())
    except UnicodeDecodeError:
        return _Text(error=SetError("invalidSieve", "a script is UTF-8 (RFC 5228 §2.1)"))
    except SieveError as error:
        return _Text(error=SetError("invalidSieve", str(error)))
    return _Text(context.site.blobs.put(raw) if keep else "")


def _prepare(context: Context, view: Opened, arguments: Object, _commit: Commit) -> Mapping[str, _Text]:
    """The texts that the call names, by blobId."""
    given = [*(arguments["create"] or {}).values(), *(arguments["update"] or {}).values()]
    ids = {one["blobId"] for one in given if ID_OR_REFERENCE.accepts(one.get("blobId"))}
    return {id: _read(context, view, id, keep=True) for id in ids}


def _current(view: View, id: str) -> Object | None:
    row = view.object(TYPE, id)
    if row is None:
        return None
    return {"name": row["name"], "blobId": blob_id(row["blob"]), "isActive": row.get("isActive", False)}


def _load(
    _context: Context, view: View, ids: Sequence[str] | None, properties: Sequence[str], _arguments: Object
) -> Iterator[Object]:
    rows = view.all_objects(TYPE) if ids is None else view.objects(TYPE, ids)
    for id in rows:
        full = {"id": id, **(_current(view, id) or {})}
        yield {name: full[name] for name in properties}


def _create(step: Step, given: Object) -> tuple[str, Object] | SetError:
    scripts = step.draft.all_objects(TYPE)
    if len(scripts) >= MAX_SCRIPTS:
        return SetError("overQuota", f"an account has at most {MAX_SCRIPTS} scripts")
    id = step.context.site.new_id("s")
    name = given["name"] if given["name"] is not None else id
    text: _Text = step.prepared[given["blobId"]]
    if (error := text.error or _check_name(step.draft, id, name)) is not None:
        return error
    step.draft.load([keys.blob_key(text.digest)])
    step.draft.create(TYPE, id, {"name": name, "blob": text.digest})
    return id, {"isActive": False, "name": name, "blobId": blob_id(text.digest)}


def _update(step: Step, id: str, current: Object, changed: Object) -> Object | SetError | None:
    patch: Object = {}
    answer: Object = {}
    if "name" in changed:
        patch["name"] = changed["name"] if changed["name"] is not None else id
        if (error := _check_name(step.draft, id, patch["name"])) is not None:
            return error
        if patch["name"] != changed["name"]:
            answer["name"] = patch["name"]
    if "blobId" in changed:
        text: _Text = step.prepared[changed["blobId"]]
        if text.error is not None:
            return text.error
        patch["blob"] = text.digest
        if blob_id(text.digest) != changed["blobId"]:
            answer["blobId"] = blob_id(text.digest)
    step.draft.update(TYPE, id, patch)
    if current["isActive"] and "blob" in patch:
        step.draft.update("Account", keys.SELF, {"activeScript": {"id": id, "blob": patch["blob"]}})
    return answer or None


def _destroy(step: Step, id: str) -> SetError | None:
    if (step.draft.object(TYPE, id) or {}).get("isActive"):
        return SetError("sieveIsActive", "this script is active; deactivate it first")
    step.draft.destroy(TYPE, id)
    return None


def _check_name(draft: Draft, id: str, name: str) -> SetError | None:
    """RFC 9661 §2: a name is unique, not empty and holds no control characters (as RFC 5804 §1.6)."""
    if not name or len(name.encode(errors="replace")) > MAX_NAME or not all(map(_is_in_name, name)):
        return SetError("invalidProperties", f"a name has 1 to {MAX_NAME} octets without control characters", ("name",))
    for other, row in draft.all_objects(TYPE).items():
        if other != id and row["name"] == name:
            return SetError("alreadyExists", "there is a script of this name", extra={"existingId": other})
    return None


def _is_in_name(letter: str) -> bool:
    number = ord(letter)
    return number >= 0x20 and not 0x7F <= number <= 0x9F and number not in (0x2028, 0x2029)


def _finish(context: Context, arguments: Object, response: Object) -> None:
    """Activate or deactivate if all else succeeded (RFC 9661 §2.4), and say so in the response."""
    if any(response[name] for name in ("notCreated", "notUpdated", "notDestroyed")):
        return
    wanted = arguments["onSuccessActivateScript"]
    id = None if wanted is None else context.resolve(wanted)
    if id is None and not arguments["onSuccessDeactivateScript"]:
        return
    account = arguments["accountId"]

    def decide(transaction: Transaction) -> tuple[dict[str, bool], Draft]:
        draft = transaction.draft(account, [keys.object_key("Account", keys.SELF)])
        return _activate(draft, id, deactivate=arguments["onSuccessDeactivateScript"]), draft

    changed, draft = transact(context.site, context.actor, decide)
    context.forget(account)
    if response["newState"] == draft.head.state(TYPE):  # else another's change lies between, to be heard of
        response["newState"] = draft.after.state(TYPE)
    made = {one["id"]: one for one in (response["created"] or {}).values()}
    for script, is_active in changed.items():
        if script in made:
            made[script]["isActive"] = is_active
        else:
            response["updated"] = response["updated"] or {}
            response["updated"][script] = {**(response["updated"].get(script) or {}), "isActive": is_active}


def _activate(draft: Draft, wanted: str | None, *, deactivate: bool) -> dict[str, bool]:
    """Make a script the active one, or none; what changes, by id. An id that no script has is as good as none given
    (RFC 9661 §2.4)."""
    scripts = draft.all_objects(TYPE)
    id = wanted if wanted in scripts else None
    if id is None and not deactivate:
        return {}
    changed = {one: one == id for one, row in scripts.items() if (one == id) != row.get("isActive", False)}
    for one, is_active in changed.items():
        draft.update(TYPE, one, {"isActive": True if is_active else None})
    if changed:
        active = None if id is None else {"id": id, "blob": scripts[id]["blob"]}
        draft.update("Account", keys.SELF, {"activeScript": active})
    return changed


def _find(_context: Context, view: Opened, filter: Object | None, sort: Sequence[Object], _arguments: Object) -> Found:
    rows = {id: _current(view, id) or {} for id in view.all_objects(TYPE)}
    ids = sorted(id for id, row in rows.items() if matches(filter, row, _CONDITIONS))
    for comparator in reversed(sort):
        name = comparator["property"]
        ids.sort(key=lambda id: _sort_key(rows[id][name]), reverse=not comparator["isAscending"])
    return Found(ids, lambda: len(ids))


def _sort_key(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


_CONDITIONS: Final[Conditions] = {
    "name": lambda row, value: value.casefold() in row["name"].casefold(),
    "isActive": lambda row, value: row["isActive"] == value,
}


SIEVE_SCRIPT: Final = DataType(
    name=TYPE,
    capability=SIEVE,
    properties={
        "id": Property(ID, immutable=True, server_set=True),
        "name": Property(nullable(STRING), default=None),
        "blobId": Property(ID_OR_REFERENCE),
        "isActive": Property(BOOLEAN, server_set=True),
    },
    load=_load,
    setting=Setting(
        current=_current,
        create=_create,
        update=_update,
        destroy=_destroy,
        arguments={
            "onSuccessActivateScript": Property(nullable(ID_OR_REFERENCE), default=None),
            "onSuccessDeactivateScript": Property(BOOLEAN, default=False),
        },
        prepare=_prepare,
        finish=_finish,
    ),
    querying=Querying(
        conditions={"name": STRING, "isActive": BOOLEAN},
        sorts={"name": {}, "isActive": {}},
        find=_find,
    ),
)

FUNCTIONS: Final = {"SieveScript/validate": Function(SIEVE, sieve_validate, VALIDATE_ARGUMENTS)}
