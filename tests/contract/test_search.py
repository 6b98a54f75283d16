"""The contract of the `Search` port, on every adapter."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homing.adapters.sqlite import Database
from homing.adapters.sqlite.search import SqliteSearch
from homing.ports.search import (
    FIELDS,
    MAX_FIELD_TOKENS,
    MAX_TOKEN_BYTES,
    AllOf,
    AnyOf,
    Document,
    Expression,
    NoneOf,
    Search,
    Term,
)

from . import search_servers
from .search_model import holds

NOON = 1_795_000_000_000
EVERYTHING = AllOf(())
NOTHING = AnyOf(())


@pytest.fixture(scope="module")
def osmem() -> Iterator[Search]:
    with search_servers.in_memory() as search:
        yield search


@pytest.fixture(scope="module")
def opensearch() -> Iterator[Search]:
    with search_servers.real() as search:
        yield search


@pytest.fixture(params=["sqlite", "osmem", pytest.param("opensearch", marks=pytest.mark.opensearch)])
def search(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Search]:
    if request.param != "sqlite":
        yield request.getfixturevalue(request.param)
        return
    database = Database(tmp_path / "site.db", durable=False)
    yield SqliteSearch(database)
    database.close()


@pytest.fixture
def account() -> str:
    """An account that no other test has."""
    return f"u{uuid.uuid4().hex}"


def word(token: str, *fields: str, prefix: bool = False) -> Term:
    return Term(fields or ("body",), (token,), prefix)


def phrase(*tokens: str, prefix: bool = False) -> Term:
    return Term(("subject", "body"), tokens, prefix)


def document(email: str, body: str = "", at: int = NOON, **fields: str) -> Document:
    given = {name.rstrip("_"): text for name, text in fields.items()}
    return Document(email, at, {"body": body, **given} if body else given)


def fill(search: Search, account: str, *documents: Document, until: int = 1) -> None:
    assert search.apply(account, 0, until, documents, ())


def found(search: Search, account: str, expression: Expression) -> set[str]:
    """What a query gives; on the way, that the other two ways of asking agree with it."""
    hits = [hit.email for hit in search.query(account, expression)]
    assert len(hits) == len(set(hits)) == search.count(account, expression)
    assert search.matching(account, expression, hits) == set(hits)
    return set(hits)


def test_an_account_that_was_never_indexed_is_at_zero_and_holds_nothing(search: Search, account: str) -> None:
    assert search.position(account) == 0
    assert found(search, account, EVERYTHING) == set()
    assert search.matching(account, EVERYTHING, ["e1"]) == set()


def test_what_was_applied_is_found_and_the_position_moves(search: Search, account: str) -> None:
    assert search.apply(account, 0, 7, [document("e1", "apple pear"), document("e2", "pear plum")], ())

    assert search.position(account) == 7
    assert found(search, account, word("apple")) == {"e1"}
    assert found(search, account, word("pear")) == {"e1", "e2"}
    assert found(search, account, word("fig")) == set()


def test_a_hit_says_when_its_email_was_received(search: Search, account: str) -> None:
    fill(search, account, document("e1", "apple", NOON + 123))

    assert list(search.query(account, word("apple"))) == [("e1", NOON + 123)]


@pytest.mark.parametrize("since", [0, 4, 6, 9])
def test_who_begins_elsewhere_is_refused_and_changes_nothing(search: Search, account: str, since: int) -> None:
    fill(search, account, document("e1", "apple"), until=5)

    assert not search.apply(account, since, 9, [document("e1", "pear"), document("e2", "apple")], ["e1"])

    assert search.position(account) == 5
    assert found(search, account, word("apple")) == {"e1"}
    assert found(search, account, EVERYTHING) == {"e1"}


def test_an_unknown_account_can_only_begin_at_zero(search: Search, account: str) -> None:
    assert not search.apply(account, 1, 2, [document("e1", "apple")], ())

    assert search.position(account) == 0
    assert found(search, account, EVERYTHING) == set()


def test_a_document_replaces_the_one_of_the_same_email(search: Search, account: str) -> None:
    fill(search, account, document("e1", "apple", subject="fruit"), document("e2", "apple"))

    assert search.apply(account, 1, 2, [document("e1", "pear")], ())

    assert found(search, account, word("apple")) == {"e2"}
    assert found(search, account, word("fruit", "subject")) == set()
    assert found(search, account, word("pear")) == {"e1"}
    assert found(search, account, EVERYTHING) == {"e1", "e2"}


def test_a_document_may_come_again_with_another_time(search: Search, account: str) -> None:
    fill(search, account, document("e1", "apple", NOON), document("e2", "apple", NOON + 1))

    assert search.apply(account, 1, 2, [document("e1", "apple", NOON + 2)], ())

    assert list(search.query(account, EVERYTHING)) == [("e1", NOON + 2), ("e2", NOON + 1)]


def test_removed_emails_are_forgotten_and_unknown_ones_do_no_harm(search: Search, account: str) -> None:
    fill(search, account, document("e1", "apple"), document("e2", "apple"))

    assert search.apply(account, 1, 2, [document("e3", "apple")], ["e1", "nobody"])

    assert found(search, account, word("apple")) == {"e2", "e3"}
    assert search.matching(account, EVERYTHING, ["e1", "e2"]) == {"e2"}


def test_a_removed_email_may_come_back(search: Search, account: str) -> None:
    fill(search, account, document("e1", "apple"))

    assert search.apply(account, 1, 2, (), ["e1"])
    assert search.apply(account, 2, 3, [document("e1", "pear")], ())

    assert found(search, account, EVERYTHING) == {"e1"}
    assert found(search, account, word("apple")) == set()


def test_a_span_may_come_in_several_parts_and_a_part_twice(search: Search, account: str) -> None:
    parts = [[document("e1", "apple")], [document("e2", "apple")]]
    for part in (parts[0], parts[0], parts[1]):
        assert search.apply(account, 0, 0, part, ["gone"])
        assert search.position(account) == 0

    assert search.apply(account, 0, 9, parts[1], ())

    assert search.position(account) == 9
    assert found(search, account, word("apple")) == {"e1", "e2"}


def test_a_span_without_documents_only_moves_the_position(search: Search, account: str) -> None:
    assert search.apply(account, 0, 3, (), ())
    assert search.apply(account, 3, 2**53, (), ())

    assert search.position(account) == 2**53
    assert found(search, account, EVERYTHING) == set()


def test_accounts_do_not_see_each_other(search: Search, account: str) -> None:
    fill(search, account, document("e1", "apple pie"))
    fill(search, account + "x", document("e1", "apple"), document("e2", "apple"), until=5)

    assert found(search, account, word("apple")) == {"e1"}
    assert found(search, account, EVERYTHING) == {"e1"}
    assert found(search, account + "x", word("pie")) == set()
    assert search.matching(account, word("apple"), ["e1", "e2"]) == {"e1"}
    assert (search.position(account), search.position(account + "x")) == (1, 5)


def test_a_forgotten_account_begins_again(search: Search, account: str) -> None:
    documents = [document(f"e{number}", "apple") for number in range(450)]
    fill(search, account, *documents, until=5)
    fill(search, account + "x", document("e1", "apple"), until=6)

    search.forget(account)

    assert search.position(account) == 0
    assert found(search, account, EVERYTHING) == set()
    assert found(search, account + "x", EVERYTHING) == {"e1"}
    assert search.apply(account, 0, 2, [document("e1", "pear"), document("e2", "pear")], ["e3"])
    assert found(search, account, EVERYTHING) == {"e1", "e2"}
    assert found(search, account, word("apple")) == set()


def test_to_forget_an_unknown_account_does_no_harm(search: Search, account: str) -> None:
    search.forget(account)

    assert search.position(account) == 0


def test_hits_come_in_order_of_time_over_many_pages(search: Search, account: str) -> None:
    times = [NOON + number * 977 % 1_500 for number in range(1_500)]
    documents = [document(f"e{number}", "apple", time) for number, time in enumerate(times)]
    fill(search, account, *documents[:700])
    assert search.apply(account, 1, 2, documents[700:], ())

    newest = list(search.query(account, word("apple")))
    oldest = list(search.query(account, word("apple"), newest_first=False))

    assert [hit.received_at for hit in newest] == sorted(times, reverse=True)
    assert [hit.received_at for hit in oldest] == sorted(times)
    assert {hit.email for hit in newest} == {hit.email for hit in oldest} == {one.email for one in documents}


def test_many_emails_of_one_moment_each_come_once(search: Search, account: str) -> None:
    fill(search, account, *(document(f"e{number}", "apple") for number in range(1_200)))
    assert search.apply(account, 1, 2, [document("new", "apple", NOON + 1), document("old", "apple", NOON - 1)], ())

    hits = [hit.email for hit in search.query(account, word("apple"))]

    assert (hits[0], hits[-1]) == ("new", "old")
    assert len(hits) == len(set(hits)) == 1_202


def test_an_email_may_be_of_any_year(search: Search, account: str) -> None:
    years = {"9999": 253_402_300_799_000, "1970": 0, "1969": -1, "0001": -62_135_596_800_000}
    fill(search, account, *(document(year, "apple", time) for year, time in reversed(years.items())))

    assert list(search.query(account, EVERYTHING)) == list(years.items())


def test_a_query_goes_on_while_the_index_changes(search: Search, account: str) -> None:
    documents = [document(f"e{number}", "apple", NOON + number) for number in range(1_500)]
    fill(search, account, *documents)
    hits = search.query(account, word("apple"))
    seen = [next(hits).email for _ in range(10)]

    assert search.apply(account, 1, 2, [document("late", "apple", NOON + 9_999)], [f"e{n}" for n in range(100)])
    seen += [hit.email for hit in hits]

    assert len(seen) == len(set(seen))
    assert set(seen) >= {f"e{number}" for number in range(100, 1_500)}


def test_a_word_is_found_in_the_fields_asked_for_only(search: Search, account: str) -> None:
    fill(search, account, *(Document(field, NOON, {field: f"apple in{field}"}) for field in FIELDS))

    for field in FIELDS:
        assert found(search, account, word("apple", field)) == {field}
    assert found(search, account, word("apple", "from", "stem")) == {"from", "stem"}
    assert found(search, account, word("apple", *FIELDS)) == set(FIELDS)
    assert found(search, account, word("incc", "from", "to", "bcc")) == set()


def test_a_phrase_is_tokens_side_by_side_in_order_in_one_field(search: Search, account: str) -> None:
    fill(
        search,
        account,
        document("together", "an apple pie today"),
        document("turned", "pie apple"),
        document("apart", "apple and pie"),
        document("over fields", "pie", subject="apple"),
        document("at the end", "my apple pie"),
        document("again", "apple tart apple pie"),
    )

    assert found(search, account, phrase("apple", "pie")) == {"together", "at the end", "again"}
    assert found(search, account, phrase("an", "apple", "pie", "today")) == {"together"}
    assert found(search, account, phrase("apple", "apple")) == set()


def test_a_prefix_is_the_beginning_of_the_last_token(search: Search, account: str) -> None:
    fill(
        search,
        account,
        document("e1", "meeting room"),
        document("e2", "meet me"),
        document("e3", "the team met"),
        document("e4", "a big meeting"),
        document("e5", "remeet"),
    )

    for typed, emails in {
        "m": {"e1", "e2", "e3", "e4"},
        "me": {"e1", "e2", "e3", "e4"},
        "mee": {"e1", "e2", "e4"},
        "meet": {"e1", "e2", "e4"},
        "meeti": {"e1", "e4"},
        "meeting": {"e1", "e4"},
        "meetings": set(),
    }.items():
        assert found(search, account, word(typed, prefix=True)) == emails, typed
    assert found(search, account, word("meet")) == {"e2"}
    assert found(search, account, phrase("big", "mee", prefix=True)) == {"e4"}
    assert found(search, account, phrase("b", "mee", prefix=True)) == set()


def test_a_prefix_finds_every_word_however_many_begin_with_it(search: Search, account: str) -> None:
    documents = [document(f"e{number}", f"first word{number:04} last") for number in range(1_500)]
    fill(search, account, *documents)

    assert len(found(search, account, word("word", prefix=True))) == 1_500
    assert len(found(search, account, phrase("first", "word", prefix=True))) == 1_500
    assert len(found(search, account, phrase("first", "wo", prefix=True))) == 1_500
    assert found(search, account, phrase("first", "word149", prefix=True)) == {f"e{n}" for n in range(1_490, 1_500)}


STRANGE = [
    *"\"'*?()[]{}<>:^~-+=!&|/\\.,;@#$%_`",
    *("AND", "OR", "NOT", "NEAR", "NEAR(", 'a"b', '"', '""', "body:x", "{body}", "*", "a*", "-a", "\\", '\\"', "/.*/"),
    *("alice@example.org", "b~meet", "received=example.org", "a\tb", "a\nb", "a\u00a0b", "a\u3000b", "a\u2028b"),
    *("会議", "議資", "กาแฟ", "مرحبا", "Ж", "ß", "ss", "é", "e\u0301", "\U0001f35c", "\U0001f468\u200d\U0001f469", "İ"),
    *("Apple", "apple", "APPLE", "\x01a", "\x7f", "1", "01", "1.0", "null", "true", "x" * MAX_TOKEN_BYTES),
    *("x" * (MAX_TOKEN_BYTES - 1), "x" * (MAX_TOKEN_BYTES - 1) + "y", "語" * (MAX_TOKEN_BYTES // 3)),
]


def test_tokens_are_compared_byte_for_byte_and_nothing_in_them_is_syntax(search: Search, account: str) -> None:
    strange = list(dict.fromkeys(STRANGE))
    fill(search, account, *(document(f"e{n}", f"before {token} after") for n, token in enumerate(strange)))

    for number, token in enumerate(strange):
        email = {f"e{number}"}
        beginning = {f"e{n}" for n, other in enumerate(strange) if other.startswith(token)}
        assert found(search, account, word(token)) == email, token
        assert found(search, account, phrase("before", token, "after")) == email, token
        assert found(search, account, word(token, prefix=True)) == beginning, token
        assert found(search, account, phrase("before", token, prefix=True)) == beginning, token


@pytest.mark.parametrize("term", [Term((), ("a",)), Term(("body",), ()), word(""), word("a b"), word("", prefix=True)])
def test_a_term_that_no_document_can_have_finds_nothing(search: Search, account: str, term: Term) -> None:
    fill(search, account, document("e1", "a b"))

    assert found(search, account, term) == set()
    assert found(search, account, NoneOf((term,))) == {"e1"}


def test_all_of_any_of_and_none_of(search: Search, account: str) -> None:
    fill(search, account, document("a", "x"), document("b", "y"), document("c", "x y"), document("d", "z"))
    x, y, z = word("x"), word("y"), word("z")

    assert found(search, account, AllOf((x, y))) == {"c"}
    assert found(search, account, AnyOf((x, y))) == {"a", "b", "c"}
    assert found(search, account, NoneOf((x, y))) == {"d"}
    assert found(search, account, AllOf((x, NoneOf((y,))))) == {"a"}
    assert found(search, account, AnyOf((NoneOf((x,)), y))) == {"b", "c", "d"}
    assert found(search, account, NoneOf((NoneOf((x,)),))) == {"a", "c"}
    assert found(search, account, AllOf((AnyOf((x, z)), AnyOf((y, z))))) == {"c", "d"}


def test_an_operator_without_parts(search: Search, account: str) -> None:
    fill(search, account, document("e1", "x"), Document("bare", NOON, {}))

    assert found(search, account, AllOf(())) == {"e1", "bare"}
    assert found(search, account, AnyOf(())) == set()
    assert found(search, account, NoneOf(())) == {"e1", "bare"}
    assert found(search, account, AllOf((word("x"), NOTHING))) == set()
    assert found(search, account, NoneOf((EVERYTHING,))) == set()


def test_an_expression_may_be_deep_and_wide(search: Search, account: str) -> None:
    fill(search, account, document("e1", "x y"), document("e2", "x"))
    deep: Expression = word("y")
    for level in range(20):
        kind = (AllOf, NoneOf, AnyOf)[level % 3]
        deep = kind((AnyOf((word("x"), word("z"))), deep)) if kind is AllOf else kind((word("z"), deep))
    wide = AnyOf((*(word(f"w{number}", *FIELDS) for number in range(255)), word("y")))

    documents = [document("e1", "x y"), document("e2", "x")]
    assert found(search, account, deep) == {one.email for one in documents if holds(deep, one)}
    assert found(search, account, wide) == {"e1"}


def test_matching_tells_of_few_and_of_many_emails(search: Search, account: str) -> None:
    documents = [document(f"e{n}", "apple even" if n % 2 == 0 else "apple odd", NOON + n) for n in range(600)]
    fill(search, account, *documents)
    even = {f"e{number}" for number in range(0, 600, 2)}

    for emails in ([], ["e1"], ["e2", "e2", "nobody"], [f"e{n}" for n in range(40)], [f"e{n}" for n in range(700)]):
        for term in (word("even"), word("eve", prefix=True), word("even", prefix=True)):
            assert search.matching(account, term, emails) == even & set(emails)


def test_a_field_may_be_of_the_largest_size(search: Search, account: str) -> None:
    text = " ".join(f"t{number}" for number in range(MAX_FIELD_TOKENS))
    fill(search, account, document("large", text), document("small", "t0"))

    assert found(search, account, word(f"t{MAX_FIELD_TOKENS - 1}")) == {"large"}
    assert found(search, account, phrase(f"t{MAX_FIELD_TOKENS - 2}", f"t{MAX_FIELD_TOKENS - 1}")) == {"large"}


def test_ids_may_have_any_letters(search: Search, account: str) -> None:
    ids = ["a/b", "a b", "é?x=1&y", '"', "e,f", "*", "_all", "..", "#", "%2F", "a:b", "A", "a"]
    odd = account + "/é ?#%"
    fill(search, odd, *(document(id, "apple") for id in ids))

    assert found(search, odd, word("apple")) == set(ids)
    assert search.matching(odd, EVERYTHING, ["a", "b", "a/b"]) == {"a", "a/b"}
    assert search.apply(odd, 1, 2, (), ids[:6])
    assert found(search, odd, word("apple")) == set(ids[6:])


def test_of_two_indexers_at_once_one_is_first(search: Search, account: str) -> None:
    fill(search, account, document("old", "apple"), until=1)

    for round in range(1, 6):
        start = Barrier(2)

        def run(name: str, since: int = round, start: Barrier = start) -> bool:
            start.wait(30)
            return search.apply(account, since, since + 1, [document(f"{since}", "apple", subject=name)], ())

        with ThreadPoolExecutor(2) as pool:
            names = ["one", "two"]
            won = dict(zip(names, pool.map(run, names), strict=True))

        assert sorted(won.values()) == [False, True]
        assert search.position(account) == round + 1
        winner = next(name for name in names if won[name])
        assert found(search, account, AllOf((word(winner, "subject"), word("apple")))) >= {str(round)}


def test_what_one_thread_applied_the_others_find(search: Search, account: str) -> None:
    for number in range(10):
        assert search.apply(account, number, number + 1, [document(f"e{number}", "apple")], ())

        with ThreadPoolExecutor(2) as pool:
            counts = list(pool.map(lambda _: search.count(account, word("apple")), range(4)))

        assert counts == [number + 1] * 4


TOKENS = st.sampled_from(["a", "ab", "abc", "b", "ba", "c~a", "A", "é"])
TEXTS = st.lists(TOKENS, max_size=6).map(" ".join)
DOCUMENTS = st.builds(
    Document,
    st.sampled_from(["e1", "e2", "e3", "e4", "e5"]),
    st.integers(NOON, NOON + 3),
    st.dictionaries(st.sampled_from(["subject", "body", "stem"]), TEXTS, max_size=3),
)
WORDS = st.builds(
    Term,
    st.lists(st.sampled_from(["subject", "body", "stem"]), min_size=1, max_size=2, unique=True).map(tuple),
    TOKENS.map(lambda token: (token,)),
    st.booleans(),
)
PHRASES = st.builds(
    Term,
    st.sampled_from([("subject",), ("body",), ("subject", "body")]),
    st.lists(TOKENS, min_size=2, max_size=3).map(tuple),
    st.booleans(),
)


def _operators(parts: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(parts, max_size=3).map(tuple)
    return st.one_of(st.builds(AllOf, several), st.builds(AnyOf, several), st.builds(NoneOf, several))


EXPRESSIONS = st.recursive(WORDS | PHRASES, _operators, max_leaves=6)
STEPS = st.lists(
    st.tuples(st.lists(DOCUMENTS, max_size=4, unique_by=lambda one: one.email), st.sets(st.sampled_from(["e1", "e4"]))),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, expressions=st.lists(EXPRESSIONS, min_size=1, max_size=6))
def test_any_expression_finds_what_the_model_says(
    search: Search, steps: Sequence[tuple[list[Document], set[str]]], expressions: list[Expression]
) -> None:
    account = f"u{uuid.uuid4().hex}"
    kept: dict[str, Document] = {}
    for position, (documents, removed) in enumerate(steps):
        gone = removed - {one.email for one in documents}
        assert search.apply(account, position, position + 1, documents, gone)
        kept = {email: one for email, one in kept.items() if email not in gone} | {one.email: one for one in documents}

    for expression in expressions:
        assert found(search, account, expression) == {one.email for one in kept.values() if holds(expression, one)}
