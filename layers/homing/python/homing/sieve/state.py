"""A run in progress: variables, flags, the actions so far, and how much work is left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from homing.message import Header, as_text
from homing.sieve.addresses import header_addresses
from homing.sieve.body import Body
from homing.sieve.errors import Place, ScriptFailure
from homing.sieve.flags import Flags, to_text
from homing.sieve.limits import MAX_ACTIONS, MAX_STRING, MAX_WORK, MIN_CHARGE
from homing.sieve.mail import Environment, Mail
from homing.sieve.moments import read_moment
from homing.sieve.program import Script
from homing.sieve.result import Action, FileInto, Keep, Redirect, Reject, Remember
from homing.sieve.strings import Template

_TEXT_COST: Final = 4
_ADDRESS_COST: Final = 64
"""How much dearer than looking at an octet it is to read one of a field."""


@dataclass(slots=True)
class Plan:
    """The actions that a script has taken so far; the same one twice is one (RFC 5228 §2.10.3)."""

    actions: dict[tuple[str, str, str], Action] = field(default_factory=dict)
    keeps_implicitly: bool = True
    has_answered: bool = False
    notes: list[str] = field(default_factory=list)

    def add(self, key: tuple[str, str, str], action: Action) -> None:
        """Take an action, or change the one of that key. Raises `ScriptFailure` for one too many, or two that
        exclude each other (RFC 5429 §2.4)."""
        rejects = isinstance(action, Reject)
        if rejects and (self.actions or self.has_answered):
            raise ScriptFailure("A message cannot be rejected and also kept, filed, sent on, answered or rejected.")
        if not rejects and any(isinstance(other, Reject) for other in self.actions.values()):
            raise ScriptFailure("A message that was rejected cannot be kept, filed, sent on or answered.")
        self.actions[key] = action
        if len(self.actions) > MAX_ACTIONS:
            raise ScriptFailure(f"A script may take {MAX_ACTIONS} actions.")

    def count_redirects(self) -> int:
        """Addresses that the message is sent on to."""
        return sum(isinstance(action, Redirect) for action in self.actions.values())

    def complete(self, flags: Flags) -> tuple[Action, ...]:
        """All actions, with the implicit keep if nothing cancelled it (RFC 5228 §2.10.2)."""
        actions = tuple(self.actions.values())
        if not self.keeps_implicitly or any(isinstance(action, Keep) for action in actions):
            return actions
        return (*actions, Keep(to_text(flags), implicit=True))


@dataclass(slots=True)
class Run:
    """One execution of a script on a message."""

    script: Script
    mail: Mail
    environment: Environment
    enabled: set[str] = field(default_factory=set)
    variables: dict[str, bytes] = field(default_factory=dict)
    matches: tuple[bytes, ...] = ()
    flags: Flags = ()
    plan: Plan = field(default_factory=Plan)
    remember: dict[str, Remember] = field(default_factory=dict)
    place: Place = field(default_factory=lambda: Place(1, 1))
    work: int = 0
    _fields: dict[str, list[Header]] | None = None
    _texts: dict[int, bytes] = field(default_factory=dict)
    _addresses: dict[int, list[str]] = field(default_factory=dict)
    _moments: dict[int, datetime | None] = field(default_factory=dict)
    _body: Body | None = None

    def charge(self, octets: int) -> None:
        """Count work. Raises `ScriptFailure` when there has been too much of it."""
        self.work += octets + MIN_CHARGE
        if self.work > MAX_WORK:
            raise ScriptFailure("The script takes too long on this message.")

    def expand(self, template: Template) -> bytes:
        """The string with its variables put in."""
        constant = template.constant
        if constant is not None:
            return constant
        self.charge(sum(len(self.variables.get(part, b"")) for part in template.parts if isinstance(part, str)))
        text = template.expand(self.variables, self.matches)
        if len(text) > MAX_STRING:
            raise ScriptFailure(f"A string grew longer than {MAX_STRING} octets.")
        return text

    def expand_all(self, templates: Iterable[Template]) -> list[bytes]:
        """The strings with their variables put in."""
        return [self.expand(template) for template in templates]

    def fields(self, name: bytes) -> list[Header]:
        """The fields of that name, in wire order."""
        if self._fields is None:
            self._fields = {}
            for header in self.mail.message.headers:
                self._fields.setdefault(header.name.lower(), []).append(header)
        return self._fields.get(name.lower().decode("latin-1"), [])

    def text_of(self, header: Header) -> bytes:
        """The value of a field: unfolded, decoded, trimmed (RFC 5228 §2.7.2, §5.7). Read once, as all of these."""
        if header.start not in self._texts:
            self.charge(len(header.value) * _TEXT_COST)
            self._texts[header.start] = as_text(header.value).encode("utf-8", "replace")
        return self._texts[header.start]

    def addresses_of(self, header: Header) -> list[str]:
        """The addresses in a field."""
        if header.start not in self._addresses:
            self.charge(len(header.value) * _ADDRESS_COST)
            self._addresses[header.start] = header_addresses(header.value)
        return self._addresses[header.start]

    def moment_of(self, header: Header) -> datetime | None:
        """The date in a field."""
        if header.start not in self._moments:
            self.charge(len(header.value) * _ADDRESS_COST)
            self._moments[header.start] = read_moment(header.value)
        return self._moments[header.start]

    def body(self) -> Body:
        """The body of the message."""
        if self._body is None:
            self._body = Body(self.mail.message, self.charge)
        return self._body


def key_of(action: Action) -> tuple[str, str, str]:
    """What makes two actions the same one."""
    if isinstance(action, FileInto):
        return "file", action.mailbox, action.special_use or ""
    if isinstance(action, Redirect):
        local, _, domain = action.address.rpartition("@")
        return "redirect", local, domain.lower()
    return type(action).__name__, "", ""
