"""`run`: a script on a message, to a `Result`. Pure; bounded in work; raises nothing of its own (RFC 5228 §2.10)."""

from __future__ import annotations

from homing.sieve.errors import ScriptFailure
from homing.sieve.evaluate import check_needs, holds
from homing.sieve.extensions import BUILT_IN, IMPLIED
from homing.sieve.mail import Environment, Mail
from homing.sieve.perform import COMMANDS
from homing.sieve.program import Call, Script
from homing.sieve.result import Failure, Keep, Result
from homing.sieve.state import Run


def run(script: Script, mail: Mail, environment: Environment) -> Result:
    """What the script does with the message. Raises only what the callbacks of `environment` raise.

    A script that cannot go on keeps the message, and nothing else of what it did counts (RFC 5228 §2.10.6).
    """
    required = frozenset(script.extensions)
    implied = {IMPLIED[name] for name in required & IMPLIED.keys()}
    state = Run(script, mail, environment, enabled={*required, *implied, *BUILT_IN})
    try:
        _run_block(state, script.commands)
    except ScriptFailure as failure:
        error = Failure(state.place.line, failure.description)
        return Result((Keep(implicit=True),), error=error, notes=tuple(state.plan.notes))
    return Result(state.plan.complete(state.flags), tuple(state.remember.values()), notes=tuple(state.plan.notes))


def _run_block(state: Run, calls: tuple[Call, ...]) -> bool:
    """Run commands one after the other; whether the script goes on after them."""
    taken = False
    for call in calls:
        state.place = call.place
        state.charge(0)
        if call.name == "stop":
            return False
        if call.name in ("if", "elsif", "else"):
            taken = taken and call.name != "if"
            if taken or not all(holds(state, test) for test in call.tests):
                continue
            taken = True
            if not _run_block(state, call.block):
                return False
        else:
            check_needs(state, call)
            COMMANDS[call.name](state, call)
    return True
