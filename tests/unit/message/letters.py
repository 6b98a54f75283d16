"""Mail for the tests of this folder, built from seeds; the shapes are those of well-formed mail."""

from __future__ import annotations

import random
from email.message import EmailMessage
from email.policy import SMTP
from textwrap import dedent

_TEXTS = ("Hello there.\n", "Grüße aus Köln — ☺\n" * 5, "会議の資料を送ります。\n" * 20, "x" * 1500 + "\n", "")


def crlf(text: str) -> bytes:
    """A message written as an indented block in a test."""
    return dedent(text).lstrip("\n").replace("\n", "\r\n").encode()


def build(seed: int) -> bytes:
    """A well-formed message: plain, alternative, with attachments, inline images, or an attached message."""
    chance = random.Random(seed)
    message = EmailMessage()
    message["From"] = f"Sender {seed} <sender{seed}@example.org>"
    message["To"] = ", ".join(f"Zoë {n} <r{n}@example.net>" for n in range(1 + seed % 5))
    message["Subject"] = chance.choice(("Hello", "Grüße aus Köln " * 6, "会議の資料"))
    message["Message-ID"] = f"<{seed}@example.org>"
    message.set_content(chance.choice(_TEXTS), cte=chance.choice(("base64", "quoted-printable", "8bit")))
    if seed % 2:
        message.add_alternative(f"<p>{chance.choice(_TEXTS)}</p>", subtype="html")
    if seed % 3 == 0:
        message.get_payload()[-1].add_related(b"\x89PNG" * 9, "image", "png", cid="<i@x>") if seed % 2 else None
    for number in range(seed % 4):
        message.add_attachment(chance.randbytes(500), "application", "pdf", filename=f"Übersicht {number}.pdf")
    if seed % 7 == 0:
        inner = EmailMessage()
        inner["Subject"] = "inner"
        inner.set_content("inner text\n")
        message.add_attachment(inner)
    return message.as_bytes(policy=SMTP)
