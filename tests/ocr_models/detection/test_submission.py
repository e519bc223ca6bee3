"""The archives of the ICDAR 2015 protocol: written, read back, and refused by name if they are bad."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from archives import FAR_AWAY, SQUARE, packed
from ocr_models.detection.icdar_line import parse_ground_truth_line
from ocr_models.detection.submission import (
    EvaluationError,
    read_ground_truth,
    write_ground_truth,
    write_submission,
)
from ocr_models.evaluation import evaluate_icdar2015


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


@pytest.mark.parametrize(
    "text",
    ["word", "Hello, world", " ###", '"###"', "Latin,###", "300,400", '"', "\\", 'a\\"b"', '", "', "", "10,000", "#"],
)
def test_a_text_that_is_written_is_read_as_the_same_text(text: str, tmp_path: Path) -> None:
    """However much it looks like a mark, a column or a corner: only ### itself is ignored."""
    quad = np.array([[100, 100], [300, 110], [298, 180], [99, 170]])
    write_ground_truth(tmp_path / "gt.zip", {7: [(quad, text), (quad[::-1], "###")]})
    with zipfile.ZipFile(tmp_path / "gt.zip") as archive:
        first = archive.read("gt_img_7.txt").decode().split("\r\n")[0]
    assert parse_ground_truth_line(first).transcription == text
    assert [each.is_ignored for each in read_ground_truth(tmp_path / "gt.zip")["7"]] == [False, True]


def test_the_same_boxes_give_the_same_bytes(tmp_path: Path) -> None:
    square = np.array([[0, 0], [9, 0], [9, 9], [0, 9]])
    write_submission(tmp_path / "a.zip", {1: [square], 2: []})
    write_submission(tmp_path / "b.zip", {2: [], 1: [square]})
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_an_older_submission_stays_if_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "submission.zip"
    write_submission(path, {1: []})
    before = path.read_bytes()

    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
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
        (
            {"results/res_img_1.txt": SQUARE},
            "'results/res_img_1.txt': a submission contains only files named res_img_<n>.txt",
        ),
        ({"res_img_1.txt.bak": SQUARE}, "'res_img_1.txt.bak': a submission contains only files named res_img_<n>.txt"),
    ],
)
def test_a_file_that_belongs_to_no_image_is_named(files: dict[str, str], fault: str, tmp_path: Path) -> None:
    gt_zip = packed(tmp_path / "gt.zip", {"gt_img_1.txt": f"{SQUARE},word", "readme.txt": "passed over"})
    submission_zip = packed(tmp_path / "submission.zip", files)
    assert fault_of(gt_zip, submission_zip).startswith(f"{submission_zip}: {fault}")


def test_ground_truth_without_images_is_an_error(tmp_path: Path) -> None:
    gt_zip = packed(tmp_path / "gt.zip", {"readme.txt": ""})
    assert fault_of(gt_zip, packed(tmp_path / "submission.zip", {})) == f"{gt_zip}: contains no gt_img_<n>.txt"


def test_a_file_that_is_twice_in_an_archive_is_named(tmp_path: Path) -> None:
    gt_zip = packed(tmp_path / "gt.zip", {"gt_img_1.txt": f"{SQUARE},word"})
    submission_zip = tmp_path / "submission.zip"
    with zipfile.ZipFile(submission_zip, "w") as archive:
        archive.writestr("res_img_1.txt", SQUARE)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("res_img_1.txt", FAR_AWAY)
    assert fault_of(gt_zip, submission_zip) == f"{submission_zip}: res_img_1.txt: is in the archive twice"


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
