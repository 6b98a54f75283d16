"""Stems: made-up tokens by which one form of a word finds the others (RFC 8621 §4.4.1 allows for it).

A stem token names the kind of field (`s` subject, `b` body), the language and the stem: "b~en~meet". A text gets the
stems of the languages that its small words tell, or of its script; a word that is looked for gets those of every
language that could be meant, and meets only texts of that language: French "note" never finds English "not".
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Set
from functools import lru_cache
from typing import Final

import Stemmer

from homing.ports.search import MAX_TOKEN_BYTES
from homing.search.tokens import accented_words, fold

SUBJECT: Final = "s"
BODY: Final = "b"

_ALGORITHMS: Final = {
    "da": "danish", "de": "german", "en": "english", "es": "spanish", "fi": "finnish", "fr": "french",
    "it": "italian", "nl": "dutch", "no": "norwegian", "pt": "portuguese", "sv": "swedish",
    "ar": "arabic", "el": "greek", "ru": "russian",
}  # fmt: skip
_SMALL_WORDS: Final[Mapping[str, frozenset[str]]] = {
    language: frozenset(words.split())
    for language, words in {
        "da": "og det at er ikke jeg du vi har med til den der som på af for kan hvad mig dig være hilsen",
        "de": "und der die das ist nicht ich wir sie mit von zu auf für ein eine den dem es im am grüße bitte wird",
        "en": "the and of to is you that it for with this are we have not be on your will was from at please",
        "es": "el la de que y en los se las un una por con para no es su como más pero gracias hola está",
        "fi": "ja on ei se että en hän mutta ovat tämä mitä kun olen ole niin myös kanssa voi sen terveisin",
        "fr": "le la les de des et est une un que vous nous pour dans pas je ce sur avec au du bonjour merci ne",
        "it": "il di che la e è un una per non con sono del della le si ho grazie ciao gli questo anche nel",
        "nl": "de het een en van is dat niet ik je op te zijn met voor aan wij ook heeft groeten maar wordt",
        "no": "og det er ikke jeg du vi har med til den som på av for kan hva meg deg være hilsen etter fra",
        "pt": "o de que e do da em um uma para não é com os as por mais você obrigado olá dos na no está",
        "sv": "och det att är inte jag du vi har med till den som på av för kan vad mig dig ett hälsningar från",
    }.items()
}
"""Words that every mail of the language has, and few of another."""
_SCRIPTS: Final = (("ar", 0x0600, 0x06FF), ("el", 0x0370, 0x03FF), ("ru", 0x0400, 0x04FF))
_LAST_LATIN: Final = 0x024F
_ENOUGH: Final = 2
"""Small words of a language without which a text is not of it."""
_SHARE: Final = 0.6
"""A second language counts if it has this share of the small words of the first: Danish beside Norwegian."""
_SHORT: Final = 24
"""Words of a text that is too short to tell its language; it gets the stems of all."""
_MIN_LETTERS: Final = 3
_MAX_LETTERS: Final = 64

_local: Final = threading.local()


def languages_of(words: Set[str]) -> tuple[str, ...]:
    """The languages (of Latin letters) that a text is in, told from its accented words; none if that is unclear."""
    scores = {language: len(small & words) for language, small in _SMALL_WORDS.items()}
    best = max(scores.values())
    if best < _ENOUGH:
        return tuple(_SMALL_WORDS) if len(words) <= _SHORT else ()
    return tuple(language for language, score in scores.items() if score >= best * _SHARE)


def stem_tokens(kind: str, words: Iterable[str], languages: Iterable[str]) -> list[str]:
    """The stem tokens of a text's accented words, each once; small words have none."""
    latin, others = _by_script(words)
    found: set[str] = set()
    for language, chosen in [*((language, latin) for language in languages), *others.items()]:
        prefix = f"{kind}~{language}~"
        small = _SMALL_WORDS.get(language, frozenset())
        stems = set(_stemmer(language).stemWords([word for word in chosen if word not in small]))
        found.update(prefix + stem for stem in _folded(stems))
    return sorted(found)


def words_with_stems(kind: str, words: Iterable[str], languages: Iterable[str], wanted: Set[str]) -> set[str]:
    """Those of a text's accented words whose stem tokens are among `wanted`."""
    latin, others = _by_script(words)
    found: set[str] = set()
    for language, some in [*((language, latin) for language in languages), *others.items()]:
        prefix = f"{kind}~{language}~"
        looked_for = {token.removeprefix(prefix) for token in wanted if token.startswith(prefix)}
        if looked_for:
            stems = zip(_stemmer(language).stemWords(some), some, strict=True)
            forms = {word for stem, word in stems if (stem if stem.isascii() else _fold_stem(stem)) in looked_for}
            found |= forms - _SMALL_WORDS.get(language, frozenset())
    return found


@lru_cache(maxsize=20_000)
def _fold_stem(stem: str) -> str:
    return "".join(_folded([stem]))


@lru_cache(maxsize=1_024)
def query_stems(word: str) -> tuple[str, ...]:
    """ "en~meet", ... : the stems of a word in each language that it may be of, without the kind of field."""
    words = list(accented_words(word))
    if len(words) != 1:
        return ()
    latin, others = _by_script(words)
    chosen = tuple(_SMALL_WORDS) if latin else tuple(others)
    return tuple(f"{language}~{stem}" for language in chosen for stem in _folded(_stemmer(language).stemWords(words)))


def _by_script(words: Iterable[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Words fit for stemming: those of Latin letters, and those of each language that has a script of its own."""
    fit = [word for word in words if _MIN_LETTERS <= len(word) <= _MAX_LETTERS and word.isalpha()]
    latin = [word for word in fit if word.isascii()]
    others: dict[str, list[str]] = {}
    for word in fit if len(latin) < len(fit) else ():
        if word.isascii():
            continue
        code = ord(word[0])
        if code <= _LAST_LATIN:
            latin.append(word)
            continue
        language = next((name for name, first, last in _SCRIPTS if first <= code <= last), None)
        if language is not None:
            others.setdefault(language, []).append(word)
    return latin, others


def _folded(stems: Iterable[str]) -> list[str]:
    """Stems as tokens. The port's limit holds with room for the prefix."""
    joined = " ".join(stems)
    words = joined.split() if joined.isascii() else fold(joined).split()
    return [word for word in words if len(word) * 4 < MAX_TOKEN_BYTES - 16 or len(word.encode()) < MAX_TOKEN_BYTES - 16]


def _stemmer(language: str) -> Stemmer.Stemmer:
    """One for each thread: they remember words, and must not be used by two threads at once."""
    made: dict[str, Stemmer.Stemmer] = _local.__dict__.setdefault("made", {})
    if language not in made:
        made[language] = Stemmer.Stemmer(_ALGORITHMS[language])
    return made[language]
