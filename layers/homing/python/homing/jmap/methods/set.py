"""`Foo/set` (RFC 8620 §5.3): creates, then updates, then destroys, each object for itself.

Objects are decided in groups, one commit a group. A group that does not fit into a batch is halved; a
single object that does not fit is refused by itself. What is checked of an object is in `objects`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from homing.errors import LimitExceeded, MethodError, Permanent, Temporary
from homing.jmap.context import Context, Step
from homing.jmap.datatype import DataType, Object, Property, SetError, Setting
from homing.jmap.kinds import ID, ID_OR_REFERENCE, OBJECT, STRING, list_of, map_of, nullable
from homing.jmap.methods.arguments import check_arguments
from homing.jmap.methods.objects import create, destroy, update
from homing.ledger.transact import Draft, Transaction, transact

T = TypeVar("T")
Result = Object | SetError | None

ARGUMENTS: Final = {
    "accountId": Property(ID),
    "ifInState": Property(nullable(STRING), default=None),
    "create": Property(nullable(map_of(OBJECT)), default=None),
    "update": Property(nullable(map_of(OBJECT, ID_OR_REFERENCE.accepts)), default=None),
    "destroy": Property(nullable(list_of(ID_OR_REFERENCE)), default=None),
}
VERBS: Final = ("create", "update", "destroy")


@dataclass(slots=True)
class _Outcome:
    """What became of the objects; a group's outcomes count only once they are committed."""

    old_state: str | None = None
    new_state: str | None = None
    changed: bool = False
    done: dict[str, dict[str, Object | None]] = field(default_factory=lambda: {verb: {} for verb in VERBS})
    failed: dict[str, dict[str, Object]] = field(default_factory=lambda: {verb: {} for verb in VERBS})

    def note_commit(self, type: str, draft: Draft) -> None:
        """After another writer's change in between, the new state stays where a client has heard of all
        before it; what this call did later it will hear of twice."""
        old, new = draft.head.state(type), draft.after.state(type)
        if self.old_state is None:
            self.old_state = old
        if self.new_state in (None, old):
            self.new_state = new
        self.changed = self.changed or bool(draft.changes)

    def note(self, item: _Item, key: str, result: Result) -> None:
        if key in self.done["destroy"] and item.verb == "destroy":
            return  # it was named twice: by its id and by its creation id
        if isinstance(result, SetError):
            self.failed[item.verb][key] = result.to_body()
        else:
            self.done[item.verb][key] = result


@dataclass(frozen=True, slots=True)
class _Item:
    verb: str
    key: str
    value: Object


class _Contradiction(Exception):
    """The objects of a group contradict each other; nothing was written."""


