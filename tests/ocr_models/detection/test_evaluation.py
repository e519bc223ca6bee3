"""The ICDAR 2015 protocol on cases small enough to be worked out by hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from archives import FAR_AWAY, SQUARE, packed
from ocr_models.evaluation import ImageResult, evaluate_icdar2015, evaluate_images
from suite import ROOT

SAME_HALF = "0,0,10,0,10,5,0,5"
MORE_THAN_HALF = "0,0,10,0,10,6,0,6"
BOW_TIE = "0,0,10,10,10,0,0,10"
TRIANGLE = "0,0,10,0,10,10,10,10"  # a corner given twice


def scored(folder: Path, truth: str, detections: str | None) -> ImageResult:
    """One image's result; lines are split by blanks."""
    gt_zip = packed(folder / "gt.zip", {"gt_img_7.txt": "\n".join(truth.split())})
    files = {} if detections is None else {"res_img_7.txt": "\n".join(detections.split())}
    results = evaluate_images(gt_zip, packed(folder / "submission.zip", files))
    assert list(results) == ["7"]
    return results["7"]


def test_a_detection_like_the_truth_is_a_match(tmp_path: Path) -> None:
    result = scored(tmp_path, f"{SQUARE},word", SQUARE)
    assert result == ImageResult(ground_truths=1, detections=1, matches=1)
    assert (result.precision, result.recall, result.hmean) == (1, 1, 1)


@pytest.mark.parametrize(("detection", "matches"), [(SAME_HALF, 0), (MORE_THAN_HALF, 1), (FAR_AWAY, 0)])
def test_a_match_needs_an_iou_above_one_half(detection: str, matches: int, tmp_path: Path) -> None:
    assert scored(tmp_path, f"{SQUARE},word", detection).matches == matches


@pytest.mark.parametrize("detection", ["0,0,0,10,10,10,10,0", "10,10,0,10,0,0,10,0"])
def test_the_order_of_corners_does_not_matter(detection: str, tmp_path: Path) -> None:
    assert scored(tmp_path, f"{SQUARE},word", detection).matches == 1


def test_each_side_is_matched_once(tmp_path: Path) -> None:
    assert scored(tmp_path, f"{SQUARE},word", f"{SQUARE} {SQUARE}") == ImageResult(1, 2, 1)
    assert scored(tmp_path, f"{SQUARE},word {SQUARE},word", SQUARE) == ImageResult(2, 1, 1)


def test_a_truth_takes_the_first_detection_that_fits_not_the_best(tmp_path: Path) -> None:
    # The first truth takes the first detection, though the second is its equal; the second truth fits the first alone.
    truth = "0,0,10,0,10,10,0,10,a 0,0,10,0,10,5,0,5,b"
    assert scored(tmp_path, truth, f"{MORE_THAN_HALF} {SQUARE}").matches == 1
    assert scored(tmp_path, truth, f"{SQUARE} {MORE_THAN_HALF}").matches == 2


def test_a_detection_mostly_inside_an_ignored_text_is_set_aside(tmp_path: Path) -> None:
    inside, half_outside = "0,0,4,0,4,4,0,4", "5,0,15,0,15,10,5,10"
    assert scored(tmp_path, f"{SQUARE},###", f"{inside} {half_outside}") == ImageResult(0, 1, 0)


def test_a_detection_is_not_set_aside_for_two_ignored_texts_together(tmp_path: Path) -> None:
    left, right = "0,0,4,0,4,10,0,10,###", "6,0,10,0,10,10,6,10,###"
    assert scored(tmp_path, f"{left} {right}", SQUARE) == ImageResult(0, 1, 0)


def test_a_detection_that_is_set_aside_matches_nothing(tmp_path: Path) -> None:
    assert scored(tmp_path, f"{SQUARE},word {SQUARE},###", SQUARE) == ImageResult(1, 0, 0)


