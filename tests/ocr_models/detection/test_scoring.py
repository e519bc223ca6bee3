"""Images to scores, through archives in the official format."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ocr_models.detection.pages import AnnotatedImage, AnnotatedSet
from ocr_models.detection.reading import read_annotated_set
from ocr_models.detection.scoring import detection_evaluation, image_numbers, score
from ocr_models.errors import DataError
from ocr_models.evaluation import evaluate_icdar2015

TEXT = np.array([(100, 100), (300, 110), (298, 180), (99, 170)], np.float64)  # of every image of the folder
ELSEWHERE = TEXT + 200


@pytest.fixture
def images(image_folder: Path) -> tuple[AnnotatedImage, ...]:
    return read_annotated_set(image_folder, "test").images


def test_a_detector_that_finds_every_text_scores_1(images: tuple[AnnotatedImage, ...], tmp_path: Path) -> None:
    assert score(lambda image: [TEXT], images, tmp_path) == {"precision": 1.0, "recall": 1.0, "hmean": 1.0}


def test_missed_texts_and_false_detections_count(images: tuple[AnnotatedImage, ...], tmp_path: Path) -> None:
    answers = iter([[TEXT, ELSEWHERE, ELSEWHERE + 50], []])
    seen: list[int] = []
    found = score(lambda image: next(answers), images, tmp_path, lambda: seen.append(1))
    assert found == {"precision": 1 / 3, "recall": 1 / 2, "hmean": pytest.approx(0.4)}
    assert len(seen) == 2
    again = evaluate_icdar2015(tmp_path / "ground_truth.zip", tmp_path / "submission.zip")
    assert again == found


def test_the_protocol_decides_which_texts_are_ignored(images: tuple[AnnotatedImage, ...], tmp_path: Path) -> None:
    """Whatever `ignored` says: only ###."""

    def finding_nothing(*transcriptions: str) -> dict[str, float]:
        texts = [
            replace(image, transcriptions=(text,), ignored=np.array([text.startswith("#")]))
            for image, text in zip(images, transcriptions, strict=True)
        ]
        answers = iter([[TEXT], []])
        return score(lambda image: next(answers), texts, tmp_path)

    assert finding_nothing("word", "###")["recall"] == 1.0
    assert finding_nothing("word", "#DONT")["recall"] == 0.5
    assert finding_nothing("###", "word") == {"precision": 0.0, "recall": 0.0, "hmean": 0.0}


def test_a_transcription_of_two_lines_stays_one_text(images: tuple[AnnotatedImage, ...], tmp_path: Path) -> None:
    broken = [replace(image, transcriptions=("two\r\nlines",)) for image in images]
    assert score(lambda image: [TEXT], broken, tmp_path)["hmean"] == 1.0


def test_images_have_the_numbers_of_their_names_or_of_their_order(images: tuple[AnnotatedImage, ...]) -> None:
    def named(*names: str) -> list[AnnotatedImage]:
        return [replace(images[0], path=Path(name)) for name in names]

    assert image_numbers(named("img_3.jpg", "img_12.jpg")) == [3, 12]
    assert image_numbers(named("img_3.jpg", "scene.jpg")) == [1, 2]
    assert image_numbers(named("a/img_3.jpg", "b/img_3.jpg")) == [1, 2]


def test_a_text_with_other_than_four_corners_is_named(images: tuple[AnnotatedImage, ...], tmp_path: Path) -> None:
    triangle: NDArray[np.float64] = TEXT[:3]
    odd = [replace(images[0], polygons=(triangle,))]
    with pytest.raises(DataError, match=r"img_1\.jpg: a text of 3 corners"):
        score(lambda image: [], odd, tmp_path)
    with pytest.raises(DataError, match=r"img_1\.jpg: a text of 3 corners"):
        detection_evaluation(lambda image: [], AnnotatedSet(tmp_path, "icdar2015", tuple(odd)))


def test_an_evaluation_scores_the_held_out_split(image_folder: Path, tmp_path: Path) -> None:
    evaluation = detection_evaluation(lambda image: [TEXT], read_annotated_set(image_folder, "test"))
    calls: list[int] = []
    assert evaluation.samples == 2
    assert evaluation.score(tmp_path, lambda: calls.append(1)) == {"precision": 1.0, "recall": 1.0, "hmean": 1.0}
    assert len(calls) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"ground_truth.zip", "submission.zip"}
