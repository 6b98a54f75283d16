"""How far a long command is: a bar where somebody looks on, else a plain line now and then. On stderr."""

from __future__ import annotations

import shutil
import sys
import time
from typing import Final, TextIO

REDRAW_SECONDS: Final = 0.1
LINE_EVERY: Final = 1_000
"""Things done between two plain lines."""
BAR_CHARACTERS: Final = 24


class Progress:
    """Progress of `total` units of work (0: unknown), told in `done` things such as messages."""

    def __init__(self, things: str, total: int, stream: TextIO | None = None) -> None:
        self._things = things
        self._total = total
        self._stream = stream or sys.stderr
        self._is_terminal = self._stream.isatty()
        self._started = time.monotonic()
        self._drawn = 0.0
        self._told = 0

    def update(self, done: int, work: int) -> None:
        """So many things, so much of the work is done."""
        now = time.monotonic()
        if self._is_terminal and now - self._drawn >= REDRAW_SECONDS:
            self._drawn = now
            width = shutil.get_terminal_size().columns - 1
            self._stream.write("\r" + self._line(done, work, now)[:width].ljust(width))
            self._stream.flush()
        elif not self._is_terminal and done // LINE_EVERY > self._told:
            self._told = done // LINE_EVERY
            self._stream.write(self._text(done, work, now) + "\n")
            self._stream.flush()

    def finish(self) -> None:
        """Take the bar away."""
        if self._is_terminal and self._drawn:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write("\r" + " " * width + "\r")
            self._stream.flush()

    def _line(self, done: int, work: int, now: float) -> str:
        if not self._total:
            return self._text(done, work, now)
        filled = round(BAR_CHARACTERS * min(work / self._total, 1))
        return f"[{'#' * filled}{'.' * (BAR_CHARACTERS - filled)}] {self._text(done, work, now)}"

    def _text(self, done: int, work: int, now: float) -> str:
        passed = max(now - self._started, 1e-9)
        text = f"{done:,} {self._things}, {done / passed:,.0f}/s"
        if not self._total or not work:
            return text
        share = min(work / self._total, 1)
        return f"{share:.0%}, {text}, {_duration(passed / share - passed)} left"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
