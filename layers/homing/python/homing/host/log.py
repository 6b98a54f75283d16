"""What the process host tells its operator: one line for each event, on standard error.

    2026-11-21T16:40:00.123Z INFO  homing.host.ingest: filed client=127.0.0.1 size=5120

Never holds credentials, headers or content. All of `homing` logs through here, the functions included,
whose own handler would write JSON for the cloud's log to standard output.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Final

_USUAL: Final = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime"}


class LineFormatter(logging.Formatter):
    """Time, level, name, text, and the record's own fields as `name=value`."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        """The line; a traceback follows on lines of its own."""
        fields = {name: value for name, value in record.__dict__.items() if name not in _USUAL}
        told = "".join(f" {name}={_value(value)}" for name, value in fields.items())
        line = f"{self.formatTime(record)} {record.levelname:<7} {record.name}: {_one_line(record.getMessage())}{told}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def log_to_stderr(level: int = logging.INFO) -> None:
    """Let everything in `homing`, and uvicorn's warnings, go to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    for name, at in (("homing", level), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(at)
        logger.propagate = False


def _value(value: object) -> str:
    text = str(value)
    return repr(text) if not text or any(c.isspace() or not c.isprintable() for c in text) else text


def _one_line(text: str) -> str:
    """A path may hold any character, and a terminal obeys some."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
