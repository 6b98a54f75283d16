"""`homing task`: work that waits in the outbox, and work that failed for good."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from homing.cli.output import add_json_option, example, print_json, print_table, say, time_text
from homing.cli.site_folder import add_site_options, open_site
from homing.errors import Permanent
from homing.ledger import tasks
from homing.ledger.keys import clamp_ms
from homing.ledger.tasks import Task

FOR_EVER: Final = clamp_ms(10**15) - 1
SHOWN: Final = 100


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the noun."""
    noun = subparsers.add_parser("task", help="work that waits or has failed", **example("homing task dead"))
    verbs = noun.add_subparsers(title="verbs", metavar="VERB", required=True)
    waiting = verbs.add_parser("list", help="tasks that wait", **example("homing task list --json"))
    waiting.set_defaults(run=_list)
    dead = verbs.add_parser("dead", help="tasks that failed for good, with the error", **example("homing task dead"))
    dead.set_defaults(run=_dead)
    for parser in (waiting, dead):
        parser.add_argument(
            "--limit", type=_positive, metavar="N", default=SHOWN, help=f"how many at most (default: {SHOWN})"
        )
    revive = verbs.add_parser(
        "revive",
        help="let a dead task be tried again, at once",
        **example("homing task revive k0rg2tjt4v8abc12"),
    )
    revive.add_argument("id", metavar="ID", help="as `homing task dead` shows it")
    revive.set_defaults(run=_revive)
    for parser in (waiting, dead, revive):
        add_site_options(parser)
        add_json_option(parser)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


def _list(arguments: argparse.Namespace) -> int:
    return _show(arguments, tasks.due_tasks(open_site(arguments).store, FOR_EVER, arguments.limit + 1))


def _dead(arguments: argparse.Namespace) -> int:
    return _show(arguments, tasks.dead_tasks(open_site(arguments).store))


def _revive(arguments: argparse.Namespace) -> int:
    site = open_site(arguments)
    task = next((task for task in tasks.dead_tasks(site.store) if task.id == arguments.id), None)
    if task is None:
        raise Permanent("noSuchTask", "there is no dead task with this id", id=arguments.id)
    revived = tasks.revive(site.store, task, site.clock.now())
    if arguments.json:
        print_json(msgspec.to_builtins(revived))
    else:
        print(f"{revived.id} ({revived.kind}) will be tried again")
    return 0


def _show(arguments: argparse.Namespace, found: Iterable[Task]) -> int:
    everything = sorted(found, key=lambda task: (task.due, task.id))
    shown = everything[: arguments.limit]
    if arguments.json:
        print_json(msgspec.to_builtins(shown))
        return 0
    if shown:
        print_table(("ID", "KIND", "ACCOUNT", "DUE", "ATTEMPTS", "ERROR"), [_cells(task) for task in shown])
    else:
        say("there are none")
    if len(everything) > len(shown):
        say("there are more; see --limit")
    return 0


def _cells(task: Task) -> list[Any]:
    return [task.id, task.kind, task.partition, time_text(task.due), str(task.attempts), task.error]
