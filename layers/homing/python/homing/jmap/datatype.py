"""How a JMAP data type is declared: a table of properties and a few hooks.

The verbs in `methods/` are written once over this table; the same table generates the tests of bad
arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from homing.jmap.kinds import Kind
from homing.ledger.changes import Changes
from homing.ledger.changes import changes as ledger_changes
from homing.ledger.view import View

if TYPE_CHECKING:
    from homing.jmap.context import Context, Opened, Step
    from homing.ledger.transact import Draft

Object = dict[str, Any]
NO_DEFAULT: Final = object()
OPTIONAL: Final = object()
"""The default of a property that may be left out without having a value then that a client could foresee."""


@dataclass(frozen=True, slots=True)
class Property:
    """One property of a type. Without a default it must be given at creation (unless server-set)."""

    kind: Kind
    immutable: bool = False
    server_set: bool = False
    default: Any = NO_DEFAULT


@dataclass(frozen=True, slots=True)
class SetError:
    """Why one object of a `/set` was left alone (RFC 8620 §5.3): a value, not an exception."""

    type: str
    description: str = ""
    properties: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_body(self) -> Object:
        """The SetError object."""
        body: Object = {"type": self.type, **self.extra}
        if self.description:
            body["description"] = self.description
        if self.properties:
            body["properties"] = list(self.properties)
        return body


@dataclass(frozen=True, slots=True)
class Found:
    """Ids that a query found, in order. `total` counts them where that needs no look at each."""

    ids: Iterable[str]
    total: Callable[[], int] | None = None


@dataclass(frozen=True, slots=True)
class Altered:
    """What may have become of a query's results since a state.

    `gone` are ids that may have left the results or moved within them; `back` are those that are to be looked for
    in the new results: members of `gone` that match still, and what is new. The search for `back` ends when each
    key of `pending` was met: by default the ids of `back` themselves; where another id may stand for one (collapsed
    threads), `key` says what an id of the results stands for.
    """

    gone: Collection[str]
    back: Collection[str]
    pending: Collection[str] | None = None
    key: Callable[[str], str] | None = None


Load = Callable[["Context", View, Sequence[str] | None, Sequence[str], Object], Iterator[Object]]
"""(context, view, ids or None for all, properties, further arguments) -> the objects that exist."""


Commit = Callable[[Callable[["Draft"], bool]], bool]
"""Makes a commit of a `/set` out of what a function notes in a draft; gives what the function returned."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Hooks of `/set`. `current` gives the settable properties of an object, or None. A hook checks
    everything before it notes its first change, so that a SetError leaves nothing behind."""

    current: Callable[[View, str], Object | None]
    create: Callable[[Step, Object], tuple[str, Object] | SetError]
    update: Callable[[Step, str, Object, Object], Object | SetError | None]
    destroy: Callable[[Step, str], SetError | None]
    arguments: Mapping[str, Property] = field(default_factory=dict)
    group: int = 24
    """Objects that one commit tries: a batch has a hundred operations."""
    prefetch: Callable[[Draft, Mapping[str, Object], Sequence[str]], None] = lambda _draft, _updates, _destroys: None
    """Fetches what these patches (by id) and destructions read, in few calls of the store."""
    patch: Callable[[Object], Object] = lambda patch: patch
    """The patch with its paths as they are stored."""
    conflicts: Callable[[Step], bool] | None = None
    """Whether objects contradict each other, once a whole group is noted. A type that has it is first
    decided `together` (see `Step`), and object by object only if that leaves a contradiction."""
    prepare: Callable[[Context, Opened, Object, Commit], Any] = lambda _context, _view, _arguments, _commit: None
    """Work that is done before the commits: what is too large for one, what is slow, what goes into blobs. What it
    returns is `Step.prepared`. Trouble with one object belongs into that, not into an exception."""
    finish: Callable[[Context, Object, Object], None] = lambda _context, _arguments, _response: None
    """What follows from the response, once all is committed: `context.imply`."""
    shrink: Callable[[Draft, str], bool] = lambda _draft, _id: False
    """Makes the destruction of an object smaller that does not fit into a commit; whether it could."""


@dataclass(frozen=True, slots=True)
class Querying:
    """Hooks of `/query`: conditions and comparators with the kinds of their values, and the search."""

    conditions: Mapping[str, Kind]
    sorts: Mapping[str, Mapping[str, Kind]]
    find: Callable[[Context, Opened, Object | None, Sequence[Object], Object], Found]
    arguments: Mapping[str, Property] = field(default_factory=dict)
    prefetch: Callable[[Object], list[str]] = lambda _: []
    """Keys of rows that come with the head, known from the filter alone."""
    altered: Callable[[Context, Opened, Object, Sequence[Object], str], Altered] | None = None
    """(context, view, arguments, sort, since state) -> what `/queryChanges` must look at. By default every object
    that `/changes` tells of, which is right where an object's place depends on nothing but itself."""


@dataclass(frozen=True, slots=True)
class DataType:
    """A JMAP data type. `name` is also its name in the ledger; which hooks it has decides its methods."""

    name: str
    capability: str
    properties: Mapping[str, Property]
    load: Load
    has_changes: bool = True
    counters: Sequence[str] = ()
    """Properties that change by themselves, as `/changes` then says (RFC 8621 §2.2)."""
    setting: Setting | None = None
    querying: Querying | None = None
    get_arguments: Mapping[str, Property] = field(default_factory=dict)
    default_properties: Sequence[str] | None = None
    accepts_property: Callable[[str], bool] = lambda _: False
    """Whether a name outside the table is a property all the same (`header:*`)."""
    singleton: bool = False
    """There is one object, "singleton", that is neither made nor destroyed (RFC 8620 §5.3)."""
    state: Callable[[View], str] | None = None
    """The state, where it is not the position of the last entry that touched the type."""
    changes: Callable[[View, str, int | None], Changes] | None = None
    """What changed since a state, where the ledger does not tell by itself."""

    def state_of(self, view: View) -> str:
        """The state of this type in an account (RFC 8620 §5.1)."""
        return view.head.state(self.name) if self.state is None else self.state(view)

    def changes_since(self, view: View, since: str, maximum: int | None = None) -> Changes:
        """What changed since a state. Raises as `ledger.changes.changes`."""
        if self.changes is not None:
            return self.changes(view, since, maximum)
        return ledger_changes(view, self.name, since, maximum)
