"""The ICDAR 2015 protocol against the official script's results on real ground truth."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocr_models.evaluation import evaluate_icdar2015, evaluate_images

PARITY = Path(__file__).parents[2] / "shared" / "parity"
pytestmark = pytest.mark.skipif(not PARITY.is_dir(), reason="the parity cases are not beside this checkout")


@pytest.mark.parametrize("kind", ["tight", "loose", "wild"])
def test_results_are_the_official_ones_in_total_and_per_image(kind: str) -> None:
    cases = json.loads((PARITY / "evaluation_expected.json").read_text())
    (expected,) = (case for case in cases if case["kind"] == kind)
    archives = PARITY / "evaluation_gt.zip", PARITY / f"evaluation_{kind}_submission.zip"
    assert evaluate_icdar2015(*archives) == pytest.approx(expected["method"], abs=1e-12, rel=0)
    results = {
        number: [result.precision, result.recall, result.matches]
        for number, result in evaluate_images(*archives).items()
    }
    assert results.keys() == expected["per_sample"].keys()
    for number, result in results.items():
        assert result == pytest.approx(expected["per_sample"][number], abs=1e-12, rel=0), f"image {number}"
