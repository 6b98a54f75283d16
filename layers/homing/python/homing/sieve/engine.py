"""All of the engine under one name, for who runs or checks scripts; how to is told in `homing.sieve`."""

from homing.sieve.check import compile_script
from homing.sieve.errors import SieveError
from homing.sieve.flags import keywords_of
from homing.sieve.interpreter import run
from homing.sieve.mail import Environment, Mail
from homing.sieve.program import Script
from homing.sieve.reply import reply_subject, withhold_reply
from homing.sieve.result import Action, Failure, FileInto, Keep, Redirect, Reject, Remember, Result, Vacation

__all__ = [
    "Action",
    "Environment",
    "Failure",
    "FileInto",
    "Keep",
    "Mail",
    "Redirect",
    "Reject",
    "Remember",
    "Result",
    "Script",
    "SieveError",
    "Vacation",
    "compile_script",
    "keywords_of",
    "reply_subject",
    "run",
    "withhold_reply",
]
