"""Attached documents to text, by foreign parsers in a child process with little time and little memory.

One child works through a batch, an answer at a time. If it ends early, killed by a limit, the document that it was at
has no text and another child goes on with the next. The child gets nothing of this process: no environment with
credentials in it, no open files. See `attachments_child` for its side.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import sysconfig
from typing import Final, Self

from homing.search.attachments_child import HEADER, KINDS, MAX_ANSWER_BYTES

MAX_CHILDREN: Final = 8
"""Children that one batch may use up: what is left after that many deaths has no text."""

_ANSWER: Final = struct.Struct(">I")


class Extractor:
    """Reads documents one by one; a context that ends its child. The child is started with the first document."""

    def __init__(self) -> None:
        self._child: _Child | None = None
        self._started = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._end()

    def text(self, kind: str, content: bytes) -> str:
        """The text of a document of a kind of `KINDS`; "" for one that cannot be read, or not in time."""
        if not looks_like(kind, content):
            return ""
        if self._child is None:
            if self._started >= MAX_CHILDREN:
                return ""
            self._child = _Child()
            self._started += 1
        text = self._child.text(kind, content)
        if text is None:
            self._end()
        return text or ""

    def _end(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


def looks_like(kind: str, content: bytes) -> bool:
    """Whether content begins as its kind does (ISO 32000-1 §7.5.2, with what readers allow; zip's local header)."""
    return b"%PDF-" in content[:1_024] if kind == "pdf" else content.startswith(b"PK\x03\x04")


class _Child:
    """A process that reads documents until its input ends."""

    def __init__(self) -> None:
        libraries = sysconfig.get_config_var("LIBDIR") or ""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "homing.search.attachments_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": os.pathsep.join(sys.path), "LD_LIBRARY_PATH": libraries},
        )

    def text(self, kind: str, content: bytes) -> str | None:
        """The text of a document, or None if the child has ended over it."""
        given, taken = self._process.stdin, self._process.stdout
        if given is None or taken is None:
            return None
        try:
            given.write(HEADER.pack(KINDS.index(kind), len(content)))
            given.write(content)
            given.flush()
        except BrokenPipeError:
            return None
        size = taken.read(_ANSWER.size)
        if len(size) < _ANSWER.size:
            return None
        expected = min(_ANSWER.unpack(size)[0], MAX_ANSWER_BYTES)
        answer = taken.read(expected)
        return answer.decode(errors="replace") if len(answer) == expected else None

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                _close(pipe)
        self._process.wait()


def _close(pipe: object) -> None:
    """Closing a pipe writes what is left in its buffer, which nobody reads any more."""
    try:
        pipe.close()  # type: ignore[attr-defined]
    except BrokenPipeError:
        return
