"""What an account's filters make of mail: its active script (RFC 5228), its vacation response (RFC 8621 §8).

Works within the commit that files the mail: mailboxes that are made, answers, messages sent on and what is to be
remembered are part of it, so that all of it happens once or not at all, however often the mail is delivered. A refusal
that is said in the SMTP dialogue needs no commit: the next attempt is refused as well.

An email that is filed in several mailboxes is one email in all of them, with the flags of all (RFC 8621 §4.1.1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from homing.delivery.arrival import Arrival, Incoming
from homing.delivery.automatic import Outbox
from homing.delivery.mailbox_paths import MailboxPaths
from homing.delivery.recipients import account_refusal
from homing.delivery.scripts import SCRIPTS
from homing.delivery.vacation import ANSWERED_SECONDS, Response, respond
from homing.errors import Refused
from homing.ledger import keys
from homing.ledger.apply import DELIVERY_SECONDS
from homing.ledger.rows import Body
from homing.ledger.transact import Draft, Transaction
from homing.message.charsets import clean
from homing.message.compose import InvalidField, text_part
from homing.sieve.engine import (
    Action,
    Environment,
    Failure,
    FileInto,
    Keep,
    Mail,
    Redirect,
    Reject,
    Result,
    Vacation,
    keywords_of,
    run,
)
from homing.site import Site

SAID_IN_SMTP: Final = frozenset({"smtp", "lmtp", "submission"})
"""Protocols of mail whose sender waits for the reply to it."""
MAX_REPLY: Final = 400
"""Characters of a reply; a reply line has 512 octets (RFC 5321 §4.5.3.1.5)."""
TOLD_ACTIONS: Final = 16
TOLD_NOTES: Final = 8
TOLD_CHARACTERS: Final = 120
_KEPT: Final = Result((Keep(implicit=True),))
_UNWANTED: Final = frozenset({"junk", "trash"})


def judge(site: Site, transaction: Transaction, draft: Draft, arrival: Arrival) -> Arrival | Refused | None:
    """The arrival as it is to be filed; None if it is not, and a refusal if its sender is to hear so.

    What else follows is noted in the draft and the transaction.
    """
    incoming = arrival.incoming
    refusal = account_refusal(draft, arrival.record["size"], draft.bytes_added)
    if refusal is not None or incoming is None:
        return refusal or arrival
    return _Judging(site, transaction, draft, arrival, incoming).judge()


@dataclass(slots=True)
class _Judging:
    """One arrival before the filters of its account."""

    site: Site
    transaction: Transaction
    draft: Draft
    arrival: Arrival
    incoming: Incoming
    notes: list[str] = field(default_factory=list)

    def judge(self) -> Arrival | Refused | None:
        settings = self.draft.object("Account", keys.SELF) or {}
        result, answers = self._run(settings)
        self.notes += result.notes
        refused = next((action for action in result.actions if isinstance(action, Reject)), None)
        if refused is not None and (reply := _reply(refused, self.incoming)) is not None:
            return reply
        self._remember(result)
        if refused is not None:
            self._refuse(refused)
            self._note_not_filed(result)
            return None
        filed = self._filed(result.actions)
        self._send_on(result.actions)
        filed = filed or self._kept_after_all(result.actions)
        self._answer(result.actions)
        if filed and not answers:
            self._respond(settings, filed)
        if not filed:
            self._note_not_filed(result)
            return None
        return self._arrival(settings, result, filed)

    def _run(self, settings: Body) -> tuple[Result, bool]:
        """What the active script says, and whether it answers senders by itself."""
        active = settings.get("activeScript")
        if active is None:
            return _KEPT, False
        script = SCRIPTS.get(self.site.blobs, active["blob"])
        if isinstance(script, Failure):
            return replace(_KEPT, error=script), False
        answers = not {"vacation", "vacation-seconds"}.isdisjoint(script.extensions)
        return run(script, self._mail(), self._environment(settings, answers=answers)), answers

    def _mail(self) -> Mail:
        return Mail(self.incoming.message, self.incoming.mail_from, self.incoming.rcpt_to)

    def _environment(self, settings: Body, *, answers: bool) -> Environment:
        paths = self._paths()
        return Environment(
            now=self.transaction.now,
            addresses=self._own(settings) if answers else (settings["login"],),
            mailbox_exists=lambda name: paths.find(name) is not None,
            special_use_exists=paths.has_use,
            seen=lambda id: self._is_done("seen", id),
            items={
                "domain": settings["login"].rpartition("@")[2],
                "host": self.site.config.hostname,
                "location": "MDA",
                "phase": "during",
                "name": "Homing",
                "remote-ip": str(self.arrival.provenance["envelope"]["clientAddress"]),
            },
        )

    def _own(self, settings: Body) -> tuple[str, ...]:
        """The owner's addresses, as far as they are known here: login and identities. The one that the mail came to
        always counts as well."""
        identities = self.draft.all_objects("Identity").values()
        return tuple(dict.fromkeys([settings["login"], *(one["email"] for one in identities if "email" in one)]))

    def _paths(self) -> MailboxPaths:
        return MailboxPaths(self.site, self.draft)

    def _outbox(self) -> Outbox:
        return Outbox(self.site, self.transaction, self.draft, self.arrival, self.incoming)

    def _filed(self, actions: Iterable[Action]) -> dict[str, frozenset[str]]:
        """Keywords by the mailbox that they come with."""
        filed: dict[str, frozenset[str]] = {}
        most = self.site.config.limits.max_mailboxes_per_email
        for action in actions:
            if not isinstance(action, Keep | FileInto):
                continue
            mailbox = keys.INBOX if isinstance(action, Keep) else self._mailbox(action)
            if mailbox not in filed and len(filed) >= most:
                self.notes.append(f"an email lies in {most} mailboxes at most")
                continue
            filed[mailbox] = filed.get(mailbox, frozenset()) | keywords_of(action.flags)
        return filed

    def _mailbox(self, action: FileInto) -> str:
        paths = self._paths()
        found = None if action.special_use is None else paths.with_use(action.special_use)
        found = found or paths.find(action.mailbox)
        if found is None and action.create:
            found = paths.make(action.mailbox, action.special_use)
        if found is None:
            self.notes.append(f"filed in the inbox, as there is no mailbox {action.mailbox!r}")
        return found or keys.INBOX

    def _send_on(self, actions: Iterable[Action]) -> None:
        addresses = [action.address for action in actions if isinstance(action, Redirect)]
        if not addresses:
            return
        outbox = self._outbox()
        if outbox.was_sent_on:
            self.notes.append("not sent on: it has been sent on from here before")
        else:
            outbox.send_on(addresses)

    def _kept_after_all(self, actions: Iterable[Action]) -> dict[str, frozenset[str]]:
        """Mail that was to be sent on and must not be is not lost."""
        wanted = any(isinstance(action, Redirect) for action in actions)
        return {keys.INBOX: frozenset()} if wanted and self._outbox().was_sent_on else {}

    def _answer(self, actions: Iterable[Action]) -> None:
        outbox = self._outbox()
        for action in actions:
            if not isinstance(action, Vacation):
                continue
            if action.mime:
                write = partial(outbox.answer_mime, action.subject, action.reason, action.from_)
            else:
                write = partial(outbox.answer, action.subject, text_part(action.reason), action.from_)
            self._answer_once(action.tracking_id, action.seconds, write)

    def _respond(self, settings: Body, filed: Iterable[str]) -> None:
        """The vacation response, for mail that the owner would see."""
        if not settings.get("vacation"):
            return
        mailboxes = (self.draft.object("Mailbox", id) or {} for id in filed)
        if all(row.get("role") in _UNWANTED for row in mailboxes):
            self.notes.append("vacation: no answer, since it is unwanted")
            return
        stored = self.draft.object("VacationResponse", "singleton") or {}
        response = respond(stored, self._mail(), self._own(settings), self.arrival.received_at)
        if not isinstance(response, Response):
            self.notes.append(f"vacation: no answer, since {response}")
        else:
            write = partial(self._outbox().answer, response.subject, response.body)
            self._answer_once(response.tracking_id, ANSWERED_SECONDS, write)

    def _answer_once(self, tracking_id: str, seconds: int, write: Callable[[], None]) -> None:
        """Answer the sender, unless that was done; then it is not done again for so many seconds."""
        if not self._outbox().can_answer:
            self.notes.append("vacation: no answer, since the sender is no address")
        elif self._is_done("answer", tracking_id):
            self.notes.append("vacation: the sender was answered before")
        else:
            try:
                write()
            except InvalidField as error:  # what a script says may be such that no mail can say it
                self.notes.append(f"vacation: no answer: {error}")
                return
            self._note_done("answer", tracking_id, self.transaction.now // 1_000 + seconds)
            self.notes.append("vacation: answered")

    def _refuse(self, action: Reject) -> None:
        """By mail. Who has no return path hears nothing (RFC 5321 §4.5.5)."""
        outbox = self._outbox()
        if outbox.can_answer:
            outbox.refuse(action.reason, as_delivery_status=action.extended)

    def _remember(self, result: Result) -> None:
        for one in result.remember:
            self._note_done("seen", one.id, one.expires // 1_000)

    def _is_done(self, kind: str, id: str) -> bool:
        return self.draft.body(keys.delivery_key(f"{kind}-{id}")) is not None

    def _note_done(self, kind: str, id: str, expires: int) -> None:
        self.draft.create("Done", f"{kind}-{id}", {"expires": expires})

    def _note_not_filed(self, result: Result) -> None:
        """The delivery is done, though nothing is filed."""
        told = self._told(result)
        expires = self.transaction.now // 1_000 + DELIVERY_SECONDS
        if self.arrival.delivery:
            self.draft.create("Done", self.arrival.delivery, {"expires": expires, "filter": told})

    def _arrival(self, settings: Body, result: Result, filed: dict[str, frozenset[str]]) -> Arrival:
        every = sorted(frozenset().union(*filed.values()))[: self.site.config.limits.max_keywords_per_email]
        arrival = replace(self.arrival, mailbox_ids=tuple(filed), keywords=self.arrival.keywords | frozenset(every))
        if "activeScript" not in settings and not self.notes:
            return arrival
        return replace(arrival, provenance={**arrival.provenance, "filter": self._told(result)})

    def _told(self, result: Result) -> Body:
        """The trace: for the owner who wonders where a message went."""
        settings = self.draft.object("Account", keys.SELF) or {}
        told: Body = {}
        if "activeScript" in settings:
            told["script"] = settings["activeScript"]["id"]
            told["actions"] = [_short(_named(action)) for action in result.actions[:TOLD_ACTIONS]]
        if result.error is not None:
            told["error"] = {"line": result.error.line, "description": _short(result.error.description)}
        if self.notes:
            told["notes"] = [_short(note) for note in self.notes[:TOLD_NOTES]]
        return told


def _reply(action: Reject, incoming: Incoming) -> Refused | None:
    """The refusal as a reply, if somebody waits for one and it can say what is to be said (RFC 5429 §2.1, §2.2)."""
    reason = " ".join(action.reason.split())
    fits = reason.isascii() and reason.isprintable() and len(reason) <= MAX_REPLY
    if incoming.protocol not in SAID_IN_SMTP or not (fits or action.extended):
        return None
    return Refused(550, "5.7.1", reason if fits and reason else "The recipient does not want this message")


def _named(action: Action) -> str:
    if isinstance(action, FileInto):
        return f"fileinto {action.mailbox}"
    if isinstance(action, Redirect):
        return f"redirect {action.address}"
    return type(action).__name__.lower()


def _short(text: str) -> str:
    return clean(text)[:TOLD_CHARACTERS]
