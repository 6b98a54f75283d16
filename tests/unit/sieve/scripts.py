"""Scripts on mail, in one call: what the tests of the engine say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from homing.message import parse
from homing.sieve import SUPPORTED
from homing.sieve.engine import Environment, Keep, Mail, Result, SieveError, compile_script, run

ALL = [name for name in SUPPORTED if name != "ihave"]
PLAIN = (
    b"From: coyote@desert.example.org\r\nTo: roadrunner@acme.example.com\r\nSubject: I have a present\r\n\r\nHi.\r\n"
)
NOW = 1_795_000_000_000


def mail(
    raw: bytes = PLAIN, sender: str = "coyote@desert.example.org", to: str = "roadrunner@acme.example.com"
) -> Mail:
    return Mail(parse(raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")), sender, to)


def fields(*lines: str) -> bytes:
    """A message with these header lines."""
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\nBody.\r\n"


def require(names: Sequence[str]) -> str:
    quoted = (f'"{name}"' for name in names)
    return f"require [{', '.join(quoted)}];\n"


def perform(text: str, raw: bytes | Mail = PLAIN, *, extensions: Sequence[str] = ALL, **environment: Any) -> Result:
    """The result of a script that requires `extensions`."""
    subject = raw if isinstance(raw, Mail) else mail(raw)
    script = compile_script((require(extensions) if extensions else "") + text)
    return run(script, subject, Environment(**{"now": NOW, **environment}))


def is_true(test: str, raw: bytes | Mail = PLAIN, before: str = "", **environment: Any) -> bool:
    """Whether a test is true of a message."""
    result = perform(f"{before} if {test} {{ keep; }} else {{ discard; }}", raw, **environment)
    assert result.error is None, result.error
    return bool(result.actions)


def value_of(text: str, raw: bytes | Mail = PLAIN, before: str = "", **environment: Any) -> str:
    """What a string comes to: it is filed into."""
    result = perform(f'{before} fileinto "<{text}>";', raw, **environment)
    assert result.error is None, result.error
    return str(result.actions[0].mailbox)[1:-1]  # type: ignore[union-attr]


def refusal(text: str, extensions: Sequence[str] = ALL) -> SieveError:
    """The error that a script has; lines are counted without the `require`."""
    try:
        compile_script((require(extensions).strip() + " " if extensions else "") + text)
    except SieveError as error:
        return error
    raise AssertionError(f"compiled: {text}")


def failure(text: str, raw: bytes | Mail = PLAIN, **environment: Any) -> str:
    """The runtime error of a script, after which there is the implicit keep and nothing else."""
    result = perform(text, raw, **environment)
    assert result.error is not None
    assert result.actions == (Keep(implicit=True),)
    assert result.remember == ()
    return result.error.description
