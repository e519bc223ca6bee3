"""Annotations as people have them: read right, or refused with file and line. The same in training and evaluation."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from annotated_folders import SQUARE, official, paddleocr, texts
from archives import packed
from ocr_models.detection.icdar2015 import OFFICIAL_FOLDERS
from ocr_models.detection.pages import AnnotatedImage
from ocr_models.detection.reading import read_annotated_set
from ocr_models.detection.submission import EvaluationError, read_ground_truth
from ocr_models.errors import DataError
from pictures import write_image

CORNERS = [[10, 10], [60, 10], [60, 40], [10, 40]]
LIMIT_SECONDS = 5.0


def trained(root: Path, content: str | bytes) -> AnnotatedImage:
    (image,) = read_annotated_set(official(root, {"img_1": content})).images
    return image


def evaluated(root: Path, content: str | bytes) -> list[bool]:
    """Whether the evaluation ignores each text."""
    encoded = content if isinstance(content, bytes) else content.encode("utf-8-sig")
    texts_of_image = read_ground_truth(packed(root / "gt.zip", {"gt_img_1.txt": encoded}))["1"]
    return [text.is_ignored for text in texts_of_image]


@pytest.mark.parametrize(
    ("rest", "transcription", "ignored"),
    [
        ("###", "###", True),
        (" ###", "###", True),
        ("### ", "###", True),
        ("\t###", "###", True),
        ('"###"', "###", True),
        (' "###" ', "###", True),
        ("Latin,###", "###", True),
        ("Latin, ###", "###", True),
        ('Mixed,"###"', "###", True),
        ("None,###", "###", True),
        ("Korean,word", "word", False),
        ("Latin", "Latin", False),
        ('"Latin","###"', "###", True),
        ("latin,###", "###", True),
        ("Cyrillic,###", "###", True),
        ("Latina,###", "Latina,###", False),
        ("two words,###", "two words,###", False),
        ("#1 Pizza", "#1 Pizza", False),
        ("#", "#", False),
        ("####", "####", False),
        ("*", "*", False),
        ("#DONT", "#DONT", False),
        ("Hello, world", "Hello, world", False),
        ('"Hello, world"', "Hello, world", False),
        ('"say \\"hi\\""', 'say "hi"', False),
        ("\x1c7,\x1f9000", "\x1c7,\x1f9000", False),
        ("100,000", "100,000", False),
        ("$8,888", "$8,888", False),
        ("1,234,567", "1,234,567", False),
        ("2500,3000", "2500,3000", False),
        ('"20,30"', "20,30", False),
        ("12", "12", False),
        ("", "", False),
    ],
)
def test_a_line_means_the_same_in_training_and_evaluation(
    tmp_path: Path, rest: str, transcription: str, ignored: bool
) -> None:
    content = f"{SQUARE},{rest}\n"
    image = trained(tmp_path, content)
    assert (image.transcriptions, image.ignored.tolist()) == ((transcription,), [ignored])
    np.testing.assert_array_equal(image.polygons[0], CORNERS)
    assert evaluated(tmp_path, content) == [ignored]


@pytest.mark.parametrize("blank", [" ", "\t", "\x1c", "\x1f", "\u3000", "\x85"])
def test_blanks_around_a_coordinate_do_no_harm(tmp_path: Path, blank: str) -> None:
    content = f"{blank}{SQUARE.replace(',', f'{blank},{blank}')},word\n"
    np.testing.assert_array_equal(trained(tmp_path, content).polygons[0], CORNERS)
    assert evaluated(tmp_path, content) == [False]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"{SQUARE},35,50,word", "10 numbers that look like 5 corners"),
        (f"{SQUARE},35,50", "10 numbers that look like 5 corners"),
        ("10,10,30,8,60,10,60,40,40,42,20,42,10,40,word", "14 numbers that look like 7 corners"),
        ("10,10,30,8,60,10,60,40,40,42,20,42,10,40,###", "14 numbers that look like 7 corners"),
        ("10,10,30,8,60,10,60,40,40,42,20,42,10,40", "14 numbers that look like 7 corners"),
        ("10,10,30,8,60,10,60,40,40.5,42.25,word", "10 numbers that look like 5 corners"),
        ("10 10 60 10 60 40 10 40 word", "too few or non-numeric"),
        ("1_0,10,60,10,60,40,10,40,word", "non-numeric coordinates: '1_0'"),
        ("\uff11\uff10,10,60,10,60,40,10,40,word", "non-numeric"),
        ("0x10,10,60,10,60,40,10,40,word", "non-numeric"),
        ("3000000000,10,60,10,60,40,10,40,word", "3e.09 is out of range"),
        ("10,10,200000000,10,60,40,10,40,word", "2e.08 is out of range"),
        ("10,10,60,1e18,60,40,10,40,word", "1e.18 is out of range"),
        ("10,10,60,-1e308,60,40,10,40,word", "-1e.308 is out of range"),
        ("10,10,60,1e309,60,40,10,40,word", "not finite"),
        (f"10,10,60,{'9' * 5000},60,40,10,40,word", "not finite"),
        (f"10,10,60,{'x' * 60_000},60,40,10,40,word", "non-numeric"),
        ("10,10,60,nan,60,40,10,40,word", "not finite"),
    ],
)
def test_a_line_is_refused_with_file_and_line_in_both(tmp_path: Path, line: str, message: str) -> None:
    content = f"{SQUARE},fine\r\n\r\n{line}\r\n"
    with pytest.raises(DataError, match=rf"gt_img_1\.txt:3: .*{message}") as in_training:
        trained(tmp_path, content)
    with pytest.raises(EvaluationError, match=rf"gt_img_1\.txt, line 3: .*{message}") as in_evaluation:
        evaluated(tmp_path, content)
    assert max(len(str(caught.value)) for caught in (in_training, in_evaluation)) < 1000


def test_decimal_numbers_are_coordinates_in_both(tmp_path: Path) -> None:
    content = "10.5, 10, 6e1,10.0,60,+40,10,40,word\n"
    np.testing.assert_array_equal(trained(tmp_path, content).polygons[0], [[10.5, 10], *CORNERS[1:]])
    assert evaluated(tmp_path, content) == [False]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r\n"])
def test_lines_may_end_as_on_any_system(tmp_path: Path, end: str) -> None:
    content = end.join([f"{SQUARE},one", f"{SQUARE},two", "  ", f"{SQUARE},###", ""])
    image = trained(tmp_path, content)
    assert (image.transcriptions, image.ignored.tolist()) == (("one", "two", "###"), [False, False, True])
    assert evaluated(tmp_path, content) == [False, False, True]


@pytest.mark.parametrize(
    ("encoded", "message"),
    [
        (f"{SQUARE},fine\n{SQUARE},\u4e2d\u6587\n".encode("gbk"), r"gt_img_1\.txt:2: cannot be read as UTF-8 .*GBK"),
        (f"{SQUARE},fine\r{SQUARE},caf\xe9\r".encode("latin-1"), r"gt_img_1\.txt:2: cannot be read as UTF-8 .*LATIN1"),
        (f"{SQUARE},fine\n".encode("utf-16"), r"gt_img_1\.txt: cannot be read as UTF-8: it is UTF-16"),
    ],
    ids=["GBK", "Latin-1", "UTF-16"],
)
def test_another_encoding_is_named_with_the_line(tmp_path: Path, encoded: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        trained(tmp_path, encoded)


def test_two_images_of_one_annotation_are_both_named(tmp_path: Path) -> None:
    for number, other in enumerate(("img_1.png", "img_1.JPG", "img_1.jpeg")):
        root = official(tmp_path / str(number), {"img_1": f"{SQUARE},a\n", "img_2": ""})
        write_image(root / OFFICIAL_FOLDERS["train"][0] / other)
        with pytest.raises(DataError, match=r"img_1\.\w+: img_1\.\w+ has the same annotation") as caught:
            read_annotated_set(root)
        assert "img_1.jpg" in str(caught.value)
        assert other in str(caught.value)


def test_hidden_files_are_no_images(tmp_path: Path) -> None:
    """Archives made on macOS contain a file of attributes, `._img_1.jpg`, for each image."""
    root = official(tmp_path, {"img_1": f"{SQUARE},a\n"})
    images, annotations = (root / name for name in OFFICIAL_FOLDERS["train"])
    (images / "._img_1.jpg").write_bytes(b"\0\5\x16\7")
    (annotations / "._gt_img_1.txt").write_bytes(b"\0\5\x16\7")
    assert len(read_annotated_set(root)) == 1


def test_the_annotations_of_the_test_split_have_two_official_names(tmp_path: Path) -> None:
    root = official(tmp_path, {"img_1": f"{SQUARE},a\n"}, "test")
    (root / "Challenge4_Test_Task1_GT").rename(root / "ch4_test_localization_transcription_gt")
    assert read_annotated_set(root, "test").images[0].transcriptions == ("a",)
    (root / "Challenge4_Test_Task1_GT").mkdir()
    with pytest.raises(DataError, match=r"Challenge4_Test_Task1_GT: ch4_test_localization_transcription_gt has"):
        read_annotated_set(root, "test")


def test_exactly_the_marks_of_paddleocr_are_ignored(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        write_image(tmp_path / "imgs" / name)
    marks = ("*", "###", "#1 Pizza", " ###", '"###"', "**", "", "Latin,###", "12,20")
    line = "imgs/a.jpg\t" + texts(*((mark, CORNERS) for mark in marks))
    (image,) = read_annotated_set(paddleocr(tmp_path, [line])).images  # b.jpg is not part of the split
    assert image.path == tmp_path / "imgs" / "a.jpg"
    assert image.ignored.tolist() == [True, True] + [False] * 7


@pytest.mark.parametrize(
    ("name", "encoded", "message"),
    [
        ("a.jpg", "[" * 100_000, "nested too deeply"),
        ("a.jpg", '[{"transcription": "a", "points": ' + "[" * 900 + "]" * 900 + "}]", "too few"),
        ("a.jpg", texts(("a", [[1, 2], [3, 10**4000], [5, 6]])), "out of range"),
        ("a.jpg", texts(("a", [[1, 2], [3, 4], [5, 6]])).replace("6", "6" * 5000), "not a JSON list"),
        ("a.jpg", texts(("a", [[1, 2], [3, 3e9], [5, 6]])), "3e.09 is out of range"),
        ("a.jpg", texts(("a", [[1, 2], [3, -2e8], [5, 6]])), "-2e.08 is out of range"),
        ("a.jpg", texts(("a", [[1, 2], [3, 4, 5], [5, 6]])), "non-numeric"),
        ("a.jpg", texts(("a", [[1, 2], [3, True], [5, 6]])), "non-numeric coordinates: 'True'"),
        ("a.jpg", '[{"transcription": "a", "points": {"x": 1}}]', "is not a list of points"),
        ("a.jpg", '[{"transcription": null, "points": [[1, 2], [9, 2], [5, 6]]}]', "'?None'? is not a text"),
        ("a.jpg", '[{"transcription": "\\ud800", "points": [[1, 2], [9, 2], [5, 6]]}]', "no valid Unicode text"),
        ("a.jpg", "{}", "not a JSON list"),
        ("a.jpg", "[[]]", "not a JSON list"),
        ("a.jpg", "null", "not a JSON list"),
        ("x" * 5000, "[]", "annotation without image"),
        ("a\0.jpg", "[]", "annotation without image"),
        ("fifo.jpg", "[]", "annotation without image"),
        ("folder.jpg", "[]", "annotation without image"),
        ("sub/../b.jpg", "[]", "already has an annotation above"),
    ],
)
def test_a_bad_line_of_a_label_file_ends_in_one_line(tmp_path: Path, name: str, encoded: str, message: str) -> None:
    os.mkfifo(tmp_path / "fifo.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "sub").mkdir()
    for image in ("a.jpg", "b.jpg"):
        write_image(tmp_path / image)
    begun = time.monotonic()
    with pytest.raises(DataError, match=rf"train_icdar2015_label\.txt:2: .*{message}") as caught:
        read_annotated_set(paddleocr(tmp_path, ["b.jpg\t[]", f"{name}\t{encoded}"]))
    assert time.monotonic() - begun < LIMIT_SECONDS
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1500


ODD_FILES: dict[str, Callable[[Path], object]] = {
    "fifo": os.mkfifo,
    "folder": Path.mkdir,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "loop": lambda path: path.symlink_to(path),
    "sparse": lambda path: os.truncate(path.write_bytes(b"a") and path, 2**40),
}


@pytest.mark.parametrize("make", ODD_FILES.values(), ids=ODD_FILES)
@pytest.mark.parametrize("layout", ["label file", "annotation", "image"])
def test_what_is_no_file_is_named_before_it_is_opened(
    tmp_path: Path, layout: str, make: Callable[[Path], object]
) -> None:
    images, annotations = (tmp_path / name for name in OFFICIAL_FOLDERS["train"])
    odd = {
        "label file": tmp_path / "train_icdar2015_label.txt",
        "annotation": annotations / "gt_img_1.txt",
        "image": images / "img_1.jpg",
    }[layout]
    official(tmp_path, {"img_1": f"{SQUARE},a\n"})
    odd.unlink(missing_ok=True)
    make(odd)
    begun = time.monotonic()
    with pytest.raises(DataError, match=rf"{odd.name}: (not a regular file|cannot be read: |larger than)"):
        read_annotated_set(tmp_path).images[0].load()
    assert time.monotonic() - begun < LIMIT_SECONDS


@pytest.mark.parametrize("folder", ["x" * 5000, "a/" * 2500, "a\0b"])
def test_a_folder_that_cannot_exist_is_named_in_one_line(folder: str) -> None:
    with pytest.raises(DataError, match="no such folder") as caught:
        read_annotated_set(Path(folder))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


def test_names_that_are_not_utf8_and_numbers_of_other_scripts_are_names(tmp_path: Path) -> None:
    names = ["img_\u00b2", "img_\u0663", "img_" + "9" * 200, "img_1", "img_01", os.fsdecode(b"img_\xff")]
    read = read_annotated_set(official(tmp_path, dict.fromkeys(names, f"{SQUARE},a\n")))
    assert len(read.digest()) == 16
    found = [image.path.stem for image in read.images]
    assert sorted(found) == sorted(names)
    assert found.index("img_01") < found.index("img_1") < found.index("img_" + "9" * 200)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\n" * 2**20, "blank lines; is this an annotation file"),
        (b"\r\n \r" * 2**17, "blank lines; is this an annotation file"),
        (f"{SQUARE},a\n".encode() * 10_001, "more than 10000 texts for one image"),
        (b"9" * (2**24 + 1), "larger than 16 MiB"),
        (b"1," * 2**22, "a line of 8388608 characters"),
        (bytes(2**23), "a line of 8388608 characters"),
    ],
    ids=["blank", "blanks", "texts", "size", "fields", "zeros"],
)
def test_a_flood_in_an_annotation_file_ends_at_once(tmp_path: Path, content: bytes, message: str) -> None:
    root = official(tmp_path, {"img_1": content})
    begun = time.monotonic()
    with pytest.raises(DataError, match=rf"gt_img_1\.txt:.*({message})"):
        read_annotated_set(root)
    assert time.monotonic() - begun < LIMIT_SECONDS
