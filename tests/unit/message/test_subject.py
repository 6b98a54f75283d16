from __future__ import annotations

import pytest

from homing.message import base_subject

CASES = [
    ("Lunch", "Lunch"),
    ("Re: Lunch", "Lunch"),
    ("RE : re:Re:   Lunch", "Lunch"),
    ("Fwd: Fw: FW: Lunch", "Lunch"),
    ("Re[2]: Lunch", "Lunch"),
    ("Re [list] : Lunch", "Lunch"),
    ("[list] Lunch", "Lunch"),
    ("[list] Re: [list] Lunch", "Lunch"),
    ("[a] [b] Lunch", "Lunch"),
    ("[list]", "[list]"),
    ("[a][b]", "[b]"),
    ("Re: [list]", "[list]"),
    ("Lunch (fwd)", "Lunch"),
    ("Lunch (Fwd) (FWD)  ", "Lunch"),
    ("[fwd: Lunch]", "Lunch"),
    ("Re: [Fwd: Re: [list] Lunch (fwd)]", "Lunch"),
    ("Lunch\t at \r\n noon", "Lunch at noon"),
    ("Report: Lunch", "Report: Lunch"),
    ("Antw: Lunch", "Antw: Lunch"),
    ("Re", "Re"),
    ("Re:", ""),
    ("(fwd)", ""),
    ("", ""),
    ("[fwd:]", ""),
    ("[unclosed Lunch", "[unclosed Lunch"),
]


@pytest.mark.parametrize(("subject", "expected"), CASES)
def test_reply_and_forward_marks_are_taken_off(subject: str, expected: str) -> None:
    assert base_subject(subject) == expected


@pytest.mark.parametrize(("subject", "expected"), CASES)
def test_a_base_subject_has_itself_as_base(subject: str, expected: str) -> None:
    assert base_subject(expected) == expected


@pytest.mark.parametrize("piece", ["Re:", "[a]", "[", "(fwd)", "[fwd:", " "])
def test_a_million_marks_are_taken_off_at_a_cost_of_their_length(piece: str) -> None:
    assert len(base_subject(piece * 300_000)) <= 300_000 * len(piece)
