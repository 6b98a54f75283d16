"""Attached documents: the sound ones are read; whatever the others do, it ends soon, and the next one is read."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from homing.search.attachments import MAX_CHILDREN, Extractor
from homing.search.attachments_child import MAX_CHARACTERS
from tests.unit.search import files

SOUND = ("pdf", files.pdf("still here"))


@pytest.fixture
def extractor() -> Iterator[Extractor]:
    with Extractor() as extractor:
        yield extractor


def test_the_pages_of_a_pdf_are_read(extractor: Extractor) -> None:
    assert extractor.text("pdf", files.pdf("Quarterly figures", "second page")).split("\n") == [
        "Quarterly figures",
        "second page",
    ]


def test_paragraphs_tables_and_margins_of_a_docx_are_read(extractor: Extractor) -> None:
    text = extractor.text("docx", files.word_document("Grüße", "会議", table=["left", "right"], header="Letterhead"))

    assert text.split() == ["Grüße", "会議", "left", "right", "Letterhead"]


def bombs() -> dict[str, tuple[str, bytes]]:
    whole, letter = files.pdf("whole"), files.word_document("whole")
    elements = b"<w:p/>" * 8_000_000
    word = b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
    many = files.changed_document(letter, "word/document.xml", word + elements + b"</w:body></w:document>")
    return {
        "no pdf": ("pdf", b"Dear diary"),
        "nearly a pdf": ("pdf", b"%PDF-1.7\n"),
        "empty pdf": ("pdf", b""),
        "damaged pdf": ("pdf", whole[: len(whole) // 2]),
        "4 MB of noise": ("pdf", b"%PDF-1.7\n" + os.urandom(4_000_000)),
        "a pdf that unpacks to a gigabyte": ("pdf", files.pdf_bomb()),
        "a pdf without end": ("pdf", files.pdf_of([zlib.compress(b"q " * 30_000_000)] * 3, filter="/FlateDecode")),
        "damaged docx": ("docx", letter[:-400]),
        "a docx whose text is damaged": ("docx", files.changed_document(letter, "word/document.xml", b"<w:document")),
        "a docx that unpacks to 200 MB": ("docx", files.zip_bomb()),
        "a docx of entities": ("docx", files.entity_bomb()),
        "a docx of eight million paragraphs": ("docx", many),
    }


def test_what_cannot_be_read_has_no_text_and_the_next_one_is_read(extractor: Extractor) -> None:
    for name, (kind, content) in bombs().items():
        assert extractor.text(kind, content).strip() == "", name
        assert extractor.text(*SOUND) == "still here", name


def test_a_large_pdf_is_read_as_far_as_time_and_space_allow(extractor: Extractor) -> None:
    text = extractor.text("pdf", files.long_pdf(20_000_000))

    assert text.startswith("beginning")
    assert len(text) <= MAX_CHARACTERS
    assert extractor.text(*SOUND) == "still here"


def test_after_a_child_was_killed_another_reads_on(extractor: Extractor) -> None:
    assert extractor.text(*SOUND) == "still here"
    assert extractor._child is not None
    first = extractor._child._process
    first.kill()
    first.wait()

    assert extractor.text(*SOUND) == ""
    assert extractor.text(*SOUND) == "still here"


def test_a_batch_that_uses_up_its_children_has_no_more_text(extractor: Extractor) -> None:
    for _ in range(MAX_CHILDREN):
        extractor.text(*SOUND)
        assert extractor._child is not None
        extractor._child._process.kill()
        extractor._child._process.wait()
        extractor.text(*SOUND)

    assert extractor.text(*SOUND) == ""


def test_no_child_outlives_its_batch() -> None:
    with Extractor() as extractor:
        extractor.text(*SOUND)
        assert extractor._child is not None
        process = extractor._child._process

    assert process.returncode is not None


def test_a_child_has_limits_and_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with Extractor() as extractor:
        extractor.text(*SOUND)
        assert extractor._child is not None
        folder = Path("/proc") / str(extractor._child._process.pid)
        environment, limits = (folder / "environ").read_bytes(), (folder / "limits").read_text()

    assert b"secret" not in environment
    assert not [line for line in limits.splitlines() if "address space" in line and "unlimited" in line]


def test_a_document_that_takes_too_much_memory_or_time_ends_with_what_was_found() -> None:
    code = (
        "from homing.search import attachments_child as child\n"
        "child.CPU_SECONDS = 1\n"
        "child.limit_process()\n"
        "child._READERS['pdf'] = lambda content: iter([bytes(2**30).decode()])\n"
        "print(repr(child._timed('pdf', b'')))\n"
        "def slow(content):\n"
        "    yield 'first page'\n"
        "    while True: pass\n"
        "child._READERS['pdf'] = slow\n"
        "print(repr(child._timed('pdf', b'')))\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["''", "'first page'"]
