"""Scores of words, also against an edit distance by its definition and numbers of PARSeq's reference implementation."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_models.recognition.labels import adapt
from ocr_models.recognition.metrics import one_minus_ned, word_accuracy
from parity import PARSEQ_FOLDER, needs_parseq_numbers

texts = st.text("abc", max_size=6)


def distance(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for number, character in enumerate(one, start=1):
        above, row = row, [number]
        for index, wanted in enumerate(other, start=1):
            row.append(min(above[index] + 1, row[-1] + 1, above[index - 1] + (character != wanted)))
    return row[-1]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=5), st.sampled_from([0.0, 1.0]))
def test_scores_are_those_of_their_definition(pairs: list[tuple[str, str]], both_empty: float) -> None:
    predictions, truths = [a for a, _ in pairs], [b for _, b in pairs]
    nearness = [1 - distance(a, b) / max(len(a), len(b)) if a or b else both_empty for a, b in pairs]
    assert one_minus_ned(predictions, truths, both_empty=both_empty) == pytest.approx(sum(nearness) / len(pairs))
    assert word_accuracy(predictions, truths) == pytest.approx(sum(a == b for a, b in pairs) / len(pairs))


def test_a_pair_with_an_empty_side_counts_zero() -> None:
    assert one_minus_ned(["", "abc", ""], ["abc", "", ""]) == 0


def test_case_and_accents_matter() -> None:
    assert word_accuracy(["Abc", "cafe", "abc"], ["abc", "caf\N{LATIN SMALL LETTER E WITH ACUTE}", "abc"]) == 1 / 3


@pytest.mark.parametrize("score", [word_accuracy, one_minus_ned])
def test_nothing_and_unequal_numbers_cannot_be_scored(score: object) -> None:
    assert callable(score)
    with pytest.raises(ValueError, match="no words"):
        score([], [])
    with pytest.raises(ValueError, match="2 predictions cannot be compared with 1 truths"):
        score(["a", "b"], ["a"])


@needs_parseq_numbers
def test_scores_are_those_of_parseqs_reference() -> None:
    for case in json.loads((PARSEQ_FOLDER / "metrics.json").read_text()).values():
        adapted = [adapt(text, case["charset_test"]) for text in case["pred"]]
        assert word_accuracy(adapted, case["gt"]) == pytest.approx(case["accuracy"])
        assert one_minus_ned(adapted, case["gt"]) == pytest.approx(case["one_minus_ned"])
