"""What lies at a path: a message, an mbox, a Maildir, or a folder of such files. Decided by looking.

Mails come one at a time, so that a source of any size needs the memory of one message.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from homing.errors import Permanent
from homing.move.maildir import is_maildir, maildir_files, read_maildir
from homing.move.mbox import FROM_, read_mbox
from homing.move.stored_mail import StoredMail, read_file, unfollowed


@dataclass(frozen=True, slots=True)
class Source:
    """Mail at a path: `kind` is "eml", "mbox", "maildir" or "folder", `total` its size in bytes."""

    kind: str
    total: int
    mails: Iterator[StoredMail]


def open_source(path: Path, maximum: int) -> Source:
    """Look at a path. A mail larger than `maximum` bytes comes as a problem and is not kept in memory.

    A file that begins with "From " is an mbox, any other is one message. Of a folder that is no Maildir
    all `.eml` and `.mbox` files are read, at any depth.

    Raises:
        Permanent: ("noMail") there is nothing, it may not be read, or it is a folder without mail.
    """
    try:
        return _open_folder(path, maximum) if path.is_dir() else _open_file(path, maximum)
    except OSError as error:
        raise Permanent("noMail", error.strerror or "it cannot be read", path=str(path)) from error


def _open_file(path: Path, maximum: int) -> Source:
    with path.open("rb") as file:
        is_mbox = file.read(len(FROM_)) == FROM_
        total = os.fstat(file.fileno()).st_size
    if is_mbox:
        return Source("mbox", total, read_mbox(path, maximum))
    return Source("eml", total, _read_one(path, maximum))


def _open_folder(path: Path, maximum: int) -> Source:
    if is_maildir(path):
        return Source("maildir", _size(maildir_files(path)), read_maildir(path, maximum))
    files = sorted(_mail_files(path))
    if not files:
        raise Permanent("noMail", "this folder is no Maildir and holds no .eml or .mbox file", path=str(path))
    mails = (mail for file in files for mail in _read_listed(file, maximum))
    return Source("folder", _size(files), mails)


def _mail_files(path: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(path):
        for name in names:
            path = Path(parent, name)
            if path.suffix.lower() in _READERS and path.is_file():
                yield path


def _size(files: Iterable[Path]) -> int:
    total = 0
    for path in files:
        try:
            total += path.stat().st_size
        except OSError:  # whoever reads it tells why
            continue
    return total


def _read_listed(path: Path, maximum: int) -> Iterator[StoredMail]:
    if path.is_symlink():
        return iter((unfollowed(path),))
    return _READERS[path.suffix.lower()](path, maximum)


def _read_one(path: Path, maximum: int) -> Iterator[StoredMail]:
    yield read_file(path, maximum)


_READERS: Final[Mapping[str, Callable[[Path, int], Iterator[StoredMail]]]] = {".eml": _read_one, ".mbox": read_mbox}
