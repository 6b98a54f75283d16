"""The commands other than control: each a function of a run and a call, adding to the plan or to what is known.

RFC 5228 §4, RFC 3894, RFC 5229 §4 (set), RFC 5230, RFC 5232 §3, RFC 5429, RFC 5490 §3.2, RFC 8579.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from homing.sieve.addresses import read_recipient
from homing.sieve.errors import ScriptFailure
from homing.sieve.flags import Flags, read_flags, to_text, without
from homing.sieve.limits import (
    DAY,
    MAX_RECEIVED,
    MAX_VACATION_SECONDS,
    MAX_VARIABLE,
    MIN_VACATION_SECONDS,
    VACATION_SECONDS,
)
from homing.sieve.meaning import has_clean_head, is_mailbox, is_special_use, read_senders
from homing.sieve.program import Call
from homing.sieve.reply import reply_subject, withhold_reply
from homing.sieve.result import Action, FileInto, Keep, Redirect, Reject, Vacation, digest
from homing.sieve.state import Run, key_of
from homing.sieve.strings import Template, read_name

_WILDCARD: Final = re.compile(rb"([*?\\])")
_INBOX: Final = "inbox"


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")


def _take(run: Run, action: Action) -> None:
    run.plan.add(key_of(action), action)


def _flags(run: Run, call: Call) -> tuple[str, ...]:
    """Those of `:flags`, else those of the internal variable (RFC 5232 §5)."""
    return to_text(read_flags(run.expand_all(call.strings(":flags"))) if call.has(":flags") else run.flags)


def _keep(run: Run, call: Call) -> None:
    _take(run, Keep(_flags(run, call)))
    run.plan.keeps_implicitly = False


def _discard(run: Run, call: Call) -> None:  # noqa: ARG001 - as every command
    run.plan.keeps_implicitly = False


def _fileinto(run: Run, call: Call) -> None:
    """Into a mailbox. The last flags for one mailbox win (RFC 5232 §3)."""
    name = run.expand(call.text(0))
    if not is_mailbox(name):
        raise ScriptFailure(f'"{_text(name[:80])}" is not the name of a mailbox.')
    special = call.string(":specialuse")
    attribute = None if special is None else run.expand(special)
    if attribute is not None and not is_special_use(attribute):
        raise ScriptFailure(f'"{_text(attribute[:80])}" is not a special use such as "\\Junk".')
    flags, mailbox = _flags(run, call), _text(name)
    if attribute is None and mailbox.lower() == _INBOX:
        _take(run, Keep(flags))
    else:
        action = FileInto(mailbox, call.has(":create"), flags, None if attribute is None else _text(attribute))
        earlier = run.plan.actions.get(key_of(action))
        is_created = isinstance(earlier, FileInto) and earlier.create
        _take(run, replace(action, create=action.create or is_created))
    if not call.has(":copy"):
        run.plan.keeps_implicitly = False


def _redirect(run: Run, call: Call) -> None:
    """On to another address. Mail that goes round in a loop, or to too many, is an error (RFC 5228 §4.2, §10)."""
    text = _text(run.expand(call.text(0)))
    address = read_recipient(text)
    if address is None:
        raise ScriptFailure(f'"{text[:80]}" is not an address that mail can be sent to.')
    if len(run.fields(b"received")) > MAX_RECEIVED:
        raise ScriptFailure("The message has been sent on so often that it must be going round in a loop.")
    action = Redirect(address, call.has(":copy"))
    earlier = run.plan.actions.get(key_of(action))
    _take(run, earlier if earlier is not None and action.copy else action)
    if run.plan.count_redirects() > run.environment.max_redirects:
        raise ScriptFailure(f"A script may send a message on to {run.environment.max_redirects} addresses.")
    if not action.copy:
        run.plan.keeps_implicitly = False


def _reject(run: Run, call: Call) -> None:
    _take(run, Reject(_text(run.expand(call.text(0))), extended=call.name == "ereject"))
    run.plan.keeps_implicitly = False


def _vacation(run: Run, call: Call) -> None:
    """Plan an answer, if there may be one; that there are two is an error in any case (RFC 5230 §4.7)."""
    if run.plan.has_answered:
        raise ScriptFailure("A script may answer a message once.")
    if any(isinstance(action, Reject) for action in run.plan.actions.values()):
        raise ScriptFailure("A message that was rejected cannot be answered.")
    run.plan.has_answered = True
    answer = _answer(run, call)
    reason = withhold_reply(run.mail, (*run.environment.addresses, *answer.addresses))
    if reason:
        run.plan.notes.append(f"vacation: no answer, since {reason}")
    else:
        _take(run, answer)


def _answer(run: Run, call: Call) -> Vacation:
    reason = run.expand(call.text(0))
    if call.has(":mime") and not has_clean_head(reason):
        raise ScriptFailure("The header of a MIME entity may hold ASCII characters only.")
    subject = call.string(":subject")
    given = None if subject is None else _text(run.expand(subject))
    return Vacation(
        reason=_text(reason),
        to=run.mail.mail_from,
        subject=reply_subject(run.mail.message, given),
        handle=_handle(run, call),
        from_=_sender(run, call),
        mime=call.has(":mime"),
        addresses=tuple(_text(address).strip() for address in run.expand_all(call.strings(":addresses"))),
        seconds=_seconds(call),
    )


def _handle(run: Run, call: Call) -> str:
    """What tells answers apart: the handle, or the arguments before variables were put in (RFC 5230 §4.2)."""
    handle = call.string(":handle")
    if handle is not None:
        return digest(b"handle", run.expand(handle))
    texts = (_source(call.string(":subject")), _source(call.string(":from")), call.text(0).source)
    return digest(b"arguments", b"mime" if call.has(":mime") else b"", *texts)


def _source(template: Template | None) -> bytes:
    return b"-" if template is None else b"+" + template.source


def _sender(run: Run, call: Call) -> str:
    """The From field of the answer. An address that is not the owner's is left out (RFC 5230 §4.3)."""
    given = call.string(":from")
    if given is None:
        return ""
    text = run.expand(given)
    addresses = read_senders(text)
    if addresses is None:
        raise ScriptFailure(f'"{_text(text[:80])}" is not an address.')
    own = {address.lower() for address in (*run.environment.addresses, run.mail.rcpt_to)}
    if not own.issuperset(address.lower() for address in addresses):
        run.plan.notes.append("vacation: the address of :from is not the owner's, and was not used")
        return ""
    return " ".join(_text(text).split())