@pytest.mark.parametrize(
    ("transcription", "is_ignored"),
    [("###", True), ('"###"', True), ("####", False), ("a,###", False), ("", False), ("héé,\u2028", False)],
)
def test_only_the_transcription_marks_an_ignored_text(transcription: str, is_ignored: bool, tmp_path: Path) -> None:
    gt_zip = packed(tmp_path / "gt.zip", {"gt_img_1.txt": f"\ufeff{SQUARE},{transcription}\r\n"})
    results = evaluate_images(gt_zip, packed(tmp_path / "submission.zip", {}))
    assert results["1"].ground_truths == (not is_ignored)


def test_rates_of_one_image_without_texts(tmp_path: Path) -> None:
    nothing_found = scored(tmp_path, f"{SQUARE},###", None)
    assert (nothing_found.precision, nothing_found.recall, nothing_found.hmean) == (1, 1, 1)
    something_found = scored(tmp_path, f"{SQUARE},###", FAR_AWAY)
    assert (something_found.precision, something_found.recall, something_found.hmean) == (0, 1, 0)
    missed = scored(tmp_path, f"{SQUARE},word", None)
    assert (missed.precision, missed.recall, missed.hmean) == (0, 0, 0)


def test_images_are_scored_together_and_those_without_a_file_count(tmp_path: Path) -> None:
    truth = {f"gt_img_{number}.txt": f"{SQUARE},a\n{FAR_AWAY},b\n" for number in (1, 2)}
    gt_zip = packed(tmp_path / "gt.zip", truth)
    submission_zip = packed(tmp_path / "submission.zip", {"res_img_2.txt": f"{SQUARE}\n"})
    assert evaluate_icdar2015(gt_zip, submission_zip) == {"precision": 1, "recall": 0.25, "hmean": 0.4}


def test_a_submission_without_detections_scores_nothing(tmp_path: Path) -> None:
    gt_zip = packed(tmp_path / "gt.zip", {"gt_img_1.txt": f"{SQUARE},a"})
    submission_zip = packed(tmp_path / "submission.zip", {"res_img_1.txt": ""})
    assert evaluate_icdar2015(gt_zip, submission_zip) == {"precision": 0, "recall": 0, "hmean": 0}


def test_a_crossed_detection_overlaps_with_both_parts_while_its_own_area_is_their_difference(tmp_path: Path) -> None:
    # The bow-tie's parts are 25 each: overlap 50, own area 0, so the union is 100 + 0 - 50 and the IoU is 1.
    assert scored(tmp_path, f"{SQUARE},word", BOW_TIE).matches == 1
    # Without an area of its own no share of it can lie in an ignored text.
    assert scored(tmp_path, f"{SQUARE},###", BOW_TIE).detections == 1


@pytest.mark.parametrize(
    ("detection", "matches"),
    [
        (TRIANGLE, 1),
        ("0,0,5,0,10,0,10,10", 1),  # the same triangle with a corner on a side
        ("0,0,10,0,10,-5,10,10", 1),  # the same with a side that runs out and back
        ("0,0,10,0,10,10,10,0", 0),  # a line there and back
        ("3,3,3,3,3,3,3,3", 0),  # a point
    ],
)
def test_degenerate_detections_do_no_harm(detection: str, matches: int, tmp_path: Path) -> None:
    assert scored(tmp_path, f"{TRIANGLE},word", detection) == ImageResult(1, 1, matches)


def run_evaluation(*arguments: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ocr_models.evaluation", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_command_prints_the_three_figures(tmp_path: Path) -> None:
    gt_zip = packed(tmp_path / "gt.zip", {"gt_img_1.txt": f"{SQUARE},a\n{FAR_AWAY},b"})
    done = run_evaluation(gt_zip, packed(tmp_path / "submission.zip", {"res_img_1.txt": SQUARE}))
    assert done.stdout.split() == ["precision", "1.0000", "recall", "0.5000", "hmean", "0.6667"]
    assert (done.returncode, done.stderr) == (0, "")


def test_the_command_reports_a_fault_in_one_line(tmp_path: Path) -> None:
    gt_zip = packed(tmp_path / "gt.zip", {"gt_img_1.txt": f"{SQUARE},a"})
    done = run_evaluation(gt_zip, tmp_path / "none.zip")
    assert done.stderr == f"error: {tmp_path / 'none.zip'}: cannot be read: No such file or directory\n"
    assert (done.returncode, done.stdout) == (2, "")
