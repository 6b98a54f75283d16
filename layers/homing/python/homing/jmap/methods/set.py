"""`Foo/set` (RFC 8620 §5.3): creates, then updates, then destroys, each object for itself.

Objects are decided in groups, one commit a group. A group that does not fit into a batch is halved; a
single object that does not fit is refused by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from homing.errors import LimitExceeded, MethodError
from homing.jmap.context import Context, Step
from homing.jmap.datatype import NO_DEFAULT, DataType, Property, SetError, Setting
from homing.jmap.kinds import ANYTHING, ID, ID_OR_REFERENCE, OBJECT, STRING, list_of, map_of, nullable
from homing.jmap.methods.arguments import check_arguments
from homing.jmap.patch import InvalidPatch, apply_patch
from homing.ledger.transact import Transaction, transact

Object = dict[str, Any]

ARGUMENTS: Final = {
    "accountId": Property(ID),
    "ifInState": Property(nullable(STRING), default=None),
    "create": Property(nullable(map_of(OBJECT)), default=None),
    "update": Property(nullable(map_of(OBJECT, ID_OR_REFERENCE.accepts)), default=None),
    "destroy": Property(nullable(list_of(ID_OR_REFERENCE)), default=None),
}
GROUP: Final = 24
"""Objects that one commit tries: a changed keyword writes three to four rows, and a batch has a hundred."""

Decide = Callable[[Step], "tuple[str, Object | SetError | None]"]


@dataclass(slots=True)
class _Outcome:
    """What became of the objects; a group's outcomes count only once they are committed."""

    old_state: str | None = None
    new_state: str | None = None
    done: dict[str, dict[str, Object | None]] = field(
        default_factory=lambda: {"create": {}, "update": {}, "destroy": {}}
    )
    failed: dict[str, dict[str, Object]] = field(default_factory=lambda: {"create": {}, "update": {}, "destroy": {}})


@dataclass(frozen=True, slots=True)
class _Item:
    verb: str
    key: str
    value: Object


