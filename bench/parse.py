"""Microseconds per message for each step of reading mail, against the standard library in the same run.

    python -m bench.parse [FOLDER]

FOLDER holds messages, one a file (.eml, .txt or no extension), at any depth; without it 200 are generated.
CPU time of this process, median over rounds of the mean per message; and one 5 MB message by itself.
"""

from __future__ import annotations

import base64
import email
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from homing.message import decode_content, decode_text, describe, parse
from homing.message.provenance import provenance
from homing.message.scan import scan

ROUNDS = 5
MAX_MESSAGES = 1_000


def read_texts(raw: bytes) -> None:
    """What opening a message costs beyond its record."""
    bodies = parse(raw).bodies
    for part in {id(part): part for part in (*bodies.text, *bodies.html)}.values():
        decode_text(decode_content(raw[part.body : part.end], part.encoding)[0], part.charset)


STEPS: dict[str, Callable[[bytes], object]] = {
    "stdlib compat32": email.message_from_bytes,
    "scan": scan,
    "parse": parse,
    "parse + describe": lambda raw: describe(parse(raw)),
    "parse + texts": read_texts,
    "parse + provenance": lambda raw: provenance(parse(raw)),
}


def generate(count: int) -> list[bytes]:
    """Mail of about 5 kB with a dozen headers, text and HTML, some of it with a small attachment."""
    chance = random.Random(1)
    words = "mail arrives in the house and the house is open to Grüße from Köln".split()
    messages = []
    for number in range(count):
        message = EmailMessage()
        message["Received"] = (
            "from a.example (a.example [192.0.2.1]) by b.example with ESMTPS id x; Tue, 5 Mar 2024 09:15:02 +0100"
        )
        message["From"] = f"Zoë Sender <sender{number}@example.org>"
        message["To"] = ", ".join(f"Reader {n} <reader{n}@example.net>" for n in range(1 + number % 4))
        message["Subject"] = f"Grüße number {number}"
        message["Date"] = "Tue, 5 Mar 2024 09:15:00 +0100"
        message["Message-ID"] = f"<{number}@example.org>"
        text = "\n".join(" ".join(chance.choices(words, k=12)) for _ in range(25))
        message.set_content(text)
        message.add_alternative(f"<html><body><p>{text}</p></body></html>", subtype="html")
        if number % 5 == 0:
            message.add_attachment(chance.randbytes(2_000), "application", "pdf", filename="a.pdf")
        messages.append(message.as_bytes(policy=SMTP))
    return messages


def large() -> bytes:
    """A text and an attachment of 5 MB in base64."""
    content = base64.encodebytes(random.Random(2).randbytes(3_800_000)).replace(b"\n", b"\r\n")
    head = b"From: a@example.org\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n--b\r\n"
    kind = b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head + kind + content + b"--b--\r\n"


def load(folder: Path) -> list[bytes]:
    """At most `MAX_MESSAGES` messages, spread evenly over the folder."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix in ("", ".eml", ".txt"))
    return [path.read_bytes() for path in paths[:: max(1, -(-len(paths) // MAX_MESSAGES))]]


def microseconds(step: Callable[[bytes], object], messages: Sequence[bytes]) -> float:
    """Median over the rounds of the mean CPU time per message."""
    rounds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for raw in messages:
            step(raw)
        rounds.append((time.process_time() - start) / len(messages) * 1e6)
    return statistics.median(rounds)


def report(title: str, messages: Sequence[bytes]) -> None:
    size = sum(map(len, messages)) / len(messages)
    print(f"{title}: {len(messages)} messages, mean {size:,.0f} bytes")
    yardstick = 0.0
    for name, step in STEPS.items():
        cost = microseconds(step, messages)
        yardstick = yardstick or cost
        print(f"  {name:20} {cost:12,.1f} µs   {cost / yardstick:6.2f} x stdlib")


def main() -> None:
    messages = load(Path(sys.argv[1])) if len(sys.argv) > 1 else generate(200)
    report("mail", messages)
    report("5 MB attachment", [large()])


if __name__ == "__main__":
    main()
