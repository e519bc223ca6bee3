"""The ICDAR 2015 protocol on cases small enough to be worked out by hand, and its archives, good and bad."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from ocr_models import submission
from ocr_models.evaluation import EvaluationError, ImageResult, evaluate_icdar2015, evaluate_images, write_submission

pytestmark = pytest.mark.filterwarnings("error")

SQUARE = "0,0,10,0,10,10,0,10"
SAME_HALF = "0,0,10,0,10,5,0,5"
MORE_THAN_HALF = "0,0,10,0,10,6,0,6"
FAR_AWAY = "50,50,60,50,60,60,50,60"
BOW_TIE = "0,0,10,10,10,0,0,10"
TRIANGLE = "0,0,10,0,10,10,10,10"  # a corner given twice


def packed(path: Path, files: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


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
def test_a_text_is_ignored_where_its_transcription_says_so(
    transcription: str, is_ignored: bool, tmp_path: Path
) -> None:
    gt_zip = packed(tmp_path / "gt.zip", {"gt_img_1.txt": f"\ufeff{SQUARE},{transcription}\r\n"})
    results = evaluate_images(gt_zip, packed(tmp_path / "submission.zip", {}))
    assert results["1"].ground_truths == (not is_ignored)


def test_rates_of_one_image_where_there_is_nothing_to_find(tmp_path: Path) -> None:
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


def test_boxes_that_were_written_are_found_again(tmp_path: Path) -> None:
    quad = np.array([[100.4, 100.2], [299.6, 110.0], [298.0, 179.7], [99.0, 170.0]])
    counter_clockwise, elsewhere = quad[::-1], quad + 300.0
    write_submission(tmp_path / "submission.zip", {12: [counter_clockwise, elsewhere.tolist()], 3: []})
    with zipfile.ZipFile(tmp_path / "submission.zip") as archive:
        assert archive.namelist() == ["res_img_3.txt", "res_img_12.txt"]
        assert archive.read("res_img_3.txt") == b""
        assert archive.read("res_img_12.txt").splitlines(keepends=True) == [
            b"100,100,300,110,298,180,99,170\r\n",
            b"400,400,600,410,598,480,399,470\r\n",
        ]
    truth = {"gt_img_12.txt": "100,100,300,110,298,180,99,170,word\n", "gt_img_3.txt": ""}
    figures = evaluate_icdar2015(packed(tmp_path / "gt.zip", truth), tmp_path / "submission.zip")
    assert figures == {"precision": 0.5, "recall": 1, "hmean": pytest.approx(2 / 3)}


def test_the_same_boxes_give_the_same_bytes(tmp_path: Path) -> None:
    square = np.array([[0, 0], [9, 0], [9, 9], [0, 9]])
    write_submission(tmp_path / "a.zip", {1: [square], 2: []})
    write_submission(tmp_path / "b.zip", {2: [], 1: [square]})
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_submission_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "submission.zip"
    write_submission(path, {1: []})
    before = path.read_bytes()

    def interrupted(unfinished: Path, content: bytes) -> None:
        with unfinished.open("wb") as stream:
            stream.write(content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(submission.Path, "write_bytes", interrupted)
    with pytest.raises(OSError, match="No space left"):
        write_submission(path, {1: [], 2: []})
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["submission.zip"]


@pytest.mark.parametrize(
    "box",
    [[[0, 0], [1, 0], [1, 1]], [[0, 0, 1, 0, 1, 1, 0, 1]], [[0, 0], [1, 0], [1, np.nan], [0, 1]], [[1e12, 0]] * 4],
)
def test_a_box_that_is_no_quadrilateral_is_refused(box: list[list[float]], tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"submission\.zip: image 4: a box must be four corners \(4, 2\)"):
        write_submission(tmp_path / "submission.zip", {4: [np.array(box)]})
    assert not list(tmp_path.iterdir())


def fault_of(gt_zip: Path, submission_zip: Path) -> str:
    with pytest.raises(EvaluationError) as caught:
        evaluate_icdar2015(gt_zip, submission_zip)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("1,2,3,4,5,6,7", "'1,2,3,4,5,6,7'"),
        ("1,2,3,4,5,6,7,8,9", "'1,2,3,4,5,6,7,8,9'"),
        ("1,2,3,4,5,6,7,8,", "'1,2,3,4,5,6,7,8,'"),
        ("1,2,3,4,5,6,7,8.5", "'1,2,3,4,5,6,7,8.5'"),
        ("1,2,3,4,5,6,7,nan", "'1,2,3,4,5,6,7,nan'"),
        ("1,2,3,4,5,6,7,1_0", "'1,2,3,4,5,6,7,1_0'"),
        ("1,2,3,4,5,6,7,12345678901", "'1,2,3,4,5,6,7,12345678901'"),
        ("x" * 200, f"'{'x' * 77}...'"),
    ],
)
def test_a_malformed_detection_is_named_by_file_and_line(line: str, shown: str, tmp_path: Path) -> None:
    gt_zip = packed(tmp_path / "gt.zip", {"gt_img_1.txt": f"{SQUARE},word"})
    submission_zip = packed(tmp_path / "submission.zip", {"res_img_1.txt": f"{SQUARE}\r\n\r\n{line}\r\n"})
    assert fault_of(gt_zip, submission_zip) == (
        f"{submission_zip}: res_img_1.txt, line 3: expected x1,y1,x2,y2,x3,y3,x4,y4 with whole numbers, found {shown}"
    )


@pytest.mark.parametrize("line", [SQUARE, "1,2,3,4,5,6,7,word"])
def test_a_malformed_ground_truth_is_named_by_file_and_line(line: str, tmp_path: Path) -> None:
    gt_zip = packed(tmp_path / "gt.zip", {"gt_img_1.txt": f"\ufeff{SQUARE},word\n{line}\n"})
    fault = fault_of(gt_zip, packed(tmp_path / "submission.zip", {}))
    assert fault.startswith(f"{gt_zip}: gt_img_1.txt, line 2: expected x1,y1,x2,y2,x3,y3,x4,y4,transcription")


def test_bytes_that_are_not_utf8_are_named_by_file_and_line(tmp_path: Path) -> None:
    gt_zip = packed(tmp_path / "gt.zip", {"gt_img_1.txt": f"{SQUARE},word\r\n{SQUARE},caf\xe9\r\n".encode("latin-1")})
    fault = fault_of(gt_zip, packed(tmp_path / "submission.zip", {}))
    assert fault.startswith(f"{gt_zip}: gt_img_1.txt, line 2: not UTF-8")


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"res_img_2.txt": SQUARE}, "res_img_2.txt: the ground truth has no such image"),
        ({"res_img_01.txt": SQUARE}, "res_img_01.txt: the ground truth has no such image"),
        ({"results/res_img_1.txt": SQUARE}, "'results/res_img_1.txt': a submission holds files named res_img_<n>.txt"),
        ({"res_img_1.txt.bak": SQUARE}, "'res_img_1.txt.bak': a submission holds files named res_img_<n>.txt"),
    ],
)
def test_a_file_that_belongs_to_no_image_is_named(files: dict[str, str], fault: str, tmp_path: Path) -> None:
    gt_zip = packed(tmp_path / "gt.zip", {"gt_img_1.txt": f"{SQUARE},word", "readme.txt": "passed over"})
    submission_zip = packed(tmp_path / "submission.zip", files)
    assert fault_of(gt_zip, submission_zip).startswith(f"{submission_zip}: {fault}")


def test_ground_truth_without_images_is_an_error(tmp_path: Path) -> None:
    gt_zip = packed(tmp_path / "gt.zip", {"readme.txt": ""})
    assert fault_of(gt_zip, packed(tmp_path / "submission.zip", {})) == f"{gt_zip}: holds no gt_img_<n>.txt"


def test_a_file_that_stands_twice_in_an_archive_is_named(tmp_path: Path) -> None:
    gt_zip = packed(tmp_path / "gt.zip", {"gt_img_1.txt": f"{SQUARE},word"})
    submission_zip = tmp_path / "submission.zip"
    with zipfile.ZipFile(submission_zip, "w") as archive:
        archive.writestr("res_img_1.txt", SQUARE)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("res_img_1.txt", FAR_AWAY)
    assert fault_of(gt_zip, submission_zip) == f"{submission_zip}: res_img_1.txt: stands twice in the archive"


def test_an_archive_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    gt_zip = packed(tmp_path / "gt.zip", {"gt_img_1.txt": f"{SQUARE},word", "é": ""})
    broken = tmp_path / "broken.zip"
    assert fault_of(gt_zip, broken) == f"{broken}: cannot be read: No such file or directory"
    broken.write_bytes(b"not a zip archive")
    assert fault_of(gt_zip, broken).startswith(f"{broken}: not a readable zip archive")
    whole = gt_zip.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    assert fault_of(broken, gt_zip).startswith(f"{broken}: not a readable zip archive")
    for damaged in (whole.replace(b"0,0,10", b"0,0,11"), whole.replace("é".encode(), b"\xff\xff")):
        broken.write_bytes(damaged)
        assert fault_of(broken, gt_zip).startswith(f"{broken}: not a readable zip archive")


def run_evaluation(*arguments: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ocr_models.evaluation", *map(str, arguments)]
    return subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)


def test_the_command_prints_the_three_figures(tmp_path: Path) -> None:
    gt_zip = packed(tmp_path / "gt.zip", {"gt_img_1.txt": f"{SQUARE},a\n{FAR_AWAY},b"})
    done = run_evaluation(gt_zip, packed(tmp_path / "submission.zip", {"res_img_1.txt": SQUARE}))
    assert done.stdout.split() == ["precision", "1.0000", "recall", "0.5000", "hmean", "0.6667"]
    assert (done.returncode, done.stderr) == (0, "")


def test_the_command_says_in_one_line_what_is_wrong(tmp_path: Path) -> None:
    gt_zip = packed(tmp_path / "gt.zip", {"gt_img_1.txt": f"{SQUARE},a"})
    done = run_evaluation(gt_zip, tmp_path / "none.zip")
    assert done.stderr == f"error: {tmp_path / 'none.zip'}: cannot be read: No such file or directory\n"
    assert (done.returncode, done.stdout) == (2, "")
