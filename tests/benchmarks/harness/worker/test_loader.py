from __future__ import annotations

import errno
import itertools
import os
import re
from threading import Lock
from typing import Any, cast

import numpy as np
import pytest
import torch
from msgspec import structs
from torch.utils.data import DataLoader

import planted
from benchmarks.harness.protocol.error_text import one_line
from benchmarks.harness.results.training_details import training_details
from benchmarks.harness.worker.loader import check_pinned, make_loader, start_loader
from ocr_models.errors import DataError
from ocr_models.sampler import EndlessSampler
from ocr_models.task import Lap
from samples import planned_run, rank_result, training_report


class Positions:
    """A data set whose samples are their image and their position in the stream."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, key: tuple[int, int]) -> Any:
        return self.make(key, lambda stage: None)

    def make(self, key: tuple[int, int], lap: Lap) -> Any:
        return torch.tensor(key[0]), torch.tensor(key[1])


def positions(case: str, batches: int, *, rank: int = 0, steps_done: int = 0, workers: int = 0) -> list[list[int]]:
    """Of the samples of a rank's first batches."""
    plan = structs.replace(planned_run(case, seed=3).plan, loader_workers=workers)
    loader = make_loader(Positions(), plan, rank, steps_done)
    return [loaded.batch[1].tolist() for loaded in itertools.islice(loader, batches)]


def test_a_batch_of_a_rank_is_its_part_of_the_global_batch() -> None:
    first, second = (positions("psenet_mp_bs4_fp32_cpu2", 3, rank=rank) for rank in (0, 1))
    assert [len(batch) for batch in first] == [2, 2, 2]
    assert sorted(itertools.chain(*first, *second)) == list(range(12))


def test_the_stream_does_not_end_with_the_data_set() -> None:
    assert list(itertools.chain(*positions("psenet_sp_bs4_fp32_cpu1", 10))) == list(range(40))


def test_a_resumed_training_continues_the_stream() -> None:
    whole = positions("psenet_sp_bs4_fp32_cpu1", 5)
    assert positions("psenet_sp_bs4_fp32_cpu1", 2, steps_done=3) == whole[3:]


class Made(Positions):
    """Samples of any kind."""

    def __init__(self, sample: Any) -> None:
        self._sample = sample

    def make(self, key: tuple[int, int], lap: Lap) -> Any:
        return self._sample


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (
            (torch.ones(2), "word"),
            "part 2 of the data set's samples is collated to a tuple; a sample is a tuple of",
        ),
        ((torch.ones(2), {"mask": torch.ones(2)}), "part 2 of the data set's samples is collated to a dict"),
        ((torch.ones(2), (torch.ones(2), torch.ones(1))), "part 2 of the data set's samples is collated to a list"),
        (
            (torch.ones(2, device="meta"),),
            "part 1 of the data set's samples is collated to a tensor of float32 on",
        ),
        (torch.ones(2), "a sample of the data set is collated to a tensor of float32 on cpu"),
        ({"image": torch.ones(2)}, "a sample of the data set is collated to a dict"),
        ((), "a sample of the data set is collated to a list"),
    ],
)
def test_samples_that_cannot_be_copied_to_a_gpu_without_waiting_are_refused(sample: Any, message: str) -> None:
    plan = structs.replace(planned_run("psenet_sp_bs4_fp32_cpu1").plan, loader_workers=0)
    with pytest.raises(DataError, match=re.escape(message)):
        next(start_loader(make_loader(Made(sample), plan, 0)))


def test_what_default_collate_turns_into_tensors_may_be_in_a_sample() -> None:
    plan = structs.replace(planned_run("psenet_sp_bs4_fp32_cpu1").plan, loader_workers=0)
    sample = (torch.ones(2), 3, 0.5, np.ones(2, np.uint8))
    batch = next(start_loader(make_loader(Made(sample), plan, 0))).batch
    assert [tuple(part.shape) for part in batch] == [(4, 2), (4,), (4,), (4, 2)]


def test_a_batch_in_pageable_memory_is_refused() -> None:
    with pytest.raises(DataError, match=r"part 1 of a batch, a tensor of float32 on cpu \(strided\), is not in pinned"):
        check_pinned((torch.ones(2),))


class Unsendable(Positions):
    """Its samples cannot be sent from a loader process: Python's queue drops them, and only prints why."""

    def make(self, key: tuple[int, int], lap: Lap) -> Any:
        return torch.tensor(key[0]), Lock()


@pytest.mark.timeout(30)
def test_a_batch_that_a_loader_process_cannot_send_is_an_error_and_no_hang() -> None:
    plan = structs.replace(planned_run().plan, loader_workers=1)
    loader = make_loader(Unsendable(), plan, 0)
    loader.collate_fn = list
    with pytest.raises(DataError) as raised:
        next(start_loader(loader))
    assert re.fullmatch(
        "DataError: a batch cannot be sent to the rank: TypeError: cannot pickle .*", one_line(raised.value)
    )


@pytest.mark.parametrize(
    ("number", "raised", "message"),
    [
        (errno.EROFS, DataError, "the loader processes cannot be started: OSError: .*Read-only.*; /dev/shm must be"),
        (errno.EMFILE, DataError, "the loader processes cannot be started: OSError: .*Too many open files$"),
        (errno.ENOMEM, OSError, "Cannot allocate memory"),
    ],
)
def test_loader_processes_that_the_system_refuses_are_an_error_of_one_line(
    number: int, raised: type[Exception], message: str
) -> None:
    class Refused:
        def __iter__(self) -> Any:
            raise OSError(number, os.strerror(number))

    with pytest.raises(raised, match=message):
        start_loader(cast("DataLoader[Any]", Refused()))


def test_loader_processes_deliver_the_same_batches() -> None:
    assert positions("psenet_sp_bs4_fp32_cpu1", 4, workers=2) == positions("psenet_sp_bs4_fp32_cpu1", 4)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_batch_carries_the_keys_of_its_samples(workers: int) -> None:
    plan = structs.replace(planned_run("psenet_sp_bs4_fp32_cpu1", seed=3).plan, loader_workers=workers)
    for loaded in itertools.islice(make_loader(Positions(), plan, 0), 3):
        indices, positions_ = (tensor.tolist() for tensor in loaded.batch)
        assert [tuple(key) for key in loaded.keys] == list(zip(indices, positions_, strict=True))


@pytest.mark.parametrize(("plant", "shared"), [(None, 0), (planted.shard_of_rank_0, 6), (planted.own_shuffling, 4)])
def test_samples_that_ranks_have_in_common_are_found(plant: Any, shared: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three steps of two ranks, on six images: the whole first epoch and the second."""
    monkeypatch.setattr(EndlessSampler, "__iter__", EndlessSampler.__iter__)
    if plant is not None:
        plant(None)
    results = []
    for rank in (0, 1):
        plan = planned_run("psenet_mp_bs4_fp32_cpu2", seed=3, loader_workers=0).plan
        keys = [key for loaded in itertools.islice(make_loader(Positions(), plan, rank), 3) for key in loaded.keys]
        training = training_report(
            epoch_length=6, indices=[index for index, _ in keys], positions=[position for _, position in keys]
        )
        results.append(rank_result(rank, training=training))
    assert [each.samples.shared for each in training_details(results)] == [0, shared]
