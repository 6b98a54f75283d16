from __future__ import annotations

from typing import Any

import pytest

from homing.message import Part, arrange
from homing.message.structure import has_attachment


def tree(kind: str, /, *children: Part, **fields: Any) -> Part:
    media_type, _, part_id = kind.partition(" ")
    return Part(part_id or None, media_type, 0, 0, 0, parts=children, **fields)


def ids(root: Part) -> tuple[str, str, str]:
    bodies = arrange(root)
    texts = ("".join(p.part_id or "?" for p in parts) for parts in (bodies.text, bodies.html, bodies.attachments))
    return tuple(texts)  # type: ignore[return-value]


def test_the_example_of_the_specification_is_sorted_as_it_says() -> None:
    # RFC 8621 §4.1.4
    root = tree(
        "multipart/mixed",
        tree("text/plain A"),
        tree(
            "multipart/mixed",
            tree(
                "multipart/alternative",
                tree(
                    "multipart/mixed",
                    tree("text/plain B"),
                    tree("image/jpeg C", disposition="inline"),
                    tree("text/plain D"),
                ),
                tree("multipart/related", tree("text/html E"), tree("image/jpeg F")),
            ),
            tree("image/jpeg G", disposition="attachment"),
            tree("application/x-excel H"),
            tree("message/rfc822 J"),
        ),
        tree("text/plain K"),
    )

    assert ids(root) == ("ABCDK", "AEK", "CFGHJ")


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        (tree("text/plain A"), ("A", "A", "")),
        (tree("text/html A"), ("A", "A", "")),
        (tree("application/pdf A"), ("", "", "A")),
        (tree("image/png A"), ("A", "A", "")),
        (tree("text/plain A", disposition="attachment"), ("", "", "A")),
        (tree("multipart/mixed", tree("text/plain A"), tree("text/plain B", name="b.txt")), ("A", "A", "B")),
        (tree("multipart/mixed", tree("text/plain A", name="a.txt"), tree("text/plain B")), ("AB", "AB", "")),
        (tree("multipart/alternative", tree("text/plain A"), tree("text/html B")), ("A", "B", "")),
        (tree("multipart/alternative", tree("text/html B")), ("B", "B", "")),
        (tree("multipart/alternative", tree("text/plain A"), tree("text/calendar B")), ("A", "A", "B")),
        (tree("multipart/related", tree("text/html A"), tree("image/png B")), ("A", "A", "B")),
        (
            tree(
                "multipart/alternative",
                tree("text/plain A"),
                tree("multipart/mixed", tree("text/html B"), tree("application/pdf C")),
            ),
            ("A", "B", "C"),
        ),
        (
            tree(
                "multipart/alternative",
                tree("multipart/mixed", tree("text/html A"), tree("multipart/alternative", tree("text/plain B"))),
            ),
            ("A", "A", "B"),
        ),
    ],
)
def test_leaves_are_sorted_into_text_html_and_attachments(root: Part, expected: tuple[str, str, str]) -> None:
    assert ids(root) == expected


def test_only_an_attachment_that_is_not_inline_counts() -> None:
    inline = tree("multipart/related", tree("text/html A"), tree("image/png B", disposition="inline"))
    plain = tree("multipart/mixed", tree("text/html A"), tree("application/pdf B"))

    assert (has_attachment(arrange(inline)), has_attachment(arrange(plain))) == (False, True)