def _seconds(call: Call) -> int:
    """How long one answer is enough (RFC 5230 §4.1, RFC 6131 §2)."""
    seconds = call.number(":seconds")
    if seconds is not None:
        return min(max(seconds, MIN_VACATION_SECONDS), MAX_VACATION_SECONDS)
    days = call.number(":days")
    return VACATION_SECONDS if days is None else min(max(days, 1) * DAY, MAX_VACATION_SECONDS)


def _set(run: Run, call: Call) -> None:
    """RFC 5229 §4: modifiers in the order of their precedence, then cut to what a variable holds."""
    value = run.expand(call.text(1))
    for tag, modify in _MODIFIERS.items():
        if call.has(tag):
            value = modify(value)
    _store(run, call, _cut(value, quoted=call.has(":quotewildcard") and not call.has(":length")))


def _store(run: Run, call: Call, value: bytes) -> None:
    name = read_name(call.text(0).constant or b"")
    if name is not None:
        run.variables[name] = value


def _cut(value: bytes, *, quoted: bool) -> bytes:
    """At most `MAX_VARIABLE` octets, no character cut through, and no backslash left of a quoted wildcard."""
    if len(value) <= MAX_VARIABLE:
        return value
    end = MAX_VARIABLE
    while end > MAX_VARIABLE - 4 and value[end] & 0xC0 == 0x80:
        end -= 1
    value = value[:end]
    backslashes = len(value) - len(value.rstrip(b"\\"))
    return value[:-1] if quoted and backslashes % 2 else value


_MODIFIERS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    ":lower": bytes.lower,
    ":upper": bytes.upper,
    ":lowerfirst": lambda value: value[:1].lower() + value[1:],
    ":upperfirst": lambda value: value[:1].upper() + value[1:],
    ":quotewildcard": lambda value: _WILDCARD.sub(rb"\\\1", value),
    ":length": lambda value: b"%d" % len(_text(value)),
}
"""In the order of precedence (RFC 5229 §4.1)."""


def _change_flags(run: Run, call: Call) -> None:
    """setflag, addflag, removeflag on the internal variable or a named one (RFC 5232 §3)."""
    is_named = len(call.arguments) > 1
    name = read_name(call.text(0).constant or b"") if is_named else None
    before = run.flags if name is None else read_flags([run.variables.get(name, b"")])
    given = read_flags(run.expand_all(call.texts(-1)))
    after = _combine(call.name, before, given)
    while len(b" ".join(after)) > MAX_VARIABLE:
        after = after[: len(after) // 2]
    if name is None:
        run.flags = after
    else:
        run.variables[name] = b" ".join(after)


def _combine(command: str, before: Flags, given: Flags) -> Flags:
    if command == "setflag":
        return given
    return without(before, given) if command == "removeflag" else read_flags((*before, *given))


def _error(run: Run, call: Call) -> None:
    """RFC 5463 §5."""
    raise ScriptFailure(_text(run.expand(call.text(0)))[:1_000])


COMMANDS: Final[Mapping[str, Callable[[Run, Call], None]]] = {
    "keep": _keep,
    "discard": _discard,
    "fileinto": _fileinto,
    "redirect": _redirect,
    "reject": _reject,
    "ereject": _reject,
    "vacation": _vacation,
    "set": _set,
    "setflag": _change_flags,
    "addflag": _change_flags,
    "removeflag": _change_flags,
    "error": _error,
}
"""A function for each command of `vocabulary.COMMAND_WORDS` that is not control."""
