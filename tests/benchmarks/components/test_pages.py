from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.components.pages import PAGES, PROBABILITY_PAGES, text_maps, write_archives
from ocr_models.evaluation import evaluate_images


@pytest.mark.parametrize("name", PAGES)
def test_each_kernel_of_a_page_is_smaller_than_the_one_before_and_the_logits_have_their_signs(name: str) -> None:
    page = PAGES[name]
    maps = page.maps(np.random.default_rng(0))
    assert maps.shape == (7, page.height, page.width)
    areas = maps.sum(axis=(1, 2)).tolist()
    assert areas == sorted(set(areas), reverse=True)
    assert areas[-1] > 0
    logits = page.logits()
    assert np.array_equal(logits > 0, maps == 1)


@pytest.mark.parametrize("words", PROBABILITY_PAGES)
def test_probabilities_are_high_inside_the_smallest_kernels_and_low_outside_the_words(words: int) -> None:
    page = PROBABILITY_PAGES[words]
    assert page.words == words
    maps, probability = page.maps(np.random.default_rng(0)), page.probability()
    assert probability.shape == (736, 1312)
    assert probability.dtype == np.float32
    assert probability[maps[-1] == 1].mean() > 0.8
    assert probability[maps[0] == 0].max() < 0.2
    assert 0 <= probability.min() <= probability.max() <= 1


def test_text_maps_have_one_text_map_six_kernels_and_a_mask_per_crop() -> None:
    text, kernels, mask = text_maps(2, 128)
    assert (text.shape, kernels.shape, mask.shape) == ((2, 128, 128), (2, 6, 128, 128), (2, 128, 128))
    assert {int(value) for maps in (text, kernels, mask) for value in np.unique(maps)} == {0, 1}
    assert not np.array_equal(text[0], text[1])


def test_most_detections_of_the_archives_match(tmp_path: Path) -> None:
    write_archives(tmp_path / "gt.zip", tmp_path / "submission.zip", images=5, texts=16)
    results = evaluate_images(tmp_path / "gt.zip", tmp_path / "submission.zip").values()
    assert len(results) == 5
    truths, matches = sum(each.ground_truths for each in results), sum(each.matches for each in results)
    assert truths == 5 * 10  # every third text is ignored
    assert truths / 2 < matches <= truths
