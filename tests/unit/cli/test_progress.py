"""Progress: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io

from homing.cli.progress import Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_elsewhere_a_line_is_written_each_thousand() -> None:
    stream = io.StringIO()
    progress = Progress("messages", 5_000, stream)

    for done in (64, 999, 1_024, 1_088, 1_999, 2_048, 4_000):
        progress.update(done, done)
    progress.finish()

    lines = stream.getvalue().splitlines()
    assert [line.split(", ")[1] for line in lines] == ["1,024 messages", "2,048 messages", "4,000 messages"]
    assert [line.split(", ")[0] for line in lines] == ["20%", "41%", "80%"]
    assert all(line.endswith(" left") and "/s, " in line for line in lines)


def test_on_a_terminal_a_bar_is_drawn_in_one_line_and_taken_away() -> None:
    stream = Terminal()
    progress = Progress("messages", 200, stream)

    progress.update(50, 100)
    drawn = stream.getvalue()
    progress.finish()

    assert drawn.startswith("\r[############............] 50%, 50 messages, ")
    assert "\n" not in stream.getvalue()
    assert stream.getvalue().rpartition("\r")[2] == ""
    assert stream.getvalue().removeprefix(drawn).strip() == ""


def test_without_a_total_only_what_is_done_is_told() -> None:
    stream = Terminal()

    Progress("emails", 0, stream).update(7, 0)

    assert stream.getvalue().strip().startswith("7 emails, ")
    assert "%" not in stream.getvalue()


def test_nothing_done_leaves_no_trace() -> None:
    stream = Terminal()

    Progress("emails", 0, stream).finish()

    assert stream.getvalue() == ""
