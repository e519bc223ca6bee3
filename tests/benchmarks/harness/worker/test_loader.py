from __future__ import annotations

import errno
import itertools
import os
import re
from threading import Lock
from typing import Any, cast

import pytest
import torch
from msgspec import structs
from torch.utils.data import DataLoader

from benchmarks.harness.worker.error_text import one_line
from benchmarks.harness.worker.loader import make_loader, start_loader
from ocr_models.errors import DataError
from ocr_models.task import Lap
from samples import planned_run


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
    return [batch[1].tolist() for batch in itertools.islice(loader, batches)]


def test_a_batch_of_a_rank_is_its_part_of_the_global_batch() -> None:
    first, second = (positions("psenet_mp_bs4_fp32_cpu2", 3, rank=rank) for rank in (0, 1))
    assert [len(batch) for batch in first] == [2, 2, 2]
    assert sorted(itertools.chain(*first, *second)) == list(range(12))


def test_the_stream_does_not_end_with_the_data_set() -> None:
    assert list(itertools.chain(*positions("psenet_sp_bs4_fp32_cpu1", 10))) == list(range(40))


def test_a_resumed_training_continues_the_stream() -> None:
    whole = positions("psenet_sp_bs4_fp32_cpu1", 5)
    assert positions("psenet_sp_bs4_fp32_cpu1", 2, steps_done=3) == whole[3:]


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