def set_(type: DataType, context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """Create, update and destroy objects of a type."""
    setting = type.setting
    if setting is None:
        raise MethodError("unknownMethod")
    arguments = check_arguments(given, {**ARGUMENTS, **setting.arguments})
    items = list(_items(arguments))
    context.check_set(len(items))
    account = arguments["accountId"]
    view = context.writable(account)
    work = _Work(type, setting, context, arguments)
    try:
        work.prepared = setting.prepare(context, view, arguments, work.transact)
        work.commit_all(_in_order(items))
    except (Temporary, Permanent) as error:
        if work.outcome.changed:
            raise MethodError("serverPartialFail", error.description) from error
        raise
    finally:
        context.forget(account)
    response = _response(account, work.outcome)
    setting.finish(context, arguments, response)
    return response


class _Work:
    """The commits of one `/set`, one after the other."""

    def __init__(self, type: DataType, setting: Setting, context: Context, arguments: Object) -> None:
        self.type = type
        self.setting = setting
        self.context = context
        self.arguments = arguments
        self.outcome = _Outcome()
        self.prepared: Any = None
        self._doomed = frozenset(arguments["destroy"] or ())
        self._doomed_references = [id for id in self._doomed if id.startswith("#")]

    def transact(self, decide: Callable[[Draft], T]) -> T:
        """One commit of this call. The first must find the account in the state that the client expects."""

        def checked(transaction: Transaction) -> tuple[T, Draft]:
            draft = self._draft(transaction)
            return decide(draft), draft

        result, draft = transact(self.context.site, self.context.actor, checked)
        self.outcome.note_commit(self.type.name, draft)
        return result

    def commit_all(self, items: Sequence[_Item]) -> None:
        """Decide and write everything; without items, find out the state."""
        size = self.setting.group
        for start in range(0, max(len(items), 1), size):
            group = items[start : start + size]
            try:
                self._commit(group, together=self.setting.conflicts is not None)
            except _Contradiction:
                self._commit(group, together=False)

    def _commit(self, items: Sequence[_Item], *, together: bool) -> None:
        """Decide and write a group, in halves if it does not fit."""

        def decide(transaction: Transaction) -> tuple[list[tuple[_Item, str, Result]], dict[str, str], Draft]:
            return self._decide(transaction, items, together=together)

        try:
            results, created, draft = transact(self.context.site, self.context.actor, decide)
        except LimitExceeded as error:
            self._commit_less(items, error, together=together)
            return
        self.context.created.update(created)
        self.outcome.note_commit(self.type.name, draft)
        for item, key, result in results:
            self.outcome.note(item, key, result)

    def _commit_less(self, items: Sequence[_Item], error: LimitExceeded, *, together: bool) -> None:
        if together:
            raise _Contradiction from error
        if len(items) > 1:
            self._commit(items[: len(items) // 2], together=False)
            self._commit(items[len(items) // 2 :], together=False)
            return
        item = items[0]
        id = self.context.resolve(item.key)
        if item.verb == "destroy" and self.transact(lambda draft: self.setting.shrink(draft, id)):
            self._commit(items, together=False)
            return
        self.outcome.note(item, id, SetError("tooLarge", f"it does not fit into one commit: {error.description}"))

    def _draft(self, transaction: Transaction) -> Draft:
        draft = transaction.draft(self.arguments["accountId"])
        expected = self.arguments["ifInState"]
        if self.outcome.old_state is None and expected not in (None, draft.head.state(self.type.name)):
            raise MethodError("stateMismatch")
        return draft

    def _decide(
        self, transaction: Transaction, items: Sequence[_Item], *, together: bool
    ) -> tuple[list[tuple[_Item, str, Result]], dict[str, str], Draft]:
        draft = self._draft(transaction)
        self._prefetch(draft, items)
        created: dict[str, str] = {}
        known = {**self.context.created}
        step = Step(self.context, transaction, draft, known, self.arguments, together, self.prepared)
        results: list[tuple[_Item, str, Result]] = []
        for item in items:
            key, result = self._one(step, item)
            if item.verb == "create" and isinstance(result, dict):
                created[key] = known[key] = result["id"]
            results.append((item, key, result))
        if together and self.setting.conflicts is not None and self.setting.conflicts(step):
            raise _Contradiction
        return results, created, draft

    def _prefetch(self, draft: Draft, items: Sequence[_Item]) -> None:
        resolve = self.context.resolve
        updates = {resolve(item.key): item.value for item in items if item.verb == "update"}
        self.setting.prefetch(draft, updates, [resolve(item.key) for item in items if item.verb == "destroy"])

    def _one(self, step: Step, item: _Item) -> tuple[str, Result]:
        """The key under which the response names the object, and what became of it."""
        if item.verb == "create":
            return item.key, create(self.type, self.setting, replace(step, key=item.key), item.value)
        id = step.resolve(item.key)
        if id is None:
            return item.key, SetError("notFound")
        if item.verb == "update":
            if id in self._doomed or id in map(step.resolve, self._doomed_references):
                return id, SetError("notFound" if self.setting.current(step.draft, id) is None else "willDestroy")
            return id, update(self.type, self.setting, step, id, item.value)
        return id, destroy(self.type, self.setting, step, id)


def _items(arguments: Object) -> Iterator[_Item]:
    for verb in ("create", "update"):
        for key, value in (arguments[verb] or {}).items():
            yield _Item(verb, key, value)
    for key in dict.fromkeys(arguments["destroy"] or ()):
        yield _Item("destroy", key, {})


def _in_order(items: Sequence[_Item]) -> list[_Item]:
    """Creations that refer to others of the same call come after them (RFC 8620 §5.3).

    Depth first without recursion: a call may chain as many creations as it may have objects.
    """
    creations = {item.key: item for item in items if item.verb == "create"}
    ordered: dict[str, _Item] = {}
    for first in creations.values():
        path = {first.key: _needed(first, creations)}
        while path:
            key = next(reversed(path))
            needed = next((one for one in path[key] if one not in ordered and one not in path), None)
            if needed is not None:
                path[needed] = _needed(creations[needed], creations)
            else:
                ordered.setdefault(key, creations[key])
                del path[key]
    return [*ordered.values(), *(item for item in items if item.verb != "create")]


def _needed(item: _Item, creations: Mapping[str, _Item]) -> Iterator[str]:
    """Creation ids of this call that a creation refers to."""
    for value in item.value.values():
        if isinstance(value, str) and value.startswith("#") and value[1:] in creations:
            yield value[1:]


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
