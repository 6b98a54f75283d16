"""The tests: each a function of a run and a call (RFC 5228 §5 and the extensions that add tests).

Tests are evaluated from left to right and no further than needed (RFC 5229 §3.2, RFC 5463 §4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Final, TypeVar

from homing.sieve.addresses import ALL, address_part, envelope_address
from homing.sieve.errors import ScriptFailure
from homing.sieve.extensions import CHANGE_STRINGS, IMPLIED
from homing.sieve.flags import read_flags
from homing.sieve.limits import DUPLICATE_SECONDS, MAX_DUPLICATE_SECONDS, MIN_CHARGE
from homing.sieve.matching import COUNT, match_any, match_count
from homing.sieve.meaning import is_address_header
from homing.sieve.moments import DATE_PARTS, moment_at, read_zone, shift, zone_of
from homing.sieve.program import Call
from homing.sieve.result import Remember, digest
from homing.sieve.state import Run
from homing.sieve.strings import Template
from homing.sieve.vocabulary import PART

T = TypeVar("T")


def holds(run: Run, call: Call) -> bool:
    """Whether a test is true. Raises `ScriptFailure` where it cannot be told."""
    run.place = call.place
    run.charge(0)
    check_needs(run, call)
    return TESTS[call.name](run, call)


def check_needs(run: Run, call: Call) -> None:
    """Raise `ScriptFailure` if the call uses what no ihave test has found (RFC 5463 §4)."""
    missing = call.needs - run.enabled
    if missing:
        raise ScriptFailure(f"The script uses what is not available: {min(missing)}.")


def _compare(
    run: Run,
    call: Call,
    values: Sequence[bytes],
    keys: Sequence[Template],
    count: int | None = None,
) -> bool:
    """Match values against keys. The count is that of the values, if nothing else is said."""
    wanted = run.expand_all(keys)
    if call.matching.kind == COUNT:
        found = match_count(call.matching, len(values) if count is None else count, wanted, run.charge)
    else:
        found = match_any(call.matching, values, wanted, run.charge)
    if found and call.name != "body":  # RFC 5173 §6: a body test sets no match variables
        run.matches = found
    return found is not None


def _decode(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")


def _encode_all(texts: Sequence[str]) -> list[bytes]:
    return [text.encode("utf-8", "replace") for text in texts]


def _indexed(call: Call, items: Sequence[T]) -> Sequence[T]:
    """The one that `:index` and `:last` pick, or all (RFC 5260 §6)."""
    index = call.number(":index")
    if index is None:
        return items
    if index > len(items):
        return []
    return [items[-index] if call.has(":last") else items[index - 1]]


def _true(run: Run, call: Call) -> bool:  # noqa: ARG001 - as every test
    return True


def _false(run: Run, call: Call) -> bool:  # noqa: ARG001 - as every test
    return False


def _not(run: Run, call: Call) -> bool:
    return not holds(run, call.tests[0])


def _allof(run: Run, call: Call) -> bool:
    return all(holds(run, test) for test in call.tests)


def _anyof(run: Run, call: Call) -> bool:
    return any(holds(run, test) for test in call.tests)


def _exists(run: Run, call: Call) -> bool:
    return all(run.fields(name) for name in run.expand_all(call.texts(0)))


def _size(run: Run, call: Call) -> bool:
    size, limit = run.mail.message.size, call.arguments[0]
    if not isinstance(limit, int):
        return False
    return size > limit if call.has(":over") else size < limit


def _header(run: Run, call: Call) -> bool:
    fields = [header for name in run.expand_all(call.texts(0)) for header in run.fields(name)]
    values = [run.text_of(header) for header in _indexed(call, fields)]
    return _compare(run, call, values, call.texts(1))


def _address(run: Run, call: Call) -> bool:
    names = [name for name in run.expand_all(call.texts(0)) if is_address_header(name)]
    fields = _indexed(call, [header for name in names for header in run.fields(name)])
    addresses = [address for header in fields for address in run.addresses_of(header)]
    run.charge(len(addresses) * MIN_CHARGE)
    return _compare(run, call, _parts(run, call, addresses), call.texts(1), len(addresses))


def _parts(run: Run, call: Call, addresses: Sequence[str]) -> list[bytes]:
    wanted = call.one_of(PART, ALL)
    parts = (address_part(address, wanted, run.environment.separator) for address in addresses)
    return _encode_all([part for part in parts if part is not None])


def _envelope(run: Run, call: Call) -> bool:
    mail = run.mail
    paths = {"from": mail.mail_from, "to": mail.rcpt_to, "auth": mail.auth}
    found: list[str] = []
    for name in (_decode(name).lower() for name in run.expand_all(call.texts(0))):
        if name not in paths:
            raise ScriptFailure(f'There is no part "{name[:80]}" of the envelope.')
        address = envelope_address(paths[name])
        if address or name == "from":
            found.append(address)
    return _compare(run, call, _parts(run, call, found), call.texts(1), sum(map(bool, found)))


def _body(run: Run, call: Call) -> bool:
    if call.has(":raw"):
        values = run.body().raw()
    elif call.has(":content"):
        values = run.body().content([_decode(one) for one in run.expand_all(call.strings(":content"))])
    else:
        values = run.body().text()
    return _compare(run, call, values, call.texts(0))


def _string(run: Run, call: Call) -> bool:
    values = run.expand_all(call.texts(0))
    return _compare(run, call, values, call.texts(1), sum(map(bool, values)))


def _hasflag(run: Run, call: Call) -> bool:
    """Both sides are sets of words (RFC 5232 §4)."""
    flags = list(run.flags)
    if len(call.arguments) > 1:
        names = [_decode(name).lower() for name in run.expand_all(call.texts(0))]
        flags = [flag for name in names for flag in read_flags([run.variables.get(name, b"")])]
    words = [word for text in run.expand_all(call.texts(-1)) for word in text.split(b" ") if word]
    return _compare(run, call, flags, [Template(word, (word,)) for word in words])


def _date(run: Run, call: Call) -> bool:
    headers = _indexed(call, run.fields(run.expand(call.text(0))))
    moment = run.moment_of(headers[0]) if headers else None
    return _compare_moment(run, call, moment, 1)


def _currentdate(run: Run, call: Call) -> bool:
    return _compare_moment(run, call, moment_at(run.environment.now), 0)


def _compare_moment(run: Run, call: Call, moment: datetime | None, argument: int) -> bool:
    if moment is not None and not call.has(":originalzone"):
        moment = shift(moment, _zone(run, call))
    part = DATE_PARTS.get(_decode(run.expand(call.text(argument))).lower())
    values = [] if moment is None or part is None else [part(moment).encode()]
    return _compare(run, call, values, call.texts(argument + 1))


def _zone(run: Run, call: Call) -> timezone:
    wanted = call.string(":zone")
    if wanted is None:
        return zone_of(run.environment.zone)
    text = _decode(run.expand(wanted))
    zone = read_zone(text)
    if zone is None:
        raise ScriptFailure(f'"{text[:80]}" is not a time zone such as "+0100".')
    return zone


def _environment(run: Run, call: Call) -> bool:
    item = run.environment.items.get(_decode(run.expand(call.text(0))).lower())
    if item is None:
        return False
    return _compare(run, call, _encode_all([item]), call.texts(1), int(bool(item)))


def _duplicate(run: Run, call: Call) -> bool:
    """RFC 7352 §3: what is to be remembered takes effect only when the whole script has run well."""
    given = call.number(":seconds")
    seconds = min(DUPLICATE_SECONDS if given is None else given, MAX_DUPLICATE_SECONDS)
    unique = _unique_id(run, call)
    if unique is None or seconds == 0:
        return False
    handle = call.string(":handle")
    id = digest(b"" if handle is None else b"handle:" + run.expand(handle), unique)
    seen = run.environment.seen(id)
    if not seen or call.has(":last"):
        run.remember[id] = Remember(id, run.environment.now + seconds * 1_000)
    return seen


def _unique_id(run: Run, call: Call) -> bytes | None:
    given = call.string(":uniqueid")
    if given is not None:
        return run.expand(given)
    header = call.string(":header")
    fields = run.fields(b"message-id" if header is None else run.expand(header))
    return run.text_of(fields[0]) if fields else None


def _mailboxexists(run: Run, call: Call) -> bool:
    names = (_name(name) for name in run.expand_all(call.texts(0)))
    return all(name is not None and run.environment.mailbox_exists(name) for name in names)


def _specialuse_exists(run: Run, call: Call) -> bool:
    mailbox = None
    if len(call.arguments) > 1:
        mailbox = _name(run.expand(call.text(0)))
        if mailbox is None:
            return False
    attributes = [_decode(attribute) for attribute in run.expand_all(call.texts(-1))]
    return all(run.environment.special_use_exists(attribute, mailbox) for attribute in attributes)


def _name(octets: bytes) -> str | None:
    """A mailbox name; what is not UTF-8 names no mailbox."""
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _ihave(run: Run, call: Call) -> bool:
    """All of them are available, and then they are enabled; or none is (RFC 5463 §4)."""
    names = {_decode(name) for name in run.expand_all(call.texts(0))}
    if not all(name in run.enabled or (name in run.script.available - CHANGE_STRINGS) for name in names):
        return False
    run.enabled |= names | {IMPLIED[name] for name in names & IMPLIED.keys()}
    return True


TESTS: Final[Mapping[str, Callable[[Run, Call], bool]]] = {
    "true": _true,
    "false": _false,
    "not": _not,
    "allof": _allof,
    "anyof": _anyof,
    "exists": _exists,
    "size": _size,
    "header": _header,
    "address": _address,
    "envelope": _envelope,
    "body": _body,
    "string": _string,
    "hasflag": _hasflag,
    "date": _date,
    "currentdate": _currentdate,
    "environment": _environment,
    "duplicate": _duplicate,
    "mailboxexists": _mailboxexists,
    "specialuse_exists": _specialuse_exists,
    "ihave": _ihave,
}
"""A function for each test of `vocabulary.TEST_WORDS`."""
