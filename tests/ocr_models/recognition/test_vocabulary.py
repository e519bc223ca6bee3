"""The words of the synthetic set."""

from __future__ import annotations

import string
from collections import Counter

from ocr_models.recognition.vocabulary import OFFENSIVE, made_up_words

WORDS = made_up_words(4000, seed=0)


def test_words_are_different_and_have_2_to_12_letters_or_digits() -> None:
    assert len(set(WORDS)) == 4000
    assert {len(word) for word in WORDS} == set(range(2, 13))
    assert all(word.isdigit() or set(word) <= set(string.ascii_lowercase) for word in WORDS)


def test_every_character_of_the_charset_is_frequent() -> None:
    counts = Counter("".join(WORDS))
    assert set(counts) == set(string.digits + string.ascii_lowercase)
    assert min(counts.values()) > 80


def test_about_15_percent_are_numbers() -> None:
    assert 0.13 < sum(word.isdigit() for word in WORDS) / len(WORDS) < 0.17


def test_no_word_is_offensive() -> None:
    assert not any(OFFENSIVE.search(word) for word in WORDS)


def test_the_same_arguments_give_the_same_words_in_all_versions_of_python() -> None:
    assert made_up_words(10, seed=0) == WORDS[:10]
    assert made_up_words(10, seed=1) != WORDS[:10]
    assert WORDS[:5] == ["fixspyt", "prugleng", "zool", "pocreatfeert", "flylmprex"]
