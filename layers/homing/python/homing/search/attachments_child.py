"""The child process that reads attached documents: `python -m homing.search.attachments_child`.

Takes documents on stdin, answers each with its text on stdout (a big-endian length and UTF-8). It limits itself
before it reads anything: memory, files, CPU and elapsed seconds for each document. A document that takes too long
gives the text found so far; one that asks for more memory than there is, or that is damaged, gives none.
pypdf and python-docx (on lxml, entities not resolved) do the reading; both are imported here only.
"""

from __future__ import annotations

import io
import os
import resource
import signal
import struct
import sys
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, Final

KINDS: Final = ("pdf", "docx")
HEADER: Final = struct.Struct(">BI")
"""Before each document: its kind as an index of `KINDS`, its size in bytes."""

MAX_CHARACTERS: Final = 500_000
"""Characters of text that are taken from one document."""
MAX_ANSWER_BYTES: Final = 4 * MAX_CHARACTERS
MEMORY_BYTES: Final = 640 * 1_024 * 1_024
CPU_SECONDS: Final = 3
"""After these the document ends with what was found so far; after twice as many the process is killed."""
ELAPSED_SECONDS: Final = 15
MAX_PAGES: Final = 1_000
MAX_UNPACKED_BYTES: Final = 64 * 1_024 * 1_024
"""Bytes that the members of a docx may have together once unpacked."""


class _OutOfTimeError(BaseException):
    """No parser may catch it."""


def main() -> None:
    """Answer documents until the input ends."""
    limit_process()
    given, answers = sys.stdin.buffer, sys.stdout.buffer
    while len(header := given.read(HEADER.size)) == HEADER.size:
        kind, size = HEADER.unpack(header)
        text = _timed(KINDS[kind], given.read(size)).encode(errors="replace")[:MAX_ANSWER_BYTES]
        answers.write(struct.pack(">I", len(text)) + text)
        answers.flush()


def limit_process() -> None:
    """Take from this process what it does not need."""
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    signal.signal(signal.SIGPROF, _out_of_time)


def _out_of_time(_signal: int, _frame: object) -> None:
    raise _OutOfTimeError


def _timed(kind: str, content: bytes) -> str:
    """The text of a document, within the limits for one."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (spent + 2 * CPU_SECONDS + 1, hard))
    signal.alarm(ELAPSED_SECONDS)
    found: list[str] = []
    try:
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        _take(_READERS[kind](content), found)
    except _OutOfTimeError:
        pass
    except Exception:  # noqa: S110 - a shell: parsers of damaged files raise anything at all
        pass
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
    return "\n".join(found)[:MAX_CHARACTERS]


def _take(pieces: Iterator[str], found: list[str]) -> None:
    size = 0
    for piece in pieces:
        found.append(piece)
        size += len(piece)
        if size >= MAX_CHARACTERS:
            return


def _pdf(content: bytes) -> Iterator[str]:
    from pypdf import PdfReader  # noqa: PLC0415

    reader = PdfReader(io.BytesIO(content), strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        return
    for number, page in enumerate(reader.pages):
        if number >= MAX_PAGES:
            return
        yield page.extract_text()


def _docx(content: bytes) -> Iterator[str]:
    """The body, then headers and footers. What unpacks to too much is not opened."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(member.file_size for member in archive.infolist()) > MAX_UNPACKED_BYTES:
            return

    from docx import Document  # noqa: PLC0415

    document = Document(io.BytesIO(content))
    yield _written(document.element.body)
    for section in document.sections:
        for margin in (section.header, section.footer):
            if not margin.is_linked_to_previous:
                yield _written(margin._element)


_WORD: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_PARAGRAPH: Final = f"{_WORD}p"
_TEXT: Final = f"{_WORD}t"
_SPACES: Final = (f"{_WORD}tab", f"{_WORD}br", f"{_WORD}cr")
_READERS: Final[dict[str, Callable[[bytes], Iterator[str]]]] = {"pdf": _pdf, "docx": _docx}


def _written(element: Any) -> str:
    """All text below an element, also in tables, links, boxes and insertions; each paragraph on its own line."""
    pieces: list[str] = []
    for one in element.iter(_PARAGRAPH, _TEXT, *_SPACES):
        pieces.append(one.text or "" if one.tag == _TEXT else "\n" if one.tag == _PARAGRAPH else " ")
    return "".join(pieces)


if __name__ == "__main__":
    main()
