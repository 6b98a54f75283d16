"""What people look for and what they find, on every adapter: scripts, signs, forms of words, phrases, fields."""

# ruff: noqa: RUF001  # letters of many scripts look alike
from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from homing.adapters.sqlite import Database
from homing.adapters.sqlite.search import SqliteSearch
from homing.message import describe, parse
from homing.ports.search import AllOf, AnyOf, Document, Expression, NoneOf, Search
from homing.search.document import make_document
from homing.search.expression import header_term, parse_text
from homing.search.snippet import Snippets
from homing.search.text import read_texts
from tests.contract import search_servers
from tests.contract.search_model import holds
from tests.mail import message

ACCOUNT = "u1"
TEXT = ("from", "to", "cc", "bcc", "subject", "body")

MAILS = {
    "lunch": message("Lunch on Friday? 🍜", body="Who is in? The new café, 👍🏽 from me.", message_id="1@x.example"),
    "report": message(
        "Quarterly report",
        body="The figures of the meeting are attached, and you will find them on page 42: 1,234.56 in all.",
        sender="Alice Sender <alice@example.org>",
        headers=["Cc: Charlie <charlie@example.net>", "X-Custom-Header: custom-value-12345"],
    ),
    "houses": message("Häuser", body="Die Häuser in der Hauptstraße sind nicht groß, und das Straßenfest ist bei uns."),
    "izmir": message("Toplantı", body="Diyarbakır ve İzmir toplantısı IŞIK salonunda."),
    "otchet": message("Отчёт за месяц", body="Добрый день! Отправляю отчёт за прошлый месяц и жду ответа."),
    "arabic": message("اجتماع", body="مُحَمَّد أرسل الرسالة إلى المدرسة"),
    "hebrew": message("פגישה", body="שָׁלוֹם, מצורף סיכום הפגישה של צה\"ל."),
    "thai": message("ใบเสนอราคา", body="เรียนทุกท่านแนบใบเสนอราคามาด้วยครับ"),
    "japanese": message("会議の資料", body="お疲れ様です。会議の資料を送ります。Tシャツも。"),
    "chinese": message("项目进展", body="大家好，我想喝茶。请查收附件。"),
    "korean": message("회의", body="다음 주 회의에서 뵙겠습니다."),
    "hindi": message("बैठक", body="हिन्दी में बैठक की सूचना"),
    "code": message(
        "Re: [dev] state-of-the-art parser", body="Call parseHeader() or parse_header, see https://docs.example.org/a/b?x=1."
    ),
    "notes": message("Notes", body="It is not for you and this is the end of it. The annual report comes later."),
}  # fmt: skip


def q(text: str, *fields: str) -> Expression:
    return parse_text(fields or TEXT, text)