def set_(type: DataType, context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """Create, update and destroy objects of a type."""
    setting = type.setting
    if setting is None:
        raise MethodError("unknownMethod")
    arguments = check_arguments(given, {**ARGUMENTS, **setting.arguments})
    account = arguments["accountId"]
    context.view(account)
    items = _in_order(list(_items(arguments)))
    maximum = context.site.config.limits.max_objects_in_set
    if len(items) > maximum:
        raise MethodError("requestTooLarge", f"maxObjectsInSet is {maximum}")
    expected = arguments["ifInState"]
    if expected is not None and expected != context.view(account).head.state(type.name):
        raise MethodError("stateMismatch")
    setting.prepare(context, arguments)
    outcome = _Outcome()
    work = _Work(type, setting, context, arguments, outcome)
    for start in range(0, max(len(items), 1), GROUP):
        work.commit(items[start : start + GROUP])
    context.forget(account)
    return _response(account, outcome)


class _Work:
    """The groups of one `/set`, committed one after the other."""

    def __init__(
        self, type: DataType, setting: Setting, context: Context, arguments: Object, outcome: _Outcome
    ) -> None:
        self.type = type
        self.setting = setting
        self.context = context
        self.arguments = arguments
        self.outcome = outcome
        self.to_destroy = frozenset(arguments["destroy"] or ())

    def commit(self, items: Sequence[_Item]) -> None:
        """Decide and write a group, in halves if it does not fit."""
        try:
            results, created, old, transaction = transact(
                self.context.site, self.context.actor, lambda transaction: self._decide(transaction, items)
            )
        except LimitExceeded as error:
            if len(items) < 2:
                self._refuse(items, error)
                return
            self.commit(items[: len(items) // 2])
            self.commit(items[len(items) // 2 :])
            return
        self.context.created.update(created)
        self._note_states(old, transaction)
        for item, result in results:
            if isinstance(result, SetError):
                self.outcome.failed[item.verb][item.key] = result.to_body()
            else:
                self.outcome.done[item.verb][item.key] = result

    def _decide(
        self, transaction: Transaction, items: Sequence[_Item]
    ) -> tuple[list[tuple[_Item, Object | SetError | None]], dict[str, str], str, Transaction]:
        account = self.arguments["accountId"]
        draft = transaction.draft(account, self.setting.prefetch([item.key for item in items if item.verb != "create"]))
        old = draft.head.state(self.type.name)
        expected = self.arguments["ifInState"]
        if self.outcome.old_state is None and expected is not None and expected != old:
            raise MethodError("stateMismatch")
        created: dict[str, str] = {}
        known = {**self.context.created}
        step = Step(self.context, transaction, draft, known, self.arguments)
        results = []
        for item in items:
            result = self._one(step, item)
            if item.verb == "create" and isinstance(result, dict):
                created[item.key] = known[item.key] = result["id"]
            results.append((item, result))
        return results, created, old, transaction

    def _one(self, step: Step, item: _Item) -> Object | SetError | None:
        if item.verb == "create":
            return _create(self.type, self.setting, step, item.value)
        id = step.resolve(item.key)
        if id is None or (item.verb == "update" and item.key in self.to_destroy):
            return SetError("notFound" if id is None else "willDestroy")
        if item.verb == "update":
            return _update(self.type, self.setting, step, id, item.value)
        if self.setting.current(step.draft, id) is None:
            return SetError("notFound")
        return self.setting.destroy(step, id)

    def _note_states(self, old: str, transaction: Transaction) -> None:
        if self.outcome.old_state is None:
            self.outcome.old_state = old
        draft = transaction.draft(self.arguments["accountId"])
        self.outcome.new_state = draft.after.state(self.type.name)

    def _refuse(self, items: Sequence[_Item], error: LimitExceeded) -> None:
        for item in items:
            refusal = SetError("tooLarge", f"this change does not fit into one commit: {error.description}")
            self.outcome.failed[item.verb][item.key] = refusal.to_body()


def _items(arguments: Object) -> Iterator[_Item]:
    for key, value in (arguments["create"] or {}).items():
        yield _Item("create", key, value)
    for key, value in (arguments["update"] or {}).items():
        yield _Item("update", key, value)
    for key in dict.fromkeys(arguments["destroy"] or ()):
        yield _Item("destroy", key, {})


def _in_order(items: Sequence[_Item]) -> list[_Item]:
    """Creations that refer to others of the same call come after them (RFC 8620 §5.3)."""
    creations = {item.key: item for item in items if item.verb == "create"}
    ordered: dict[str, _Item] = {}

    def place(item: _Item, above: frozenset[str]) -> None:
        for value in item.value.values():
            key = value[1:] if isinstance(value, str) and value.startswith("#") else None
            if key in creations and key not in above and key not in ordered:
                place(creations[key], above | {key})
        ordered.setdefault(item.key, item)

    for item in creations.values():
        place(item, frozenset({item.key}))
    return [*ordered.values(), *(item for item in items if item.verb != "create")]


def _create(type: DataType, setting: Setting, step: Step, given: Object) -> Object | SetError:
    invalid = _invalid(type, given, lambda property: property.server_set)
    if invalid:
        return _invalid_properties(invalid)
    settable = {name: property for name, property in type.properties.items() if not property.server_set}
    missing = [name for name, property in settable.items() if property.default is NO_DEFAULT and name not in given]
    if missing:
        return SetError("invalidProperties", f"{missing[0]} is required", tuple(missing))
    defaults = {name: property.default for name, property in settable.items() if name not in given}
    result = setting.create(step, {**defaults, **given})
    if isinstance(result, SetError):
        return result
    id, server_set = result
    return {"id": id, **defaults, **server_set}


def _update(type: DataType, setting: Setting, step: Step, id: str, patch: Object) -> Object | SetError | None:
    current = setting.current(step.draft, id)
    if current is None:
        return SetError("notFound")
    unknown = [name for name in patch if name in type.properties and name not in current]
    if unknown:  # a server-set property may be given if its value is the current one
        loaded = next(iter(type.load(step.context, step.draft, [id], unknown, {})), {})
        current = {**loaded, **current}
    try:
        patched = apply_patch(current, patch)
    except InvalidPatch as error:
        return SetError("invalidPatch", str(error))
    for name, value in patched.items():
        property = type.properties.get(name)
        if value is None and property is not None and property.default is not NO_DEFAULT:
            patched[name] = property.default
    changed = {name: value for name, value in patched.items() if name not in current or current[name] != value}
    invalid = _invalid(type, changed, lambda property: property.server_set or property.immutable)
    if invalid:
        return _invalid_properties(invalid)
    return setting.update(step, id, current, changed)


def _invalid(type: DataType, given: Object, forbidden: Callable[[Property], bool]) -> dict[str, str]:
    """Property names with what is wrong with each."""
    invalid: dict[str, str] = {}
    for name, value in given.items():
        property = type.properties.get(name, Property(ANYTHING, server_set=True))
        if name not in type.properties:
            invalid[name] = f"{type.name} has no property {name!r}"
        elif forbidden(property):
            invalid[name] = f"{name} cannot be set"
        elif not property.kind.accepts(value):
            invalid[name] = f"{name} must be {property.kind.name}"
    return invalid


def _invalid_properties(invalid: dict[str, str]) -> SetError:
    return SetError("invalidProperties", "; ".join(invalid.values()), tuple(invalid))


def _response(account: str, outcome: _Outcome) -> Object:
    done, failed = outcome.done, outcome.failed
    return {
        "accountId": account,
        "oldState": outcome.old_state,
        "newState": outcome.new_state,
        "created": done["create"] or None,
        "updated": done["update"] or None,
        "destroyed": list(done["destroy"]) or None,
        "notCreated": failed["create"] or None,
        "notUpdated": failed["update"] or None,
        "notDestroyed": failed["destroy"] or None,
    }
