"""What the network got in the measured steps, and whether different images gave the same sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest
import torch

from benchmarks.harness.protocol.training import ModelInput
from benchmarks.harness.worker.probes.training import model_input, same_content
from ocr_models.task import DataSet, Lap

KEYS = [(1, 6), (0, 7), (1, 8), (2, 9)]


@dataclass
class Images:
    """Each with one value."""

    values: list[int]

    def __len__(self) -> int:
        return len(self.values)

    def same_image(self, one: int, other: int) -> bool:
        return self.values[one] == self.values[other]


class Samples:
    """Made from the images in a way that a test chooses."""

    def __init__(self, images: Images, make: Any) -> None:
        self.images, self._make = images, make

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, key: tuple[int, int]) -> Any:
        return self._make(self.images.values, *key)

    def make(self, key: tuple[int, int], lap: Lap) -> Any:
        return self[key]


def honest(values: list[int], index: int, _: int) -> Any:
    return torch.full((2, 2), values[index], dtype=torch.uint8), np.zeros(3), index * 0


def augmented(values: list[int], index: int, position: int) -> Any:
    return (torch.tensor([values[index], position]),)


def ignoring_the_index(values: list[int], _index: int, _: int) -> Any:
    return torch.full((2, 2), values[0]), np.zeros(3)


def drawn_from_the_position(_values: list[int], _index: int, position: int) -> Any:
    return (torch.tensor(position),)


@pytest.mark.parametrize(
    ("make", "values", "expected"),
    [
        (honest, [3, 4, 5], False),
        (ignoring_the_index, [3, 4, 5], True),
        (ignoring_the_index, [3, 3, 5], True),
        (honest, [3, 3, 3], False),  # copies of one image
        (augmented, [3, 3, 3], False),
        (drawn_from_the_position, [3, 4, 5], False),  # as synthetic data may be
    ],
)
def test_the_same_sample_of_different_images_is_found(make: Any, values: list[int], expected: bool) -> None:
    images = Images(values)
    assert same_content(Samples(images, make), cast(DataSet, images), KEYS) is expected


def test_a_set_of_one_sample_may_be_constant() -> None:
    images = Images([3])
    assert not same_content(Samples(images, ignoring_the_index), cast(DataSet, images), [(0, 0), (0, 1)])


def test_images_that_cannot_be_compared_prove_nothing() -> None:
    made = Samples(Images([3, 4, 5]), ignoring_the_index)
    assert not same_content(made, cast(DataSet, [0, 0, 0]), KEYS)
    assert not same_content(made, cast(DataSet, Images([3, 4])), KEYS)  # samples are not images


def test_an_input_that_deviates_is_reported() -> None:
    usual, other = ((2, 3, 64, 64), "float32"), ((2, 3, 32, 32), "float32")
    assert model_input({usual}, (3, 64, 64)) == ModelInput([2, 3, 64, 64], "float32", 1, [3, 64, 64])
    assert model_input({usual, other}, (3, 64, 64)) == ModelInput([2, 3, 32, 32], "float32", 2, [3, 64, 64])
    assert model_input(set(), (3,)) == ModelInput([], "none", 0, [3])
