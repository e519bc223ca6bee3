"""Reading word sets from disk: every layout, which folder is which split, and bad label files, reported by name."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ocr_models.errors import DataError
from ocr_models.images.reading import decode_image
from ocr_models.recognition import WordSet, read_word_set
from ocr_models.recognition.splits import FOLDER_LABEL_FILES, ICDAR_FOLDERS, LABEL_FILES, SPLIT_NAMES
from ocr_models.task import Split
from word_files import LAYOUTS, as_annotated, names, word_image, write_icdar, write_label_file, write_lmdb

LABELS = ["Hello", 'say "hi", you', "back\\slash", "a b  c", "caf\u00e9", "x"]


def read(root: Path, split: Split = "train") -> WordSet:
    return read_word_set(root, split, as_annotated)


def labels_in(root: Path, split: Split = "train") -> list[str]:
    return [word.label for word in read(root, split).words]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("split", ["train", "test"])
def test_every_layout_has_its_words_in_order(tmp_path: Path, layout: str, split: Split) -> None:
    found = read(LAYOUTS[layout](tmp_path, LABELS, split), split)
    assert found.layout == layout.partition("_")[0]
    assert [word.label for word in found.words] == LABELS
    assert (len(found), found.excluded, found.remarks) == (len(LABELS), {}, ())
    first = 1 if layout == "lmdb" else 0
    np.testing.assert_array_equal(found.words[2].load(), decode_image(word_image(first + 2), "word"))
    assert found.words[-1].load(grey=True).shape == (20, 60)


@pytest.mark.parametrize("form", LABEL_FILES)
@pytest.mark.parametrize(
    ("split", "name"), [(split, name) for split in SPLIT_NAMES for name in sum(SPLIT_NAMES[split], ())]
)
def test_a_label_file_is_found_by_the_name_of_its_split(tmp_path: Path, form: str, split: Split, name: str) -> None:
    lines = {".txt": "a.png x", ".jsonl": json.dumps({"filename": "a.png", "text": "x"}), ".json": json.dumps(MMOCR)}
    label_file = tmp_path / form.format(name)
    write_label_file(label_file, [lines[label_file.suffix]], ["a.png"])
    assert labels_in(tmp_path, split) == ["x"]
    other: Split = "test" if split == "train" else "train"
    with pytest.raises(DataError, match=f"no .* split: it only has {label_file.name}; looked for"):
        read(tmp_path, other)


MMOCR = {"data_list": [{"img_path": "a.png", "instances": [{"text": "x"}]}]}


@pytest.mark.parametrize("name", FOLDER_LABEL_FILES)
@pytest.mark.parametrize("split", SPLIT_NAMES)
def test_the_folder_of_a_split_has_its_own_label_file(tmp_path: Path, name: str, split: Split) -> None:
    line = json.dumps({"filename": "a.png", "text": "x"}) if name.endswith("l") else "a.png\tx"
    write_label_file(tmp_path / SPLIT_NAMES[split][0][0] / name, [line], ["a.png"])
    assert [word.name for word in read(tmp_path, split).words] == ["a.png"]


@pytest.mark.parametrize(("split", "number"), [("train", 0), ("train", 1), ("test", 0), ("test", 1)])
@pytest.mark.parametrize("beside", [False, True])
def test_folders_of_icdar_may_have_their_label_file_inside_or_beside(
    tmp_path: Path, split: Split, number: int, beside: bool
) -> None:
    folder, name = ICDAR_FOLDERS[split][number]
    images = tmp_path / folder
    write_label_file((tmp_path if beside else images) / name, ['a.png, "x"'], ["a.png"], images)
    assert labels_in(tmp_path, split) == ["x"]


@pytest.mark.parametrize(
    ("paths", "train", "test"),
    [
        (["train/real/ArT", "train/synth/MJ/val", "val/SVT", "test/CUTE80"], {"real/ArT", "synth/MJ/val"}, {"CUTE80"}),
        (["training/MJ/MJ_train", "training/ST", "validation"], {"MJ/MJ_train", "ST"}, {"."}),
        (["training", "validation", "evaluation/SVT"], {"."}, {"SVT"}),
    ],
)
def test_lmdbs_are_found_below_the_folder_of_a_split(
    tmp_path: Path, paths: list[str], train: set[str], test: set[str]
) -> None:
    for path in paths:
        write_lmdb(tmp_path / path, [path])
    assert {word.label.partition("/")[2] or "." for word in read(tmp_path).words} == train
    assert {word.label.partition("/")[2] or "." for word in read(tmp_path, "test").words} == test


def test_a_folder_without_names_of_splits_is_a_training_split(tmp_path: Path) -> None:
    write_lmdb(tmp_path / "MJ", ["a"])
    write_lmdb(tmp_path / "ST", ["b"])
    (tmp_path / "loop").symlink_to(tmp_path)
    assert labels_in(tmp_path)[:2] == ["a", "b"]
    with pytest.raises(DataError, match=r"no held-out test split: it has one without the name of a split; looked for"):
        read(tmp_path, "test")


def test_an_lmdb_itself_is_a_training_split(tmp_path: Path) -> None:
    assert [word.name for word in read(write_lmdb(tmp_path, ["a"])).words] == [".: image-000000001"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: (root / "train").mkdir(), "layout not recognised; looked for train/ with LMDBs or gt.txt, rec_"),
        (lambda root: root.rmdir(), "no such folder; name the folder of a data set"),
        (
            lambda root: (root / "ch4_training_images").mkdir(),
            r"looks like annotated pages \(ch4_.*named by --ocr-data",
        ),
        (lambda root: (root / "ch4_training_word_images_gt").mkdir(), "no label file; expected gt.txt in it, or Chall"),
        (lambda root: [(root / name).touch() for name in ("train.txt", "rec_gt_train.txt")], "could be the same split"),
        (lambda root: [write_lmdb(root / name, ["a"]) for name in ("train", "training")], "could be the same split"),
        (lambda root: (root / "rec_gt_train.txt").touch(), "there is no word in this split"),
        (lambda root: os.mkfifo(root / "rec_gt_train.txt"), "cannot be read: Not a regular file"),
        (lambda root: (root / "train.txt").symlink_to("train.txt"), "cannot be read: "),
        (
            lambda root: (root / "train.txt").write_bytes("caf\u00e9".encode("latin-1")),
            "train.txt:1: cannot be read as UTF-8",
        ),
        (lambda root: (root / "train.txt").write_bytes("a b".encode("utf-16")), "it is UTF-16"),
    ],
)
def test_a_folder_that_is_no_word_set_is_named(tmp_path: Path, make: Callable[[Path], object], message: str) -> None:
    root = tmp_path / "words"
    root.mkdir()
    make(root)
    with pytest.raises(DataError, match=message) as caught:
        read(root)
    assert str(root) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_text_may_contain_what_separates_fields(tmp_path: Path) -> None:
    for name, line, label in [
        ("rec_gt_train.txt", "a.png\tone\ttwo, three", "one\ttwo, three"),
        ("train_label.txt", "a.png one two, three", "one two, three"),
        ("train_gt.txt", 'a.png, "one, two"', "one, two"),
        ("train_gt.txt", "a.png, one, two", "one, two"),
        ("train_gt.txt", r'a.png, "\"a\\b\" \n"', r'"a\b" \n'),
        ("train_gt.txt", 'a.png, "a"b"', 'a"b'),
        ("train_gt.txt", 'a.png, ""', ""),
        ("rec_gt_train.txt", "a.png\t", ""),
        ("rec_gt_train.txt", "[1].png\tx", "x"),
        ("train_label.jsonl", '{"filename": "a.png", "text": "\\u2028"}', "\u2028"),
    ]:
        label_file = write_label_file(tmp_path / name, [line], ["a.png", "[1].png"][line.startswith("[") :][:1])
        assert labels_in(tmp_path) == [label]
        label_file.unlink()


def test_a_json_list_of_paths_gives_one_word_per_path(tmp_path: Path) -> None:
    write_label_file(
        tmp_path / "rec_gt_train.txt", ['["a.png", "sub/b.jpg"]\tx', "c.jpg\ty"], ["a.png", "sub/b.jpg", "c.jpg"]
    )
    assert [(word.name, word.label) for word in read(tmp_path).words] == [
        ("a.png", "x"),
        ("sub/b.jpg", "x"),
        ("c.jpg", "y"),
    ]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_end_as_in_other_layouts(tmp_path: Path, end: bytes) -> None:
    label_file = write_label_file(tmp_path / "gt.txt", [], ["a.png", "b.png"])
    label_file.write_bytes(b"\xef\xbb\xbf" + end.join([b'a.png, "x"', b"", b'b.png, "y"', b""]))
    assert labels_in(tmp_path) == ["x", "y"]


PADDLE, ICDAR, MMOCR_TEXT, JSONL = "a.png\tx", 'a.png, "x"', "a.png x", '{"filename": "a.png", "text": "x"}'


@pytest.mark.parametrize(
    ("first", "line", "message"),
    [
        (PADDLE, "b.png x", "no TAB; a line is: image path, TAB, text"),
        (PADDLE, "nowhere.png\tx", "label without image; expected .*nowhere.png, a file$"),
        (PADDLE, "images\\b.png\tx", r"label without image; .*, a file; write / instead of \\ in paths$"),
        (PADDLE, "./a.png\ty", "./a.png already has a label at gt.txt:1; keep one of the two"),
        (PADDLE, '["b.png", "b.png"]\ty', "b.png already has a label at gt.txt:2; keep"),
        (PADDLE, "[]\ty", "not a JSON list of image paths"),
        (PADDLE, "[1]\ty", "not a JSON list of image paths"),
        (PADDLE, '["\\ud800"]\tx', "label without image; expected"),
        (PADDLE, "\ty", "label without image"),
        (PADDLE, "b\0.png\ty", "label without image"),
        (PADDLE, "b" * 5000 + "\ty", "label without image"),
        (ICDAR, "b.png", "no comma; a line is: word_1.png"),
        (ICDAR, 'b.png, "x', "no quotation mark at the end"),
        (ICDAR, 'b.png, "', "no quotation mark at the end"),
        (MMOCR_TEXT, "b.png", "no blank; a line is: image path, blank, text"),
        (JSONL, "{", "not JSON"),
        (JSONL, "[" * 100_000, "not JSON|nested too deeply"),
        (JSONL, '{"filename": "b.png"}', "no texts filename and text"),
        (JSONL, '{"filename": "b.png", "text": 5}', "no texts filename and text"),
        (JSONL, '{"filename": "b.png", "text": "\\ud800"}', "no valid Unicode text"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, first: str, line: str, message: str) -> None:
    write_label_file(tmp_path / "gt.txt", [first, line], ["a.png", "b.png"])
    with pytest.raises(DataError, match=rf"gt.txt:2: .*({message})") as caught:
        read(tmp_path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "it has no list data_list"),
        ('{"data_list": 5}', "it has no list data_list"),
        ('{"data_list": [5]}', "data_list entry 1: instances is not a list of one text"),
        ('{"data_list": [{"img_path": "a.png", "instances": []}]}', "entry 1: instances is not a list of one text"),
        ('{"data_list": [{"img_path": "a.png", "instances": [{}]}]}', "entry 1: no texts img_path and text"),
        ('{"data_list": [{"img_path": "b.png", "instances": [{"text": "x"}]}]}', "entry 1: label without image"),
    ],
)
def test_a_bad_entry_of_mmocrs_json_is_named(tmp_path: Path, content: str, message: str) -> None:
    write_label_file(tmp_path / "textrecog_train.json", [content], ["a.png"])
    with pytest.raises(DataError, match=rf"textrecog_train.json: .*{message}"):
        read(tmp_path)


def test_an_image_without_label_is_named_in_the_layout_of_icdar(tmp_path: Path) -> None:
    write_icdar(tmp_path, ["a", "b"])
    (tmp_path / "ch4_training_word_images_gt" / names(3)[2]).write_bytes(word_image())
    with pytest.raises(DataError, match=r"word_3.jpg: image without label in gt.txt"):
        read(tmp_path)


def test_what_the_rule_excludes_is_counted_with_an_example(
    tmp_path: Path, rule_of_lower_case: Callable[[str], str]
) -> None:
    labels = ["a", "B", "c", "", "###", "d", "E", "f", "g"]
    write_icdar(tmp_path, labels)
    with pytest.warns(UserWarning, match="4 of 9 words are left out"):
        found = read_word_set(tmp_path, "train", rule_of_lower_case)
    assert [word.label for word in found.words] == ["a!", "c!", "d!", "f!", "g!"]
    assert found.excluded == {"with capitals": 2, "empty": 1, "marked as unreadable (###)": 1}
    assert found.remarks == (
        "4 of 9 words are left out: 2 with capitals, 1 empty, 1 marked as unreadable (###); first: "
        "ch4_training_word_images_gt/gt.txt:2: 'B'",
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_more_than_half_excluded_is_an_error(
    tmp_path: Path, layout: str, rule_of_lower_case: Callable[[str], str]
) -> None:
    root = LAYOUTS[layout](tmp_path, ["a", "B", "C"], "train")
    message = "exclude more than half of the words: 2 of 3 words are left out: 2 with capitals; first: .*2: 'B'"
    with pytest.raises(DataError, match=message):
        read_word_set(root, "train", rule_of_lower_case)
    with pytest.raises(DataError, match="no word is left: 1 of 1 words is left out"):
        read_word_set(LAYOUTS[layout](tmp_path / "other", ["B"], "train"), "train", rule_of_lower_case)


def test_a_good_set_gives_no_warning(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(write_icdar(tmp_path, ["a"]))
