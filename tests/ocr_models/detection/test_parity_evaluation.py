"""The ICDAR 2015 protocol against results of the official script on real ground truth."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocr_models.evaluation import evaluate_icdar2015, evaluate_images
from parity import each_psenet_folder


@each_psenet_folder
def test_results_are_the_official_ones_in_total_and_per_image(folder: Path) -> None:
    submissions = json.loads((folder / "evaluation_expected.json").read_text())
    assert submissions
    for expected in submissions:
        archives = folder / "evaluation_gt.zip", folder / f"evaluation_{expected['kind']}_submission.zip"
        results = {
            number: [result.precision, result.recall, result.matches]
            for number, result in evaluate_images(*archives).items()
        }
        if "method" in expected:  # the submission is complete
            assert evaluate_icdar2015(*archives) == pytest.approx(expected["method"], abs=1e-12, rel=0)
            assert results.keys() == expected["per_sample"].keys()
        for number, result in expected["per_sample"].items():
            assert results[number] == pytest.approx(result, abs=1e-12, rel=0), f"{expected['kind']}, image {number}"
