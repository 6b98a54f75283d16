from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.golden.refresh import cases, expectation


@pytest.mark.parametrize("path", cases(), ids=lambda path: path.stem)
def test_a_message_is_understood_as_it_was_reviewed(path: Path) -> None:
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))

    assert json.loads(json.dumps(expectation(path.read_bytes()))) == expected


def test_the_golden_messages_are_there() -> None:
    assert len(cases()) >= 20