CASES: dict[str, tuple[Expression, str]] = {
    "accents left out": (q("cafe "), "lunch"),
    "accents given": (q("CAFÉ "), "lunch"),
    "an emoji": (q("🍜"), "lunch"),
    "an emoji of another skin": (q("👍🏿"), "lunch"),
    "singular finds plural": (q("meetings "), "report"),
    "a phrase has no other forms": (q('"meetings"'), ""),
    "a form of another language": (q("note "), "notes"),
    "umlauts left out": (q("hauser "), "houses"),
    "singular finds umlaut": (q("Haus "), "houses"),
    "sharp s": (q("HAUPTSTRASSE "), "houses"),
    "a compound by its beginning": (q("strassenf"), "houses"),
    "no middle of a word": (q("fest "), ""),
    "turkish dotless i": (q("DIYARBAKIR "), "izmir"),
    "turkish dotted i": (q("izmir "), "izmir"),
    "turkish I": (q("ışık "), "izmir"),
    "cyrillic": (q("ОТЧЕТ "), "otchet"),
    "cyrillic in another case": (q("отчёты "), "otchet"),
    "arabic without vowels": (q("محمد "), "arabic"),
    "arabic alef": (q("ارسل "), "arabic"),
    "hebrew without points": (q("שלום "), "hebrew"),
    "hebrew with a sign within": (q('צה"ל '), "hebrew"),
    "thai within a sentence": (q("ใบเสนอราคา"), "thai"),
    "thai at the end": (q("ครับ"), "thai"),
    "thai that is not there": (q("ราคาใบ"), ""),
    "two characters": (q("会議"), "japanese"),
    "three characters over a particle": (q("議の資"), "japanese"),
    "characters that are there apart": (q("会資"), ""),
    "one character, last of its run": (q("茶"), "chinese"),
    "one character within": (q("喝"), "chinese"),
    "latin and kana": (q("Tシャツ"), "japanese"),
    "half width kana": (q("ｼｬﾂ"), "japanese"),
    "two words of chinese": (q("附件 项目"), "chinese"),
    "korean without particle": (q("회의"), "korean"),
    "hindi": (q("हिन्दी "), "hindi"),
    "hindi beginning": (q("हिन्"), "hindi"),
    "name of an address": (q("alice "), "report"),
    "domain of an address": (q("example.net "), "report"),
    "address": (q("alice@example.org ", "from"), "report"),
    "address as one types it": (q("alice@exam"), "report"),
    "address of another field": (q("charlie@example.net ", "to"), ""),
    "address in cc": (q("charlie@example.net", "cc"), "report"),
    "name in from": (q("Alice Sender", "from"), "report"),
    "a number": (q("42 "), "report"),
    "a number with signs": (q("1,234.56 "), "report"),
    "a part of a host name": (q("docs.example "), "code"),
    "a URL": (q("https://docs.example.org/a/b?x=1 "), "code"),
    "hyphens": (q("state-of-the-art "), "code"),
    "a part of what is hyphenated": (q("art "), "code"),
    "camel case is one word": (q("parseheader "), "code"),
    "its beginning": (q("parse"), "code"),
    "its middle": (q("header "), "code"),
    "a phrase": (q('"annual report"'), "notes"),
    "its words": (q("report annual "), "notes"),
    "a phrase the other way round": (q('"report annual"'), ""),
    "a phrase over the end of a line of characters": (q('"会議の資料を送ります tシャツ"'), "japanese"),
    "as one types": (q("Quart"), "report"),
    "no longer typing": (q("Quart "), ""),
    "a star": (q("Quart* rep* "), "report"),
    "both words": (q("report figures"), "report"),
    "one word is missing": (q("report nowhere "), ""),
    "subject": (q("report ", "subject"), "report"),
    "body": (q("report ", "body"), "notes"),
    "header": (header_term("X-Custom-Header", None), "report"),
    "header with a word": (header_term("x-custom-header", "custom-value-12345"), "report"),
    "header with another word": (header_term("X-Custom-Header", "other"), ""),
    "header of another name": (header_term("X-Custom", None), ""),
    "header Message-ID": (header_term("Message-ID", "<1@x.example>"), "lunch"),
    "AND": (AllOf((q("report "), q("figures "))), "report"),
    "OR": (AnyOf((q("会議"), q("茶"))), "japanese chinese"),
    "NOT": (AllOf((q("report "), NoneOf((q("annual "),)))), "report"),
    "OR of NOT": (AnyOf((q("annual "), NoneOf((q("report", "body"), q("bea", "from"))))), "notes report"),
}  # fmt: skip


def document(name: str) -> Document:
    raw = MAILS[name]
    texts = read_texts(describe(parse(raw)), lambda start, end: raw[start:end])
    return make_document(name, 1_795_000_000_000 + list(MAILS).index(name), texts)


@pytest.fixture(scope="module", params=["sqlite", "osmem"])
def search(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Search]:
    with ExitStack() as stack:
        if request.param == "sqlite":
            database = Database(Path(tmp_path_factory.mktemp("search")) / "site.db", durable=False)
            stack.callback(database.close)
            search: Search = SqliteSearch(database)
        else:
            search = stack.enter_context(search_servers.in_memory())
        assert search.apply(ACCOUNT, 0, 1, [document(name) for name in MAILS], ())
        yield search


@pytest.mark.parametrize("case", CASES)
def test_this_is_found(search: Search, case: str) -> None:
    expression, found = CASES[case]

    assert {hit.email for hit in search.query(ACCOUNT, expression)} == set(found.split())


@pytest.mark.parametrize("case", CASES)
def test_this_is_what_the_words_mean(case: str) -> None:
    expression, found = CASES[case]

    assert {name for name in MAILS if holds(expression, document(name))} == set(found.split())


ELSEWHERE = ("address", "name ", "domain", "header", "OR of NOT")
"""Cases that match outside of subject and body, or by what is not there."""


@pytest.mark.parametrize("case", [case for case in CASES if not case.startswith(ELSEWHERE)])
def test_what_was_found_is_marked(case: str) -> None:
    expression, found = CASES[case]

    for name, raw in MAILS.items():
        texts = read_texts(describe(parse(raw)), lambda start, end, raw=raw: raw[start:end])
        marked = any(Snippets(expression).of(texts.header("subject"), "\n".join(texts.body)))
        assert marked or name not in found.split()
