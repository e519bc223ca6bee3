"""The evaluation by the ICDAR 2015 protocol."""

from __future__ import annotations

import statistics
from pathlib import Path

from benchmarks.components.ratios import Ratio, timed_in_turns
from benchmarks.components.reporting import RatioReport, component

pytestmark = component("evaluation")


def test_evaluation_of_500_images(tmp_path: Path, ratio_report: RatioReport) -> None:
    """As many images as the ICDAR 2015 test set has, with more texts on each."""
    from benchmarks.components.pages import write_archives
    from ocr_models.evaluation import evaluate_icdar2015

    truth, submission = tmp_path / "gt.zip", tmp_path / "submission.zip"
    write_archives(truth, submission, images=500, texts=16)
    assert 0 < evaluate_icdar2015(truth, submission)["hmean"] < 1
    (seconds,) = timed_in_turns(lambda: evaluate_icdar2015(truth, submission), rounds=3)
    median = statistics.median(seconds)
    ratio_report.add(Ratio("evaluation of 500 images", median, 3, "at most", unit="s"), seconds)
