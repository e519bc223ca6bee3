"""The endless stream of samples."""

from __future__ import annotations

from itertools import islice

import pytest

from ocr_models.sampler import EndlessSampler


def take(count: int, length: int, **options: int) -> list[tuple[int, int]]:
    return list(islice(EndlessSampler(length, **{"seed": 0, **options}), count))


def test_every_epoch_shows_every_image_once() -> None:
    indices = [index for index, _ in take(30, 10)]
    for epoch in range(3):
        assert sorted(indices[10 * epoch : 10 * epoch + 10]) == list(range(10))


def test_epochs_and_seeds_differ_in_order() -> None:
    indices = [index for index, _ in take(40, 20)]
    assert indices[:20] != indices[20:]
    assert indices != [index for index, _ in take(40, 20, seed=1)]


def test_the_same_seed_gives_the_same_stream_each_time_it_is_started() -> None:
    sampler = EndlessSampler(7, seed=3)
    assert list(islice(sampler, 25)) == list(islice(sampler, 25))


@pytest.mark.parametrize(("length", "world_size"), [(10, 1), (10, 4), (3, 8), (1, 2)])
def test_ranks_share_one_stream_without_overlap(length: int, world_size: int) -> None:
    ranks = [take(12, length, rank=rank, world_size=world_size) for rank in range(world_size)]
    together = sorted((sample for samples in ranks for sample in samples), key=lambda sample: sample[1])
    assert [position for _, position in together] == list(range(12 * world_size))
    assert together == take(12 * world_size, length)


@pytest.mark.parametrize("world_size", [1, 2])
def test_a_resumed_stream_is_the_rest_of_the_stream(world_size: int) -> None:
    for rank in range(world_size):
        whole = take(40, 7, rank=rank, world_size=world_size)
        assert take(28, 7, rank=rank, world_size=world_size, start=12 * world_size) == whole[12:]


def test_a_negative_start_is_refused() -> None:
    with pytest.raises(ValueError, match="start is -1"):
        EndlessSampler(3, seed=0, start=-1)


@pytest.mark.parametrize(("length", "rank", "world_size"), [(0, 0, 1), (3, 2, 2), (3, -1, 1)])
def test_impossible_arguments_are_refused(length: int, rank: int, world_size: int) -> None:
    with pytest.raises(ValueError, match=r"length is 0|rank is"):
        EndlessSampler(length, seed=0, rank=rank, world_size=world_size)
