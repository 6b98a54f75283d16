"""One object of a `/set`: whether it may be created or patched as asked, by its type's declaration.

RFC 8620 §5.3. What only the type knows is left to its hooks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from homing.jmap.context import Step
from homing.jmap.datatype import NO_DEFAULT, OPTIONAL, DataType, Object, Property, SetError, Setting
from homing.jmap.kinds import ANYTHING, ID_SET
from homing.jmap.patch import InvalidPatch, apply_patch
from homing.jmap.pointer import parts_of

_UNKNOWN = Property(ANYTHING, server_set=True)
_FURTHER = Property(ANYTHING, immutable=True)
"""A property outside the table that the type accepts, and checks itself."""


def create(type: DataType, setting: Setting, step: Step, given: Object) -> Object | SetError:
    """Note a new object; return its id and what the client did not send."""
    if type.singleton:
        return SetError("singleton")
    settable = {name: property for name, property in type.properties.items() if not property.server_set}
    invalid = _invalid(type, given, lambda property: property.server_set)
    for name, property in settable.items():
        if property.default is NO_DEFAULT and name not in given:
            invalid[name] = f"{name} is required"
    if invalid:
        return _invalid_properties(invalid)
    absent = {name: property.default for name, property in settable.items() if name not in given}
    defaults = {name: default for name, default in absent.items() if default is not OPTIONAL}
    result = setting.create(step, {**defaults, **given})
    if isinstance(result, SetError):
        return result
    id, server_set = result
    return {"id": id, **defaults, **server_set}


def update(type: DataType, setting: Setting, step: Step, id: str, patch: Object) -> Object | SetError | None:
    """Note a patched object; return what changes beyond the patch."""
    current = setting.current(step.draft, id)
    if current is None:
        return SetError("notFound")
    unknown = [name for name in _named(type, patch) if name not in current]
    if unknown:  # a server-set or immutable property may be given if its value is the current one
        loaded = next(iter(type.load(step.context, step.draft, [id], unknown, {})), {})
        current = {**loaded, **current}
    try:
        patched = apply_patch(current, setting.patch(_resolved(type, step, patch)))
    except InvalidPatch as error:
        return SetError("invalidPatch", str(error))
    changed = _changed(type, current, patched)
    invalid = _invalid(type, changed, lambda property: property.server_set or property.immutable)
    if invalid:
        return _invalid_properties(invalid)
    return setting.update(step, id, current, changed) if changed else None


def destroy(type: DataType, setting: Setting, step: Step, id: str) -> SetError | None:
    """Note that an object goes."""
    if setting.current(step.draft, id) is None:
        return SetError("notFound")
    return SetError("singleton") if type.singleton else setting.destroy(step, id)


def _named(type: DataType, patch: Object) -> list[str]:
    """Properties of the type that a patch reaches, or reaches into."""
    names = dict.fromkeys(parts[0] for path in patch if (parts := parts_of(path)) is not None)
    return [name for name in names if name in type.properties or type.accepts_property(name)]


def _resolved(type: DataType, step: Step, patch: Object) -> Object:
    """The patch with ids instead of creation ids where a path ends in a set of ids: what is taken out of the set
    must be called as it is called there.

    Raises:
        InvalidPatch: two paths are the same then.
    """
    resolved: Object = {}
    for path, value in patch.items():
        name, _, member = path.partition("/")
        is_reference = member.startswith("#") and name in type.properties and type.properties[name].kind is ID_SET
        known = f"{name}/{step.resolve(member) or member}" if is_reference else path
        if known in resolved:
            raise InvalidPatch(f"{path}: another path is the same")
        resolved[known] = value
    return resolved


def _changed(type: DataType, current: Object, patched: Object) -> Object:
    """The properties whose value becomes another; null stands for the default where there is one."""
    changed: Object = {}
    for name, value in patched.items():
        property = type.properties.get(name, _UNKNOWN)
        wanted = property.default if value is None and property.default not in (NO_DEFAULT, OPTIONAL) else value
        if name not in current or not _same(current[name], wanted):
            changed[name] = wanted
    return changed


def _same(one: object, other: object) -> bool:
    """Equal as JSON, where true is not 1."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _invalid(type: DataType, given: Object, forbidden: Callable[[Property], bool]) -> dict[str, str]:
    """Property names with what is wrong with each."""
    invalid: dict[str, str] = {}
    for name, value in given.items():
        property = type.properties.get(name, _FURTHER if type.accepts_property(name) else _UNKNOWN)
        if property is _UNKNOWN:
            invalid[name] = f"{type.name} has no property {name!r}"
        elif forbidden(property):
            invalid[name] = f"{name} cannot be set"
        elif not property.kind.accepts(value):
            invalid[name] = f"{name} must be {property.kind.name}"
    return invalid


def _invalid_properties(invalid: Mapping[str, str]) -> SetError:
    return SetError("invalidProperties", "; ".join(invalid.values()), tuple(invalid))
