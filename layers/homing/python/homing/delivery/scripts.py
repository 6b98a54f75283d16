"""Sieve scripts ready to run, by the digest of their text: each is read and compiled once in a process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from homing.ports.blobs import Blobs
from homing.sieve.engine import Failure, Script, SieveError, compile_script

MOST_COMPILED: Final = 100
"""Those used last; the largest take some megabytes."""


class Scripts:
    """Compiled scripts; all methods may be called from several threads."""

    def __init__(self, most: int = MOST_COMPILED) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._scripts: OrderedDict[str, Script | Failure] = OrderedDict()

    def get(self, blobs: Blobs, digest: str) -> Script | Failure:
        """The script with that text, or why it cannot be run."""
        with self._lock:
            if digest in self._scripts:
                self._scripts.move_to_end(digest)
                return self._scripts[digest]
        text = blobs.get(digest)
        if text is None:
            return Failure(0, "The script's text is not there.")
        script = _compile(text)
        with self._lock:
            self._scripts[digest] = script
            while len(self._scripts) > self._most:
                self._scripts.popitem(last=False)
        return script


def _compile(text: bytes) -> Script | Failure:
    try:
        return compile_script(text.decode("utf-8", "replace"))
    except SieveError as error:
        return Failure(error.line, str(error))


SCRIPTS: Final = Scripts()
"""Those of this process: a digest names the same text on every site."""
