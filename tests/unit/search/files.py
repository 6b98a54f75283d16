"""PDF and docx files made for tests: sound ones, and such as are meant to hurt their reader."""

from __future__ import annotations

import io
import itertools
import zipfile
import zlib
from collections.abc import Sequence

import docx


def pdf(*pages: str) -> bytes:
    """A PDF with a line of ASCII text on each page."""
    return pdf_of([f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode() for text in pages])


def pdf_of(contents: Sequence[bytes], *, filter: str = "") -> bytes:
    """A PDF with a page for each content stream, `filter` naming how they are encoded (ISO 32000-1 §7.4)."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(contents)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, content in enumerate(contents):
        page = f"<< /Type /Page /Parent 2 0 R /Resources << /Font << /F1 3 0 R >> >> /Contents {5 + 2 * number} 0 R >>"
        objects.append(page.encode())
        head = f"<< /Length {len(content)} {f'/Filter {filter}' if filter else ''} >>\nstream\n".encode()
        objects.append(head + content + b"\nendstream")
    return _file(objects)


def _file(objects: Sequence[bytes]) -> bytes:
    written = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(len(written))
        written += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    table = len(written)
    written += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    written += b"".join(f"{offset:010} 00000 n \n".encode() for offset in offsets)
    written += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n".encode()
    return bytes(written)


def pdf_bomb() -> bytes:
    """A few kB that unpack to a gigabyte, twice packed."""
    return pdf_of([zlib.compress(_packed(b"(x) Tj " * 150_000, 1_000), 9)], filter="[/FlateDecode /FlateDecode]")


def _packed(content: bytes, times: int) -> bytes:
    """What `zlib.compress(content * times)` stands for, made without packing it all: one block again and again."""
    packing = zlib.compressobj(9)
    head = packing.compress(b"") + packing.flush(zlib.Z_FULL_FLUSH)
    block = packing.compress(content) + packing.flush(zlib.Z_FULL_FLUSH)
    check = 1
    for _ in range(times):
        check = zlib.adler32(content, check)
    end = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS).flush()
    return head + block * times + end + check.to_bytes(4, "big")


def long_pdf(size: int) -> bytes:
    """A PDF of about `size` bytes, nearly all of it text."""
    line = b"BT /F1 12 Tf 72 720 Td (the quick brown fox jumps over lazy dogs) Tj ET\n"
    return pdf_of([b"BT /F1 12 Tf 72 720 Td (beginning) Tj ET\n" + line * 50] * (size // (50 * len(line))))


def word_document(*paragraphs: str, table: Sequence[str] = (), header: str = "") -> bytes:
    """A docx file."""
    document = docx.Document()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    if table:
        cells = document.add_table(rows=1, cols=len(table)).rows[0].cells
        for cell, text in zip(cells, table, strict=True):
            cell.text = text
    if header:
        document.sections[0].header.paragraphs[0].text = header
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def changed_document(document: bytes, name: str, content: bytes) -> bytes:
    """A docx file with one of its members replaced."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(document)) as before, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as after:
        for member in before.namelist():
            if member != name:
                after.writestr(member, before.read(member))
        after.writestr(name, content)
    return written.getvalue()


def zip_bomb() -> bytes:
    """A docx whose text unpacks to 200 MB."""
    return changed_document(word_document("fuse"), "word/document.xml", b" " * 200_000_000)


def entity_bomb() -> bytes:
    """A docx whose text is an entity of entities of entities (CVE-2003-1564)."""
    names = [f"e{number}" for number in range(12)]
    declared = '<!ENTITY e0 "boom">' + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in itertools.pairwise(names)
    )
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    text = (
        f'<?xml version="1.0"?><!DOCTYPE d [{declared}]><w:document xmlns:w="{word}"><w:body><w:p><w:r>'
        f"<w:t>&{names[-1]};</w:t></w:r></w:p></w:body></w:document>"
    )
    return changed_document(word_document("fuse"), "word/document.xml", text.encode())
