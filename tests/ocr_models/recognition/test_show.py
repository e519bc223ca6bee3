"""The sheet of words of a recogniser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from ocr_models.errors import DataError
from ocr_models.picture import GREEN, RED
from ocr_models.recognition import Word, WordSet, read_word_set
from ocr_models.recognition.show import find_words, framed, word_panel, word_sheet
from word_files import write_icdar, write_lmdb

LABELS = ["one", "Two", "three", "four"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> WordSet:
    folder = tmp_path_factory.mktemp("words")
    write_lmdb(folder / "test", LABELS)
    return read_word_set(folder, "test", str)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> WordSet:
    return read_word_set(write_icdar(tmp_path_factory.mktemp("files"), LABELS), "train", str)


def reads_lower_case(words: Sequence[Word]) -> tuple[list[str], list[float]]:
    return [word.label.lower() for word in words], [0.875] * len(words)


def frame(pixels: np.ndarray) -> tuple[int, ...]:
    return tuple(pixels[0, 0].tolist())


def test_words_that_were_read_wrong_come_first_in_red(data: WordSet) -> None:
    picture = word_sheet(data, [], None, reads_lower_case)
    assert [panel.title for panel in picture.panels] == [
        "Two\nread as two  0.88",
        "one  0.88",
        "three  0.88",
        "four  0.88",
    ]
    assert [frame(panel.pixels) for panel in picture.panels] == [RED, GREEN, GREEN, GREEN]


def test_what_is_wrong_depends_on_what_is_comparable(data: WordSet) -> None:
    picture = word_sheet(data, [], None, reads_lower_case, str.lower)
    assert [panel.title for panel in picture.panels][:2] == ["one  0.88", "Two  0.88"]


def test_the_number_of_words_can_be_chosen(data: WordSet) -> None:
    titles = [panel.title for panel in word_sheet(data, [], 2, reads_lower_case).panels]
    assert titles == ["Two\nread as two  0.88", "one  0.88"]


def test_half_of_the_words_are_right_and_the_title_says_how_many_are_not(tmp_path: Path) -> None:
    write_lmdb(tmp_path / "test", [f"A{number}" if number < 9 else f"a{number}" for number in range(12)])
    many = read_word_set(tmp_path, "test", str)
    for count, wrong in ((4, 2), (5, 3), (10, 7), (12, 9), (1, 1)):
        picture = word_sheet(many, [], count, reads_lower_case)
        assert [frame(panel.pixels) for panel in picture.panels] == [RED] * wrong + [GREEN] * (count - wrong)
        of_them = f"shown: {wrong} wrong (red), {count - wrong} right (green), with their confidence"
        assert picture.title == f"9 of the first 12 words were read wrong; {of_them}"
    named = word_sheet(many, [many.words[0].name, many.words[11].name], None, reads_lower_case)
    assert named.title == "1 of 2 words were read wrong; shown: 1 wrong (red), 1 right (green), with their confidence"


def test_all_named_words_are_shown(data: WordSet) -> None:
    names = ["image-000000004", "image-000000001"]
    titles = [panel.title for panel in word_sheet(data, names, 1, reads_lower_case).panels]
    assert titles == ["four  0.88", "one  0.88"]


def test_an_empty_answer_is_said_in_words(data: WordSet) -> None:
    picture = word_sheet(data, ["image-000000003"], None, lambda words: ([""], [0.1]))
    assert [panel.title for panel in picture.panels] == ["three\nread as nothing  0.10"]


def test_an_empty_label_is_said_in_words(tmp_path: Path) -> None:
    write_lmdb(tmp_path / "test", [""])
    empty = read_word_set(tmp_path, "test", str)
    titles = [word_panel(empty.words[0], text, 0.1, not text).title for text in ("", "a")]
    assert titles == ["nothing  0.10", "nothing\nread as a  0.10"]


def test_the_longest_label_and_answer_fit_into_their_panel(tmp_path: Path) -> None:
    write_lmdb(tmp_path / "test", ["abcdefghijklmnopqrstuvwxy"])
    picture = word_sheet(
        read_word_set(tmp_path, "test", str), [], None, lambda _: (["zyxwvutsrqponmlkjihgfedcb"], [0.1])
    )
    figure = Figure((picture.panel_inches[0], 1))
    drawn = figure.text(0, 0, picture.panels[0].title, fontsize="small").get_window_extent()
    assert drawn.width <= figure.bbox.width


def test_words_are_found_by_file_name_with_or_without_suffix(files: WordSet) -> None:
    full = files.words[2].name
    assert [word.label for word in find_words(files.words, ["word_2", "word_1.jpg", full])] == ["Two", "one", "three"]


def test_a_name_that_no_word_has_is_refused_with_the_names_that_exist(data: WordSet) -> None:
    with pytest.raises(DataError, match=r"^no word image-9\\x1b; there are .*image-000000001 to .*image-000000004$"):
        find_words(data.words, ["image-000000001", "image-9\x1b"])


def test_a_frame_surrounds_the_whole_image(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (24, 50, 3), np.uint8)
    result = framed(image, RED)
    assert result.shape == (28, 54, 3)
    assert np.array_equal(result[2:-2, 2:-2], image)
    assert all((edge == RED).all() for edge in (result[:2], result[-2:], result[:, :2], result[:, -2:]))


def test_the_frame_of_a_narrow_image_does_not_hide_it() -> None:
    assert framed(np.zeros((400, 3, 3), np.uint8), RED).shape == (402, 5, 3)
