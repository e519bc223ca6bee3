"""Random numbers of samples: by seed and position, whatever was drawn before."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.typing import NDArray

from ocr_models.recognition.sample_numbers import SampleNumbers


def drawn(numbers: SampleNumbers, position: int) -> NDArray[np.float64]:
    return numbers.at(position).random(7)


def test_seed_and_position_determine_the_numbers() -> None:
    numbers = SampleNumbers(3)
    first = drawn(numbers, 5)
    assert not np.array_equal(drawn(numbers, 6), first)
    numbers.at(9).integers(256, dtype=np.uint32)  # leaves half of a drawn number over
    assert np.array_equal(drawn(numbers, 5), first)
    assert np.array_equal(drawn(SampleNumbers(3), 5), first)
    assert not np.array_equal(drawn(SampleNumbers(4), 5), first)


def test_the_numbers_are_those_of_philox_with_this_key() -> None:
    expected = np.random.Generator(np.random.Philox(key=np.array((3, 5), np.uint64))).random(7)
    assert np.array_equal(drawn(SampleNumbers(3), 5), expected)


def test_another_process_draws_the_same_numbers() -> None:
    numbers = SampleNumbers(3)
    copy = pickle.loads(pickle.dumps(numbers))
    for position in (5, 6):
        assert np.array_equal(drawn(copy, position), drawn(numbers, position))


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_has_64_bits(seed: int) -> None:
    with pytest.raises(OverflowError):
        SampleNumbers(seed)
