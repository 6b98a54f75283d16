"""What tests of filters have in common: accounts with a script, and what a delivery made of them."""

from __future__ import annotations

from typing import Any

from homing.directory.accounts import User
from homing.ids import thread_of
from homing.ledger import keys, tasks
from homing.ledger.entry import Actor
from homing.ledger.transact import Transaction, transact
from homing.ledger.view import View
from homing.message import Message, parse
from homing.site import Site

_ACTOR = Actor("tester", "test")


def activate(site: Site, user: User, text: str) -> str:
    """Make a script the active one of an account, as SieveScript/set does; its id."""
    digest = site.blobs.put(text.encode())
    id = site.new_id("s")

    def decide(transaction: Transaction) -> None:
        draft = transaction.draft(user.account)
        draft.create("SieveScript", id, {"name": id, "blob": digest, "isActive": True})
        draft.update("Account", keys.SELF, {"activeScript": {"id": id, "blob": digest}})

    transact(site, _ACTOR, decide)
    return id


def set_vacation(site: Site, user: User, **properties: Any) -> None:
    """Enable the vacation response of an account, as VacationResponse/set does."""

    def decide(transaction: Transaction) -> None:
        draft = transaction.draft(user.account)
        if draft.object("VacationResponse", "singleton") is not None:
            draft.destroy("VacationResponse", "singleton")
        draft.create("VacationResponse", "singleton", {"isEnabled": True, **properties})
        draft.update("Account", keys.SELF, {"vacation": True})

    transact(site, _ACTOR, decide)


def set_keywords(site: Site, user: User, email: str, *keywords: str) -> None:
    """Give an email these keywords."""

    def decide(transaction: Transaction) -> None:
        patch = {"emails": {email: {"keywords": dict.fromkeys(keywords, True)}}}
        transaction.draft(user.account).update("Thread", thread_of(email), patch)

    transact(site, _ACTOR, decide)


def view(site: Site, user: User) -> View:
    return View(site.store, user.account, site.clock.now())


def filed(site: Site, user: User) -> list[tuple[list[str], list[str]]]:
    """(names of mailboxes, keywords) of each email of an account, the oldest first."""
    now = view(site, user)
    mailboxes = now.all_objects("Mailbox")
    states = {id: (now.object("Thread", thread_of(id)) or {})["emails"][id] for id in now.all_objects("Email")}
    ordered = sorted(states, key=lambda id: (states[id]["receivedAt"], id))
    return [
        (sorted(mailboxes[box]["name"] for box in states[id]["mailboxIds"]), sorted(states[id]["keywords"]))
        for id in ordered
    ]


def traces(site: Site, user: User) -> list[dict[str, Any]]:
    """What the filters left of themselves in each email's provenance."""
    return [one.get("filter", {}) for one in view(site, user).all_objects("Provenance").values()]


def waiting(site: Site, kind: str = "transmit") -> list[tasks.Task]:
    return [task for task in tasks.due_tasks(site.store, site.clock.now()) if task.kind == kind]


def sent(site: Site) -> list[tuple[str, list[str], Message]]:
    """(return path, recipients, message) of what waits to be transmitted."""
    found = []
    for task in waiting(site):
        raw = site.blobs.get(task.arguments["blob"])
        assert raw is not None
        account = View(site.store, task.partition, site.clock.now())
        assert account.body(keys.blob_key(task.arguments["blob"])) is not None  # it may not be collected meanwhile
        found.append((task.arguments["mailFrom"], task.arguments["rcptTo"], parse(raw)))
    return found
