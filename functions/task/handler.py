"""Work from the outbox: SQS batches of tasks, sent by the table's stream or by the host's worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from homing.delivery.outbox import REPORT_TASK, TRANSMIT_TASK
from homing.delivery.threads import MERGE_TASK, merge_threads
from homing.errors import HomingError, Permanent, StoreConflict
from homing.jmap.push.endpoint import PUSH_TASK, VERIFY_TASK
from homing.lambda_shell import Event, Record, aside, logger, run_batch, site
from homing.ledger import tasks
from homing.ledger.entry import Actor
from homing.site import Site
from homing.submission.attempt import send, transmit
from homing.submission.queue import SEND_TASK
from homing.submission.reports import note_report


def _push_again(chosen: Site, actor: Actor, task: tasks.Task) -> None:
    from homing.jmap.push.sending import push_again  # noqa: PLC0415  # all of JMAP, for the few tasks that push

    aside(lambda: push_again(chosen, actor, task))


def _verify(chosen: Site, actor: Actor, task: tasks.Task) -> None:
    from homing.jmap.push.sending import verify  # noqa: PLC0415

    aside(lambda: verify(chosen, actor, task))


KINDS: Final[Mapping[str, Callable[[Site, Actor, tasks.Task], None]]] = {
    MERGE_TASK: merge_threads,
    PUSH_TASK: _push_again,
    VERIFY_TASK: _verify,
    SEND_TASK: send,
    TRANSMIT_TASK: transmit,
    REPORT_TASK: note_report,
}
"""What pushes waits for strangers, and is finished once it is begun: it puts its own next try, and a push that is
lost with its process is no loss (RFC 8620 §7)."""


def handler(event: Event, context: Any) -> Event:
    """Run each task; one that fails is put off, and at last laid with the dead letters."""
    return run_batch(event, _run_all)


def _run_all(batch: Sequence[Record]) -> list[str]:
    for record in batch:
        _run(site(), tasks.as_task(record.body))
    return []


def _run(chosen: Site, task: tasks.Task) -> None:
    try:
        if task.kind not in KINDS:
            raise Permanent("unknownTask", "no such kind of task", kind=task.kind)
        KINDS[task.kind](chosen, Actor("task", task.kind, task.id), task)
        tasks.finish(chosen.store, task)
    except StoreConflict:
        logger.info("another worker was first", task=task.id)
    except HomingError as error:
        logger.warning("a task failed", task=task.id, kind=task.kind, error=str(error))
        tasks.fail(chosen.store, task, str(error), chosen.clock.now(), permanent=isinstance(error, Permanent))
