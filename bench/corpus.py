"""Seeded generator of mail as people send it: threads, attachments, HTML, several scripts and charsets."""

# ruff: noqa: RUF001  # Chinese has commas of its own
from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

PEOPLE = (
    ("Ann Miller", "ann@example.net"),
    ("José García", "jose@example.com"),
    ("Müller, Jürgen", "j.mueller@example.de"),
    ("山田太郎", "yamada@example.jp"),
    ("Иван Петров", "ivan@example.ru"),
    ("王小明", "wang@example.cn"),
    ("فاطمة علي", "fatima@example.ae"),
    ("דוד כהן", "david@example.co.il"),
    ("Ελένη Παπαδοπούλου", "eleni@example.gr"),
    ("อนันต์ ใจดี", "anan@example.co.th"),
)
SUBJECTS = (
    ("Quarterly report", "The figures for the quarter are attached. Please read them before Monday.", "us-ascii"),
    ("Réunion de projet à 14 h", "Bonjour, la réunion est déplacée à l'après-midi. À bientôt !", "iso-8859-1"),
    ("会議の資料", "お疲れ様です。会議の資料を送ります。よろしくお願いいたします。", "iso-2022-jp"),
    ("Отчёт за месяц", "Добрый день! Отправляю отчёт за прошлый месяц.", "koi8-r"),
    ("项目进展", "大家好，这是本周的项目进展，请查收附件。", "gb18030"),
    ("اجتماع الفريق", "مرحبا، سيعقد الاجتماع غدا في الساعة العاشرة.", "utf-8"),
    ("סיכום הפגישה", "שלום, מצורף סיכום הפגישה.", "windows-1255"),
    ("Πρόσκληση σε εκδήλωση", "Σας προσκαλούμε στην εκδήλωση της Παρασκευής.", "iso-8859-7"),
    ("ใบเสนอราคา", "เรียนทุกท่าน แนบใบเสนอราคามาด้วย", "utf-8"),
    ("Lunch on Friday? 🍜", "Who is in? The new noodle place opened. 🎉", "utf-8"),
)
WORDS = (
    "mail server delivery thread archive folder figure market customer invoice contract meeting agenda budget "
    "review release schedule design network storage report summary question answer detail number north river"
).split()
START = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


def messages(
    count: int, *, seed: int = 1, to: str = "alice@example.org", size: int = 0
) -> Iterator[tuple[str, str, bytes]]:
    """(Message-ID, sender, raw message) `count` times; `size` pads the text to about that many bytes."""
    chance = random.Random(seed)
    threads: list[list[tuple[str, str]]] = []
    for number in range(count):
        text, thread = _next(chance, threads)
        yield _message(chance, number, seed, text, thread, to, size)


def _next(
    chance: random.Random, threads: list[list[tuple[str, str]]]
) -> tuple[tuple[str, str, str], list[tuple[str, str]]]:
    """Half of all messages answer in one of the last twenty threads."""
    if threads and chance.random() < 0.5:
        thread = chance.choice(threads[-20:])
        subject = thread[0][1]
        return next(item for item in SUBJECTS if subject.startswith(item[0])), thread
    text = chance.choice(SUBJECTS)
    thread = [("", f"{text[0]} ({len(threads) + 1})")]
    threads.append(thread)
    return text, thread


def _message(
    chance: random.Random,
    number: int,
    seed: int,
    text: tuple[str, str, str],
    thread: list[tuple[str, str]],
    to: str,
    size: int,
) -> tuple[str, str, bytes]:
    name, sender = chance.choice(PEOPLE)
    id = f"<{seed}.{number}.{chance.getrandbits(40):x}@{sender.partition('@')[2]}>"
    mail = EmailMessage(policy=SMTP)
    mail["From"] = f'"{name}" <{sender}>'
    mail["To"] = to
    mail["Date"] = format_datetime(START + timedelta(minutes=7 * number))
    mail["Message-ID"] = id
    references = [known for known, _ in thread[1:]]
    mail["Subject"] = ("Re: " if references else "") + thread[0][1]
    if references:
        mail["In-Reply-To"] = references[-1]
        mail["References"] = " ".join(references[-10:])
    thread.append((id, thread[0][1]))
    _set_body(chance, mail, text, number, size)
    return id, sender, mail.as_bytes()


def _set_body(chance: random.Random, mail: EmailMessage, text: tuple[str, str, str], number: int, size: int) -> None:
    _subject, sentence, charset = text
    lines = [sentence, ""]
    length = size or chance.choice((400, 1_200, 3_000, 9_000))
    while sum(map(len, lines)) < length * 0.97:
        lines.append(" ".join(chance.choices(WORDS, k=11)) + ".")
    body = "\n".join(lines) + "\n"
    try:
        mail.set_content(body, charset=charset)
    except (UnicodeEncodeError, LookupError):
        mail.set_content(body, charset="utf-8")
    if size:
        return
    if number % 3 == 0:
        mail.add_alternative(
            f"<html><body><p>{sentence}</p><p>{'<br>'.join(lines[2:])}</p></body></html>", subtype="html"
        )
    if number % 5 == 0:
        content = chance.randbytes(chance.choice((2_000, 20_000, 120_000)))
        mail.add_attachment(content, maintype="application", subtype="pdf", filename=f"Bericht № {number}.pdf")
    if number % 11 == 0:
        mail.add_attachment(chance.randbytes(15_000), maintype="image", subtype="png", filename="照片.png")
