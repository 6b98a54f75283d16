"""One form of a word finds the others, in texts of its language only."""

from __future__ import annotations

import threading

import pytest

from homing.search.stems import BODY, languages_of, query_stems, stem_tokens
from homing.search.tokens import accented_words


def meets(sought: str, text: str) -> bool:
    words = accented_words(text)
    found = stem_tokens(BODY, words, languages_of(words))
    return any(f"{BODY}~{stem}" in found for stem in query_stems(sought))


@pytest.mark.parametrize(
    ("sought", "text"),
    [
        ("meetings", "We have a meeting, and you are in it"),
        ("meeting", "The meetings of the week"),
        ("Häuser", "Das Haus ist groß und alt"),
        ("haus", "Die Häuser und die Gärten"),
        ("manges", "Nous mangeons et vous mangez avec les autres"),
        ("reunión", "Las reuniones de la semana que viene"),
        ("отчёты", "Отправляю отчёт за месяц"),
        ("bilen", "Vi har en bil och det är bra"),
        ("invoices", "invoice"),
    ],
)
def test_another_form_is_found(sought: str, text: str) -> None:
    assert meets(sought, text)


@pytest.mark.parametrize(
    ("sought", "text"),
    [
        ("note", "It is not for you, and this is the end"),  # French and Italian cut it to "not"
        ("universal", "Das ist die Universität der Stadt und nicht der Bund"),
        ("ab", "The abs are on"),
    ],
)
def test_what_only_looks_like_another_form_is_not(sought: str, text: str) -> None:
    assert not meets(sought, text)


@pytest.mark.parametrize(
    ("text", "languages"),
    [
        ("Please find the report attached, it is from the office", ("en",)),
        ("Sehr geehrte Damen, wir bitten um die Rechnung und das Angebot", ("de",)),
        ("Bonjour, je vous envoie le rapport dans la journée", ("fr",)),
        ("Olá, você não recebeu o relatório da reunião", ("pt",)),
        ("Anbei", ("da", "de", "en", "es", "fi", "fr", "it", "nl", "no", "pt", "sv")),
        (" ".join(f"zzz{number}" for number in range(100)), ()),
    ],
)
def test_small_words_tell_the_language(text: str, languages: tuple[str, ...]) -> None:
    assert languages_of(accented_words(text)) == languages


def test_what_is_no_single_word_has_no_other_forms() -> None:
    assert query_stems("example.org") == query_stems("会議") == query_stems("b2b") == query_stems("") == ()


def test_threads_stem_at_once() -> None:
    words = {f"meeting{letter}s" for letter in "abcdefghij"}
    expected = stem_tokens(BODY, words, ("en",))
    wrong: list[object] = []

    def work() -> None:
        wrong.extend(found for _ in range(500) if (found := stem_tokens(BODY, words, ("en",))) != expected)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
