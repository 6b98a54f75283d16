"""Maildir and Maildir++: a file for each message in `cur` and `new`, its flags in its name, folders as `.Name`.

Flags stand after `:2,` (or `;2,` or `!2,` where a file system forbids the colon). Folder names are in IMAP's
modified UTF-7 (RFC 3501 §5.1.3), levels separated by dots; a plain sub-folder with a `cur` of its own is a
folder, too. `tmp` holds what was never delivered. The files are read, never moved.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from homing.move.stored_mail import StoredMail, read_file, unfollowed

_PARTS: Final = ("new", "cur")
_OWN: Final = frozenset({"new", "cur", "tmp"})
_FLAGS: Final = re.compile(r"[:;!]2,([A-Za-z]*)\Z")
_KEYWORDS: Final = {"S": "$seen", "F": "$flagged", "R": "$answered", "D": "$draft", "P": "$forwarded"}
_TRASHED: Final = "T"
_ENCODED: Final = re.compile(r"&([A-Za-z0-9+,]*)-")


def is_maildir(path: Path) -> bool:
    """Whether a folder is a Maildir."""
    return any((path / part).is_dir() for part in _PARTS)


def maildir_files(path: Path) -> Iterator[Path]:
    """Every file that is a message, of the Maildir and its folders."""
    for folder, directory in _folders(path, ()):
        if not (folder and directory.is_symlink()):
            yield from (file for file in _files(directory) if not file.is_symlink())


def read_maildir(path: Path, maximum: int) -> Iterator[StoredMail]:
    """The messages of a Maildir and its folders, the oldest names first in each."""
    for folder, directory in _folders(path, ()):
        if directory.is_symlink() and folder:
            yield unfollowed(directory)
            continue
        for file in _files(directory):
            if file.is_symlink():
                yield unfollowed(file)
                continue
            keywords, is_deleted = flags_of(file.name)
            yield replace(read_file(file, maximum), folder=folder, keywords=keywords, is_deleted=is_deleted)


def flags_of(name: str) -> tuple[frozenset[str], bool]:
    """(keywords, whether it is marked as trashed), from a file's name."""
    found = _FLAGS.search(name)
    letters = found[1] if found else ""
    return frozenset(_KEYWORDS[letter] for letter in letters if letter in _KEYWORDS), _TRASHED in letters


def decode_folder_name(name: str) -> str:
    """A name in modified UTF-7 as text; one that is not in it stays as it is."""

    def decode(match: re.Match[str]) -> str:
        return f"+{match[1].replace(',', '/')}-".encode("ascii").decode("utf-7") if match[1] else "&"

    try:
        return _ENCODED.sub(decode, name)
    except UnicodeDecodeError:
        return name


def _folders(path: Path, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Path]]:
    yield above, path
    for child in sorted(path.iterdir()):
        if child.name not in _OWN and is_maildir(child):
            levels = child.name.split(".") if child.name.startswith(".") else [child.name]
            folder = above + tuple(decode_folder_name(level) for level in levels if level)
            yield from ((folder, child),) if child.is_symlink() else _folders(child, folder)


def _files(directory: Path) -> Iterator[Path]:
    parts = [directory / part for part in _PARTS]
    links = [part for part in parts if part.is_symlink()]
    found = (file for part in parts if part not in links and part.is_dir() for file in part.iterdir())
    messages = (file for file in found if not file.name.startswith(".") and file.is_file())
    yield from sorted([*links, *messages], key=lambda file: file.name)
