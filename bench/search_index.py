"""The search index of one account alone, in the local home's file: `python -m bench.search_index [DOCUMENTS]`.

Documents are made of words by their rank, as in languages (the nth most common is 1/n as common), 120 in a
body, with stems and header tokens beside them. What a whole query takes is told by `bench.jmap`.
"""

from __future__ import annotations

import itertools
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.measure import row, timed
from homing.adapters.sqlite import Database
from homing.adapters.sqlite.search import SqliteSearch
from homing.ports.search import AllOf, AnyOf, Document, Expression, NoneOf, Term

DOCUMENTS = 50_000
BATCH = 100
SINGLES = 500
START = 1_795_000_000_000
ACCOUNT = "u1"
WORDS = 40_000
TEXT = ("subject", "body", "from", "to")


def main() -> None:
    """Build the index and print what each kind of use takes."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else DOCUMENTS
    with tempfile.TemporaryDirectory(prefix="homing-bench-") as folder:
        path = Path(folder) / "site.db"
        database = Database(path)
        _run(SqliteSearch(database), count, path)
        database.close()


def _run(search: SqliteSearch, count: int, path: Path) -> None:
    made = documents(count)
    batches, singles = _fill(search, made, count)
    kept = sum(file.stat().st_size for file in path.parent.iterdir())
    print(f"Search index, {count} documents in one account, {kept / 1e6:.0f} MB; each write durable")
    print(f"  {'documents/s in batches of ' + str(BATCH):<44} {BATCH * len(batches) / sum(batches):12.0f}")
    print(row("a batch", batches), f"longest {max(batches) * 1e3:.0f} ms")
    print(row("one document", singles), f"longest {max(singles) * 1e3:.0f} ms")
    common, other, rare = (Term(TEXT, (word(rank),)) for rank in (0, 1, WORDS - 5))
    three = Term(TEXT, (word(0)[:3],), prefix=True)
    kinds: list[tuple[str, Expression]] = [
        ("a common word", common),
        ("a rare word", rare),
        ("a prefix of one letter", Term(TEXT, (word(0)[:1],), prefix=True)),
        ("a prefix of three letters", three),
        ("a prefix of five letters", Term(TEXT, (word(4)[:5],), prefix=True)),
        ("a phrase of two common words", Term(TEXT, (word(0), word(1)))),
        ("common AND (common OR stem) AND NOT rare", AllOf((common, _or_stem(other), NoneOf((rare,))))),
        ("everything", AllOf(())),
    ]
    for name, expression in kinds:
        found = search.count(ACCOUNT, expression)
        print(row(f"{name}, newest 50 of {found}", timed(_newest(search, expression), 200)))
        print(row("  count", timed(lambda e=expression: search.count(ACCOUNT, e), 30)))  # type: ignore[misc]
    print(row("all of a common word", timed(lambda: list(search.query(ACCOUNT, common)), 10)))
    page = [name_of(number) for number in range(0, count, count // 50)]
    print(row("which of 50 emails have a common word", timed(lambda: search.matching(ACCOUNT, common, page), 100)))
    print(row("which of 50 emails have a prefix", timed(lambda: search.matching(ACCOUNT, three, page), 100)))
    print(row("remove one document", _removing(search, count)))


def _or_stem(term: Term) -> AnyOf:
    return AnyOf((term, Term(("stem",), (f"b~{term.tokens[0]}",))))


def _fill(search: SqliteSearch, made: Iterator[Document], count: int) -> tuple[list[float], list[float]]:
    batches = []
    for position in range(0, count - SINGLES, BATCH):
        some = list(itertools.islice(made, BATCH))
        batches.append(_seconds(lambda p=position, d=some: search.apply(ACCOUNT, p, p + BATCH, d, ())))  # type: ignore[misc]
    position = search.position(ACCOUNT)
    singles = []
    for number, document in enumerate(made):
        since = position + number
        singles.append(_seconds(lambda s=since, d=document: search.apply(ACCOUNT, s, s + 1, [d], ())))  # type: ignore[misc]
    return batches, singles


def _removing(search: SqliteSearch, count: int) -> list[float]:
    position = search.position(ACCOUNT)
    names = [name_of(number) for number in range(0, count, count // 100)]
    return [_seconds(lambda n=name: search.apply(ACCOUNT, position, position, (), (n,))) for name in names]  # type: ignore[misc]


def _newest(search: SqliteSearch, expression: Expression) -> Callable[[], object]:
    return lambda: list(itertools.islice(search.query(ACCOUNT, expression), 50))


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def documents(count: int, seed: int = 1) -> Iterator[Document]:
    """Emails seven minutes apart."""
    chance = random.Random(seed)
    words = [word(rank) for rank in range(WORDS)]
    weights = list(itertools.accumulate(1 / (rank + 8) for rank in range(WORDS)))
    for number in range(count):
        body, subject, sender = (chance.choices(words, cum_weights=weights, k=k) for k in (120, 6, 3))
        headers = chance.choices(words, cum_weights=weights, k=15)
        fields = {
            "from": f"{sender[0]} {sender[1]} {sender[2]}@example.org {sender[2]} example.org",
            "to": "alice alice@example.org example.org",
            "subject": " ".join(subject),
            "body": " ".join(body),
            "header": " ".join(["received", "subject", "date", "message-id", *(f"received={one}" for one in headers)]),
            "stem": " ".join([*(f"s~{one}" for one in subject), *(f"b~{one}" for one in dict.fromkeys(body))]),
        }
        yield Document(name_of(number), START + number * 7 * 60_000, fields)


def name_of(number: int) -> str:
    """An id as long as those of emails."""
    return f"e{number:031x}"


def word(rank: int) -> str:
    """The word of a rank: common ones are short."""
    letters, number = "", rank * 7919 % WORDS + rank // 40
    for _ in range(3 + min(rank, 500) % 7):
        letters += "etaoinshrdlucm"[number % 14]
        number = number // 14 + 5 * (len(letters) + rank)
    return letters


if __name__ == "__main__":
    main()
