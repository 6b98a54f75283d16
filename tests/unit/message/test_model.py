from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from homing.message import Part, parse
from homing.message.bodies import decode_content
from tests.golden.refresh import cases


@pytest.mark.parametrize("path", cases(), ids=lambda path: path.stem)
def test_a_part_comes_back_from_its_record_with_its_size(path: Path) -> None:
    raw = path.read_bytes()
    root = parse(raw).root

    loaded = Part.from_dict(msgspec.json.decode(msgspec.json.encode(root.to_dict())))

    assert loaded == root
    assert [part.size for part in loaded.walk()] == [part.size for part in root.walk()]
    leaves = [part for part in loaded.walk() if not part.parts]
    assert [part.size for part in leaves] == [
        len(decode_content(raw[part.body : part.end], part.encoding)[0]) for part in leaves
    ]


def test_the_record_of_a_plain_part_is_small() -> None:
    assert parse(b"A: b\r\n\r\nbody").root.to_dict() == {"at": [0, 8, 12], "i": "1"}
