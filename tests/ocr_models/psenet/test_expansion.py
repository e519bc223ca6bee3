"""Progressive scale expansion against a plain breadth-first reference, with and without numba."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ocr_models import machine_code
from ocr_models.psenet import expansion
from ocr_models.psenet.expansion import expand_kernels

LOOPS: dict[str, Any] = {
    "numba": expansion._pixel_loops,
    "numpy": lambda: (expansion._label_with_opencv, expansion._grow_in_waves),
}


@pytest.fixture(params=LOOPS)
def expand(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`expand_kernels`, once with each kind of pixel loop."""
    monkeypatch.setattr(expansion, "_pixel_loops", LOOPS[request.param])
    return expand_kernels


def neighbours_of(row: int, column: int, shape: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    for next_row, next_column in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
        if 0 <= next_row < shape[0] and 0 <= next_column < shape[1]:
            yield next_row, next_column


def numbered_components(kernel: NDArray[np.uint8], min_area: float) -> NDArray[np.int32]:
    labels = np.zeros(kernel.shape, np.int32)
    seen = np.zeros(kernel.shape, bool)
    number = 0
    for row, column in np.argwhere(kernel).tolist():
        if seen[row, column]:
            continue
        number += 1
        seen[row, column] = True
        component = [(row, column)]
        for pixel in component:
            for neighbour in neighbours_of(*pixel, kernel.shape):
                if kernel[neighbour] and not seen[neighbour]:
                    seen[neighbour] = True
                    component.append(neighbour)
        if len(component) >= min_area:
            for pixel in component:
                labels[pixel] = number
    return labels


def plain_expansion(kernels: NDArray[np.uint8], min_area: float) -> NDArray[np.int32]:
    """The recipe, pixel by pixel."""
    labels = numbered_components(kernels[-1], min_area)
    queue: deque[tuple[int, int]] = deque((row, column) for row, column in np.argwhere(labels).tolist())
    for kernel in kernels[-2::-1]:
        waiting: deque[tuple[int, int]] = deque()
        while queue:
            pixel = queue.popleft()
            claims = [
                neighbour
                for neighbour in neighbours_of(*pixel, labels.shape)
                if kernel[neighbour] and not labels[neighbour]
            ]
            for neighbour in claims:
                labels[neighbour] = labels[pixel]
            queue.extend(claims)
            if not claims:
                waiting.append(pixel)
        queue = waiting
    return labels


@st.composite
def kernel_maps(draw: st.DrawFn) -> NDArray[np.uint8]:
    """Maps of noise, coarse or fine, dense or thin, nested or not, as networks make them and as they do not."""
    count, height, width = draw(st.integers(1, 8)), draw(st.integers(1, 24)), draw(st.integers(1, 24))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    coarseness = draw(st.sampled_from((1, 2, 4)))
    noise = generator.random((count, -(-height // coarseness), -(-width // coarseness)))
    noise = noise.repeat(coarseness, axis=1).repeat(coarseness, axis=2)[:, :height, :width]
    if draw(st.booleans()):
        noise = np.maximum.accumulate(noise, axis=0)
    thresholds = np.linspace(draw(st.floats(0.2, 1)), draw(st.floats(0.05, 1)), count)
    return (noise < thresholds[:, None, None]).astype(np.uint8)


@pytest.mark.parametrize("loops", LOOPS)
@settings(deadline=None, max_examples=300)
@given(kernels=kernel_maps(), min_area=st.sampled_from((0, 1, 2, 3.5, 8)))
def test_labels_are_those_of_the_plain_reference(loops: str, kernels: NDArray[np.uint8], min_area: float) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expansion, "_pixel_loops", LOOPS[loops])
        labels = expand_kernels(kernels, min_area)
    np.testing.assert_array_equal(labels, plain_expansion(kernels, min_area))


def drawn(*maps: str) -> NDArray[np.uint8]:
    return np.array([[[pixel == "#" for pixel in row] for row in text.split()] for text in maps], np.uint8)


def test_a_contested_pixel_goes_to_the_first_seed(expand: Any) -> None:
    assert expand(drawn("#####", "##.##", "#...#"), 1).tolist() == [[1, 1, 1, 2, 2]]


def test_a_pixel_that_claimed_a_neighbour_does_not_claim_again(expand: Any) -> None:
    # The middle pixel claims its right neighbour in the smaller kernel; its left one, in the text map, stays free.
    assert expand(drawn("###", ".##", ".#."), 1).tolist() == [[0, 1, 1]]


def test_growth_does_not_wrap_around_the_sides(expand: Any) -> None:
    labels = expand(drawn(".# #. ##", ".. #. .."), 1)
    assert labels.tolist() == [[0, 0], [1, 0], [1, 1]]


def test_texts_are_numbered_by_their_first_pixel_and_dropped_ones_leave_gaps(expand: Any) -> None:
    labels = expand(drawn("...## #.... ##.##"), 2)
    assert labels.tolist() == [[0, 0, 0, 1, 1], [2, 0, 0, 0, 0], [2, 2, 0, 3, 3]]
    assert sorted(set(expand(drawn("...## #.... ##.##"), 3).flat)) == [0, 2]


def test_a_dropped_seed_can_be_claimed_by_its_neighbour(expand: Any) -> None:
    assert expand(drawn("####", "##.#"), 2).tolist() == [[1, 1, 1, 1]]


def test_an_empty_map_has_no_text(expand: Any) -> None:
    labels = expand(np.zeros((7, 30, 50), np.uint8), 16)
    assert labels.dtype == np.int32
    assert labels.shape == (30, 50)
    assert not labels.any()


def test_a_text_map_without_kernels_has_no_text(expand: Any) -> None:
    kernels = np.zeros((7, 30, 50), np.uint8)
    kernels[:-1] = 1
    assert not expand(kernels, 1).any()


def test_one_text_can_fill_the_page_from_a_single_pixel(expand: Any) -> None:
    kernels = np.ones((7, 101, 67), np.uint8)
    kernels[-1] = 0
    kernels[-1, 100, 66] = 1
    assert (expand(kernels, 1) == 1).all()
    assert not expand(kernels, 2).any()


def test_five_thousand_texts_keep_their_pixels(expand: Any) -> None:
    cells = np.arange(1, 5001, dtype=np.int32).reshape(50, 100)
    expected = cells.repeat(6, axis=0).repeat(7, axis=1)  # (300, 700)
    expected[::6] = 0
    expected[:, ::7] = 0
    kernels = np.repeat((expected > 0).astype(np.uint8)[None], 7, axis=0)
    kernels[1:, 1::6] = 0
    kernels[1:, :, 1::7] = 0
    np.testing.assert_array_equal(expand(kernels, 16), expected)


def test_any_nonzero_value_is_inside(expand: Any) -> None:
    kernels = drawn("#### ####", "###. ....", ".#.. ....")
    expected = expand(kernels, 1)
    for same in (kernels * 255, kernels.astype(bool), kernels.astype(np.float32), kernels.tolist()):
        np.testing.assert_array_equal(expand(same, 1), expected)


@pytest.mark.parametrize("shape", [(4, 4), (0, 4, 4), (9, 4, 4), (1, 7, 4, 4)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"kernels must have the shape \(K, H, W\)"):
        expand_kernels(np.ones(shape, np.uint8), 1)


@pytest.fixture
def _fresh_loops() -> Iterator[None]:
    for function in (expansion._pixel_loops, machine_code.compiled):
        function.cache_clear()
    yield
    expansion._pixel_loops.cache_clear()


@pytest.mark.usefixtures("_fresh_loops")
def test_numpy_is_used_if_numba_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    assert expansion._pixel_loops() == LOOPS["numpy"]()
    assert expand_kernels(drawn("#####", "##.##", "#...#"), 1).tolist() == [[1, 1, 1, 2, 2]]
