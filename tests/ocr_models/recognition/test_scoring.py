"""Words to scores, through a recogniser that is a function."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from ocr_models.recognition import Word, WordSet, read_word_set
from ocr_models.recognition.scoring import recognition_evaluation, score
from word_files import write_lmdb

LABELS = ["one", "Two", "three", "four"]


@pytest.fixture(scope="module")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> WordSet:
    folder = tmp_path_factory.mktemp("words")
    write_lmdb(folder / "test", LABELS)
    return read_word_set(folder, "test", str)


def answering(*texts: str, confidence: float = 0.5):  # type: ignore[no-untyped-def]
    answers = iter(texts)
    return lambda words: ([next(answers) for _ in words], [confidence] * len(words))


def test_a_recogniser_that_reads_every_word_scores_1(held_out: WordSet, tmp_path: Path) -> None:
    assert score(answering(*LABELS), held_out.words, tmp_path) == {"word_accuracy": 1.0, "one_minus_ned": 1.0}
    assert (tmp_path / "predictions.txt").read_text().splitlines() == [
        "# 0 of 4 words were read wrong: name, label, text, confidence"
    ]


def test_wrong_words_are_kept_with_their_names(held_out: WordSet, tmp_path: Path) -> None:
    found = score(answering("one", "two", "", "f\tur"), held_out.words, tmp_path)
    assert found == {"word_accuracy": 0.25, "one_minus_ned": pytest.approx((1 + 2 / 3 + 0 + 3 / 4) / 4)}
    lines = (tmp_path / "predictions.txt").read_text("utf-8").splitlines()
    assert lines[0] == "# 3 of 4 words were read wrong: name, label, text, confidence"
    assert [line.split("\t")[1:] for line in lines[1:]] == [
        ["Two", "two", "0.5000"],
        ["three", "", "0.5000"],
        ["four", r"f\tur", "0.5000"],
    ]
    assert lines[1].startswith(f"{held_out.words[1].name}\t")


def test_only_what_is_comparable_is_compared(held_out: WordSet, tmp_path: Path) -> None:
    read = answering("ONE", "two", "three", "four")
    assert score(read, held_out.words, tmp_path, comparable=str.lower)["word_accuracy"] == 1.0


def test_a_pair_of_empty_texts_counts_what_the_recipe_says(held_out: WordSet, tmp_path: Path) -> None:
    def nothing(text: str) -> str:
        return ""

    for counted in (0.0, 1.0):
        found = score(answering(*LABELS), held_out.words, tmp_path, comparable=nothing, both_empty=counted)
        assert found == {"word_accuracy": 1.0, "one_minus_ned": counted}


def test_words_are_read_in_batches_and_progress_follows_each(held_out: WordSet, tmp_path: Path) -> None:
    sizes: list[int] = []
    calls: list[int] = []

    def read(words: Sequence[Word]) -> tuple[list[str], list[float]]:
        sizes.append(len(words))
        return [word.label for word in words], [1.0] * len(words)

    score(read, [held_out.words[0]] * 130, tmp_path, lambda: calls.append(1))
    assert sizes == [64, 64, 2]
    assert len(calls) == 130


def test_an_evaluation_scores_the_held_out_split(held_out: WordSet, tmp_path: Path) -> None:
    evaluation = recognition_evaluation(answering("one", "x", "x", "x"), held_out, str.lower)
    assert evaluation.samples == 4
    assert evaluation.score(tmp_path, lambda: None)["word_accuracy"] == 0.25
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.txt"]
