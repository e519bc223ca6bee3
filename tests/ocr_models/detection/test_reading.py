"""Reading data sets from disk: both layouts, and every kind of bad input, reported by name."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from annotated_folders import SQUARE, official, paddleocr, texts
from ocr_models.detection.icdar2015 import OFFICIAL_FOLDERS
from ocr_models.detection.reading import read_annotated_set
from ocr_models.errors import DataError
from ocr_models.task import Split
from pictures import write_image
from suite import ROOT

MINI = ROOT.parent / "shared" / "icdar2015_mini"


@pytest.mark.parametrize("split", ["train", "test"])
def test_official_layout(tmp_path: Path, split: Split) -> None:
    lines = f"{SQUARE},Hello, world\r\n{SQUARE},###\r\n"
    found = read_annotated_set(official(tmp_path, {"img_1": lines}, split), split)
    assert found.layout == "icdar2015"
    (image,) = found.images
    assert image.path.name == "img_1.jpg"
    np.testing.assert_array_equal(image.polygons[0], [[10, 10], [60, 10], [60, 40], [10, 40]])
    assert image.polygons[0].dtype == np.float64
    assert image.transcriptions == ("Hello, world", "###")
    assert image.ignored.tolist() == [False, True]


def test_images_come_in_natural_order(tmp_path: Path) -> None:
    found = read_annotated_set(official(tmp_path, {f"img_{n}": f"{SQUARE},a\r\n" for n in (10, 2, 1)}))
    assert [image.path.stem for image in found.images] == ["img_1", "img_2", "img_10"]


def test_an_image_may_have_no_text(tmp_path: Path) -> None:
    (image,) = read_annotated_set(official(tmp_path, {"img_1": "\r\n"})).images
    assert image.polygons == ()
    assert image.ignored.shape == (0,)


def test_a_line_separator_within_a_text_does_not_break_the_line(tmp_path: Path) -> None:
    (image,) = read_annotated_set(official(tmp_path, {"img_1": f"{SQUARE},a\u2028b\n"})).images
    assert image.transcriptions == ("a\u2028b",)


@pytest.mark.parametrize("split", ["train", "test"])
def test_paddleocr_layout(tmp_path: Path, split: Split) -> None:
    for name in ("img_10", "img_2"):
        write_image(tmp_path / "imgs" / f"{name}.jpg")
    five = [[0, 0], [9, 0], [12, 5], [9, 9], [0, 9]]
    lines = [
        "imgs/img_10.jpg\t" + texts(("word", [[1, 2], [30, 2], [30, 20], [1, 20]]), ("###", five)),
        "imgs/img_2.jpg\t[]",
    ]
    found = read_annotated_set(paddleocr(tmp_path, lines, split), split)
    assert found.layout == "paddleocr"
    assert [image.path for image in found.images] == [tmp_path / "imgs/img_2.jpg", tmp_path / "imgs/img_10.jpg"]
    np.testing.assert_array_equal(found.images[1].polygons[1], five)
    assert found.images[1].ignored.tolist() == [False, True]


def test_polygons_without_area_are_ignored_and_counted_once(tmp_path: Path) -> None:
    flat = "10,10,60,10,60,10,10,10,flat\r\n"
    root = official(tmp_path, {"img_1": flat + f"{SQUARE},a\r\n", "img_2": flat})
    with pytest.warns(UserWarning, match="2 polygons without area") as caught:
        found = read_annotated_set(root)
    assert len(caught) == 1
    assert found.images[0].ignored.tolist() == [True, False]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("10,10,60,10,60,40,word", r"gt_img_1.txt:2: too few or non-numeric coordinates"),
        ("10,10,60,10,60,40,10", r"gt_img_1.txt:2: too few"),
        ("10,10,60,10,60,4O,10,40,word", r"gt_img_1.txt:2: .*'4O'"),
        ("10,10,60,10,60,nan,10,40,word", r"gt_img_1.txt:2: .*not finite"),
        ("10,10,60,10,60,inf,10,40,word", r"gt_img_1.txt:2: .*not finite"),
        (SQUARE, r"gt_img_1.txt:2: no transcription"),
        ("nothing", r"gt_img_1.txt:2: too few"),
    ],
)
def test_a_bad_line_of_the_official_layout_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_annotated_set(official(tmp_path, {"img_1": f"{SQUARE},fine\r\n{line}\r\n"}))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("img_1.jpg [] ", "no TAB"),
        ("img_1.jpg\t[{", "not a JSON list"),
        ("img_1.jpg\t{}x", "not a JSON list"),
        ('img_1.jpg\t{"points": 1}', "not a JSON list"),
        ('img_1.jpg\t[{"points": [[1, 2], [3, 4], [5, 6]]}]', "not a JSON list.*transcription"),
        ("img_1.jpg\t" + texts(("a", [[1, 2], [3, 4]])), "too few coordinates: 2 points"),
        ("img_1.jpg\t" + texts(("a", [[1, 2], [3], [5, 6]])), "too few or non-numeric"),
        ("img_1.jpg\t" + texts(("a", [[1, 2], [3, "x"], [5, 6]])), "non-numeric coordinates.*'x'"),
        ("img_1.jpg\t" + texts(("a", [[1, 2], [3, float("nan")], [5, 6]])), "not finite"),
        ("img_0.jpg\t[]", "already has an annotation"),
        ("img_2.jpg\t[]", "annotation without image; expected .*img_2.jpg"),
    ],
)
def test_a_bad_line_of_paddleocrs_layout_is_named(tmp_path: Path, line: str, message: str) -> None:
    write_image(tmp_path / "img_0.jpg")
    write_image(tmp_path / "img_1.jpg")
    with pytest.raises(DataError, match=rf"train_icdar2015_label.txt:2: .*{message}"):
        read_annotated_set(paddleocr(tmp_path, ["img_0.jpg\t[]", line]))


@pytest.mark.parametrize("name", ["rec_gt_train.txt", "train/gt.txt", "data.mdb", "training/MJ/data.mdb"])
def test_a_folder_of_words_is_told_by_the_option_for_words(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).touch()
    message = rf"layout not recognised.*looks like words \({Path(name).name}\), whose folder is named by --ocr-words"
    with pytest.raises(DataError, match=message):
        read_annotated_set(tmp_path)


def test_unpaired_files_are_named(tmp_path: Path) -> None:
    root = official(tmp_path / "a", {"img_1": "", "img_2": "", "img_10": ""})
    for name in ("gt_img_2.txt", "gt_img_10.txt"):
        (root / "ch4_training_localization_transcription_gt" / name).unlink()
    with pytest.raises(DataError, match=r"img_2.jpg: image without annotation; expected .*gt_img_2.txt"):
        read_annotated_set(root)
    root = official(tmp_path / "b", {"img_1": "", "img_2": "", "img_10": ""})
    for name in ("img_2.jpg", "img_10.jpg"):
        (root / "ch4_training_images" / name).unlink()
    with pytest.raises(DataError, match=r"gt_img_2.txt: annotation without image; expected .*img_2.jpg"):
        read_annotated_set(root)


def test_missing_folders_and_unknown_layouts_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere: no such folder"):
        read_annotated_set(tmp_path / "nowhere")
    looked_for = r"ch4_training_images/ with ch4_training_localization_transcription_gt/.*train_icdar2015_label.txt"
    with pytest.raises(DataError, match=f"layout not recognised; looked for {looked_for}"):
        read_annotated_set(tmp_path)
    (tmp_path / "ch4_training_images").mkdir()
    with pytest.raises(DataError, match=r"ch4_training_localization_transcription_gt: no such folder"):
        read_annotated_set(tmp_path)
    (tmp_path / "ch4_training_localization_transcription_gt").mkdir()
    with pytest.raises(DataError, match="no image in the train split"):
        read_annotated_set(tmp_path)


def test_an_annotation_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    root = official(tmp_path, {"img_1": ""})
    (root / "ch4_training_localization_transcription_gt" / "gt_img_1.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"gt_img_1.txt: cannot be read as UTF-8"):
        read_annotated_set(root)


@pytest.mark.skipif(not MINI.is_dir(), reason="the real images are not next to this checkout")
def test_real_images_read_as_documented() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read_annotated_set(MINI)
    assert [image.path.stem for image in found.images] == [f"img_{number}" for number in range(1, 11)]
    ignored = np.concatenate([image.ignored for image in found.images])
    assert (len(ignored), int(ignored.sum())) == (82, 61)
    assert found.images[0].load().shape == (720, 1280, 3)


@pytest.mark.parametrize("suffix", [".JPG", ".jpeg", ".png"])
def test_images_with_other_suffixes_are_found(tmp_path: Path, suffix: str) -> None:
    """An image without annotation must not be skipped because of its suffix."""
    images, annotations = (tmp_path / name for name in OFFICIAL_FOLDERS["train"])
    images.mkdir()
    annotations.mkdir()
    write_image(images / f"img_1{suffix}")
    with pytest.raises(DataError, match="image without annotation"):
        read_annotated_set(tmp_path)
    (annotations / "gt_img_1.txt").write_text("1,1,9,1,9,9,1,9,word\n")
    assert read_annotated_set(tmp_path).images[0].path.name == f"img_1{suffix}"
