"""What detectors share to show their predictions: the choice of images, and outlined texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ocr_models.detection.pages import AnnotatedImage
from ocr_models.detection.show import choose_images, found_panel, ground_truth_panel, page_picture
from ocr_models.errors import DataError
from ocr_models.picture import GREEN, GREY, RED, Panel

SQUARE = np.array([(10, 10), (30, 10), (30, 30), (10, 30)], np.float64)


def page(name: str) -> AnnotatedImage:
    return AnnotatedImage(
        Path("folder") / name, (SQUARE, SQUARE + 50), np.array([False, True]), transcriptions=("word", "###")
    )


PAGES = [page("img_1.jpg"), page("img_2.jpg"), page("img_10.png"), page("img_11.png")]


@pytest.mark.parametrize(
    ("names", "count", "expected"),
    [
        ([], 2, ["img_1", "img_2"]),
        ([], 9, ["img_1", "img_2", "img_10", "img_11"]),
        (["img_10", "img_2.jpg"], 1, ["img_10", "img_2"]),
    ],
)
def test_images_are_chosen_by_name_or_are_the_first(names: list[str], count: int, expected: list[str]) -> None:
    assert [image.path.stem for image in choose_images(PAGES, names, count)] == expected


def test_a_name_that_no_image_has_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(DataError, match=r"^no image img_7\\x1b; there are img_1 to img_11$"):
        choose_images(PAGES, ["img_7\x1b"], 1)


def test_three_pages_are_shown_if_no_number_is_given() -> None:
    picture = page_picture(PAGES, [], None, lambda image: [Panel(image.path.stem, np.zeros((1, 1)))] * 2, columns=2)
    assert [panel.title for panel in picture.panels] == ["img_1", "img_1", "img_2", "img_2", "img_10", "img_10"]
    assert picture.columns == 2


def test_annotated_texts_are_outlined_and_ignored_ones_grey() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    panel = ground_truth_panel(page("a\nb.jpg"), image)
    assert panel.title == r"a\nb: ground truth"
    assert tuple(panel.pixels[20, 10]) == GREEN
    assert tuple(panel.pixels[70, 60]) == GREY
    assert tuple(panel.pixels[20, 20]) == (0, 0, 0)
    assert not image.any()


def test_found_texts_are_outlined_and_counted() -> None:
    panel = found_panel(np.zeros((100, 100, 3), np.uint8), [SQUARE, SQUARE[:3] + 50])
    assert panel.title == "2 boxes"
    assert tuple(panel.pixels[20, 10]) == tuple(panel.pixels[60, 70]) == RED


def test_scores_stand_above_the_texts_and_within_the_image() -> None:
    image = np.zeros((200, 1280, 3), np.uint8)
    polygons = [SQUARE + np.array([600, 150]), SQUARE - 15]  # the second leaves the image at its top left
    plain, scored = found_panel(image, polygons).pixels, found_panel(image, polygons, [0.93, 0.71]).pixels
    rows, columns = np.nonzero((plain != scored).any(axis=2))  # of the digits
    for is_own, area in ((rows > 80, ((100, 160), (605, 760))), (rows <= 80, ((0, 60), (0, 150)))):
        assert is_own.sum() > 50
        for positions, (least, most) in zip((rows[is_own], columns[is_own]), area, strict=True):
            assert least <= positions.min()
            assert positions.max() <= most
